"""The overview as people see it: who may, what they find there, and what it costs."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from plotly import offline

from tests.status.conftest import browser, permitted
from tests.status.operations.conftest import address, failed, text
from tests.support import rows
from tom_share_worker.models import (
    BulkAction,
    ConnectionTest,
    Destination,
    IngestJob,
    Share,
    Worker,
)

pytestmark = pytest.mark.django_db

PARTS = ("changelist", "live", "charts")
LOGIN = "/accounts/login/"
INDEX = reverse("admin:index")
DESTINATIONS = reverse("tom_share_worker:destination-list")


def page(client: Client, url: str = "") -> str:
    return client.get(url or address()).content.decode()


@pytest.fixture
def busy(share: Share) -> None:
    """Something of everything that the overview shows with a button."""
    failed(share, 2, "destination down")
    failed(share, 1, "ambiguous target")
    Destination.objects.create(key="partner", paused=True, note="Refused.")
    IngestJob.objects.create(
        file_name="a.csv",
        data_product_type="photometry",
        next_attempt_at=timezone.now(),
        ended=timezone.now(),
        status="failed",
        failure="time limit",
    )


def test_staff_with_a_permission_to_view_see_it_and_others_do_not(
    viewer: User, operator: User
) -> None:
    for person in (viewer, operator):
        answers = [browser(person).get(address(part)) for part in PARTS]
        assert [answer.status_code for answer in answers] == [200, 200, 200]

    staff = permitted("staff", is_staff=True)
    no_staff = permitted("keeper", "change_destination", "view_share")
    others: list[User | None] = [staff, no_staff, rows.person("astronomer"), None]
    for other in others:
        client = browser(other)
        # The host leads whoever meets a 403 to its login page, as the admin strangers.
        answer = client.get(address())
        assert answer.status_code == 302
        assert "login" in answer["Location"]
        # What is asked by htmx again and again ends there.
        for part in ("live", "charts"):
            answer = client.get(address(part))
            assert answer.status_code == 286
            assert "logged out" in answer.content.decode()
            assert "Partner TOM" not in answer.content.decode()


def test_the_index_of_the_admin_leads_there_those_who_may(
    viewer: User, client: Client
) -> None:
    for browsing in (client, browser(viewer)):
        assert f'href="{address()}"' in page(browsing, INDEX)
        app = page(browsing, reverse("admin:app_list", args=["tom_share_worker"]))
        assert "Task status: what waits" in app
    names = [model["name"] for model in _models(client)]
    assert names[0] == "At a glance: task status"
    assert address() not in page(browser(permitted("staff", is_staff=True)), INDEX)


def _models(client: Client) -> list[Any]:
    apps = client.get(INDEX).context["app_list"]
    found: list[Any] = next(a for a in apps if a["app_label"] == "tom_share_worker")[
        "models"
    ]
    return found


def test_the_page_of_the_destinations_leads_there_those_who_may(
    operator: User, client: Client
) -> None:
    assert address() in page(client, DESTINATIONS)
    assert address() in page(browser(operator), DESTINATIONS)
    keeper = browser(permitted("keeper", "change_destination"))
    assert address() not in page(keeper, DESTINATIONS)


@pytest.mark.usefixtures("busy")
def test_who_may_only_look_finds_numbers_and_no_buttons(viewer: User) -> None:
    client = browser(viewer)
    found = page(client)

    assert "Destination down: 2 deliveries" in text(client)
    assert "List them" in found
    for part in ("retry", "reprocess", "pause", "resume", "test"):
        assert f'"{address(part)}' not in found
    live = found.split('id="share-live"')[1]
    assert "<form" not in live


@pytest.mark.usefixtures("busy")
def test_an_operator_finds_all_buttons_that_make_sense(operator: User) -> None:
    found = page(browser(operator))

    for part in ("retry", "reprocess", "resume", "test"):
        assert f'"{address(part)}' in found
    # What is paused already is not paused again.
    assert f'"{address("pause")}' not in found
    Destination.objects.update(paused=False)
    found = page(browser(operator))
    assert f'"{address("pause")}?destination=partner"' in found
    assert f'"{address("resume")}"' not in found


@pytest.mark.parametrize(
    ("codename", "buttons"),
    [
        ("change_share", {"retry"}),
        ("change_destination", {"test", "resume"}),
        ("change_ingestjob", {"reprocess"}),
    ],
)
@pytest.mark.usefixtures("busy")
def test_each_permission_to_change_brings_its_own_buttons(
    codename: str, buttons: set[str]
) -> None:
    found = page(browser(permitted("some", codename, is_staff=True)))

    parts = ("retry", "reprocess", "pause", "resume", "test")
    assert {part for part in parts if f'"{address(part)}' in found} == buttons


def test_it_warns_with_the_command_when_no_worker_is_there(client: Client) -> None:
    assert "No worker that sends deliveries has ever been seen." in text(client)
    assert "<code>python manage.py share_worker</code>" in page(client)

    now = timezone.now()
    Worker.objects.create(name="a worker", started=now, seen=now, ingests=True)
    shown = text(client)
    assert "No worker" not in shown
    assert "a worker yes sends deliveries and reads incoming files" in shown


def test_names_of_targets_never_appear(client: Client, owner: User) -> None:
    target = rows.target(owner, "SN 2026secret")
    share = rows.share(owner, target=target, subject=target.name, planned=True)
    failed(share, 2, "destination down")
    rows.delivery(share)
    BulkAction.objects.create(
        verb="retry",
        rows="deliveries",
        filters={"search": "SN 2026secret"},
        described="deliveries with “SN 2026secret”",
        asked_by=owner,
    )

    assert "Destination down: 2 deliveries" in text(client)
    assert "2026secret" not in page(client)


def test_what_people_wrote_is_shown_as_text(client: Client) -> None:
    Destination.objects.create(
        key="partner", paused=True, paused_by_person=True, note="<b>No</b>"
    )

    found = page(client)

    assert "&lt;b&gt;No&lt;/b&gt;" in found
    assert "<b>No" not in found


@pytest.mark.usefixtures("busy")
def test_the_live_part_and_the_charts_are_those_of_the_page(client: Client) -> None:
    whole = page(client)

    for part, begin in (("live", "share-live"), ("charts", "share-charts")):
        asked = re.search(rf'id="{begin}" hx-get="([^"]+)"', whole)
        assert asked is not None
        answer = client.get(asked[1].replace("&amp;", "&"))
        assert "no-store" in answer["Cache-Control"]
        headings = re.findall(r"<h[23][^>]*>([^<]+)", answer.content.decode())
        assert headings
        assert all(heading in whole for heading in headings), part
    # New numbers do not bring the charts anew.
    assert "share-plot" not in page(client, address("live"))


def test_the_charts_of_another_period_are_asked_for_by_an_address(
    client: Client,
) -> None:
    for key, name in (("hour", "Last hour"), ("week", "Last 7 days")):
        answer = client.get(address("charts"), {"period": key}).content.decode()
        current = re.search(r'aria-current="true"[^>]*>([^<]+)', answer)
        assert current is not None
        assert current[1] == name
    unknown = client.get(address(), {"period": "<x>"}).content.decode()
    assert 'id="period-day" aria-current="true"' in unknown


def test_no_script_of_another_site_or_within_the_page_is_needed(
    client: Client,
) -> None:
    found = page(client)

    scripts = re.findall(r"<script([^>]*)>", found)
    for attributes in scripts:
        own = 'src="/' in attributes
        assert own or 'type="application/json"' in attributes, attributes
    assert not re.search(r"\son[a-z]+=|style=", found.split('id="content"')[1])


def test_plotly_comes_from_the_installed_package_and_is_kept(client: Client) -> None:
    source = re.search(r'src="([^"]*plotly\.js[^"]*)"', page(client))
    assert source is not None
    assert offline.get_plotlyjs_version() in source[1]

    packed = client.get(source[1], headers={"accept-encoding": "gzip"})
    plain = client.get(source[1])

    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert plain.content.decode() == offline.get_plotlyjs()
    assert plain["Content-Type"].startswith("text/javascript")
    assert "Accept-Encoding" in plain["Vary"]
    assert "immutable" in plain["Cache-Control"]
    assert "no-store" not in plain["Cache-Control"]
    assert browser(None).get(source[1]).status_code == 302


def queries(client: Client) -> int:
    with CaptureQueriesContext(connection) as caught:
        assert client.get(address()).status_code == 200
    return len(caught)


def test_it_takes_as_many_queries_for_one_destination_as_for_twenty(
    operator: User, owner: User, settings: Any
) -> None:
    client = browser(operator)
    _one_of_each(owner, "partner")
    queries(client)
    one = queries(client)

    entry = settings.DATA_SHARING["partner"]
    settings.DATA_SHARING = {
        **settings.DATA_SHARING,
        **{f"tom{n}": {**entry, "DISPLAY_NAME": f"TOM {n}"} for n in range(20)},
    }
    for n in range(20):
        _one_of_each(owner, f"tom{n}")

    assert queries(client) == one
    assert one <= 30


def _one_of_each(owner: User, key: str) -> None:
    now = timezone.now()
    share = rows.share(owner, destination=key, planned=True, status="running")
    rows.delivery(share)
    for cause in ("destination down", "our fault", "ambiguous target"):
        failed(share, 1, cause)
    Destination.objects.create(key=key, paused=True, paused_by=owner, note="x")
    ConnectionTest.objects.create(destination=key, asked_by=owner)
    Worker.objects.create(name=key, started=now, seen=now)
    BulkAction.objects.create(verb="retry", rows="deliveries", asked_by=owner)


def test_a_wrong_data_sharing_is_told_and_breaks_nothing(
    client: Client, settings: Any
) -> None:
    settings.DATA_SHARING = ["partner"]

    assert client.get(address()).status_code == 200
    assert client.get(address("live")).status_code == 200


def test_no_secret_is_in_it(client: Client) -> None:
    secret = django_settings.DATA_SHARING["partner"]["API_TOKEN"]
    for part in PARTS:
        assert secret not in page(client, address(part))
