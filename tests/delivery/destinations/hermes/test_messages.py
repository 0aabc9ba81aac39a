"""A share with Hermes, from the host's forms to the message and what is left of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import remove_perm
from tom_dataproducts.models import PhotometryReducedDatum

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import Click, Sky
from tests.support import misbehaviour, persistent, rows
from tests.support.remote_hermes import ARCHIVE, KEY, SUBMIT, RemoteHermes
from tom_share_worker.delivery import actions
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.delivery.ledger import TARGET, Key, Ledger
from tom_share_worker.delivery.planning import packing, planner
from tom_share_worker.delivery.sending import sender
from tom_share_worker.models import Attempt, Delivery, Destination, Share

pytestmark = pytest.mark.django_db(transaction=True)

TO = "hermes:survey.test"


@pytest.fixture(autouse=True)
def hermes(settings: Any) -> Iterator[RemoteHermes]:
    """A Hermes that this TOM knows."""
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 0.4, "RETRY_SCHEDULE": [0, 0, 0]}
    with RemoteHermes() as running:
        settings.DATA_SHARING = {"hermes": running.entry()}
        yield running


def work(share: Share) -> list[Delivery]:
    """Plan a share and try each of its messages once, as a worker does."""
    planner.plan(share.pk)
    for delivery in share.deliveries.filter(status="queued"):
        Destination.objects.update(retry_at=None)
        sender.send(delivery.pk)
    share.refresh_from_db()
    return list(share.deliveries.all())


def keys_of(delivery: Delivery) -> list[Key]:
    return [Key(kind, pk) for kind, pk, _, _ in delivery.ledger]


# --- from the host's forms ------------------------------------------------------------


def test_a_click_on_the_targets_form_becomes_one_message(
    sky: Sky, browser: Client, hermes: RemoteHermes
) -> None:
    browser.post(*_to_hermes(clicks.on_target(sky)))

    [row] = work(Share.objects.get())

    assert row.kind == Delivery.Kind.MESSAGE
    assert row.status == Delivery.Status.DELIVERED
    assert row.link == f"{hermes.url}message/{hermes.published[0].uuid}"
    [message] = hermes.messages
    assert message["title"] == "Tonight's data"
    assert message["message_text"] == "Have a look."
    assert message["submitter"] == "owner"
    assert [target["name"] for target in message["data"]["targets"]] == ["SN 2026abc"]
    assert [r["brightness"] for r in message["data"]["photometry"]] == [15.0, 15.001]
    assert Share.objects.get().status == Share.Status.DELIVERED


def test_ticked_data_go_with_the_authors_of_the_form(
    sky: Sky, browser: Client, hermes: RemoteHermes
) -> None:
    click = clicks.on_photometry(sky).but(share_authors="A. Stronomer (LCO)")
    browser.post(*_to_hermes(click))

    work(Share.objects.get())

    assert hermes.messages[0]["authors"] == "A. Stronomer (LCO)"
    assert len(hermes.messages[0]["data"]["photometry"]) == 1


def test_a_list_goes_with_all_its_targets_and_their_data(
    sky: Sky, browser: Client, hermes: RemoteHermes
) -> None:
    browser.post(*_to_hermes(clicks.on_target_list(sky)))

    [row] = work(Share.objects.get())

    assert keys_of(row)[0] == Key(TARGET, sky.target.pk)
    assert len(hermes.messages[0]["data"]["photometry"]) == 3


def test_a_file_alone_is_no_message(sky: Sky, browser: Client) -> None:
    answer = browser.post(*_to_hermes(clicks.on_product(sky)))

    [said] = get_messages(answer.wsgi_request)
    assert "takes messages, not files" in str(said)
    assert not Share.objects.exists()


def _to_hermes(click: Click) -> tuple[str, dict[str, Any]]:
    click = click.but(share_destination=TO)
    return click.address, click.fields


# --- how it is planned ----------------------------------------------------------------


def test_files_are_left_out_in_words(sky: Sky, hermes: RemoteHermes) -> None:
    share = outbox.share_target(sky.owner, TO, sky.target, with_data=True)

    work(share)

    assert "Data products were left out" in share.note
    assert len(hermes.messages) == 1


def test_without_a_title_the_message_says_what_it_holds(
    sky: Sky, hermes: RemoteHermes, settings: Any
) -> None:
    settings.TOM_NAME = "Survey TOM"
    work(outbox.share_target_data(sky.owner, TO, sky.target))

    title = hermes.messages[0]["title"]
    assert title == "All data points of SN 2026abc from Survey TOM"


def test_a_message_that_would_be_too_large_is_several(
    sky: Sky, hermes: RemoteHermes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "CAPACITY", 3)
    monkeypatch.setattr(planner, "CHUNK", 1)
    other = rows.target(sky.owner, "SN 2026xyz")
    pks = [*sky.points, *rows.photometry(other, 2)]
    targets = rows.target_list("Two", sky.target, other)
    share = outbox.share_target_list(
        sky.owner, TO, targets, None, with_data=True, title="Night"
    )

    made = work(share)

    assert [m["title"] for m in hermes.messages] == [
        "Night",
        "Night (part 2)",
        "Night (part 3)",
    ]
    keys = [key for row in made for key in keys_of(row)]
    assert sorted(keys) == sorted(
        [Key(TARGET, sky.target.pk), Key(TARGET, other.pk)]
        + [Key("photometry", pk) for pk in pks]
    )
    assert [row.target_name for row in made] == [
        "SN 2026abc",
        "SN 2026abc and 1 more",
        "SN 2026xyz",
    ]
    for message in hermes.messages:
        named = {row["name"] for row in message["data"]["targets"]}
        assert {row["target_name"] for row in message["data"]["photometry"]} <= named


def test_a_spectrum_fills_a_message_sooner() -> None:
    then = packing.Cursor(1, 1)
    keys = [Key("spectroscopy", pk) for pk in range(1, 6)]
    steps = [packing.Planned(Delivery.Kind.DATUMS, 1, "SN", then, keys)]

    packed = list(packing.into_messages(steps))

    assert [len(message.keys) for message in packed] == [4, 1]
    assert [message.then.above for message in packed] == [4, 5]


def test_a_persistent_share_gathers_what_is_saved_into_a_message(
    sky: Sky, hermes: RemoteHermes
) -> None:
    persistent.persistent_share(sky.owner, sky.target, TO)
    saved = persistent.save_photometry(
        sky.target, 5, unit="AB mag", telescope="1m0", bandpass="V"
    )

    assert persistent.gather_later() == 1

    share = Share.objects.get()
    [row] = work(share)
    assert keys_of(row) == [Key("photometry", pk) for pk in saved]
    [message] = hermes.messages
    assert len(message["data"]["photometry"]) == 5
    assert "SN 2026abc" in message["title"]


@pytest.mark.parametrize("source", ["Hermes:survey.test", "survey.test"])
def test_what_came_from_a_topic_does_not_go_back_to_it(sky: Sky, source: str) -> None:
    persistent.persistent_share(sky.owner, sky.target, TO)
    persistent.save_photometry(sky.target, 2, source_name=source)

    assert persistent.gather_later() == 0
    assert not Share.objects.exists()


def test_the_pages_lead_to_the_message(
    sky: Sky, browser: Client, hermes: RemoteHermes
) -> None:
    share = outbox.share_target(sky.owner, TO, sky.target, sky.points)
    [row] = work(share)
    page = reverse("tom_share_worker:delivery-detail", kwargs={"pk": row.pk})

    text = browser.get(page).content.decode()

    assert f'href="{row.link}"' in text
    assert "1 target and 3 data points published on survey.test." in text
    assert "Targets and data points" in text
    assert row.link in browser.get(share.get_absolute_url()).content.decode()


# --- what is left of it ---------------------------------------------------------------


def test_a_retry_sends_what_was_refused_and_nothing_twice(
    sky: Sky, hermes: RemoteHermes
) -> None:
    spoilt = PhotometryReducedDatum.objects.filter(pk=sky.points[1])
    spoilt.update(unit="")
    share = outbox.share_target_data(sky.owner, TO, sky.target)
    [row] = work(share)
    assert (row.delivered_count, row.refused_count) == (2, 1)
    assert "DEFAULT_UNIT" in Ledger(row.ledger).refused()[0][1]

    spoilt.update(unit="AB mag")
    actions.retry_share(share)
    [row] = work(share)

    assert (row.delivered_count, row.refused_count) == (3, 0)
    sent = [
        [r["brightness"] for r in message["data"]["photometry"]]
        for message in hermes.messages
    ]
    assert sent == [[15.0, 15.002], [15.001]]
    marks = {m["data"]["extra_data"]["tom_share_worker"] for m in hermes.messages}
    assert len(marks) == 2
    assert row.link.endswith(hermes.published[1].uuid)


def test_an_answer_that_was_lost_publishes_nothing_twice(
    sky: Sky, hermes: RemoteHermes
) -> None:
    hermes.on(*SUBMIT, misbehaviour.act_then_hang, exact=True, times=1)
    share = outbox.share_target_data(sky.owner, TO, sky.target)

    [first] = work(share)
    [row] = work(share)

    assert first.status == Delivery.Status.QUEUED
    assert row.status == Delivery.Status.DELIVERED
    assert "by an earlier attempt" in row.note
    assert row.delivered_count == 3
    assert len(hermes.published) == 1
    assert row.link.endswith(hermes.published[0].uuid)
    hermes.heal()


def test_a_message_keeps_its_title_while_others_are_planned(
    sky: Sky, hermes: RemoteHermes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked for by its title, so this must not depend on what is planned."""
    monkeypatch.setattr(packing, "CAPACITY", 1)
    share = outbox.share_target_data(sky.owner, TO, sky.target)
    hermes.on(*SUBMIT, misbehaviour.act_then_cut, exact=True, times=3)
    planner.plan(share.pk)
    Share.objects.update(planned=False)
    for delivery in share.deliveries.all():
        Destination.objects.update(retry_at=None)
        sender.send(delivery.pk)
    Share.objects.update(planned=True)

    made = work(share)

    assert [row.status for row in made] == [Delivery.Status.DELIVERED] * 3
    assert len(hermes.published) == 3


def test_refused_rows_are_still_known_when_the_answer_was_lost(
    sky: Sky, hermes: RemoteHermes
) -> None:
    """What is left to send names the message: it must not change before it is out."""
    PhotometryReducedDatum.objects.filter(pk=sky.points[1]).update(brightness=0.0)
    hermes.on(*SUBMIT, misbehaviour.act_then_cut, exact=True, times=1)
    share = outbox.share_target_data(sky.owner, TO, sky.target)

    work(share)
    [row] = work(share)

    assert (row.delivered_count, row.refused_count) == (2, 1)
    assert len(hermes.published) == 1


def test_a_person_who_retries_a_failed_message_does_not_publish_it_twice(
    sky: Sky, hermes: RemoteHermes, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"RETRY_SCHEDULE": []}
    hermes.on(*SUBMIT, misbehaviour.act_then_cut, exact=True, times=1)
    share = outbox.share_target_data(sky.owner, TO, sky.target)
    [row] = work(share)
    assert row.status == Delivery.Status.FAILED

    actions.retry_share(share)
    [row] = work(share)

    assert row.status == Delivery.Status.DELIVERED
    assert len(hermes.published) == 1


def test_data_of_a_target_that_may_no_longer_be_shared_stay_here(
    sky: Sky, hermes: RemoteHermes
) -> None:
    other = rows.target(sky.owner, "SN 2026xyz")
    rows.photometry(other, 2)
    targets = rows.target_list("Two", sky.target, other)
    share = outbox.share_target_list(sky.owner, TO, targets, None, with_data=True)
    planner.plan(share.pk)
    for verb in ("view", "change", "delete"):
        remove_perm(f"tom_targets.{verb}_target", sky.owner, other)

    [row] = work(share)

    assert (row.delivered_count, row.refused_count) == (4, 3)
    named = [target["name"] for target in hermes.messages[0]["data"]["targets"]]
    assert named == ["SN 2026abc"]


def test_a_wrong_key_pauses_hermes_and_is_written_nowhere(
    sky: Sky, hermes: RemoteHermes, settings: Any
) -> None:
    settings.DATA_SHARING = {"hermes": hermes.entry(HERMES_API_KEY="wrong-key-42")}
    share = outbox.share_target_data(sky.owner, TO, sky.target)

    [row] = work(share)

    assert row.status == Delivery.Status.QUEUED
    assert Destination.objects.get(key=TO).paused
    attempt = Attempt.objects.get()
    assert "refused our API key" in attempt.note
    kept = f"{attempt.__dict__}{row.__dict__}{Destination.objects.get().__dict__}"
    assert "wrong-key-42" not in kept


def test_no_key_and_no_profile_is_in_any_row(sky: Sky, hermes: RemoteHermes) -> None:
    hermes.on(*ARCHIVE, misbehaviour.html(500))
    hermes.on(*SUBMIT, misbehaviour.html(502), exact=True, times=1)
    share = outbox.share_target_data(sky.owner, TO, sky.target)
    work(share)
    work(share)

    kept = str([attempt.__dict__ for attempt in Attempt.objects.all()])
    assert KEY not in kept
    assert "someone@survey.example" not in kept
