"""A TOM with a target model of its own: its targets are shared like any other.

In a process of its own, because the model is chosen while Django starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import ROOT

SETTINGS = """
from demo_tom.settings import *
INSTALLED_APPS += ["survey"]
TARGET_MODEL_CLASS = "survey.models.SurveyTarget"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
# Tables from the models as they are: the host's migrations take their time.
MIGRATION_MODULES = {app.rpartition(".")[2]: None for app in INSTALLED_APPS}
DATA_SHARING = {"partner": {"BASE_URL": "https://partner.example/"}}
ALLOWED_HOSTS = ["testserver"]
"""
MODELS = """
from django.db import models
from tom_targets.base_models import BaseTarget

class SurveyTarget(BaseTarget):
    field_number = models.IntegerField(default=0)
    remark = models.CharField(max_length=50, null=True)

    class Meta:
        verbose_name = "target"
        permissions = (
            ("view_target", "View Target"),
            ("add_target", "Add Target"),
            ("change_target", "Change Target"),
            ("delete_target", "Delete Target"),
        )
"""
CODE = """
import json
import django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", run_syncdb=True, verbosity=0)

from survey.models import SurveyTarget
from tests.delivery.asking import clicks
from tests.support import rows
from tom_share_worker import toolkit
from tom_share_worker.delivery.planning import planner
from tom_share_worker.models import Delivery, Share

sky = clicks.sky(field_number=42)
stranger, owner = Client(), Client()
stranger.force_login(rows.person("stranger"))
owner.force_login(sky.owner)

def rows_after(browser):
    for door in clicks.DOORS.values():
        click = door(sky)
        browser.post(click.address, click.fields)
    return Share.objects.count()

target = toolkit.full_target(sky.target.pk)
refused, shared = rows_after(stranger), rows_after(owner)
for share in Share.objects.all():
    planner.plan(share.pk)
print(json.dumps({
    "model": type(target).__name__,
    "custom": toolkit.custom_fields(target),
    "standard": sorted(toolkit.target_fields(target)),
    "refused": refused,
    "shared": shared,
    "planned": sorted({d.target_name for d in Delivery.objects.all()}),
}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    place = tmp_path_factory.mktemp("survey")
    _write(place / "survey_settings.py", SETTINGS)
    _write(place / "survey" / "__init__.py", "")
    _write(place / "survey" / "models.py", MODELS)
    path = [str(place), str(ROOT), str(ROOT / "deploy" / "demo")]
    own = {
        "DJANGO_SETTINGS_MODULE": "survey_settings",
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONWARNINGS": "ignore",
        "TOM_DATA_DIR": str(place / "data"),
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def test_a_target_has_the_toms_own_model(seen: Any) -> None:
    assert seen["model"] == "SurveyTarget"


def test_fields_of_its_own_become_extras_and_empty_ones_stay_here(seen: Any) -> None:
    assert seen["custom"] == {"field_number": "42"}


def test_the_standard_fields_go_as_they_are(seen: Any) -> None:
    assert {"name", "ra", "dec", "shared_by"} <= set(seen["standard"])
    assert not set(seen["standard"]) & {
        "id",
        "basetarget_ptr",
        "field_number",
        "remark",
    }


def test_its_owner_shares_at_every_door_and_a_stranger_at_none(seen: Any) -> None:
    assert seen["refused"] == 0
    assert seen["shared"] == 5


def test_its_shares_are_planned(seen: Any) -> None:
    assert seen["planned"] == ["SN 2026abc"]
