"""Groups that an upload names may view it, at once, where products have permissions."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from tom_dataproducts.models import DataProduct

from tests.ingest.uploads import uploading
from tests.ingest.uploads.uploading import API, client_of, upload
from tests.support import rows
from tom_share_worker.models import IngestJob

pytestmark = pytest.mark.django_db


@pytest.fixture
def groups() -> list[int]:
    return [Group.objects.create(name=name).pk for name in ("LCO", "Gaia", "other")]


@pytest.fixture
def member(groups: list[int], target: Any) -> Client:
    """A client whose account is in the second group and may view the target."""
    person = rows.person("member")
    person.groups.add(groups[1])
    target.give_user_access(person)
    return client_of(person)


@pytest.mark.parametrize("nested", [True, False], ids=["groups[0]id", "groups"])
def test_the_named_groups_and_the_uploader_may_view_it_before_it_is_processed(
    nested: bool,
    client: Client,
    member: Client,
    groups: list[int],
    target: Any,
    settings: Any,
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    named: dict[str, Any] = {"groups": groups[:2]}
    if nested:
        named = {f"groups[{n}]id": pk for n, pk in enumerate(groups[:2])}

    answer = upload(client, target, **named)

    assert answer.status_code == 202, answer.content
    assert {g["name"] for g in answer.json()["groups"]} == {"LCO", "Gaia"}
    assert IngestJob.objects.get().groups == sorted(groups[:2])
    for seeing in (client, member):
        assert len(seeing.get(API).json()["results"]) == 1
    person = rows.person("somebody else")
    target.give_user_access(person)
    assert client_of(person).get(API).json()["results"] == []


def test_without_groups_only_the_uploader_may_view_it(
    client: Client, member: Client, target: Any, settings: Any
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False

    assert upload(client, target).json()["groups"] == []

    assert len(client.get(API).json()["results"]) == 1
    assert member.get(API).json()["results"] == []


def test_where_only_targets_have_permissions_groups_change_nothing(
    client: Client, member: Client, groups: list[int], target: Any
) -> None:
    answer = upload(client, target, groups=groups[:1])

    assert answer.status_code == 202
    assert answer.json()["groups"] == []
    assert IngestJob.objects.get().groups == groups[:1]
    assert len(member.get(API).json()["results"]) == 1


@pytest.mark.parametrize("only_targets", [True, False])
@pytest.mark.parametrize(
    "named",
    [
        {"groups": "99999"},
        {"groups": "LCO"},
        {"groups": str(10**30)},
        {"groups": "9" * 5000},
        {"groups": "-1"},
        {"groups": ""},
        {"groups": "²"},
        {"groups[0]id": "99999"},
        {"groups[0]id": "abc"},
        {"groups[0]name": "LCO"},
    ],
    ids=str,
)
def test_an_unknown_group_is_told_in_words_and_leaves_nothing(
    named: dict[str, str],
    only_targets: bool,
    client: Client,
    target: Any,
    groups: list[int],
    settings: Any,
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = only_targets

    answer = upload(client, target, **named)

    assert answer.status_code == 400, answer.content
    assert list(answer.json()) == ["groups"]
    uploading.assert_nothing_is_left()


def test_groups_that_the_hosts_own_sharing_names_are_those_of_another_tom(
    client: Client, groups: list[int], target: Any, settings: Any
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    theirs = [{"id": pk, "name": "of another TOM"} for pk in (groups[0], 99999)]

    answer = upload(client, target, groups=[str(group) for group in theirs])

    assert answer.status_code == 202, answer.content
    assert answer.json()["groups"] == []
    assert IngestJob.objects.get().groups == []


def test_the_uploader_may_delete_what_they_uploaded(
    client: Client, member: Client, groups: list[int], target: Any, settings: Any
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    upload(client, target, groups=groups[:1])
    product = DataProduct.objects.get()

    assert member.delete(f"{API}{product.pk}/").status_code == 404
    assert client.delete(f"{API}{product.pk}/").status_code == 204
    assert User.objects.filter(username="member").exists()
