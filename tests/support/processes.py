"""Real processes for the tests: workers, web servers, whatever `manage.py` runs.

Each is the head of a process group, dies with the test run even if that is killed, and
writes to a log that failures quote.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
MANAGE = ROOT / "deploy" / "demo" / "manage.py"

# Becomes the command, after asking Linux to kill it when the test run dies.
_GUARD = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the test run is gone already")
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Process:
    """One process that a test started."""

    def __init__(
        self, name: str, command: list[str], env: dict[str, str], directory: Path
    ) -> None:
        self.name = name
        self.log_file = directory / f"{name}-{time.monotonic_ns()}.log"
        guard = [sys.executable, "-I", "-S", "-c", _GUARD, str(os.getpid())]
        with self.log_file.open("wb") as log:
            self.popen = subprocess.Popen(
                [*guard, *command],
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def terminate(self) -> None:
        """Ask it to end, as systemd, honcho and Kubernetes do; do not wait."""
        with contextlib.suppress(ProcessLookupError):
            self.popen.terminate()

    def await_end(self, seconds: float = 20) -> int:
        """Wait until it has ended by itself; return its exit status."""
        wait_until(
            lambda: not self.alive, seconds, f"the end of the {self.name}", self.tell
        )
        return self.popen.wait()

    def log(self) -> str:
        """Return what it wrote."""
        return self.log_file.read_text(errors="replace")

    def tell(self) -> str:
        """Return the end of its log, for a failure."""
        state = "runs" if self.alive else f"ended with {self.popen.returncode}"
        return f"The {self.name} {state}; its log ends:\n{self.log()[-3000:]}"


def manage(*arguments: str) -> list[str]:
    """Return the command line of a management command of the demo TOM."""
    return [sys.executable, str(MANAGE), *arguments]


def run_manage(env: dict[str, str], *arguments: str) -> str:
    """Run a management command to its end; return what it printed."""
    done = subprocess.run(
        manage(*arguments),
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"manage.py {arguments}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def free_port() -> int:
    """Return a port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class WebServer:
    """A TOM's web server, as in production: gunicorn with threads."""

    def __init__(
        self, name: str, env: dict[str, str], directory: Path, port: int = 0
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        gunicorn = [sys.executable, "-m", "gunicorn", "demo_tom.wsgi"]
        gunicorn += ["--no-control-socket"]  # all would want the one in the home
        bind = ["--bind", f"127.0.0.1:{self.port}", "--threads", "4"]
        place = ["--chdir", str(MANAGE.parent), "--worker-tmp-dir", str(directory)]
        self.process = Process(name, [*gunicorn, *bind, *place], env, directory)

    def await_up(self, seconds: float = 30) -> None:
        """Wait until it answers."""
        wait_until(
            self._answers, seconds, f"{self.process.name} to answer", self.process.tell
        )

    def _answers(self) -> bool:
        assert self.process.alive, self.process.tell()
        try:
            return requests.get(self.url, timeout=5).ok
        except requests.RequestException:
            return False
