"""Each cause of failure has one button that cures it, or tells who can."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth.models import User
from django.urls import reverse
from guardian.shortcuts import assign_perm

from tests.status.conftest import browser, partly_refused, permitted
from tests.support import rows
from tom_share_worker.models import Delivery, Destination, Failure, RemoteTarget, Share


def failed(share: Share, failure: str, count: int = 1) -> list[Delivery]:
    return [
        rows.delivery(share, status="failed", failure=failure) for _ in range(count)
    ]


def cards(person: User, share: Share) -> dict[str, Any]:
    """Return the cards of the share's page by their headings."""
    page = browser(person).get(share.get_absolute_url()).content
    found = BeautifulSoup(page, "html.parser").select(".card")
    return {card.h3.text: card for card in found if card.h3}


def pressed(person: User, share: Share, title: str) -> Any:
    """Press the button of a card, and return the answer."""
    form = cards(person, share)[title].form
    fields = {field["name"]: field["value"] for field in form.select("input")}
    return browser(person).post(form["action"], fields, follow=True)


@pytest.mark.parametrize("failure", sorted(set(Failure) - {Failure.NO_MATCHING_TARGET}))
def test_a_cause_is_retried_alone(owner: User, share: Share, failure: str) -> None:
    other = Failure.DESTINATION_DOWN
    if failure == other:
        other = Failure.OUR_FAULT
    failed(share, failure, 3)
    left = failed(share, other)[0]
    title = f"{failure.capitalize()}: 3 deliveries"

    label = cards(owner, share)[title].button.text
    answer = pressed(owner, share, title)

    assert label == "Retry these 3 deliveries now"
    assert "3 deliveries will be sent now." in answer.content.decode()
    assert list(Delivery.objects.exclude(status="queued")) == [left]


def retry_buttons(person: User, share: Share) -> list[str]:
    """Return what the buttons on the share's page say that retry something."""
    page = browser(person).get(share.get_absolute_url()).content
    buttons = BeautifulSoup(page, "html.parser").select("form[action$='/retry/']")
    return [form.button.text for form in buttons if form.button]


def test_one_cause_alone_has_one_button(owner: User, share: Share) -> None:
    failed(share, "our fault")
    rows.delivery(share, status="delivered")
    rows.delivery(share)
    assert retry_buttons(owner, share) == ["Retry it now"]

    failed(share, "destination down", 2)
    both = ["Retry these 2 deliveries now", "Retry it now", "Retry"]
    assert retry_buttons(owner, share) == both


@pytest.mark.parametrize(
    "other",
    [
        {"status": "cancelled"},
        {"status": "queued", "failure": "destination down", "attempt_count": 1},
    ],
)
def test_what_did_not_arrive_otherwise_has_the_button_of_the_whole_share(
    owner: User, share: Share, other: dict[str, Any]
) -> None:
    failed(share, "our fault")
    rows.delivery(share, **other)

    assert retry_buttons(owner, share) == ["Retry it now", "Retry"]


def test_what_was_not_planned_to_its_end_is_retried_as_a_whole(
    owner: User, share: Share
) -> None:
    failed(share, "our fault")
    Share.objects.update(planned=False, status="cancelled")

    assert retry_buttons(owner, share) == ["Retry it now", "Retry"]


def test_refused_data_is_one_cause_whether_others_arrived_or_not(
    owner: User, share: Share
) -> None:
    partly = partly_refused(share, refused=2, delivered=1)
    whole = failed(share, "refused data")[0]
    title = (
        "Refused data: 1 delivery, and 2 data points in 1 delivery, whose other data "
        "arrived"
    )

    pressed(owner, share, title)

    assert set(Delivery.objects.filter(status="queued")) == {partly, whole}


def test_a_choice_is_offered_where_one_is_waited_for(owner: User) -> None:
    target = rows.target(owner)
    share = rows.share(owner, target=target, planned=True, status="failed")
    failed(share, "ambiguous target")
    known = RemoteTarget.objects.create(
        destination="partner",
        target=target,
        candidates=[{"id": "7"}, {"id": "8"}],
    )

    card = cards(owner, share)["Ambiguous target: 1 delivery"]

    choice = reverse("tom_share_worker:target-choice", args=[known.pk])
    button = card.select_one("a.btn-primary")
    assert button.text == "Choose the target"
    assert button["href"].startswith(choice)
    assert card.form is None


def test_where_the_target_is_missing_there_it_is_shared_with_its_data(
    owner: User,
) -> None:
    target = rows.target(owner, "SN 2026abc")
    share = rows.share(owner, target=target, planned=True, status="failed")
    failed(share, "no matching target")

    answer = pressed(owner, share, "No matching target: 1 delivery")

    made = Share.objects.latest("pk")
    assert answer.redirect_chain[-1][0] == made.get_absolute_url()
    assert made.kind == Share.Kind.TARGET
    assert made.subject == "Target SN 2026abc with all data points"
    assert Delivery.objects.get().status == "failed"


def test_who_may_resume_a_paused_destination_does_both_at_once(owner: User) -> None:
    keeper = permitted("keeper", "view_share", "change_share", "change_destination")
    share = _paused_share(owner, keeper)
    title = "Destination down: 2 deliveries"

    label = cards(keeper, share)[title].button.text
    pressed(keeper, share, title)

    assert label == "Resume Partner TOM, and retry these 2 deliveries now"
    assert not Destination.objects.get().paused
    assert set(Delivery.objects.values_list("status", flat=True)) == {"queued"}


def test_who_may_not_resume_it_reads_who_can(owner: User) -> None:
    share = _paused_share(owner)
    title = "Destination down: 2 deliveries"

    card = cards(owner, share)[title]
    page = browser(owner).get(share.get_absolute_url()).content.decode()
    pressed(owner, share, title)
    forged = browser(owner).post(
        reverse("tom_share_worker:share-retry", args=[share.pk]), {"resume": "1"}
    )

    assert card.button.text == "Retry these 2 deliveries"
    assert "they go on when an administrator of this TOM resumes them." in page
    assert forged["Location"].startswith("/accounts/login/")
    assert Destination.objects.get().paused


def test_who_may_only_see_reads_who_can_retry(owner: User) -> None:
    target = rows.target(owner)
    share = rows.share(owner, target=target, planned=True, status="failed")
    failed(share, "our fault")
    colleague = rows.person("colleague")
    for verb in ("view", "change"):
        assign_perm(f"tom_targets.{verb}_target", colleague, target)

    card = cards(colleague, share)["Our fault: 1 delivery"]

    assert card.button is None
    assert "Who asked for it can retry it, and operators of this TOM." in card.text


def test_a_card_leads_to_its_deliveries(owner: User, share: Share) -> None:
    failed(share, "our fault", 2)
    failed(share, "destination down")
    partly_refused(share, refused=1, delivered=1)
    client = browser(owner)

    def shown(cause: str) -> int:
        page = client.get(share.get_absolute_url(), {"cause": cause})
        return len(page.context["table"].paginated_rows)

    link = cards(owner, share)["Our fault: 2 deliveries"].select("a")[-1]
    assert link["href"] == f"{share.get_absolute_url()}?cause=our%20fault#deliveries"
    assert shown("our fault") == 2
    assert shown("destination down") == 1
    assert shown("refused data") == 1
    assert shown("no such cause") == 4


def _paused_share(owner: User, *viewers: User) -> Share:
    target = rows.target(owner)
    for person in viewers:
        assign_perm("tom_targets.view_target", person, target)
    share = rows.share(owner, target=target, planned=True, status="failed")
    failed(share, "destination down", 2)
    Destination.objects.create(
        key="partner", paused=True, paused_by_person=True, paused_by=owner
    )
    return share
