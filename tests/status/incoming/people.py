"""Who is who for an ingest job: people by their permissions, and what they may do."""

from __future__ import annotations

from django.contrib.auth.models import User
from guardian.shortcuts import assign_perm, remove_perm

from tests.status.conftest import permitted
from tom_share_worker.models import IngestJob

WHO = {
    "anonymous": ("login", "login", "login", "login"),
    "stranger": ("404", "405", "405", "404"),
    "blind changer": ("404", "405", "405", "404"),
    "staff": ("404", "405", "405", "404"),
    "looker": ("404", "405", "405", "404"),
    "viewer": ("seen", "405", "405", "login"),
    "far operator": ("404", "405", "405", "404"),
    "colleague": ("seen", "405", "405", "login"),
    "owner": ("seen", "405", "405", "there"),
    "owner who lost the target": ("404", "405", "405", "404"),
    "operator": ("seen", "405", "405", "there"),
    "admin": ("seen", "405", "405", "there"),
}
"""What reading a page, posting to it, reading a button and pressing it bring."""


def person(who: str, owner: User, failed: IngestJob) -> User | None:
    """Return this person; to some the target of the job is shown first."""
    if who == "anonymous":
        return None
    if who == "admin":
        return User.objects.create_superuser("admin")
    if who.startswith("owner"):
        if who != "owner":
            remove_perm("tom_targets.view_target", owner, failed.target)
        return owner
    staff = {"is_staff": True} if who == "staff" else {}
    made = permitted(who, *PERMISSIONS.get(who, ()), **staff)
    for verb in GRANTED.get(who, ()):
        assign_perm(f"tom_targets.{verb}_target", made, failed.target)
    return made


PERMISSIONS = {
    "blind changer": ["change_ingestjob"],
    "staff": ["view_share", "change_share"],
    "viewer": ["view_ingestjob"],
    "operator": ["view_ingestjob", "change_ingestjob"],
    "far operator": ["view_ingestjob", "change_ingestjob"],
}
GRANTED = {
    "blind changer": ["view"],
    "looker": ["view"],
    "viewer": ["view"],
    "operator": ["view"],
    "colleague": ["view", "change"],
}
