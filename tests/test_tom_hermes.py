"""With the package tom-hermes people publish with keys of their own.

Runs where the package is installed; a TOM without it is what all other tests use.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SETTINGS = """
from demo_tom.settings import *
INSTALLED_APPS = [*INSTALLED_APPS, "tom_hermes"]
HERMES_CONFIGURATION = {
    "HERMES_BASE_URL": "https://hermes.example/", "HERMES_API_TOKEN": "key-of-the-tom",
}
_HERMES = {"BASE_URL": "https://hermes.example", "USER_TOPICS": ["a.topic"]}
DATA_SHARING = {
    "hermes": _HERMES, "other": _HERMES | {"BASE_URL": "https://other.example"},
}
"""

SCRIPT = """
import django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("check", fail_level="WARNING")
from django.utils import timezone
from tom_hermes.models import HermesProfile
from tom_share_worker import conf
from tom_share_worker.delivery import message
from tom_share_worker.delivery.destinations import open_destination
from tom_share_worker.models import Delivery, Share

def key(user, destination):
    share = Share.objects.create(
        user=user, destination=destination, kind="target data", subject="Data"
    )
    delivery = Delivery.objects.create(
        share=share, position=0, destination=destination, kind="message",
        target_name="SN 2026abc", next_attempt_at=timezone.now(),
    )
    return message.load(delivery).own_key

with_key, without = (User.objects.create(username=name) for name in ("one", "other"))
profile, _ = HermesProfile.objects.get_or_create(user=with_key)
profile.hermes_api_key = "key-of-her-own"
profile.save()
print([key(with_key, "hermes:a.topic"), key(without, "hermes:a.topic")])
print([key(with_key, "other:a.topic")])
for name in ("hermes", "other"):
    print([open_destination(conf.destination(f"{name}:a.topic"))._key()])
"""


@pytest.mark.skipif(
    importlib.util.find_spec("tom_hermes") is None,
    reason="tom-hermes is not installed",
)
def test_a_persons_own_key_goes_to_its_own_address_only(tmp_path: Path) -> None:
    (tmp_path / "tom_with_hermes.py").write_text(SETTINGS)
    given = os.environ.get("PYTHONPATH", "")
    path = f"{tmp_path}:{ROOT / 'deploy/demo'}:{ROOT}:{given}"
    environment = {
        "PYTHONPATH": path,
        "DJANGO_SETTINGS_MODULE": "tom_with_hermes",
        "TOM_DATA_DIR": str(tmp_path / "data"),
        "TOM_LOG_LEVEL": "ERROR",
        "DATABASE_URL": "",
    }

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-4:] == [
        "['key-of-her-own', '']",
        "['']",
        "['key-of-the-tom']",
        "['']",
    ]
