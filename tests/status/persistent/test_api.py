"""The host's API of persistent shares: as it was, without HTTP and without leaks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import assign_perm
from tom_targets.models import PersistentShare, Target

from tests.delivery.asking import clicks
from tests.support import persistent as saved
from tests.support import rows
from tom_share_worker.models import SavedDatum, Share

pytestmark = pytest.mark.django_db

ALL = reverse("targets:persistent-share")


@pytest.fixture(autouse=True)
def _sharing(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING | {"other": clicks.PARTNER}


def sharer(name: str = "sharer", *verbs: str) -> User:
    """Return a person with the host's permissions on persistent shares."""
    made = rows.person(name)
    for verb in verbs or ("view", "add", "change", "delete"):
        permission = Permission.objects.get(codename=f"{verb}_persistentshare")
        made.user_permissions.add(permission)
    return made


def client(person: User) -> Client:
    made = Client()
    made.force_login(person)
    return made


@pytest.fixture
def person() -> User:
    return sharer()


@pytest.fixture
def target(person: User) -> Target:
    return rows.target(person)


@pytest.fixture
def browser(person: User) -> Client:
    return client(person)


def send(browser: Client, method: str, address: str, **body: Any) -> Any:
    return browser.generic(
        method, address, json.dumps(body), content_type="application/json"
    )


def is_refused(answer: Any) -> bool:
    """True for 403, of which the host makes a way to the login outside of /api/."""
    return answer.status_code == 403 or (
        answer.status_code == 302 and "/login/" in answer["Location"]
    )


def one(row: PersistentShare) -> str:
    return reverse("targets:persistent-share-detail", kwargs={"pk": row.pk})


# --- as it was ------------------------------------------------------------------------


def test_one_is_made_as_the_hosts_page_makes_it(
    browser: Client, person: User, target: Target
) -> None:
    answer = send(
        browser,
        "POST",
        ALL,
        destination="partner",
        target=str(target.pk),
        share_existing_data=False,
    )

    made = PersistentShare.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": made.pk,
        "target": target.pk,
        "destination": "partner",
        "user": person.pk,
        "created": made.created.isoformat().replace("+00:00", "Z"),
    }
    assert (made.user, made.destination, made.target_id) == (
        person,
        "partner",
        target.pk,
    )
    assert not Share.objects.exists()


def test_it_is_listed_shown_and_deleted(
    browser: Client, person: User, target: Target
) -> None:
    row = saved.persistent_share(person, target)
    of_target = reverse("targets:target-persistent-share", args=[target.pk])

    listed = browser.get(ALL).json()["results"]
    assert [found["id"] for found in listed] == [row.pk]
    assert browser.get(of_target).json()["results"] == listed
    assert browser.get(one(row)).json() == listed[0]

    assert send(browser, "DELETE", one(row)).status_code == 204
    assert not PersistentShare.objects.exists()


def test_it_is_changed(browser: Client, person: User, target: Target) -> None:
    row = saved.persistent_share(person, target)

    answer = send(browser, "PATCH", one(row), destination="other")

    assert answer.status_code == 200, answer.content
    assert answer.json()["destination"] == "other"
    row.refresh_from_db()
    assert row.destination == "other"


def test_a_second_one_to_the_same_destination_is_refused(
    browser: Client, person: User, target: Target
) -> None:
    saved.persistent_share(person, target)

    answer = send(browser, "POST", ALL, destination="partner", target=target.pk)

    assert answer.status_code == 400
    assert "non_field_errors" in answer.json()
    assert PersistentShare.objects.count() == 1


# --- better than it was ---------------------------------------------------------------


def test_existing_data_is_shared_in_the_background(
    browser: Client, person: User, target: Target
) -> None:
    rows.photometry(target, 3)

    answer = send(
        browser,
        "POST",
        ALL,
        destination="partner",
        target=target.pk,
        share_existing_data=True,
    )

    assert answer.status_code == 201
    share = Share.objects.get()
    assert share.kind == Share.Kind.TARGET
    assert share.persistent_share == PersistentShare.objects.get()
    assert share.origin == Share.Origin.PERSISTENT_SHARE
    assert share.user == person
    assert str(share) == "Target SN 2026abc with all data points to Partner TOM"


def test_destinations_are_those_of_the_settings_now(
    browser: Client, target: Target, settings: Any
) -> None:
    """The host's serializer takes them when it is imported."""
    settings.DATA_SHARING = {"newcomer": clicks.PARTNER}

    old = send(browser, "POST", ALL, destination="partner", target=target.pk)
    new = send(browser, "POST", ALL, destination="newcomer", target=target.pk)

    assert old.status_code == 400
    assert "destination" in old.json()
    assert new.status_code == 201


def test_a_topic_of_hermes_is_a_destination(browser: Client, target: Target) -> None:
    answer = send(
        browser, "POST", ALL, destination="hermes:survey.test", target=target.pk
    )

    assert answer.status_code == 201, answer.content


# --- who may --------------------------------------------------------------------------


def test_nobody_shares_in_the_name_of_another(
    browser: Client, person: User, target: Target
) -> None:
    """It shares what that person may see."""
    admin = User.objects.create_superuser("admin")
    row = saved.persistent_share(person, target)

    send(browser, "POST", ALL, destination="other", target=target.pk, user=admin.pk)
    send(browser, "PATCH", one(row), user=admin.pk)

    assert {row.user for row in PersistentShare.objects.all()} == {person}


def test_who_leads_it_elsewhere_answers_for_it(
    browser: Client, person: User, target: Target
) -> None:
    admin = User.objects.create_superuser("admin")
    row = saved.persistent_share(admin, target)

    send(browser, "PATCH", one(row), destination="other")

    row.refresh_from_db()
    assert row.user == person


def test_no_other_target_is_named_while_something_waits(
    browser: Client, person: User, target: Target
) -> None:
    row = saved.persistent_share(person, target)
    elsewhere = rows.target(person, "SN 2026xyz")
    saved.save_photometry(target, 1)

    answer = send(browser, "PATCH", one(row), target=elsewhere.pk)

    assert answer.status_code == 400
    assert "1 data point waits to be shared with" in str(answer.json())
    assert SavedDatum.objects.count() == 1
    row.refresh_from_db()
    assert row.target_id == target.pk


def test_a_target_one_may_not_change_cannot_be_named(browser: Client) -> None:
    viewable = rows.target(rows.person("owner"), "SN 2026xyz")
    assign_perm("tom_targets.view_target", rows.person("sharer"), viewable)
    public = rows.target(rows.person("owner"), "M 31", permissions="PUBLIC")

    for target in (viewable, public):
        answer = send(browser, "POST", ALL, destination="partner", target=target.pk)
        assert answer.status_code == 400
        assert "target" in answer.json()
    assert not PersistentShare.objects.exists()


def test_those_of_targets_one_may_not_view_are_not_listed(browser: Client) -> None:
    """The host lists all of them to everybody with the permission to view any."""
    hidden = rows.target(rows.person("owner"), "SN 2026xyz")
    row = saved.persistent_share(rows.person("owner"), hidden)
    of_target = reverse("targets:target-persistent-share", args=[hidden.pk])

    assert browser.get(ALL).json()["results"] == []
    assert is_refused(browser.get(of_target))
    assert browser.get(one(row)).status_code == 404
    assert send(browser, "DELETE", one(row)).status_code == 404
    assert PersistentShare.objects.exists()


def test_those_of_targets_one_may_only_view_are_listed_and_no_more(
    browser: Client,
) -> None:
    owner = rows.person("owner")
    viewable = rows.target(owner, "SN 2026xyz")
    assign_perm("tom_targets.view_target", rows.person("sharer"), viewable)
    row = saved.persistent_share(owner, viewable)

    assert len(browser.get(ALL).json()["results"]) == 1
    assert is_refused(browser.get(one(row)))
    assert is_refused(send(browser, "DELETE", one(row)))
    assert is_refused(send(browser, "PATCH", one(row), destination="other"))
    assert PersistentShare.objects.get().destination == "partner"


@pytest.mark.parametrize(
    ("missing", "method"),
    [("view", "GET"), ("add", "POST"), ("change", "PATCH"), ("delete", "DELETE")],
)
def test_each_verb_needs_the_hosts_permission(missing: str, method: str) -> None:
    verbs = {"view", "add", "change", "delete"} - {missing}
    person = sharer("limited", *verbs)
    target = rows.target(person)
    row = saved.persistent_share(person, target)
    address = ALL if method == "POST" else one(row)

    answer = send(
        client(person), method, address, destination="other", target=target.pk
    )

    assert is_refused(answer)
    assert PersistentShare.objects.get() == row
    assert PersistentShare.objects.get().destination == "partner"


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_visitors_get_nothing(method: str, target: Target, person: User) -> None:
    row = saved.persistent_share(person, target)
    address = ALL if method == "POST" else one(row)

    answer = send(Client(), method, address, destination="other", target=target.pk)

    assert answer.status_code == 401 or is_refused(answer)
    assert PersistentShare.objects.count() == 1


def test_a_destination_for_another_group_cannot_be_named(
    browser: Client, target: Target, settings: Any
) -> None:
    entry = clicks.PARTNER | {"GROUPS": ["partners"]}
    settings.DATA_SHARING = {"partner": entry}

    answer = send(browser, "POST", ALL, destination="partner", target=target.pk)

    assert answer.status_code == 400
    assert not PersistentShare.objects.exists()


def test_half_a_character_is_no_destination(browser: Client, target: Target) -> None:
    answer = send(browser, "post", ALL, target=target.pk, destination="\ud800")

    assert answer.status_code == 400
    assert answer.json() == {"destination": ['"?" is not a valid choice.']}


def test_a_target_that_is_not_there_is_not_found(browser: Client) -> None:
    """The host answers with an internal error."""
    address = reverse("targets:target-persistent-share", args=[999_999])

    assert browser.get(address).status_code == 404
