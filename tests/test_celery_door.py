"""Which Celery app a TOM has, in processes that set Django up as a TOM does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import brokers
from tests.support.brokers import Broker
from tests.support.processes import ROOT, Process
from tests.support.waiting import wait_until

DEMO = ROOT / "deploy" / "demo"
TASKS = {
    f"tom_share_worker.{name}" for name in ("gather", "ingest", "plan", "send", "sweep")
}
BROKERS = ("TOM_SHARE_WORKER", "CELERY_BROKER_URL", "REDIS_URL")

APP_AS_DOCUMENTED = """
import os
from celery import Celery
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mytom.settings")
app = Celery("mytom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
"""
APP_WITHOUT_A_WORD_OF_DJANGO = """
from celery import Celery
app = Celery("mytom", broker="redis://127.0.0.1:1/5")
"""

LOOK = """
import json, threading
import django
django.setup()
from celery import current_app

def look():
    address = current_app.connection_for_write().as_uri(include_password=True)
    seen.append({"app": current_app.main, "broker": address})

seen = []
look()
for thread in [threading.Thread(target=look)]:
    thread.start()
    thread.join()
current_app.loader.import_default_modules()
print(json.dumps({
    "here": seen[0],
    "elsewhere": seen[1],
    "tasks": sorted(current_app.tasks),
    "beat": sorted(current_app.conf.beat_schedule),
}))
"""
HINT = """
import django
django.setup()
from tom_share_worker import hints
hints.plan(999_999_999)
"""


class Tom:
    """A TOM project on disk, and processes that run in it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.package = place / "mytom"
        self.package.mkdir()
        self.write("__init__.py", "")
        self.write("settings.py", "from demo_tom.settings import *\n")

    def write(self, name: str, text: str) -> None:
        (self.package / name).write_text(text)

    def add_celery(self, text: str) -> None:
        """Add a Celery app where the Celery documentation puts it."""
        self.write("celery.py", text)
        self.write("__init__.py", "from .celery import app as celery_app\n")

    def environment(self, **more: str) -> dict[str, str]:
        path = [str(self.place), str(ROOT), str(DEMO)]
        kept = {k: v for k, v in os.environ.items() if k not in BROKERS}
        own = {
            "DJANGO_SETTINGS_MODULE": "mytom.settings",
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONWARNINGS": "ignore",
            "TOM_DATA_DIR": str(self.place / "data"),
        }
        return kept | own | more

    def run(self, code: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def look(self, **environment: str) -> Any:
        return json.loads(self.run(LOOK, **environment).splitlines()[-1])


@pytest.fixture
def tom(tmp_path: Path) -> Tom:
    return Tom(tmp_path)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with brokers.running(tmp_path) as running:
        yield running


def test_a_tom_without_a_celery_app_gets_ours_in_every_thread(tom: Tom) -> None:
    seen = tom.look()

    assert seen["here"] == seen["elsewhere"]
    assert seen["here"]["app"] == "tom_share_worker"
    assert set(seen["tasks"]) >= TASKS
    assert seen["beat"] == ["tom_share_worker.gather", "tom_share_worker.sweep"]


def test_the_app_that_celery_makes_up_does_not_count(tom: Tom) -> None:
    """Whoever asks for the current app before there is one makes Celery invent it."""
    touch = "from celery import current_app\ncurrent_app.main\n"
    tom.write("settings.py", touch + "from demo_tom.settings import *\n")

    seen = tom.look()

    assert seen["here"]["app"] == seen["elsewhere"]["app"] == "tom_share_worker"


def test_a_tom_keeps_its_own_celery_app_which_gets_our_tasks(tom: Tom) -> None:
    tom.add_celery(APP_AS_DOCUMENTED)
    own_broker = 'CELERY_BROKER_URL = "redis://127.0.0.1:1/4"\n'
    tom.write("settings.py", "from demo_tom.settings import *\n" + own_broker)

    seen = tom.look(REDIS_URL="redis://elsewhere.example/0")

    assert seen["here"] == {"app": "mytom", "broker": "redis://127.0.0.1:1/4"}
    assert seen["elsewhere"] == seen["here"]
    assert set(seen["tasks"]) >= TASKS


def test_a_celery_app_that_knows_nothing_of_django_is_kept_in_every_thread(
    tom: Tom,
) -> None:
    tom.add_celery(APP_WITHOUT_A_WORD_OF_DJANGO)
    settings_come_late = "import mytom, os\n" + LOOK
    late = "os.environ['DJANGO_SETTINGS_MODULE'] = 'mytom.settings'\nimport django\n"

    code = settings_come_late.replace("import django\n", late, 1)
    output = tom.run(code, DJANGO_SETTINGS_MODULE="")

    seen = json.loads(output.splitlines()[-1])
    assert seen["here"] == {"app": "mytom", "broker": "redis://127.0.0.1:1/5"}
    assert seen["elsewhere"] == seen["here"]
    assert set(seen["tasks"]) >= TASKS


def test_hints_go_to_the_broker_of_the_toms_own_app(tom: Tom, broker: Broker) -> None:
    tom.add_celery(APP_AS_DOCUMENTED)
    own_broker = f"CELERY_BROKER_URL = {broker.url!r}\n"
    tom.write("settings.py", "from demo_tom.settings import *\n" + own_broker)

    tom.run(HINT, REDIS_URL="redis://127.0.0.1:1/0")

    assert broker.hints() == 1


def test_a_worker_of_the_toms_own_app_takes_our_hints(
    tom: Tom, broker: Broker, tmp_path: Path
) -> None:
    tom.add_celery(APP_AS_DOCUMENTED)
    tom.run("from demo_tom import settings")  # makes the directory of the database
    environment = tom.environment(CELERY_BROKER_URL=broker.url)
    command = [sys.executable, "-m", "celery", "-A", "mytom", "worker"]
    command += ["--pool", "solo", "--queues", "delivery", "--loglevel", "INFO"]
    tom.run(HINT, CELERY_BROKER_URL=broker.url)
    worker = Process("worker", command, environment, tmp_path)

    try:
        wait_until(lambda: broker.hints() == 0, 30, "the hint taken", worker.tell)
        wait_until(
            lambda: "Task tom_share_worker.plan" in worker.log(),
            20,
            "the task",
            worker.tell,
        )
    finally:
        worker.kill()
    assert "unregistered task" not in worker.log()


@pytest.mark.parametrize(
    ("own", "in_settings", "in_environment", "redis_url", "winner"),
    [
        (
            "redis://a/0",
            "redis://b/0",
            "redis://c/0",
            "redis://d/0",
            "redis://a:6379/0",
        ),
        (None, "redis://b/0", "redis://c/0", "redis://d/0", "redis://b:6379/0"),
        (None, "redis://b/0", None, "redis://d/0", "redis://b:6379/0"),
        (None, None, "redis://c/0", "redis://d/0", "redis://c:6379/0"),
        (None, None, None, "redis://d/0", "redis://d:6379/0"),
        (None, None, None, None, "redis+socket:///"),
    ],
)
def test_the_broker_is_the_first_that_is_set(
    own: str | None,
    in_settings: str | None,
    in_environment: str | None,
    redis_url: str | None,
    winner: str,
    tom: Tom,
) -> None:
    settings = f"CELERY_BROKER_URL = {in_settings!r}\n" if in_settings else ""
    tom.write("settings.py", "from demo_tom.settings import *\n" + settings)
    environment = {"CELERY_BROKER_URL": in_environment, "REDIS_URL": redis_url}
    if own:
        environment["TOM_SHARE_WORKER"] = json.dumps({"BROKER_URL": own})

    seen = tom.look(**{k: v for k, v in environment.items() if v})

    assert seen["here"]["broker"].startswith(winner)


def test_a_wrong_setting_does_not_keep_django_from_starting(tom: Tom) -> None:
    """Or else `manage.py check` could not say what is wrong."""
    wrong = json.dumps({"SLOTS": 0})

    output = tom.run(
        "import django; django.setup(); print('up')", TOM_SHARE_WORKER=wrong
    )

    assert output.strip().endswith("up")
