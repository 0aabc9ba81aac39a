"""The processes of the tour, run by honcho: a web server each, and two share workers.

Called by run_demo.py. Whatever happens, none of them outlives the tour.
"""

import ctypes
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import requests

from tour.toms import HOME, PROJECT, Tom, environment

START_TIMEOUT = 90.0
"""Seconds for all servers to answer; a slow laptop needs some twenty."""

STOP_TIMEOUT = 15.0
"""Seconds for honcho to end them; it kills what is left after five."""


class ServerEndedError(Exception):
    """A process of the demo ended before the tour did."""


class Servers:
    """All processes of the tour, as one thing to start, watch and stop."""

    def __init__(self, toms: Sequence[Tom]) -> None:
        self.toms = toms
        self.log = HOME / "demo.log"
        self._honcho: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start everything and return when each TOM answers."""
        procfile = HOME / "Procfile"
        procfile.write_text("".join(f"{line}\n" for line in self._lines()))
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C ends the tour, and the tour ends these.
            self._honcho = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "honcho",
                    "--no-colour",
                    "-f",
                    procfile,
                    "start",
                ],
                cwd=PROJECT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        deadline = time.monotonic() + START_TIMEOUT
        for tom in self.toms:
            self._await(tom, deadline)

    def check(self) -> None:
        """Raise if a process has ended; honcho then ends the others and itself."""
        if self._honcho is not None and self._honcho.poll() is not None:
            raise ServerEndedError(
                f"A process of the demo has ended by itself. The last lines of "
                f"{self.log}:\n\n{last_lines(self.log)}"
            )

    def stop(self) -> None:
        """End all processes and wait until they are gone."""
        honcho, self._honcho = self._honcho, None
        if honcho is None:
            return
        honcho.terminate()
        try:
            honcho.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            honcho.kill()
            honcho.wait()

    def _lines(self) -> list[str]:
        lines = []
        for tom in self.toms:
            web = ["gunicorn", "--bind", f"127.0.0.1:{tom.port}", "--threads", "4"]
            web += ["--no-control-socket"]  # both would want the one in the home
            lines.append(_line(f"{tom.key}-web", tom, ["-m", *web, "demo_tom.wsgi"]))
            if tom.with_share_worker:
                worker = ["manage.py", "share_worker"]
                lines.append(_line(f"{tom.key}-worker", tom, worker))
        return lines

    def _await(self, tom: Tom, deadline: float) -> None:
        while time.monotonic() < deadline:
            self.check()
            try:
                if requests.get(f"{tom.url}/robots.txt", timeout=5).ok:
                    return
            except requests.RequestException:
                time.sleep(0.2)
        raise ServerEndedError(f"{tom.name} does not answer; {self.log} tells why.")


def _line(name: str, tom: Tom, arguments: list[str]) -> str:
    settings = [f"{key}={value}" for key, value in tom.variables().items()]
    command = ["exec", "env", *settings, sys.executable, *arguments]
    return f"{name}: {shlex.join(command)}"


def _end_with_parent() -> None:
    """Ask Linux to end honcho, and so its children, even if the tour is killed."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def last_lines(log: Path, count: int = 25) -> str:
    """Return the end of a log, where the cause of a death stands."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
