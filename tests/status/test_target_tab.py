"""The "Sharing" tab on the page of a target: what it shows, and to whom."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from guardian.shortcuts import assign_perm
from tom_targets.models import Target

from tests.status.conftest import browser, permitted
from tests.status.incoming.jobs import FAILED, job
from tests.support import rows
from tests.support.persistent import persistent_share, save_photometry
from tom_share_worker.delivery.continuous import persistent
from tom_share_worker.models import Delivery, Destination, Share
from tom_share_worker.status.target_history import SHOWN

pytestmark = pytest.mark.django_db


@pytest.fixture
def target(owner: User) -> Target:
    """A target that the owner may view and change."""
    return rows.target(owner, "SN 2026abc")


def url(target: Target, name: str = "target-sharing-tab") -> str:
    return reverse(f"tom_share_worker:{name}", kwargs={"pk": target.pk})


def tab(person: User | None, target: Target) -> str:
    """Return what htmx puts into the tab."""
    answer = browser(person).get(url(target), headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.content.decode()


def of_target(owner: User, target: Target, **columns: Any) -> Share:
    """Return a share of a target with one delivery that stands alike."""
    given = {"subject": f"All of {target.name}", "planned": True, "status": "running"}
    share = rows.share(owner, target=target, **given | columns)
    delivered = share.status == "delivered"
    link = "http://partner.invalid/targets/7/" if delivered else ""
    rows.delivery(share, status="delivered" if delivered else "queued", link=link)
    return share


def of_list(owner: User, *targets: Target, status: str = "delivered") -> Share:
    """Return a share of a list, with a delivery of each target."""
    share = rows.share(
        owner, kind=Share.Kind.TARGET_LIST, subject="Bulge list", planned=True
    )
    for target in targets:
        rows.delivery(
            share, target_id=target.pk, target_name=target.name, status=status
        )
    return share


def let_share_continuously(person: User) -> User:
    names = [f"{verb}_persistentshare" for verb in ("view", "add", "change")]
    person.user_permissions.add(*Permission.objects.filter(codename__in=names))
    return User.objects.get(pk=person.pk)


def test_what_a_closed_destination_holds_up_reads_waits(
    owner: User, target: Target
) -> None:
    of_target(owner, target)
    of_list(owner, target, status="queued")
    assert tab(owner, target).count(">Running</span>") == 2

    Destination.objects.create(key="partner", paused=True)
    assert tab(owner, target).count(">Waits</span>") == 2

    Delivery.objects.update(status="sending")
    assert tab(owner, target).count(">Running</span>") == 2


# --- the host's page ------------------------------------------------------------


def test_the_page_of_a_target_has_the_tab_and_leaves_it_empty(
    owner: User, target: Target
) -> None:
    of_target(owner, target, subject="All of it")

    page = browser(owner).get(reverse("targets:detail", kwargs={"pk": target.pk}))

    text = page.content.decode()
    assert 'id="sharing-tab" href="#sharing" role="tab"' in text
    assert f'hx-get="{url(target)}" hx-trigger="intersect once"' in text
    assert f'href="{url(target, "target-sharing")}"' in text, "without JavaScript"
    assert "All of it" not in text


def test_the_page_of_a_target_costs_no_query_more(owner: User, target: Target) -> None:
    of_target(owner, target)
    client = browser(owner)
    detail = reverse("targets:detail", kwargs={"pk": target.pk})
    client.get(detail)

    with CaptureQueriesContext(connection) as asked:
        client.get(detail)

    ours = [one["sql"] for one in asked if "tom_share_worker_" in one["sql"]]
    assert len(ours) == 1, "the badge's"


def test_anonymous_visitors_are_asked_to_log_in(owner: User) -> None:
    public = rows.target(owner, "Public", permissions="OPEN")
    of_target(owner, public, subject="All of it")

    page = browser(None).get(reverse("targets:detail", kwargs={"pk": public.pk}))

    assert "to see what you shared of this target" in page.content.decode()
    assert "/login/" in browser(None).get(url(public, "target-sharing"))["Location"]
    asked = browser(None).get(url(public), headers={"HX-Request": "true"})
    assert "All of it" not in asked.content.decode()
    assert "Location" not in asked, "the tab would show the login page"


@pytest.mark.parametrize("name", ["target-sharing-tab", "target-sharing"])
def test_a_target_one_may_not_view_does_not_exist(target: Target, name: str) -> None:
    stranger = permitted("stranger", "view_share", "view_ingestjob")

    assert browser(stranger).get(url(target, name)).status_code == 404


def test_the_page_of_its_own_shows_the_same(owner: User, target: Target) -> None:
    of_target(owner, target, subject="All of it")

    page = browser(owner).get(url(target, "target-sharing")).content.decode()

    assert "All of it" in page
    assert f'href="{reverse("targets:detail", kwargs={"pk": target.pk})}"' in page


# --- history --------------------------------------------------------------------


def test_a_share_is_told_with_status_destination_person_and_link_there(
    owner: User, target: Target
) -> None:
    share = of_target(owner, target, status="delivered")

    shown = tab(owner, target)

    assert f'<a href="{share.get_absolute_url()}">All of SN 2026abc</a>' in shown
    assert "Delivered</span>" in shown
    assert "Partner TOM" in shown
    assert f"{share.created:%Y-%m-%d %H:%M}" in shown
    assert "by owner</div>" in shown
    assert 'href="http://partner.invalid/targets/7/"' in shown


def test_of_a_list_the_fate_of_this_target_is_told(owner: User, target: Target) -> None:
    other = rows.target(owner, "Other")
    share = of_list(owner, other)
    rows.delivery(
        share, target_id=target.pk, status="failed", failure="ambiguous target"
    )

    assert "Waits for a person</span>" in tab(owner, target)
    assert "Delivered</span>" in tab(owner, other)
    assert f'<a href="{share.get_absolute_url()}">Bulge list</a>' in tab(owner, other)


def test_data_of_a_target_is_summed_up_to_one_line(owner: User, target: Target) -> None:
    share = of_list(owner, target)
    for status in ("delivered", "failed", "delivered"):
        rows.delivery(
            share, target_id=target.pk, status=status, kind=Delivery.Kind.DATUMS
        )

    shown = tab(owner, target)

    assert shown.count("Bulge list") == 1
    assert "Partly delivered</span>" in shown


def test_the_newest_come_first_and_the_rest_is_a_click_away(
    owner: User, target: Target
) -> None:
    for n in range(SHOWN + 2):
        make = of_target if n % 2 else of_list
        share = make(owner, target)
        Share.objects.filter(pk=share.pk).update(subject=f"Number {n:02}")

    shown = tab(owner, target)

    found = [n for n in range(SHOWN + 2) if f"Number {n:02}<" in shown]
    assert found == list(range(2, SHOWN + 2))
    assert shown.index("Number 11<") < shown.index("Number 10<") < shown.index("02<")
    assert f"{reverse('tom_share_worker:share-list')}?target={target.pk}" in shown


def test_the_list_behind_it_has_all_of_this_target_and_nothing_else(
    owner: User, target: Target
) -> None:
    other = rows.target(owner, "Other")
    of_target(owner, target, subject="Of the target")
    of_list(owner, target, other)
    of_target(owner, other, subject="Of the other")
    job(owner, target, file_name="mine.csv")
    job(owner, other, file_name="not-this.csv")

    def listed(name: str) -> str:
        address = f"{reverse(f'tom_share_worker:{name}')}?target={target.pk}"
        return browser(owner).get(address).content.decode()

    shares, incoming = listed("share-list"), listed("ingest-job-list")
    assert "Of the target" in shares
    assert "Bulge list" in shares
    assert "Of the other" not in shares
    assert "mine.csv" in incoming
    assert "not-this.csv" not in incoming
    for page in (shares, incoming):
        assert "Only of the target" in page
        assert f'name="target" value="{target.pk}"' in page, "kept by the form"


@pytest.mark.parametrize("pk", ["0", "99999999999999999999", "1.5", "x", "NaN"])
def test_a_list_of_a_target_that_is_none_is_still_a_page(owner: User, pk: str) -> None:
    for name in ("share-list", "ingest-job-list"):
        address = f"{reverse(f'tom_share_worker:{name}')}?target={pk}"
        assert browser(owner).get(address).status_code == 200


def test_a_list_does_not_tell_the_name_of_a_target_one_may_not_view(
    target: Target,
) -> None:
    stranger = permitted("stranger", "view_share")

    page = browser(stranger).get(
        f"{reverse('tom_share_worker:share-list')}?target={target.pk}"
    )

    assert target.name not in page.content.decode()


def test_others_shares_are_seen_by_whom_visibility_lets(
    owner: User, target: Target
) -> None:
    of_target(owner, target, subject="All of it")
    looker = rows.person("looker")
    assign_perm("tom_targets.view_target", looker, target)
    viewer = permitted("viewer", "view_share")
    assign_perm("tom_targets.view_target", viewer, target)

    assert "All of it" not in tab(looker, target)
    assert "All of it" in tab(viewer, target)


def test_who_may_change_a_target_sees_its_part_of_a_list_of_others(
    target: Target,
) -> None:
    colleague = rows.person("colleague")
    secret = rows.target(colleague, "Secret")
    share = of_list(colleague, target, secret)
    assign_perm("tom_targets.view_target", colleague, target)
    keeper = rows.person("owner")

    shown = tab(keeper, target)

    delivery = share.deliveries.get(target=target)
    where = reverse("tom_share_worker:delivery-detail", kwargs={"pk": delivery.pk})
    assert f'<a href="{where}">1 delivery of a share of several targets</a>' in shown
    assert browser(keeper).get(where).status_code == 200
    assert "Bulge list" not in shown
    assert "Secret" not in shown
    assert share.get_absolute_url() not in shown


def test_nothing_shared_yet_is_told(owner: User, target: Target) -> None:
    assert "Nothing of this target was shared yet that you may see." in tab(
        owner, target
    )


# --- buttons, persistent shares, incoming data ----------------------------------


def test_the_buttons_are_there_for_those_who_may(
    owner: User, target: Target, settings: Any
) -> None:
    share = f'href="{reverse("targets:share", kwargs={"pk": target.pk})}"'
    assert share in tab(owner, target)
    assert "Share continuously" not in tab(owner, target)
    assert "Share continuously" in tab(let_share_continuously(owner), target)

    settings.TOM_SHARE_WORKER = {"SHARE_PERMISSION": "delete_target"}
    looker = let_share_continuously(rows.person("looker"))
    assign_perm("tom_targets.view_target", looker, target)
    assert share not in tab(looker, target)
    assert "Share continuously" not in tab(looker, target)


def test_persistent_shares_are_told_with_their_state_and_link(
    owner: User, target: Target
) -> None:
    let_share_continuously(owner)
    row = persistent_share(owner, target)
    where = reverse("tom_share_worker:persistent-share", kwargs={"pk": row.pk})

    assert f'<a href="{where}">Partner TOM</a>' in tab(owner, target)
    assert "Sharing</span>" in tab(owner, target)
    persistent.pause(row, owner)
    save_photometry(target, 2)
    shown = tab(owner, target)
    assert "Paused</span>" in shown
    assert "2 saved data points wait until it is resumed." in shown


def test_a_persistent_share_that_may_no_longer_share_is_stopped(
    owner: User, target: Target
) -> None:
    let_share_continuously(owner)
    persistent_share(rows.person("somebody-else"), target)

    shown = tab(owner, target)

    assert "Stopped</span>" in shown
    assert "That person may no longer view or share SN 2026abc." in shown


def test_persistent_shares_are_not_for_those_without_the_permission(
    owner: User, target: Target
) -> None:
    persistent_share(owner, target)

    assert "Continuous sharing" not in tab(owner, target)


def test_incoming_data_is_told_while_it_waits_and_when_it_failed(
    owner: User, target: Target
) -> None:
    job(owner, target, file_name="waits.csv")
    job(owner, target, file_name="broken.csv", **FAILED)
    job(owner, target, file_name="fine.csv", status="done")
    job(owner, rows.target(owner, "Other"), file_name="of-another.csv")

    shown = tab(owner, target)

    assert "waits.csv" in shown
    assert "It waits for a worker." in shown
    assert "broken.csv" in shown
    assert "Unreadable file: Line 3 has no magnitude." in shown
    assert "fine.csv" not in shown
    assert "of-another.csv" not in shown


def test_what_others_sent_is_not_shown_to_who_only_looks(
    owner: User, target: Target
) -> None:
    job(owner, target, file_name="waits.csv")
    looker = rows.person("looker")
    assign_perm("tom_targets.view_target", looker, target)

    assert "waits.csv" not in tab(looker, target)


def test_many_rows_take_no_more_queries_than_a_few(
    owner: User, target: Target, settings: Any
) -> None:
    let_share_continuously(owner)

    def queries() -> int:
        client = browser(owner)
        client.get(url(target))
        with CaptureQueriesContext(connection) as asked:
            assert client.get(url(target)).status_code == 200
        return len(asked)

    def fill(count: int) -> None:
        for _ in range(count):
            of_target(owner, target)
            of_list(owner, target)
            job(owner, target, **FAILED)
            key = f"more-{len(settings.DATA_SHARING)}"
            entry = settings.DATA_SHARING["partner"]
            settings.DATA_SHARING = settings.DATA_SHARING | {key: entry}
            persistent_share(owner, target, key)

    fill(1)
    few = queries()
    fill(6)

    assert queries() == few
    assert few < 50
