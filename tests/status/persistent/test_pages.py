"""The pages of persistent shares: what they show, what they do, and for whom."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from guardian.shortcuts import assign_perm
from tom_targets.models import PersistentShare, Target

from tests.delivery.asking import clicks
from tests.status.persistent.test_api import client, is_refused, sharer
from tests.support import persistent as saved
from tests.support import rows
from tom_share_worker.delivery.continuous import persistent
from tom_share_worker.models import Delivery, Destination, Failure, Share

pytestmark = pytest.mark.django_db

ALL = reverse("targets:persistent-share-manage-form")
KINDS = ["photometry", "spectroscopy", "astrometry", "generic"]


@pytest.fixture(autouse=True)
def _sharing(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING | {"other": clicks.PARTNER}


@pytest.fixture
def person() -> User:
    return sharer()


@pytest.fixture
def target(person: User) -> Target:
    return rows.target(person)


@pytest.fixture
def shared(person: User, target: Target) -> PersistentShare:
    return saved.persistent_share(person, target)


@pytest.fixture
def browser(person: User) -> Client:
    return client(person)


def of(target: Target) -> str:
    return reverse("targets:target-persistent-share-manage-form", args=[target.pk])


def own(row: PersistentShare, verb: str = "") -> str:
    name = f"persistent-share-{verb}" if verb else "persistent-share"
    return reverse(f"tom_share_worker:{name}", args=[row.pk])


def text(answer: Any) -> str:
    """Return the words of a page, without its tags."""
    body = re.sub(r"<(script|style).*?</\1>", " ", answer.content.decode(), flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def fields(**more: Any) -> dict[str, Any]:
    """Return what the form posts as it is opened."""
    return {"destination": "partner", "kinds": KINDS, "until": "", **more}


# --- making one -----------------------------------------------------------------------


def test_one_is_made_on_the_page_of_its_target(
    browser: Client, person: User, target: Target
) -> None:
    answer = browser.post(of(target), fields(), follow=True)

    made = PersistentShare.objects.get()
    assert (made.user, made.target_id, made.destination) == (
        person,
        target.pk,
        "partner",
    )
    assert persistent.terms(made).kinds == []
    assert persistent.terms(made).until is None
    assert not Share.objects.exists()
    said = "From now on, what is saved for SN 2026abc is shared with Partner TOM."
    assert said in text(answer)


def test_its_terms_are_as_asked_and_times_are_in_utc(
    browser: Client, target: Target, settings: Any
) -> None:
    settings.TIME_ZONE = "America/Santiago"
    asked = fields(kinds=["spectroscopy", "generic"], until="2050-03-01T12:30")

    browser.post(of(target), asked)

    terms = persistent.terms(PersistentShare.objects.get())
    assert terms.kinds == ["spectroscopy", "generic"]
    assert terms.until == datetime(2050, 3, 1, 12, 30, tzinfo=UTC)
    page = browser.get(own(PersistentShare.objects.get())).content.decode()
    assert 'value="2050-03-01T12:30"' in page


def test_what_there_is_goes_along_if_asked(browser: Client, target: Target) -> None:
    asked = fields(kinds=["photometry"], share_existing_data="on")

    browser.post(of(target), asked)

    share = Share.objects.get()
    assert str(share) == "Target SN 2026abc with all photometry to Partner TOM"
    assert share.persistent_share == PersistentShare.objects.get()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"kinds": []}, "Tick at least one type of data."),
        ({"until": "2020-01-01T00:00"}, "This time is over."),
        ({"destination": "nowhere"}, "nowhere is not one of the available choices"),
        ({"destination": "download"}, "download is not one of the available choices"),
    ],
)
def test_what_cannot_be_made_is_told_at_the_field(
    wrong: dict[str, Any], words: str, browser: Client, target: Target
) -> None:
    answer = browser.post(of(target), fields(**wrong))

    assert words in text(answer)
    assert not PersistentShare.objects.exists()


def test_a_second_one_is_refused_in_words(
    browser: Client, target: Target, shared: PersistentShare
) -> None:
    answer = browser.post(of(target), fields())

    assert "is shared with Partner TOM continuously already" in text(answer)
    assert PersistentShare.objects.count() == 1


def test_the_page_of_a_target_makes_none_for_another(
    browser: Client, person: User, target: Target
) -> None:
    other = rows.target(person, "SN 2026xyz")

    browser.post(of(target), fields(target=other.pk))

    assert PersistentShare.objects.get().target_id == target.pk


def test_on_the_page_of_all_the_target_is_named(
    browser: Client, target: Target
) -> None:
    hidden = rows.target(rows.person("owner"), "SN 2026xyz")

    refused = browser.post(ALL, fields(target=hidden.pk))
    browser.post(ALL, fields(target=target.pk))

    assert "There is no such target, or you may not change it." in text(refused)
    assert PersistentShare.objects.get().target_id == target.pk


def test_a_destination_for_another_group_is_not_offered(
    browser: Client, target: Target, settings: Any
) -> None:
    entry = clicks.PARTNER | {"GROUPS": ["partners"]}
    settings.DATA_SHARING = {"partner": entry, "other": clicks.PARTNER}

    page = browser.get(of(target)).content.decode()

    assert 'value="other"' in page
    assert 'value="partner"' not in page


# --- how it stands --------------------------------------------------------------------


def test_it_says_what_it_shares_and_what_came_of_it(
    browser: Client, target: Target, shared: PersistentShare
) -> None:
    persistent.limit(shared, ["photometry"], datetime(2050, 3, 1, tzinfo=UTC))
    saved.save_photometry(target, 2)
    saved.gather_later()

    for address in (of(target), ALL, own(shared)):
        page = browser.get(address)
        assert "Sharing" in text(page)
        assert Share.objects.get().get_absolute_url() in page.content.decode()
    listed = text(browser.get(of(target)))
    assert "Photometry 2050-03-01 00:00 sharer" in listed


def test_the_page_of_a_share_leads_to_the_persistent_share_that_asked(
    browser: Client, target: Target, shared: PersistentShare
) -> None:
    saved.save_photometry(target, 1)
    saved.gather_later()
    share = Share.objects.get()
    address = own(shared)

    page = browser.get(share.get_absolute_url())
    shared.delete()
    afterwards = browser.get(share.get_absolute_url())

    assert address in page.content.decode()
    assert "asked for on" in text(afterwards)


def test_a_pause_says_by_whom_and_what_waits(
    browser: Client, target: Target, shared: PersistentShare
) -> None:
    browser.post(own(shared, "pause"))
    saved.save_photometry(target, 2)

    for address in (of(target), own(shared)):
        said = text(browser.get(address))
        assert "Paused by sharer. 2 saved data points wait until it is resumed." in said

    browser.post(own(shared, "resume"))

    assert "Paused" not in text(browser.get(of(target)))
    assert not persistent.terms(shared).paused


def test_its_trouble_is_told_in_words(
    browser: Client, target: Target, shared: PersistentShare, settings: Any
) -> None:
    saved.save_photometry(target, 1)
    settings.DATA_SHARING = {"other": clicks.PARTNER}

    for address in (of(target), ALL, own(shared)):
        said = text(browser.get(address))
        assert "Stopped" in said
        assert "DATA_SHARING in settings.py no longer names &#x27;partner&#x27;" in said
        assert "1 saved data point waits until this is put right." in said


def test_what_waits_for_a_destination_that_is_away_says_so(
    browser: Client, target: Target, shared: PersistentShare
) -> None:
    Destination.objects.create(key="partner", failures=2, note="It refused.")
    saved.save_photometry(target, 1)

    said = text(browser.get(of(target)))

    assert "1 saved data point waits until Partner TOM takes deliveries again." in said


def test_why_the_last_share_did_not_arrive_is_told_with_the_cure(
    browser: Client, target: Target, shared: PersistentShare
) -> None:
    points = saved.save_photometry(target, 1)
    saved.gather_later()
    share = Share.objects.get()
    rows.delivery(
        share,
        photometry=points,
        status=Delivery.Status.FAILED,
        failure=Failure.NO_MATCHING_TARGET,
    )
    Share.objects.update(status=Share.Status.FAILED, planned=True)

    for address in (of(target), own(shared)):
        said = text(browser.get(address))
        assert "Its last share did not arrive, or not all of it." in said
        assert f"No matching target: {Failure.NO_MATCHING_TARGET.cure}" in said


def test_an_end_that_is_over_is_told(
    browser: Client, target: Target, shared: PersistentShare
) -> None:
    persistent.limit(shared, [], timezone.now() - timedelta(hours=1))

    assert "Ended" in text(browser.get(of(target)))


# --- changing it ----------------------------------------------------------------------


def test_its_terms_are_changed_on_its_page(
    browser: Client, shared: PersistentShare
) -> None:
    browser.post(own(shared), {"kinds": ["astrometry"], "until": "2050-03-01T00:00"})

    terms = persistent.terms(shared)
    assert terms.kinds == ["astrometry"]
    assert terms.until == datetime(2050, 3, 1, tzinfo=UTC)


def test_terms_can_be_saved_when_the_end_is_over(
    browser: Client, shared: PersistentShare
) -> None:
    """It is the browser's field that names it, not the person."""
    persistent.limit(shared, [], datetime(2020, 1, 1, tzinfo=UTC))

    browser.post(own(shared), {"kinds": ["astrometry"], "until": "2020-01-01T00:00"})

    assert persistent.terms(shared).kinds == ["astrometry"]


def test_setting_the_terms_keeps_the_pause(
    browser: Client, shared: PersistentShare
) -> None:
    browser.post(own(shared, "pause"))

    browser.post(own(shared), {"kinds": KINDS, "until": ""})

    assert persistent.terms(shared).paused


def test_what_it_has_now_is_shared_at_a_click(
    browser: Client, shared: PersistentShare
) -> None:
    answer = browser.post(own(shared, "existing"))

    assert answer["Location"] == Share.objects.get().get_absolute_url()


def test_it_is_deleted_at_a_click(
    browser: Client, target: Target, shared: PersistentShare
) -> None:
    answer = browser.post(own(shared, "delete"), follow=True)

    assert "is no longer shared with Partner TOM continuously" in text(answer)
    assert not PersistentShare.objects.exists()


@pytest.mark.parametrize("verb", ["pause", "resume", "delete"])
@pytest.mark.parametrize("page", ["all", "target", "own"])
def test_a_button_leads_back_to_where_it_was(
    page: str, verb: str, browser: Client, shared: PersistentShare
) -> None:
    if verb == "resume":
        persistent.pause(shared, shared.user)
    address = {"all": f"{ALL}?page=1", "target": of(shared.target), "own": own(shared)}
    form = BeautifulSoup(browser.get(address[page]).content, "html.parser").find(
        "form", action=own(shared, verb)
    )
    assert isinstance(form, Tag)
    asked = {box["name"]: box["value"] for box in form.find_all("input")}

    answer = browser.post(own(shared, verb), asked)

    # The page of what was deleted is no more.
    gone = (page, verb) == ("own", "delete")
    assert answer["Location"] == (of(shared.target) if gone else address[page])
    assert browser.get(answer["Location"]).status_code == 200


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", ""])
def test_a_button_leads_nowhere_else(
    elsewhere: str, browser: Client, shared: PersistentShare
) -> None:
    answer = browser.post(own(shared, "pause"), {"next": elsewhere})

    assert answer["Location"] == of(shared.target)


def test_a_persistent_share_is_edited_from_the_list(
    browser: Client, shared: PersistentShare
) -> None:
    page = BeautifulSoup(browser.get(ALL).content, "html.parser")

    link = page.find("a", string="Edit")

    assert isinstance(link, Tag)
    assert link["href"] == own(shared)


def test_it_is_said_that_files_do_not_go(browser: Client, target: Target) -> None:
    for address in (ALL, of(target)):
        shown = text(browser.get(address))
        assert "The files themselves are not sent" in shown
        assert "the data points it has now, too" in shown
        assert "Those of the types ticked above, without files." in shown
    assert "The number in the address of the target" in text(browser.get(ALL))


def test_nothing_is_done_by_following_a_link(
    browser: Client, shared: PersistentShare
) -> None:
    for verb in ("pause", "resume", "existing", "delete"):
        assert browser.get(own(shared, verb)).status_code == 405
    assert PersistentShare.objects.exists()


# --- for whom -------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["pause", "resume", "existing", "delete", ""])
def test_who_may_not_change_the_target_changes_nothing(verb: str) -> None:
    owner = rows.person("owner")
    viewable = rows.target(owner, "SN 2026xyz")
    row = saved.persistent_share(owner, viewable)
    persistent.pause(row, owner)
    looker = sharer("looker")
    assign_perm("tom_targets.view_target", looker, viewable)

    shown = client(looker).get(own(row))
    answer = client(looker).post(own(row, verb), {"kinds": ["generic"]})

    assert shown.status_code == 200
    assert "<button" not in shown.content.decode().split("Terms</h2>")[1]
    assert is_refused(answer)
    assert PersistentShare.objects.exists()
    assert persistent.terms(row).paused
    assert persistent.terms(row).kinds == []
    assert not Share.objects.exists()


@pytest.mark.parametrize(
    ("missing", "verb"),
    [("change", "pause"), ("change", "existing"), ("delete", "delete"), ("view", "")],
)
def test_each_verb_needs_the_hosts_permission(missing: str, verb: str) -> None:
    limited = sharer("limited", *({"view", "add", "change", "delete"} - {missing}))
    row = saved.persistent_share(limited, rows.target(limited))

    browser = client(limited)
    answer = browser.post(own(row, verb)) if verb else browser.get(own(row))

    assert is_refused(answer)
    assert PersistentShare.objects.exists()
    assert not persistent.terms(row).paused


def test_without_the_permission_to_add_there_is_no_form(target: Target) -> None:
    limited = sharer("limited", "view")
    target.give_user_access(limited)
    browser = client(limited)

    page = text(browser.get(of(target)))
    answer = browser.post(of(target), fields())

    assert "you need the permission to add persistent shares" in page
    assert is_refused(answer)
    assert not PersistentShare.objects.exists()


def test_without_the_permission_to_view_nothing_is_listed(
    target: Target, shared: PersistentShare
) -> None:
    limited = sharer("limited", "add")
    target.give_user_access(limited)

    for address in (of(target), ALL):
        page = text(client(limited).get(address))
        assert "You do not have the permission to view persistent shares." in page
        assert "Partner TOM" not in page.split("New persistent share")[0]


def test_those_of_hidden_targets_are_not_listed(browser: Client) -> None:
    """The host's page lists them."""
    owner = rows.person("owner")
    hidden = rows.target(owner, "SN 2026hidden")
    row = saved.persistent_share(owner, hidden)
    table = reverse("targets:persistent-share-manage-table")

    for address in (ALL, table):
        assert "hidden" not in text(browser.get(address))
    assert is_refused(browser.get(of(hidden)))
    assert browser.get(own(row)).status_code == 404


def test_visitors_are_led_to_the_login(shared: PersistentShare) -> None:
    target = shared.target
    table = reverse("targets:target-persistent-share-manage-table", args=[target.pk])
    for address in (ALL, of(target), table, own(shared)):
        answer = Client().get(address)
        assert answer.status_code == 302
        assert "/login/" in answer["Location"]


def test_the_hosts_scripts_get_the_table_alone(
    browser: Client, target: Target, shared: PersistentShare
) -> None:
    for address in (
        reverse("targets:persistent-share-manage-table"),
        reverse("targets:target-persistent-share-manage-table", args=[target.pk]),
    ):
        page = browser.get(address).content.decode()
        assert "Partner TOM" in page
        assert "<html" not in page


def test_shares_of_another_person_are_told_without_a_link(target: Target) -> None:
    maker = sharer("maker")
    target.give_user_access(maker)
    row = saved.persistent_share(maker, target)
    saved.save_photometry(target, 1)
    saved.gather_later()
    onlooker = sharer("onlooker")
    assign_perm("tom_targets.view_target", onlooker, target)

    listed = client(onlooker).get(of(target))
    shown = client(onlooker).get(own(row))

    assert ", queued" in text(listed)
    assert Share.objects.get().get_absolute_url() not in listed.content.decode()
    assert "The person who made this persistent share may see more" in text(shown)


def test_the_page_of_a_target_that_is_not_there_is_not_found(browser: Client) -> None:
    address = reverse("targets:target-persistent-share-manage-form", args=[999_999])

    assert browser.get(address).status_code == 404


def test_the_admin_of_the_host_shows_the_terms(shared: PersistentShare) -> None:
    admin = client(User.objects.create_superuser("admin"))
    address = reverse("admin:tom_targets_persistentshare_change", args=[shared.pk])

    page = text(admin.get(address))

    assert "Data saved later is not shared." in page
    assert "What is saved meanwhile waits." in page
