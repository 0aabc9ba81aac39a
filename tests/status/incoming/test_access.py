"""Who sees which page of incoming data, and whose buttons do anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from guardian.shortcuts import assign_perm

from tests.status.conftest import browser
from tests.status.incoming.addresses import ACT, LIST, READ, text, url
from tests.status.incoming.people import WHO, person
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
        for name, method, answer in outcomes(person(who, owner, failed), failed)
    }

    assert found == expected
    acted = act_post == "there"
    # Reprocess put it back into the queue, and cancel took it out of there.
    assert IngestJob.objects.get().status == ("cancelled" if acted else "failed")


@pytest.mark.parametrize("who", WHO)
def test_the_list_shows_what_is_for_whom(
    owner: User, failed: IngestJob, who: str
) -> None:
    answer = browser(person(who, owner, failed)).get(LIST)

    if who == "anonymous":
        assert kind(answer) == "login"
        return
    page = answer.content.decode()
    sees = WHO[who][0] == "seen"
    assert (failed.file_name in page) == sees
    assert ("No data has come in yet." in page) == (not sees)


@pytest.mark.parametrize(("grants", "sees"), [([], False), (["view"], True)])
def test_where_products_have_permissions_a_colleague_needs_them_too(
    owner: User, failed: IngestJob, settings: Any, grants: list[str], sees: bool
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    colleague = person("colleague", owner, failed)
    for verb in grants:
        permission = f"tom_dataproducts.{verb}_dataproduct"
        assign_perm(permission, colleague, failed.data_product)

    for someone, status in ((colleague, 200 if sees else 404), (owner, 200)):
        answer = browser(someone).get(url("ingest-job", failed))
        assert answer.status_code == status


def test_the_traceback_is_for_operators(owner: User, failed: IngestJob) -> None:
    for who, shown in (("owner", False), ("viewer", False), ("operator", True)):
        page = text(browser(person(who, owner, failed)), "ingest-job", failed)
        assert ("ValueError in csv.py" in page) == shown


def test_what_is_about_a_deleted_target_is_for_its_uploader(
    owner: User, failed: IngestJob
) -> None:
    people = {
        who: person(who, owner, failed)
        for who in ("owner", "admin", "operator", "viewer", "colleague")
    }
    IngestJob.objects.update(target=None)

    sees = {
        who
        for who, reader in people.items()
        if failed.file_name in browser(reader).get(LIST).content.decode()
        and browser(reader).get(url(READ[0], failed)).status_code == 200
    }

    assert sees == {"owner", "admin"}
