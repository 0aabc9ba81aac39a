"""Fills the database of a TOM for a benchmark; run in that TOM's environment.

`python -m tests.benchmarks.sky` makes accounts and tables, and with a number as many
targets in one list. It prints, as JSON, what the benchmark must know of them.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django

ACCOUNT, PASSWORD = "partner", "a-pass-word-of-the-benchmark"


def main() -> None:
    django.setup()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    made = make_targets(count) if count else make_accounts()
    sys.stdout.write(json.dumps(made) + "\n")


def make_accounts() -> dict[str, Any]:
    """Make the tables, a person who shares, and the account that shares are sent to."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    User.objects.create_superuser(ACCOUNT, password=PASSWORD)
    User.objects.create_user("astronomer", password=PASSWORD)
    return {}


def make_targets(count: int) -> dict[str, Any]:
    """Make targets that are the person's own, in lists; log the person in."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client
    from guardian.shortcuts import assign_perm
    from tom_targets.models import Target, TargetList

    person = User.objects.get(username="astronomer")
    targets = Target.objects.bulk_create(
        Target(name=f"Survey {n}", type="SIDEREAL", ra=n / 10, dec=20.5)
        for n in range(1, count + 1)
    )
    assign_perm("tom_targets.view_target", person, targets)
    lists = {}
    for size in (1, count):
        target_list = TargetList.objects.create(name=f"{size} of the survey")
        target_list.targets.add(*targets[:size])
        assign_perm("tom_targets.view_targetlist", person, target_list)
        lists[size] = target_list.pk
    client = Client()
    client.force_login(person)
    return {
        "targets": [target.pk for target in targets],
        "lists": lists,
        "session": {
            settings.SESSION_COOKIE_NAME: client.cookies[
                settings.SESSION_COOKIE_NAME
            ].value,
            settings.CSRF_COOKIE_NAME: "c" * 32,
        },
    }


if __name__ == "__main__":
    main()
