"""The three TOMs of the tour: their directories, addresses and environments.

Called by run_demo.py. A TOM is prepared once and then copied for every tour, so that
each begins with the same sky.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sample_data.accounts import PARTNER

PROJECT = Path(__file__).resolve().parent.parent
ROOT = PROJECT.parent.parent
HOME = ROOT / ".demo"

FAST = '{"photometry": "tom_share_worker.processors.PhotometryProcessor"}'
"""Files of photometry are read by this app's own processor, where it is installed."""

# Settings of the visitor's own TOM that would change what the tour shows.
OTHER_PEOPLES = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "TOM_SHARE_WORKER")


@dataclass(frozen=True)
class Tom:
    """One TOM on this machine."""

    key: str
    name: str
    port: int
    with_share_worker: bool
    receives: bool = True
    data_sharing: str = "{}"

    @property
    def url(self) -> str:
        """Return its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def directory(self) -> Path:
        """Return where this tour's copy lives."""
        return HOME / self.key

    def variables(self, directory: Path | None = None) -> dict[str, str]:
        """Return the environment that gives the demo project this TOM's role."""
        return {
            "TOM_NAME": self.name,
            "TOM_DATA_DIR": str(directory or self.directory),
            "TOM_WITH_SHARE_WORKER": "1" if self.with_share_worker else "0",
            "TOM_DATA_SHARING": self.data_sharing,
            "TOM_DATA_PROCESSORS": FAST if self.with_share_worker else "{}",
        }


def three_toms() -> tuple[Tom, Tom, Tom]:
    """Return the TOM that shares, the unmodified one that receives, and one that
    receives with this app and a worker of its own."""
    ports = free_ports(3)
    partner = Tom("partner", "Partner TOM", ports[1], with_share_worker=False)
    network = Tom("network", "Network TOM", ports[2], with_share_worker=True)
    sharing = {
        tom.key: {
            "DISPLAY_NAME": tom.name,
            "BASE_URL": f"{tom.url}/",
            "USERNAME": PARTNER.username,
            "PASSWORD": PARTNER.password,
        }
        for tom in (partner, network)
    }
    survey = Tom(
        "survey",
        "Survey TOM",
        ports[0],
        with_share_worker=True,
        receives=False,
        data_sharing=json.dumps(sharing),
    )
    return survey, partner, network


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def only_one_tour() -> Iterator[None]:
    """Keep a second tour from taking the first one's databases away."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(
                "The demo is running in this directory already; end it with Ctrl-C."
            ) from None
        yield


def prepared() -> Path:
    """Return where the prepared databases of this release are, or will be."""
    return HOME / f"prepared-{_fingerprint()}"


def prepare(toms: Sequence[Tom]) -> None:
    """Give each TOM a fresh copy of its prepared database and files."""
    pristine = prepared()
    if not pristine.exists():
        for outdated in HOME.glob("prepared-*"):
            shutil.rmtree(outdated)
        making = HOME / "prepared-unfinished"
        _make(toms, making)
        making.rename(pristine)
    for tom in toms:
        shutil.rmtree(tom.directory, ignore_errors=True)
        shutil.copytree(pristine / tom.key, tom.directory)


def _make(toms: Sequence[Tom], place: Path) -> None:
    """Make databases, accounts and sample data of all TOMs side by side."""
    place.mkdir()
    runs = []
    for tom in toms:
        command = [sys.executable, "manage.py", "seed_demo"]
        if tom.receives:
            command.append("--receiver")
        runs.append(
            subprocess.Popen(
                command,
                cwd=PROJECT,
                env=environment() | tom.variables(place / tom.key),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    for tom, run in zip(toms, runs, strict=True):
        output, _ = run.communicate()
        if run.returncode:
            raise SystemExit(
                f"{output}\nThe {tom.name} could not be set up; see above."
            )


def environment() -> dict[str, str]:
    """Return this process's environment without what belongs to another TOM."""
    return {key: value for key, value in os.environ.items() if key not in OTHER_PEOPLES}


def _fingerprint() -> str:
    """Return what the prepared databases depend on, as a short text."""
    digest = hashlib.sha256(sys.version.encode())
    sources = [ROOT / "deploy" / "requirements.lock"]
    for folder in ("demo_tom", "sample_data"):
        sources += sorted((PROJECT / folder).rglob("*.py"))
    sources += sorted((ROOT / "tom_share_worker" / "migrations").glob("*.py"))
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
