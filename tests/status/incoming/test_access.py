"""Who sees which page of incoming data, and whose buttons do anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.status.conftest import browser, permitted
from tests.status.incoming.addresses import ACT, LIST, READ, text, url
from tests.support import rows
from tom_share_worker.models import IngestJob


def outcomes(person: User | None, failed: IngestJob) -> Iterator[tuple[str, str, Any]]:
    """Ask for every address, to read and to act; say what came back."""
    client = browser(person)
    for name in (*READ, *ACT):
        for method in ("get", "post"):
            answer = getattr(client, method)(url(name, failed))
            yield name, method, answer


def kind(answer: Any) -> str:
    """Tell apart what may come back; whoever meets a 403 is led to the login page."""
    where = answer.get("Location", "")
    if where.startswith("/accounts/login/"):
        return "login"
    return "there" if where else str(answer.status_code)


WHO = {
    "anonymous": ("login", "login", "login", "login"),
    "stranger": ("404", "405", "405", "404"),
    "blind changer": ("404", "405", "405", "404"),
    "staff": ("404", "405", "405", "404"),
    "viewer": ("seen", "405", "405", "login"),
    "owner": ("seen", "405", "405", "there"),
    "operator": ("seen", "405", "405", "there"),
    "admin": ("seen", "405", "405", "there"),
}
"""What reading a page, posting to it, reading a button and pressing it bring."""


def people(owner: User) -> dict[str, User | None]:
    return {
        "anonymous": None,
        "stranger": rows.person("stranger"),
        "blind changer": permitted("blind changer", "change_ingestjob"),
        "staff": permitted("staff", "view_share", "change_share", is_staff=True),
        "viewer": permitted("viewer", "view_ingestjob"),
        "owner": owner,
        "operator": permitted("operator", "view_ingestjob", "change_ingestjob"),
        "admin": User.objects.create_superuser("admin"),
    }


@pytest.mark.parametrize("who", WHO)
def test_each_address_is_for_whom_it_is(
    owner: User, failed: IngestJob, who: str
) -> None:
    read_get, read_post, act_get, act_post = WHO[who]
    expected = {
        **{(name, "get"): read_get for name in READ},
        **{(name, "post"): read_post for name in READ},
        **{(name, "get"): act_get for name in ACT},
        **{(name, "post"): act_post for name in ACT},
    }

    found = {
        (name, method): kind(answer).replace("200", "seen").replace("286", "seen")
        for name, method, answer in outcomes(people(owner)[who], failed)
    }

    assert found == expected
    acted = act_post == "there"
    # Reprocess put it back into the queue, and cancel took it out of there.
    assert IngestJob.objects.get().status == ("cancelled" if acted else "failed")


@pytest.mark.parametrize("who", WHO)
def test_the_list_shows_what_is_for_whom(
    owner: User, failed: IngestJob, who: str
) -> None:
    answer = browser(people(owner)[who]).get(LIST)

    if who == "anonymous":
        assert kind(answer) == "login"
        return
    page = answer.content.decode()
    sees = WHO[who][0] == "seen"
    assert (failed.file_name in page) == sees
    assert ("No data has come in yet." in page) == (not sees)


def test_who_may_view_the_target_may_not_see_who_uploaded_what_to_it(
    owner: User, failed: IngestJob
) -> None:
    colleague = rows.person("colleague")
    assert failed.target is not None
    failed.target.give_user_access(colleague)

    assert browser(colleague).get(url("ingest-job", failed)).status_code == 404


def test_the_traceback_is_for_those_who_may_view_all_jobs(
    owner: User, failed: IngestJob
) -> None:
    viewer = permitted("viewer", "view_ingestjob")

    for person, shown in ((owner, False), (viewer, True)):
        page = text(browser(person), "ingest-job", failed)
        assert ("ValueError in csv.py" in page) == shown
