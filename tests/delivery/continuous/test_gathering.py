"""Saved data gathered into shares: when, what, by whom, once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone
from tom_dataproducts.models import PhotometryReducedDatum
from tom_targets.models import PersistentShare, Target

from tests.delivery.asking import clicks
from tests.support import persistent as saved
from tests.support import rows
from tests.support.persistent import gather_later, the_share, waiting
from tom_share_worker.delivery.continuous import gathering as continuous
from tom_share_worker.delivery.continuous import persistent
from tom_share_worker.delivery.planning import planner
from tom_share_worker.models import (
    Delivery,
    Destination,
    PersistentShareTerms,
    SavedDatum,
    Share,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _sharing(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING | {"other": clicks.PARTNER}


@pytest.fixture
def target() -> Target:
    return rows.target(rows.person())


@pytest.fixture
def shared(target: Target) -> PersistentShare:
    """A persistent share of that target."""
    return saved.persistent_share(rows.person(), target)


def ledger(of: Delivery) -> list[tuple[str, int]]:
    return [(kind, pk) for kind, pk, *_ in of.ledger]


# --- when -----------------------------------------------------------------------------


def test_a_thousand_saves_make_one_share_and_ten_deliveries(
    target: Target, shared: PersistentShare
) -> None:
    points = saved.save_photometry(target, 1000)

    assert gather_later() == 1

    share = the_share()
    planner.plan(share.pk)
    assert share.persistent_share == shared
    assert share.origin == Share.Origin.PERSISTENT_SHARE
    assert share.user == rows.person()
    assert share.destination == "partner"
    assert share.target_id == target.pk
    assert str(share) == "1,000 data points of SN 2026abc to Partner TOM"
    assert share.title == "Updated data for SN 2026abc"
    assert share.deliveries.count() == 10
    sent = [key for delivery in share.deliveries.all() for key in ledger(delivery)]
    assert sent == [("photometry", pk) for pk in points]
    assert waiting(shared) == []


def test_what_was_saved_a_moment_ago_waits_for_more(
    target: Target, shared: PersistentShare
) -> None:
    saved.save_photometry(target, 1)

    assert gather_later(1) == 0
    assert gather_later(1.5) == 1


def test_saving_without_a_pause_is_gathered_all_the_same(
    target: Target, shared: PersistentShare
) -> None:
    saved.save_photometry(target, 1)
    SavedDatum.objects.update(saved=timezone.now() - timedelta(seconds=11))
    saved.save_photometry(target, 1, first=1)

    assert continuous.gather() == 1

    assert len(the_share().selection["photometry"]) == 2


def test_a_clock_that_was_set_back_holds_nothing_up(
    target: Target, shared: PersistentShare
) -> None:
    saved.save_photometry(target, 1)

    assert gather_later(-3600) == 1


def test_what_is_saved_before_the_last_share_is_planned_goes_into_the_next(
    target: Target, shared: PersistentShare
) -> None:
    first = saved.save_photometry(target, 1)
    gather_later()
    later = saved.save_photometry(target, 2, first=1)

    assert gather_later() == 0

    planner.plan(the_share().pk)
    assert gather_later() == 1
    latest, earliest = Share.objects.all()
    assert earliest.selection == {"photometry": first}
    assert latest.selection == {"photometry": later}


def test_a_destination_that_is_away_for_a_day_gets_one_share_for_it(
    target: Target, shared: PersistentShare
) -> None:
    """And not one for each minute in which something was saved."""
    first = saved.save_photometry(target, 1)
    gather_later()
    planner.plan(the_share().pk)
    Destination.objects.update_or_create(
        key="partner",
        defaults={"failures": 9, "retry_at": timezone.now() + timedelta(minutes=20)},
    )

    for n in range(1, 6):
        saved.save_photometry(target, 1, first=n)
        assert gather_later() == 0

    Destination.objects.update(failures=0, retry_at=None)
    assert gather_later() == 1
    latest = Share.objects.order_by("pk").last()
    assert latest is not None
    assert len(latest.selection["photometry"]) == 5
    assert first[0] not in latest.selection["photometry"]


def test_a_destination_found_down_gets_a_share_where_none_waits_for_it(
    target: Target, shared: PersistentShare
) -> None:
    """Otherwise nothing would ever look whether it is back."""
    Destination.objects.create(key="partner", failures=3)
    saved.save_photometry(target, 1)

    assert gather_later() == 1


def test_data_waits_until_its_target_has_arrived(
    target: Target, shared: PersistentShare
) -> None:
    """It would be refused before: no matching target."""
    persistent.share_existing(shared, target)
    planner.plan(the_share().pk)
    saved.save_photometry(target, 1)

    assert gather_later() == 0

    Delivery.objects.update(status=Delivery.Status.DELIVERED)
    assert gather_later() == 1


def test_a_topic_of_hermes_gets_a_message(target: Target) -> None:
    saved.persistent_share(rows.person(), target, "hermes:survey.test")
    points = saved.save_photometry(target, 3)

    gather_later()
    planner.plan(the_share().pk)

    (delivery,) = the_share().deliveries.all()
    assert delivery.kind == Delivery.Kind.MESSAGE
    assert ledger(delivery) == [("photometry", pk) for pk in points]


def test_a_destination_as_the_hosts_next_release_writes_it(target: Target) -> None:
    row = saved.persistent_share(rows.person(), target, "tom:partner")
    saved.save_photometry(target, 1)

    assert persistent.trouble(row) == ""
    assert gather_later() == 1
    assert the_share().destination == "partner"


# --- what -----------------------------------------------------------------------------


def test_ids_of_one_kind_never_send_data_of_another(
    target: Target, shared: PersistentShare
) -> None:
    """Stock looks each id up among the photometry, possibly of another target."""
    elsewhere = rows.target(rows.person(), "SN 2026xyz")
    rows.photometry(elsewhere, 3)
    spectra = [saved.save_spectrum(target, telescope=f"T{n}") for n in range(3)]
    generic = saved.save_generic(target)
    astrometry = saved.save_astrometry(target)

    gather_later()

    share = the_share()
    planner.plan(share.pk)
    sent = [key for delivery in share.deliveries.all() for key in ledger(delivery)]
    assert sent == [
        *(("spectroscopy", pk) for pk in spectra),
        ("astrometry", astrometry),
        ("generic", generic),
    ]


def test_a_data_point_saved_many_times_is_shared_once(
    target: Target, shared: PersistentShare
) -> None:
    (pk,) = saved.save_photometry(target, 1)
    for _ in range(4):
        PhotometryReducedDatum.objects.get(pk=pk).save()

    gather_later()

    assert the_share().selection == {"photometry": [pk]}


def test_what_was_deleted_or_moved_meanwhile_makes_no_share(
    target: Target, shared: PersistentShare
) -> None:
    elsewhere = rows.target(rows.person(), "SN 2026xyz")
    deleted, moved = saved.save_photometry(target, 2)
    PhotometryReducedDatum.objects.filter(pk=deleted).delete()
    PhotometryReducedDatum.objects.filter(pk=moved).update(target=elsewhere)

    assert gather_later() == 0

    assert not Share.objects.exists()
    assert waiting(shared) == []


def test_a_flood_makes_shares_of_a_size_to_handle(
    target: Target, shared: PersistentShare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(continuous, "LIMIT", 7)
    monkeypatch.setattr(continuous, "SLICE", 3)
    points = saved.save_photometry(target, 10)

    while gather_later():
        planner.plan(Share.objects.latest("pk").pk)

    second, first = Share.objects.all()
    assert first.selection == {"photometry": points[:7]}
    assert second.selection == {"photometry": points[7:]}


# --- terms ----------------------------------------------------------------------------


def test_only_the_chosen_types_of_data_go(
    target: Target, shared: PersistentShare
) -> None:
    persistent.limit(shared, ["spectroscopy"], None)
    saved.save_photometry(target, 2)
    spectrum = saved.save_spectrum(target)

    gather_later()

    assert the_share().selection == {"spectroscopy": [spectrum]}
    assert waiting(shared) == []


def test_all_types_chosen_is_the_same_as_none_left_out(
    shared: PersistentShare,
) -> None:
    """So that a type that comes with a later release is not left out by accident."""
    persistent.limit(shared, persistent.KINDS, None)

    assert persistent.terms(shared).kinds == []


def test_what_is_saved_after_the_end_is_not_shared(
    target: Target, shared: PersistentShare
) -> None:
    before = saved.save_photometry(target, 1)
    persistent.limit(shared, [], timezone.now())
    saved.save_photometry(target, 1, first=1)
    # Gathered when the end has passed, with the times as they were.
    SavedDatum.objects.filter(datum_pk=before[0]).update(
        saved=timezone.now() - timedelta(seconds=11)
    )

    continuous.gather()

    assert the_share().selection == {"photometry": before}
    assert waiting(shared) == []


def test_while_it_is_paused_data_waits_and_goes_when_it_is_resumed(
    target: Target, shared: PersistentShare
) -> None:
    other = saved.persistent_share(rows.person(), target, "other")
    persistent.pause(shared, rows.person())
    points = saved.save_photometry(target, 2)

    gather_later()

    assert the_share().persistent_share == other
    assert len(waiting(shared)) == 2

    persistent.resume(shared)
    gather_later()

    latest, _ = Share.objects.all()
    assert latest.persistent_share == shared
    assert latest.selection == {"photometry": points}


def test_a_persistent_share_that_is_deleted_takes_what_waited_along(
    target: Target, shared: PersistentShare
) -> None:
    saved.save_photometry(target, 2)
    gather_later()
    saved.save_photometry(target, 2, first=2)

    shared.delete()

    assert the_share().persistent_share is None
    assert not SavedDatum.objects.exists()
    assert not PersistentShareTerms.objects.exists()


# --- by whom --------------------------------------------------------------------------


def _account_deleted(target: Target, settings: Any) -> None:
    rows.person().delete()


def _account_closed(target: Target, settings: Any) -> None:
    owner = rows.person()
    owner.is_active = False
    owner.save()


def _view_withdrawn(target: Target, settings: Any) -> None:
    target.give_user_access(rows.person("another"))
    from guardian.shortcuts import remove_perm

    remove_perm("tom_targets.view_target", rows.person(), target)


def _entry_removed(target: Target, settings: Any) -> None:
    settings.DATA_SHARING = {}


def _entry_spoilt(target: Target, settings: Any) -> None:
    settings.DATA_SHARING = {"partner": {"BASE_URL": "https://partner.example/"}}


def _for_another_group(target: Target, settings: Any) -> None:
    Group.objects.create(name="partners")
    entry = clicks.PARTNER | {"GROUPS": ["partners"]}
    settings.DATA_SHARING = {"partner": entry}


@pytest.mark.parametrize(
    ("withdraw", "words"),
    [
        (_account_deleted, "no longer has an account here"),
        (_account_closed, "The account astronomer is closed"),
        (_view_withdrawn, "may no longer view or share SN 2026abc"),
        (_entry_removed, "no longer names 'partner'"),
        (_entry_spoilt, "needs either 'API_TOKEN' or both"),
        (_for_another_group, "Only members of the group partners"),
    ],
)
def test_without_the_right_to_share_data_waits_and_the_reason_is_told(
    withdraw: Any, words: str, target: Target, shared: PersistentShare, settings: Any
) -> None:
    assert persistent.trouble(shared) == ""
    saved.save_photometry(target, 1)

    withdraw(target, settings)

    assert gather_later() == 0
    assert not Share.objects.exists()
    assert len(waiting(shared)) == 1
    assert words in persistent.trouble(PersistentShare.objects.get())


def test_one_in_trouble_does_not_hold_up_the_others(
    target: Target, shared: PersistentShare
) -> None:
    leaver = rows.person("leaver")
    target.give_user_access(leaver)
    saved.persistent_share(leaver, target, "other")
    leaver.delete()
    saved.save_photometry(target, 1)

    assert gather_later() == 1

    assert the_share().persistent_share == shared


# --- no echo --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "location"),
    [
        # Data without a source, shared by a stock TOM and by one with this app.
        (
            "Partner TOM",
            "ReducedDatum shared from <Partner TOM.url>/api/reduceddatums/7/",
        ),
        ("Whatever", "https://partner.example/api/reduceddatums/7/"),
        ("Whatever", "http://PARTNER.example/api/reduceddatums/7/"),
        ("partner", "https://elsewhere.example/api/reduceddatums/7/"),
    ],
)
def test_what_came_from_a_tom_is_not_sent_back_to_it(
    name: str, location: str, target: Target, shared: PersistentShare
) -> None:
    saved.save_photometry(target, 2, source_name=name, source_location=location)

    assert gather_later() == 0
    assert not Share.objects.exists()
    assert waiting(shared) == []

    own = saved.save_photometry(target, 1, first=2)
    assert gather_later() == 1
    assert the_share().selection == {"photometry": own}


def test_what_came_from_one_tom_goes_on_to_another(
    target: Target, shared: PersistentShare
) -> None:
    location = "https://third.example/api/reduceddatums/7/"
    saved.save_photometry(target, 1, source_name="Third TOM", source_location=location)

    assert gather_later() == 1


def test_a_survey_called_like_a_tom_is_not_that_tom(
    target: Target, settings: Any
) -> None:
    settings.DATA_SHARING = {"ztf": clicks.PARTNER | {"DISPLAY_NAME": "ZTF"}}
    saved.persistent_share(rows.person(), target, "ztf")
    saved.save_photometry(
        target, 1, source_name="ZTF", source_location="https://ztf.example/alert/7"
    )

    assert gather_later() == 1


def test_a_tom_may_call_itself_otherwise_than_we_do(
    target: Target, shared: PersistentShare, settings: Any
) -> None:
    named = clicks.PARTNER | {"TOM_NAME": "Las Cumbres TOM"}
    settings.DATA_SHARING = {"partner": named}
    location = "ReducedDatum shared from <Las Cumbres TOM.url>/api/reduceddatums/7/"
    saved.save_photometry(
        target, 1, source_name="Las Cumbres TOM", source_location=location
    )

    assert gather_later() == 0


# --- once -----------------------------------------------------------------------------


def test_a_gathering_that_is_cut_off_leaves_everything_as_it_was(
    target: Target, shared: PersistentShare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are deleted before the share is made: both or neither."""
    points = saved.save_photometry(target, 3)
    monkeypatch.setattr(Share.objects, "create", _power_cut)

    assert gather_later() == 0

    assert len(waiting(shared)) == 3
    monkeypatch.undo()
    assert gather_later() == 1
    assert the_share().selection == {"photometry": points}


def _power_cut(**_: Any) -> None:
    raise RuntimeError("the power went")


@pytest.mark.django_db(transaction=True)
def test_many_who_gather_at_once_make_one_share(
    target: Target, shared: PersistentShare
) -> None:
    points = saved.save_photometry(target, 200)
    SavedDatum.objects.update(saved=timezone.now() - timedelta(seconds=5))
    ready = threading.Barrier(4)
    made: list[int] = []

    def work() -> None:
        ready.wait()
        try:
            made.append(continuous.gather())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(made) == 1
    assert the_share().selection == {"photometry": points}
    assert waiting(shared) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    "connection.vendor == 'sqlite'", reason="SQLite has one writer at a time"
)
def test_rows_of_a_slow_transaction_are_gathered_when_it_commits(
    target: Target, shared: PersistentShare
) -> None:
    """Their ids are lower than those gathered before them."""
    saving, gathered = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                saved.save_photometry(target, 1)
                saving.set()
                gathered.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert saving.wait(20)
    quick = saved.save_photometry(target, 1, first=1)
    assert gather_later() == 1
    gathered.set()
    thread.join()

    planner.plan(the_share().pk)
    assert gather_later() == 1

    latest, earliest = Share.objects.all()
    assert earliest.selection == {"photometry": quick}
    assert latest.selection["photometry"] < quick
