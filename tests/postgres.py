"""A private PostgreSQL server for a command: `python -m tests.postgres COMMAND ...`.

Makes a cluster in a temporary directory, listens on a UNIX socket there, gives its
address to the command as DATABASE_URL, and ends with the command's exit status. Used by
`make test`; started by root it runs as an ordinary user, as PostgreSQL insists.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

OWNER = "tom"
"""The database account, and the database."""

# Trust is safe here: only this user can enter the directory of the socket.
INITDB = ["--auth=trust", f"--username={OWNER}", "--encoding=UTF8", "--no-locale"]
# What the tests write is not worth waiting for a disk.
OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def programs() -> Path | None:
    """Return the directory of PostgreSQL's server programs, if they are installed."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        places.insert(0, Path(found).resolve().parent)
    for place in places:
        if all((place / program).exists() for program in ("initdb", "postgres")):
            return place
    return None


def unprivileged() -> list[str]:
    """Return the prefix under which PostgreSQL agrees to run: not as root."""
    if os.geteuid() != 0:
        return []
    user = _user()
    return [
        *("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}"),
        *("--clear-groups", "--pdeathsig=TERM", "--"),
    ]


def _user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise SystemExit("PostgreSQL does not run as root, and no other user was found.")


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Run a server; yield the address of its database."""
    place = programs()
    if place is None:
        raise SystemExit(
            "PostgreSQL's programs (initdb, postgres) are not installed. "
            "On Debian or Ubuntu: apt-get install postgresql"
        )
    directory = Path(tempfile.mkdtemp(prefix="tom-pg-"))
    if os.geteuid() == 0:
        os.chown(directory, _user().pw_uid, _user().pw_gid)
    try:
        with _running(place, directory):
            yield f"postgresql://{OWNER}@/{OWNER}?host={directory}"
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _running(place: Path, directory: Path) -> Iterator[None]:
    prefix, data = unprivileged(), directory / "data"
    _run([*prefix, str(place / "initdb"), *INITDB, "-D", str(data)], directory)
    options = [word for option in OPTIONS for word in ("-c", option)]
    network = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={directory}"]
    process = subprocess.Popen(
        [*prefix, str(place / "postgres"), "-D", str(data), *options, *network],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=(directory / "log").open("wb"),
        start_new_session=True,
    )
    try:
        _create_database(directory, process)
        yield
    finally:
        process.send_signal(signal.SIGINT)  # a fast shutdown: cuts what is connected
        process.wait()


def _create_database(directory: Path, process: subprocess.Popen[bytes]) -> None:
    import psycopg  # a dependency of this command alone, and slow to load

    from tests.support.waiting import wait_until

    address = f"host={directory} user={OWNER} dbname=postgres"

    def connect() -> psycopg.Connection | None:
        if process.poll() is not None:
            raise SystemExit((directory / "log").read_text(errors="replace"))
        with contextlib.suppress(psycopg.OperationalError):
            return psycopg.connect(address, autocommit=True)
        return None

    with wait_until(connect, 30, "the private PostgreSQL server to answer") as database:
        database.execute(f"CREATE DATABASE {OWNER}")


def _run(command: list[str], directory: Path) -> None:
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{command[-1]} failed:\n{done.stdout}\n{done.stderr}")


def main() -> int:
    """Run the command that was given, with a server beside it."""
    with server() as address:
        environment = os.environ | {"DATABASE_URL": address}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
