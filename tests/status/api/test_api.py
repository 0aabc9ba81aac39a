"""Shares and deliveries in the REST API: who sees them, what they tell, what acts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.status.api.programs import Program
from tests.status.conftest import partly_refused, permitted, shown_to_all
from tests.support import rows
from tom_share_worker.models import Attempt, Delivery, Destination, Failure, Share

pytestmark = pytest.mark.django_db

PATHS = ("shares/", "shares/{share}/", "deliveries/", "deliveries/{delivery}/")
ACTS = (
    "shares/{share}/retry/",
    "shares/{share}/cancel/",
    "deliveries/{delivery}/retry/",
)


@pytest.fixture
def delivery(share: Share) -> Delivery:
    """A failed delivery of the share."""
    return rows.delivery(
        share,
        status="failed",
        failure=Failure.NO_MATCHING_TARGET,
        note="It has no such target.",
        ended=timezone.now(),
    )


@pytest.fixture
def program(owner: User) -> Program:
    return Program(owner)


def address(path: str, delivery: Delivery) -> str:
    return path.format(share=delivery.share_id, delivery=delivery.pk)


@pytest.mark.parametrize("path", [*PATHS, *ACTS])
def test_nobody_sees_and_does_nothing(delivery: Delivery, path: str) -> None:
    ask = Program().get if path in PATHS else Program().post

    assert ask(address(path, delivery)).status_code == 401
    assert Delivery.objects.get().status == "failed"


@pytest.mark.parametrize("path", PATHS)
def test_people_see_their_own_and_who_may_view_shares_sees_all(
    delivery: Delivery, owner: User, path: str
) -> None:
    shown_to_all(delivery.share)
    people = {
        "owner": owner,
        "stranger": rows.person("stranger"),
        "staff": permitted("staff", is_staff=True),
        "viewer": permitted("viewer", "view_share"),
        "admin": User.objects.create_superuser("admin"),
    }
    sees = {
        who
        for who, person in people.items()
        if (answer := Program(person).get(address(path, delivery))).status_code == 200
        and answer.json().get("count", 1)
    }

    assert sees == {"owner", "viewer", "admin"}


@pytest.mark.parametrize("path", ACTS)
def test_who_only_sees_may_not_act_and_who_does_not_see_finds_nothing(
    delivery: Delivery, owner: User, path: str
) -> None:
    shown_to_all(delivery.share)
    Share.objects.update(status="running")
    people = {
        "stranger": rows.person("stranger"),
        "viewer": permitted("viewer", "view_share"),
        "changer": permitted("changer", "view_share", "change_share"),
        "blind changer": permitted("blind changer", "change_share"),
    }

    codes = {
        who: Program(person).post(address(path, delivery)).status_code
        for who, person in people.items()
    }

    assert codes == {
        "stranger": 404,
        "viewer": 403,
        "changer": 200,
        "blind changer": 404,
    }


def test_a_share_tells_how_far_it_is_and_what_helps(
    program: Program, share: Share, delivery: Delivery
) -> None:
    partly_refused(share, refused=2, delivered=3)
    Share.objects.update(status="partly delivered", ended=timezone.now())

    told = program.get(f"shares/{share.pk}/").json()

    assert told["status"] == "partly delivered"
    assert told["destination_name"] == "Partner TOM"
    assert told["percent"] == 100
    assert told["deliveries"] == {
        **{"queued": 0, "sending": 0, "cancelled": 0},
        **{"delivered": 1, "failed": 1},
    }
    assert told["datums"] == {
        **{"total": 5, "delivered": 3},
        **{"already_there": 0, "refused": 2},
    }
    assert {cause["failure"]: cause["cure"] for cause in told["causes"]} == {
        str(failure): failure.cure
        for failure in (Failure.NO_MATCHING_TARGET, Failure.REFUSED_DATA)
    }
    assert told["retryable"] is True


def test_a_share_tells_what_holds_it_up(program: Program, share: Share) -> None:
    rows.delivery(share)
    Destination.objects.create(key="partner", paused=True, note="Wrong password.")

    told = program.get(f"shares/{share.pk}/").json()

    assert "Wrong password." in told["destination_note"]
    assert told["worker_note"].startswith("No worker has ever been seen.")
    assert told["retryable"] is True

    Destination.objects.update(paused_by_person=True)  # a Retry would not help
    assert program.get(f"shares/{share.pk}/").json()["retryable"] is False


def test_a_delivery_tells_its_ledger_and_its_attempts(
    program: Program, share: Share
) -> None:
    row = partly_refused(share, refused=1, delivered=1)
    row.link = "https://partner.example.org/targets/7/"
    row.save()
    Attempt.objects.create(
        delivery=row,
        number=1,
        started=timezone.now(),
        outcome="delivered",
        request="POST https://partner.example.org/api/reduceddatums/",
        status_code=201,
        note="1 delivered, 1 refused.",
    )

    told = program.get(f"deliveries/{row.pk}/").json()

    assert told["ledger"] == [
        {
            **{"type": "photometry", "id": 0, "fate": "refused"},
            "reason": "Its band is unknown.",
        },
        {"type": "photometry", "id": 1, "fate": "delivered", "reason": ""},
    ]
    assert [a["note"] for a in told["attempts"]] == ["1 delivered, 1 refused."]
    assert told["attempts"][0]["status_code"] == 201
    assert told["link"] == "https://partner.example.org/targets/7/"
    assert told["cure"] == Failure.REFUSED_DATA.cure


def test_lists_hold_no_ledger_and_no_selection(
    program: Program, share: Share, delivery: Delivery
) -> None:
    with CaptureQueriesContext(connection) as asked:
        shares = program.get("shares/").json()["results"]
        deliveries = program.get("deliveries/").json()["results"]

    assert [row["id"] for row in shares] == [share.pk]
    assert [row["id"] for row in deliveries] == [delivery.pk]
    assert "ledger" not in deliveries[0]
    columns = " ".join(query["sql"] for query in asked.captured_queries)
    assert '"selection"' not in columns
    assert '"ledger"' not in columns


def test_a_list_asks_the_same_for_few_and_many(program: Program, share: Share) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert program.get(path).status_code == 200
        return len(asked)

    rows.delivery(share)
    paths = ("shares/", "deliveries/", f"shares/{share.pk}/")
    few = [queries(path) for path in paths]
    for _ in range(5):
        rows.delivery(rows.share(share.user, subject="One more"))
        rows.delivery(share)

    assert [queries(path) for path in paths] == few


def test_lists_come_in_pages_the_newest_first(program: Program, owner: User) -> None:
    made = [rows.share(owner).pk for _ in range(3)]

    first = program.get("shares/", limit=2).json()
    second = program.get("shares/", limit=2, offset=2).json()

    assert first["count"] == 3
    assert [row["id"] for row in first["results"] + second["results"]] == made[::-1]
    assert first["next"] is not None
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"new", "old", "gone"}),
        ({"status": "delivered"}, {"old"}),
        ({"status": ["delivered", "failed"]}, {"old", "gone"}),
        ({"origin": "api"}, {"new"}),
        ({"origin": "persistent share"}, {"gone"}),
        ({"destination": "partner"}, {"new", "old"}),
        ({"destination": "hermes:survey"}, {"gone"}),
        ({"created_after": "2026-03-02T00:00:00Z"}, {"new"}),
        ({"created_before": "2026-03-02T00:00:00Z"}, {"old", "gone"}),
        ({"created_after": "2026-03-01", "status": "failed"}, {"gone"}),
        ({"user": "owner"}, {"new", "old", "gone"}),
        ({"user": "stranger"}, set()),
    ],
)
def test_shares_are_found_by_what_they_are(
    owner: User, query: dict[str, Any], found: set[str]
) -> None:
    begun = datetime(2026, 3, 1, 12, tzinfo=UTC)
    rows.share(owner, title="new", origin="api")
    rows.share(owner, title="old", status="delivered")
    rows.share(
        owner,
        **{"title": "gone", "status": "failed", "destination": "hermes:survey"},
        origin="persistent share",
    )
    Share.objects.update(created=begun)
    Share.objects.filter(title="new").update(created=begun + timedelta(days=2))

    told = Program(owner).get("shares/", **query).json()

    assert {row["title"] for row in told["results"]} == found


def test_deliveries_are_found_by_share_status_and_destination(
    program: Program, owner: User, share: Share
) -> None:
    queued = rows.delivery(share)
    failed = rows.delivery(share, status="failed")
    other = rows.delivery(rows.share(owner, destination="other"))

    def found(**query: Any) -> list[int]:
        return [
            row["id"] for row in program.get("deliveries/", **query).json()["results"]
        ]

    assert found() == [other.pk, failed.pk, queued.pk]
    assert found(share=share.pk) == [failed.pk, queued.pk]
    assert found(status="failed") == [failed.pk]
    assert found(destination="other") == [other.pk]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("shares/", {"state": "failed"}),
        ("shares/", {"status": "fialed"}),
        ("shares/", {"created_after": "yesterday"}),
        ("shares/", {"created_after": "9999-12-31T23:00:00-12:00"}),
        ("shares/", {"created_before": "0001-01-01T00:00:00+12:00"}),
        ("deliveries/", {"share": "1.5"}),
        ("deliveries/", {"share": str(10**30)}),
        ("deliveries/", {"target": "1"}),
    ],
)
def test_a_filter_that_does_not_exist_or_cannot_be_read_is_refused(
    program: Program, path: str, query: dict[str, str]
) -> None:
    answer = program.get(path, **query)

    assert answer.status_code == 400
    assert list(answer.json()) == list(query)


@pytest.mark.parametrize("path", ["shares", "deliveries"])
@pytest.mark.parametrize("pk", ["0", str(10**30), "-1", "abc"])
def test_what_does_not_exist_is_not_found(program: Program, path: str, pk: str) -> None:
    assert program.get(f"{path}/{pk}/").status_code == 404


def test_retry_sends_again_what_failed(
    program: Program, share: Share, delivery: Delivery
) -> None:
    Share.objects.update(status="failed", ended=timezone.now())

    answer = program.post(f"shares/{share.pk}/retry/")

    assert answer.status_code == 200
    assert answer.json()["status"] == "running"
    assert Delivery.objects.get().status == "queued"


def test_retry_of_one_delivery_leaves_the_others(
    program: Program, share: Share, delivery: Delivery
) -> None:
    other = rows.delivery(share, status="failed")

    answer = program.post(f"deliveries/{delivery.pk}/retry/")

    assert answer.status_code == 200
    assert answer.json()["status"] == "queued"
    other.refresh_from_db()
    assert other.status == "failed"


@pytest.mark.parametrize("state", ["delivered", "sending"])
def test_what_has_arrived_or_is_under_way_is_not_retried(
    program: Program, share: Share, state: str
) -> None:
    row = rows.delivery(share, status=state)

    for path in (f"shares/{share.pk}/retry/", f"deliveries/{row.pk}/retry/"):
        answer = program.post(path)
        assert answer.status_code == 409
        assert "nothing to send again" in answer.json()["detail"]
    row.refresh_from_db()
    assert row.status == state


def test_cancel_ends_what_has_not_arrived(program: Program, share: Share) -> None:
    rows.delivery(share, status="delivered")
    rows.delivery(share)

    answer = program.post(f"shares/{share.pk}/cancel/")

    assert answer.status_code == 200
    assert answer.json()["status"] == "partly delivered"
    assert set(Delivery.objects.values_list("status", flat=True)) == {
        "delivered",
        "cancelled",
    }


@pytest.mark.parametrize("ended", Share.ENDED)
def test_what_has_ended_is_not_cancelled(
    program: Program, share: Share, ended: str
) -> None:
    Share.objects.update(status=ended, ended=timezone.now())

    assert program.post(f"shares/{share.pk}/cancel/").status_code == 409
    assert Share.objects.get().status == ended


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("path", ["shares/{share}/", "deliveries/{delivery}/"])
def test_nothing_is_changed_or_deleted_by_hand(
    owner: User, delivery: Delivery, method: str, path: str
) -> None:
    program = Program(owner)

    answer = getattr(program._client, method)(
        f"/api/{address(path, delivery)}", headers=program._headers
    )

    assert answer.status_code == 405


def test_the_browsable_page_opens(owner: User, delivery: Delivery) -> None:
    program = Program(owner)
    headers = program._headers | {"Accept": "text/html"}

    for path in ("", *(address(path, delivery) for path in PATHS)):
        page = program._client.get(f"/api/{path}", headers=headers)
        assert page.status_code == 200
        assert "deliveries" in page.content.decode()


@pytest.mark.parametrize("path", ["shares/", "deliveries/"])
def test_each_row_of_a_list_tells_its_own_address(
    program: Program, owner: User, path: str
) -> None:
    for n in range(12):
        rows.delivery(rows.share(owner, subject=f"Share {n}"), target_name=f"M {n}")

    listed = program.get(path).json()["results"]

    found = [program.get(row["url"].partition("/api/")[2]).json() for row in listed]
    assert [row["id"] for row in found] == [row["id"] for row in listed]
    assert [row["url"] for row in found] == [row["url"] for row in listed]
    assert len({row["url"] for row in listed}) == 12
