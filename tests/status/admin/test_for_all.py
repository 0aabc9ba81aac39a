"""Verbs for all that match the filter of a list: asked, confirmed, done, followed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.operating.test_bulk import failed
from tests.status.admin.conftest import changelist, page
from tests.status.conftest import browser, permitted
from tests.status.incoming import jobs
from tests.support import rows
from tom_share_worker.models import BulkAction, Delivery, Destination, Share
from tom_share_worker.operating import bulk

pytestmark = pytest.mark.django_db


def button(text: str) -> str:
    """Return the address of the button for all that match."""
    found = re.search(r'<a class="button" href="([^"]*)">(?:Retry|Reprocess) all', text)
    assert found is not None, "there is no such button"
    return found[1].replace("&amp;", "&")


def confirmed(client: Client, address: str) -> Any:
    """Press the button, then the one on the page that asks."""
    asked = client.get(address).content.decode()
    action = re.search(r'<form method="post" action="([^"]*)">', asked)
    filters = re.search(r'name="filters" value="([^"]*)"', asked)
    assert action is not None, asked
    assert filters is not None
    body = {"filters": filters[1].replace("&quot;", '"')}
    return client.post(action[1], body, follow=True)


def test_a_night_of_failures_takes_three_clicks(client: Client, share: Share) -> None:
    failed(share, 150)
    failed(rows.share(share.user, destination="other"), 3)
    listed = changelist("delivery", status="failed", destination="partner")

    shown = client.get(listed).content.decode()
    assert "Retry all 150 that match" in shown
    asked = client.get(button(shown)).content.decode()
    assert "Retry 150 deliveries?" in asked
    assert "deliveries to Partner TOM, failed" in asked
    assert re.search(r'<th scope="row">Partner TOM</th><td[^>]*>150</td>', asked)
    assert "in the background" in asked
    answer = confirmed(client, button(shown))

    action = BulkAction.objects.get()
    assert answer.redirect_chain[-1][0] == page("bulkaction", action.pk)
    progress = answer.content.decode()
    assert "<strong>Queued</strong>: 0 of 150 deliveries done (0 %)." in progress
    assert "No worker has ever been seen." in progress
    assert "Cancel: do no more of it" in progress
    bulk.run(action.pk)
    assert (
        Delivery.objects.filter(status="queued", destination="partner").count() == 150
    )
    over = client.get(page("bulkaction", action.pk)).content.decode()
    assert "150 deliveries will be sent again." in over
    assert "hx-get" not in over
    assert "Cancel: do no more of it" not in over


def test_a_few_are_done_at_once_and_each_is_on_record(
    client: Client, share: Share
) -> None:
    failed(share, 3)

    shown = client.get(changelist("delivery", status="failed")).content.decode()
    answer = confirmed(client, button(shown))

    assert "3 deliveries will be sent now." in answer.content.decode()
    assert not BulkAction.objects.exists()
    entries = LogEntry.objects.filter(user__username="admin", change_message="Retried.")
    assert entries.count() == 3
    history = client.get(page("delivery", Delivery.objects.all()[0].pk, "history"))
    assert "Retried." in history.content.decode()


def test_the_admins_own_select_all_leads_to_the_same_question(
    client: Client, share: Share
) -> None:
    failed(share, 60)
    listed = changelist("delivery", status="failed", o="-1", p="1")
    chosen = [Delivery.objects.all()[0].pk]

    answer = client.post(
        listed,
        {"action": "retry", "_selected_action": chosen, "select_across": "1"},
        follow=True,
    )

    assert "Retry 60 deliveries?" in answer.content.decode()
    assert Delivery.objects.filter(status="failed").count() == 60


def test_a_large_selection_is_asked_about_and_goes_to_a_worker(
    client: Client, share: Share
) -> None:
    failed(share, 120)
    chosen = list(Delivery.objects.values_list("pk", flat=True))

    answer = client.post(
        changelist("delivery"), {"action": "cancel", "_selected_action": chosen}
    )

    assert "Not in a state for it: 120 deliveries." in answer.content.decode()
    answer = client.post(
        changelist("delivery"), {"action": "retry", "_selected_action": chosen}
    )
    assert "120 deliveries chosen one by one" in answer.content.decode()


def test_what_is_in_no_state_for_it_and_a_pause_are_told_before(
    client: Client, share: Share
) -> None:
    admin = User.objects.get(username="admin")
    Destination.objects.create(
        key="partner", paused=True, paused_by_person=True, paused_by=admin
    )
    failed(share, 2)
    rows.delivery(share, status="delivered")

    shown = client.get(changelist("delivery", destination="partner")).content.decode()
    asked = client.get(button(shown)).content.decode()

    assert "Retry 2 deliveries?" in asked
    assert "Left alone, as not in a state for it: 1 delivery." in asked
    assert "were paused by admin" in asked


def test_incoming_files_are_reprocessed(client: Client, owner: User) -> None:
    jobs.job(owner, **jobs.FAILED)
    jobs.job(owner, **jobs.DONE)

    shown = client.get(changelist("ingestjob", failure="unreadable file"))
    answer = confirmed(client, button(shown.content.decode()))

    assert "1 ingest job will be processed again." in answer.content.decode()


def test_shares_of_a_requester_are_retried(client: Client, owner: User) -> None:
    for person in (owner, rows.person("other")):
        share = rows.share(person, planned=True, status="failed", ended=timezone.now())
        failed(share, 1)

    shown = client.get(changelist("share", user="owner")).content.decode()
    answer = confirmed(client, button(shown))

    assert "1 share will be sent now." in answer.content.decode()
    assert Share.objects.get(status="running").user == owner


def test_without_a_filter_no_button_tempts(client: Client, share: Share) -> None:
    failed(share, 2)

    assert "that match" not in client.get(changelist("delivery")).content.decode()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filters": "no"},
        {"filters": "[]"},
        {"filters": json.dumps({"state": "failed"})},
        {"filters": json.dumps({"since": "soon"})},
    ],
)
def test_a_forged_question_does_nothing(
    client: Client, share: Share, body: dict[str, Any]
) -> None:
    failed(share, 2)
    address = page_for_all("delivery", "retry")

    answer = client.post(address, body, follow=True)

    assert "Nothing was done." in answer.content.decode()
    assert Delivery.objects.filter(status="failed").count() == 2


def page_for_all(model: str, verb: str) -> str:
    return f"{changelist(model)}all/{verb}/"


@pytest.mark.parametrize("verb", ["retry", "cancel", "reprocess", "delete"])
@pytest.mark.parametrize("codenames", [(), ("view_share", "view_delivery")])
def test_who_may_only_view_acts_on_nothing(
    share: Share, codenames: tuple[str, ...], verb: str
) -> None:
    failed(share, 2)
    client = browser(permitted("viewer", *codenames, is_staff=True))
    body = {"filters": json.dumps({"status": "failed"})}

    for answer in (
        client.get(page_for_all("delivery", verb)),
        client.post(page_for_all("delivery", verb), body),
    ):
        assert answer["Location"].startswith("/accounts/login")
    assert not BulkAction.objects.exists()
    assert Delivery.objects.filter(status="failed").count() == 2


def test_operators_act_on_what_they_may_see(owner: User) -> None:
    seen, hidden = rows.target(owner, "M31"), rows.target(owner, "SN 2026secret")
    for target in (seen, hidden):
        share = rows.share(owner, target=target, planned=True, status="failed")
        failed(share, 1, target_id=target.pk, target_name=target.name)
    operator = permitted("operator", "operate", is_staff=True)
    seen.give_user_access(operator)
    client = browser(operator)

    shown = client.get(changelist("delivery", status="failed")).content.decode()
    answer = confirmed(client, button(shown))

    assert "Retry all 1 that match" in shown
    assert "1 delivery will be sent now." in answer.content.decode()
    assert Delivery.objects.get(status="queued").target_id == seen.pk


class TestTheProgress:
    """What the page of a bulk action asks for every second."""

    @pytest.fixture
    def action(self, share: Share, client: Client) -> BulkAction:
        failed(share, 2)
        admin = User.objects.get(username="admin")
        return bulk.ask(admin, "retry", "deliveries", {"status": "failed"})

    def test_it_goes_on_until_the_end(self, client: Client, action: BulkAction) -> None:
        address = page("bulkaction", action.pk, "progress")

        before = client.get(address)
        bulk.run(action.pk)
        after = client.get(address)

        assert "0 of 2 deliveries done" in before.content.decode()
        assert "HX-Refresh" not in before
        assert after["HX-Refresh"] == "true"
        assert "no-store" in after["Cache-Control"]

    def test_it_is_cancelled(self, client: Client, action: BulkAction) -> None:
        address = page("bulkaction", action.pk, "cancel")

        assert client.get(address).status_code == 405
        answer = client.post(address, follow=True).content.decode()

        assert "It is cancelled; what was done stays done." in answer
        action.refresh_from_db()
        assert action.status == "cancelled"
        assert (
            "nothing was cancelled"
            in client.post(address, follow=True).content.decode()
        )

    def test_others_do_not_cancel_it(self, action: BulkAction) -> None:
        viewer = browser(permitted("viewer", "view_bulkaction", is_staff=True))
        stranger = browser(permitted("stranger", "view_share", is_staff=True))

        shown = viewer.get(page("bulkaction", action.pk)).content.decode()
        viewer.post(page("bulkaction", action.pk, "cancel"))
        stranger.post(page("bulkaction", action.pk, "cancel"))

        assert "0 of 2 deliveries done" in shown
        assert "do no more of it" not in shown
        action.refresh_from_db()
        assert action.status == "queued"
        assert stranger.get(page("bulkaction", action.pk)).status_code == 302

    def test_a_search_is_told_to_who_asked_only(self, share: Share) -> None:
        admin = permitted("asker", is_staff=True, is_superuser=True)
        action = bulk.ask(admin, "retry", "deliveries", {"search": "SN 2026secret"})
        viewer = browser(permitted("viewer", "view_bulkaction", is_staff=True))

        own = browser(admin).get(page("bulkaction", action.pk)).content.decode()
        theirs = viewer.get(page("bulkaction", action.pk)).content.decode()
        listed = viewer.get(changelist("bulkaction")).content.decode()

        assert "SN 2026secret" in own
        assert "SN 2026secret" not in theirs + listed
        assert "Retry deliveries, narrowed further" in theirs
        assert "Retry deliveries, narrowed further" in listed

    def test_whose_session_ended_is_told_in_place(self, action: BulkAction) -> None:
        answer = Client().get(page("bulkaction", action.pk, "progress"))

        assert answer.status_code == 286
        assert "You are logged out." in answer.content.decode()


@pytest.mark.parametrize(("codename", "asks"), [("operate", False), ("change", True)])
def test_who_may_resume_is_told_what_to_mend_and_others_whom_to_ask(
    share: Share, codename: str, asks: bool
) -> None:
    rights = ["view_share", f"{codename}_delivery" if asks else codename]
    person = permitted("keeper", *rights, "view_delivery", is_staff=True)
    target = rows.target(person)
    Share.objects.update(target=target)
    failed(share, 2, target=target)
    Destination.objects.create(key="partner", paused=True, note="Wrong password.")

    listed = browser(person).get(changelist("delivery", status="failed"))
    asked = browser(person).get(button(listed.content.decode())).content.decode()

    assert ("ask an administrator" in asked) is asks
    assert ("Correct the account in DATA_SHARING" in asked) is not asks
