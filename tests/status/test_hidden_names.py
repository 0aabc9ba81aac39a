"""No page, list or answer names what its reader may not view.

Every address of this app, and its pages in the admin, are opened by people who may see
the shares of others and view some of their targets, or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from guardian.shortcuts import assign_perm, remove_perm
from tom_targets.models import PersistentShare, Target

from tests.status.conftest import browser, permitted
from tests.support import rows, searching
from tom_share_worker.models import (
    Attempt,
    BulkAction,
    Delivery,
    IngestJob,
    RemoteTarget,
    Share,
)
from tom_share_worker.operating import bulk

pytestmark = pytest.mark.django_db

MODELS = (
    *("share", "delivery", "attempt", "ingestjob", "remotetarget", "bulkaction"),
    *("destination", "worker"),
)
LISTS = ("shares", "deliveries", "ingest-jobs", "bulk-actions", "destinations")
NAMES = ("HUSH 1", "HUSH 2", "HUSH list", "HUSH title", "HUSH message", "HUSH.fits")
ENDED = {"planned": True, "status": "failed"}


class World:
    """Shares of two hidden targets, of their list, and of an open one."""

    def __init__(self) -> None:
        self.owner = rows.person("owner")
        private = Target.Permissions.PRIVATE
        self.hidden = [
            rows.target(self.owner, name, permissions=private) for name in NAMES[:2]
        ]
        self.open = rows.target(self.owner, "OPEN 3", permissions=private)
        self.list = rows.target_list("HUSH list", *self.hidden)
        self.words = {
            **{"title": "HUSH title", "message": "HUSH message"},
            "authors": "HUSH authors",
        }
        self.persistent = PersistentShare.objects.create(
            user=self.owner, target=self.hidden[0], destination="partner"
        )
        self.of_list = self.share("target list", self.hidden, target_list=self.list)
        self.unplanned = self.share("target list", [], target_list=self.list)
        self.of_some = self.share("targets", self.hidden)
        self.mixed = self.share("data points", [self.hidden[0], self.open])
        self.of_one = self.share("target", self.hidden[:1], target=self.hidden[0])
        self.of_open = self.share(
            "target", [self.open], target=self.open, persistent_share=self.persistent
        )
        Share.objects.filter(pk=self.unplanned.pk).update(planned=False)
        Share.objects.filter(pk=self.of_open.pk).update(
            subject="Target OPEN 3", title="", message="", authors=""
        )
        self._others()

    def share(self, kind: str, targets: list[Target], **columns: Any) -> Share:
        """Return a share that failed, with a delivery and an attempt for each."""
        subject = "Target list HUSH list" if kind == "target list" else "HUSH 1, HUSH 2"
        made = rows.share(
            self.owner,
            **{"kind": kind, "subject": subject, "ended": timezone.now()},
            **{**ENDED, **self.words, **columns},
        )
        for target in targets:
            delivery = rows.delivery(
                made,
                **{"target_id": target.pk, "target_name": target.name},
                **{"status": "failed", "failure": "destination down"},
            )
            Attempt.objects.create(
                **{"delivery": delivery, "number": 1, "outcome": "failed"},
                **{"started": timezone.now(), "note": target.name},
            )
        return made

    def _others(self) -> None:
        first = self.hidden[0]
        IngestJob.objects.create(
            **{"target": first, "target_name": first.name, "user": self.owner},
            **{"file_name": "HUSH.fits", "data_product_type": "photometry"},
            **{"status": "failed", "failure": "our fault"},
            **{"next_attempt_at": timezone.now(), "ended": timezone.now()},
        )
        RemoteTarget.objects.create(
            **{"destination": "partner", "target": first, "remote_id": ""},
            candidates=[
                {"id": "1", "name": first.name, "aliases": [], "type": "SIDEREAL"}
                | {"ra": 1.0, "dec": 1.0}
            ],
        )
        root = permitted("root", is_superuser=True, is_staff=True)
        bulk.ask(root, "retry", "shares", {"ids": [1]})


@pytest.fixture
def world() -> World:
    return World()


def staff(name: str, *codenames: str, views: Target | None = None) -> User:
    person = permitted(name, *codenames, is_staff=True)
    hosts = (
        *("view_persistentshare", "change_persistentshare", "view_taskresult"),
        "view_persistentshareterms",
    )
    person.user_permissions.add(*Permission.objects.filter(codename__in=hosts))
    if views is not None:
        assign_perm("tom_targets.view_target", person, views)
    return User.objects.get(pk=person.pk)


@pytest.fixture
def readers(world: World) -> list[User]:
    """Return people who see shares of others, and may not view all of their targets."""
    views = [f"view_{model}" for model in MODELS]
    return [
        staff("watcher", *views),
        staff("operator", "operate"),
        staff("half", "operate", *views, views=world.open),
    ]


def addresses() -> Iterator[str]:
    """Yield the addresses of lists, and of what has a number, in this app."""
    models = (Share, Delivery, Attempt, IngestJob, RemoteTarget, BulkAction)
    found = (model.objects.values_list("pk", flat=True) for model in models)
    numbers = sorted({*chain(*found), *PersistentShare.objects.values_list("pk")[0]})
    yield from searching.addresses(numbers)
    yield from (f"/targets/{pk}/" for pk in Target.objects.values_list("pk", flat=True))
    for name in LISTS:
        yield f"/api/{name}/"
        yield from (f"/api/{name}/{number}/" for number in numbers)
    yield "/admin/"
    yield "/admin/tom_share_worker/"
    for model in (*(f"tom_share_worker/{name}" for name in MODELS), PERSISTENT):
        yield f"/admin/{model}/"
        for number in numbers:
            yield f"/admin/{model}/{number}/change/"
            yield f"/admin/{model}/{number}/history/"
    asked = "app_label=tom_share_worker&model_name=delivery&field_name=share&term="
    yield f"/admin/autocomplete/?{asked}"


PERSISTENT = "tom_targets/persistentshare"


def answers(reader: User) -> Iterator[tuple[str, int, str]]:
    client: Client = browser(reader)
    for address in dict.fromkeys(addresses()):
        answer = client.get(address, HTTP_ACCEPT="text/html, application/json;q=0.9")
        body = b"".join(answer) if answer.streaming else answer.content
        yield address, answer.status_code, body.decode("utf-8", "replace")


@pytest.mark.timeout(300)
def test_no_address_names_what_is_hidden(world: World, readers: list[User]) -> None:
    opened: set[str] = set()
    for reader in readers:
        for address, status, text in answers(reader):
            assert "HUSH" not in text, f"{reader} reads at {address}: {about(text)}"
            if status == 200:
                opened.add(address.rstrip("/").split("?")[0])

    shares = "/admin/tom_share_worker/share"
    assert {"/shares", "/api/shares", shares, f"/admin/{PERSISTENT}"} <= opened
    for number in (world.of_list.pk, world.unplanned.pk, world.of_some.pk):
        assert {f"/shares/{number}", f"/api/shares/{number}"} <= opened
        assert {f"{shares}/{number}/{page}" for page in ("change", "history")} <= opened


def about(text: str) -> str:
    at = text.index("HUSH")
    return text[max(0, at - 100) : at + 50]


@pytest.mark.timeout(300)
def test_those_who_may_view_all_read_all(world: World) -> None:
    """The same addresses name everything, where nothing is hidden."""
    found = {
        (address.split("/")[1], name)
        for address, _, text in answers(User.objects.get(username="root"))
        for name in NAMES
        if name in text
    }

    doors = ("shares", "api", "admin")
    assert {(door, name) for door in doors for name in NAMES} <= found


def detail(reader: User, share: Share) -> dict[str, Any]:
    answer: dict[str, Any] = browser(reader).get(f"/api/shares/{share.pk}/").json()
    return answer


def test_who_asked_for_a_share_reads_their_own_words(world: World) -> None:
    for share in (world.of_list, world.unplanned, world.of_some, world.mixed):
        shown = detail(world.owner, share)
        page = browser(world.owner).get(share.get_absolute_url()).content.decode()

        assert shown["subject"] == share.subject
        assert [shown[name] for name in world.words] == [*world.words.values()]
        assert "HUSH title" in page
        assert "HUSH message" in page


def test_who_may_view_all_of_it_reads_the_words_of_others(world: World) -> None:
    reader = staff("reader", "view_share")
    for target in world.hidden:
        assign_perm("tom_targets.view_target", reader, target)

    for share in (world.of_list, world.unplanned, world.of_some):
        shown = detail(reader, share)

        assert (shown["subject"], shown["title"]) == (share.subject, "HUSH title")
    assert detail(reader, world.of_list)["target_list"] == world.list.pk
    assert detail(reader, world.mixed)["title"] == ""


def test_who_asked_and_may_not_view_it_any_more_reads_no_target(world: World) -> None:
    for target in world.hidden:
        remove_perm("tom_targets.view_target", world.owner, target)

    shown = detail(world.owner, world.of_some)

    assert (shown["subject"], shown["title"]) == ("Selected targets", "HUSH title")


@pytest.mark.parametrize("word", NAMES[:4])
def test_no_search_finds_what_is_hidden(
    world: World, readers: list[User], word: str
) -> None:
    root = User.objects.get(username="root")
    for reader in readers:
        assert counts(reader, word) == {"page": 0, "admin": 0, "bulk": 0}
    assert all(number > 0 for number in counts(root, word).values())


def test_a_search_goes_on_finding_what_is_not_hidden(
    world: World, readers: list[User]
) -> None:
    half = readers[2]

    assert counts(half, "OPEN 3") == {"page": 1, "admin": 1, "bulk": 1}
    assert counts(half, "owner")["admin"] == 5  # by the name of who asked for it
    assert counts(world.owner, "HUSH title")["page"] == 5


def counts(reader: User, word: str) -> dict[str, int]:
    """Return how many shares a search finds by each door."""
    client = browser(reader)
    page = client.get("/shares/", {"q": word}).context["table"].paginator.count
    listed = client.get("/admin/tom_share_worker/share/", {"q": word}).context
    asked = {"verb": "retry", "rows": "shares", "filters": {"search": word}}
    answer = client.post("/api/bulk-actions/", asked, content_type="application/json")
    return {
        "page": page,
        "admin": listed["cl"].result_count if listed else 0,
        "bulk": answer.json().get("total", 0),
    }


def test_sharing_again_takes_no_hidden_words_along(
    world: World, readers: list[User]
) -> None:
    half = readers[2]
    assign_perm("tom_targets.change_target", half, world.open)
    again = reverse("tom_share_worker:share-again", args=[world.mixed.pk])
    selection = {"targets": [world.open.pk, world.hidden[0].pk]}
    Share.objects.filter(pk=world.mixed.pk).update(kind="targets", selection=selection)

    browser(half).post(again)

    made = Share.objects.get(user=half)
    assert (made.title, made.message, made.authors) == ("", "", "")
    assert "HUSH" not in made.subject


def test_the_admin_leads_to_a_persistent_share_that_its_reader_sees(
    world: World, readers: list[User]
) -> None:
    page = reverse("tom_share_worker:persistent-share", args=[world.persistent.pk])
    change = f"/admin/tom_share_worker/share/{world.of_open.pk}/change/"
    half = readers[2]

    before = browser(half).get(change).content.decode()
    assign_perm("tom_targets.view_target", half, world.hidden[0])
    after = browser(half).get(change).content.decode()

    assert page not in before
    assert page in after


def test_the_hosts_admin_shows_persistent_shares_of_viewable_targets(
    world: World, readers: list[User]
) -> None:
    half = readers[2]
    seen = PersistentShare.objects.create(
        user=world.owner, target=world.open, destination="partner"
    )

    listed = browser(half).get(f"/admin/{PERSISTENT}/").content.decode()
    page = browser(half).get(f"/admin/{PERSISTENT}/{seen.pk}/change/")
    hidden = browser(half).get(f"/admin/{PERSISTENT}/{world.persistent.pk}/change/")

    assert "OPEN 3" in listed
    assert "HUSH" not in listed
    assert "paused" in page.content.decode()
    assert hidden.status_code == 302
