"""Each mistake of an installer is named by a check, and a right TOM by none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.http import HttpResponse
from django.urls import include, path

from tests.support.processes import ROOT
from tom_share_worker.checks import check_app_order

DEMO = ROOT / "deploy" / "demo"
PARTNER = {
    "DISPLAY_NAME": "Partner TOM",
    "BASE_URL": "https://partner.example/",
    "USERNAME": "survey",
    "PASSWORD": "pass-word-1",
}
HERMES = {
    "BASE_URL": "https://hermes.example/",
    "HERMES_API_KEY": "a-key",
    "USER_TOPICS": ["a.topic"],
}


def ours() -> dict[str, CheckMessage]:
    """Run all checks as `manage.py check` does; return what ours say, by id."""
    messages = [m for m in run_checks() if str(m.id).startswith("tom_share_worker.")]
    return {str(message.id).rpartition(".")[2]: message for message in messages}


def test_a_right_tom_is_left_in_peace(settings: Any) -> None:
    settings.DATA_SHARING = {"partner": PARTNER, "hermes": HERMES}
    settings.TOM_SHARE_WORKER = {"SLOTS": 2}

    assert ours() == {}


@pytest.mark.parametrize("wrong", ["no.such.Processor", "Processor", "os.no.P", None])
def test_w005_names_a_data_processor_that_is_not_there(
    wrong: Any, settings: Any
) -> None:
    settings.DATA_PROCESSORS = settings.DATA_PROCESSORS | {"image_file": wrong}

    message = ours()["W005"]

    assert f"DATA_PROCESSORS['image_file'] is {wrong!r}" in message.msg
    assert "Reprocess" in str(message.hint)


@pytest.mark.parametrize("wrong", [{"SLOTS": 0}, {"SLOT": 4}, ["SLOTS"]])
def test_e001_names_a_wrong_setting(wrong: Any, settings: Any) -> None:
    settings.TOM_SHARE_WORKER = wrong

    message = ours()["E001"]

    assert "TOM_SHARE_WORKER" in message.msg
    assert "settings.md" in str(message.hint)
    assert message.is_serious()


def test_e002_names_sharing_that_is_no_dictionary(settings: Any) -> None:
    settings.DATA_SHARING = ["partner"]

    message = ours()["E002"]

    assert "DATA_SHARING" in message.msg
    assert "settings.md" in str(message.hint)
    assert message.is_serious()


@pytest.mark.parametrize(
    "wrong",
    [
        {"BASE_URL": "partner.example"},
        {"BASE_URL": "ftp://partner.example/"},
        {"BASE_URL": None},
        {"USERNAME": ""},
        {"PASSWORD": None},
        {"SLOTS": 0},
        {"GROUPS": "LCO"},
        {"GROUPS": []},
    ],
)
def test_w001_names_an_incomplete_destination_and_no_secret(
    wrong: dict[str, Any], settings: Any
) -> None:
    settings.DATA_SHARING = {"partner": PARTNER | wrong}

    message = ours()["W001"]

    assert "fail and say so" in str(message.hint)
    assert not message.is_serious()
    assert "pass-word-1" not in f"{message.msg}{message.hint}"


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"HERMES_API_KEY": ""}, "'HERMES_API_KEY'"),
        ({"USER_TOPICS": []}, "'USER_TOPICS'"),
        ({"USER_TOPICS": "a.topic"}, "'USER_TOPICS'"),
        ({"ARCHIVE_DELAY": "2 min"}, "'ARCHIVE_DELAY'"),
        ({"KIND": "no.such.place"}, "'no.such.place' is none of them"),
        ({"KIND": "tests.test_checks.HERMES"}, "a class with a method deliver"),
    ],
)
def test_w001_names_what_another_kind_of_destination_lacks(
    wrong: dict[str, Any], line: str, settings: Any
) -> None:
    settings.DATA_SHARING = {"hermes": HERMES | wrong}

    message = ours()["W001"]

    assert line in message.msg
    assert "a-key" not in f"{message.msg}{message.hint}"


class UrlsWithAPatternBefore:
    """A TOM's urls.py that answers one of our addresses itself."""

    urlpatterns = [
        path("targets/<int:pk>/share/", lambda request, pk: HttpResponse("mine")),
        path("", include("tom_common.urls")),
    ]


class UrlsWithoutTheHost:
    """A TOM's urls.py that forgot the host's."""

    urlpatterns: list[Any] = []


@pytest.mark.parametrize("urls", [UrlsWithAPatternBefore, UrlsWithoutTheHost])
def test_e004_tells_when_our_views_are_not_served(urls: Any, settings: Any) -> None:
    settings.ROOT_URLCONF = urls

    message = ours()["E004"]

    assert "is not answered by tom_share_worker" in message.msg
    assert "include('tom_common.urls')" in str(message.hint)
    assert message.is_serious()


class UrlsWithAnApiBefore:
    """A TOM's urls.py with an API of its own by one of our names."""

    urlpatterns = [
        path("api/shares/", lambda request: HttpResponse("mine")),
        path("", include("tom_common.urls")),
    ]


def test_w004_tells_when_our_api_is_not_served(settings: Any) -> None:
    settings.ROOT_URLCONF = UrlsWithAnApiBefore

    found = ours()

    assert set(found) == {"W004"}
    assert found["W004"].msg.startswith("/api/shares/ is not answered")
    assert not found["W004"].is_serious()


class UrlsWithUploadsBefore:
    """A TOM's urls.py that serves the host's own uploads, or something else there."""

    urlpatterns = [
        path("api/dataproducts/", lambda request: HttpResponse("mine")),
        path("", include("tom_common.urls")),
    ]


def test_e008_tells_when_uploads_are_not_ours(settings: Any) -> None:
    settings.ROOT_URLCONF = UrlsWithUploadsBefore

    found = ours()

    assert set(found) == {"E008"}
    assert found["E008"].msg.startswith("/api/dataproducts/ is not answered")
    assert "tom_common.urls" in str(found["E008"].hint)
    assert found["E008"].is_serious()


def test_w002_names_a_missing_broker_where_none_starts_by_itself(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REDIS_URL", "CELERY_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    settings.DEBUG = False

    message = ours()["W002"]

    assert "BROKER_URL" in str(message.hint)
    assert not message.is_serious()
    settings.DEBUG = True
    assert "W002" not in ours()
    settings.DEBUG = False
    settings.TOM_SHARE_WORKER = {"BROKER_URL": "redis://localhost:6379/0"}
    assert "W002" not in ours()


class Tom:
    """A TOM project on disk, for mistakes that show only when Django starts."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def settings(self, lines: str) -> None:
        text = f"from demo_tom.settings import *\n{lines}\n"
        (self.place / "mistaken_settings.py").write_text(text)

    def check(self) -> tuple[int, str]:
        """Run `manage.py check`; return its exit status and what it said."""
        done = subprocess.run(
            [sys.executable, str(DEMO / "manage.py"), "check"],
            env=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "mistaken_settings",
                "PYTHONPATH": f"{self.place}",
                "TOM_DATA_DIR": str(self.place / "data"),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def tom(tmp_path: Path) -> Tom:
    made = Tom(tmp_path)
    made.settings("")
    return made


def test_w003_e005_e006_name_a_tom_put_together_wrongly(tom: Tom) -> None:
    tom.settings(
        "INSTALLED_APPS = [a for a in INSTALLED_APPS if a != 'django_celery_results']\n"
        "INSTALLED_APPS.remove('tom_share_worker')\n"
        "INSTALLED_APPS.insert(0, 'tom_share_worker')\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3',\n"
        "                         'NAME': DATA_DIR / 'db.sqlite3'}}"
    )

    status, said = tom.check()

    assert status == 1
    for expected in (
        "(tom_share_worker.W003) The SQLite database is opened as by default",
        "'transaction_mode': 'IMMEDIATE'",
        "(tom_share_worker.E005) django_celery_results is missing",
        "manage.py migrate",
        "(tom_share_worker.E006) tom_targets must stand before tom_share_worker",
        "TOMTOOLKIT_INSTALLED_APPS + ['django_celery_results', 'tom_share_worker'",
    ):
        assert expected in said


def test_the_order_of_apps_is_right_here() -> None:
    assert list(check_app_order()) == []


@pytest.mark.parametrize(
    ("file", "sabotage", "expected"),
    [
        # The import of our URLs fails: the host hides that.
        ("status/urls.py", "None.nothing", "(tom_share_worker.E003)"),
        # The integration point itself fails: the host hides that, too.
        (
            "apps.py",
            "del TomShareWorkerConfig.include_url_paths",
            "(tom_share_worker.E004)",
        ),
    ],
)
def test_an_attribute_error_that_the_host_swallows_is_reported(
    file: str, sabotage: str, expected: str, tom: Tom
) -> None:
    package = tom.place / "tom_share_worker"
    shutil.copytree(ROOT / "tom_share_worker", package)
    with (package / file).open("a") as module:
        module.write(f"\n{sabotage}\n")

    status, said = tom.check()

    assert status == 1
    assert expected in said
    assert "inside the web request" in said
    assert "HINT" in said


def test_without_sabotage_the_same_tom_passes(tom: Tom) -> None:
    status, said = tom.check()

    assert status == 0, said
    assert "no issues" in said
