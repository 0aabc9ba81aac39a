"""The host's forms and templates: what they post is what our views read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from django.apps import apps
from django.test import Client
from django.urls import reverse

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import Sky
from tom_share_worker import toolkit
from tom_share_worker.models import Share

READ = {"share_destination", "share_title", "share_message", "submitter"}
"""What our views read of every form, or what every form demands."""


@pytest.mark.parametrize(
    ("form", "own"),
    [
        (toolkit.TargetShareForm, "target"),
        (toolkit.TargetListShareForm, "target_list"),
        (toolkit.DataShareForm, "target"),
    ],
)
def test_a_form_of_the_host_has_the_fields_that_are_read(form: Any, own: str) -> None:
    fields = form.base_fields

    assert fields.keys() >= READ | {own}
    required = {name for name, field in fields.items() if field.required}
    assert required <= {"share_destination", "submitter", own}


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("tom_targets/target_group_share.html", {"isSelectAll", "dataSwitch"}),
        ("tom_targets/partials/target_table.html", {"selected-target"}),
        (
            "tom_dataproducts/partials/photometry_datalist_for_target.html",
            {"share-box"},
        ),
    ],
)
def test_the_hosts_templates_name_what_is_ticked_so(
    template: str, names: set[str]
) -> None:
    # Read, not loaded: the host's page of a list does not even parse as a template.
    app, _ = template.split("/", 1)
    source = (Path(apps.get_app_config(app).path) / "templates" / template).read_text()

    for name in names:
        assert f'name="{name}"' in source


@pytest.fixture
def sky(db: None, settings: Any) -> Sky:
    settings.DATA_SHARING = clicks.SHARING
    return clicks.sky()


@pytest.fixture
def browser(sky: Sky) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(sky.owner)
    return client


def form_on(browser: Client, page: str, action: str) -> dict[str, list[str]]:
    """Open a page; return the fields of its form that leads to an address.

    As browsers do it: a form within a form belongs to the outer one.
    """
    answer = browser.get(page)
    assert answer.status_code == 200
    html = BeautifulSoup(answer.content, "html.parser")
    forms = [
        form
        for form in html.find_all("form")
        if form.get("action") == action or form.find(True, {"formaction": action})
    ]
    assert forms, f"no form to {action} on {page}"
    return fields_of(forms[0])


def fields_of(form: Tag) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for field in form.find_all(["input", "textarea", "select"]):
        name = str(field.get("name", ""))
        if name:
            fields.setdefault(name, []).append(str(field.get("value", "")))
    return fields


def press(browser: Client, address: str, fields: dict[str, Any]) -> Share:
    """Post the form with the partner chosen; return the one share made of it."""
    data = fields | {"share_destination": "partner"}
    browser.post(address, data)
    return Share.objects.get()


def test_our_share_page_of_a_target_posts_a_share(sky: Sky, browser: Client) -> None:
    address = reverse("targets:share", kwargs={"pk": sky.target.pk})

    fields = form_on(browser, address, address)

    assert fields["share-data_products"] == [str(sky.product.pk)]
    ticked = {name: at for name, at in fields.items() if not name.startswith("all-")}
    share = press(browser, address, ticked)
    assert share.kind == Share.Kind.TARGET
    assert sorted(share.selection["photometry"]) == sky.points


def test_the_hosts_photometry_table_posts_a_share(sky: Sky, browser: Client) -> None:
    page = reverse("targets:detail", kwargs={"pk": sky.target.pk})
    address = reverse("dataproducts:share_all", kwargs={"tg_pk": sky.target.pk})

    fields = form_on(browser, page, address)

    assert sorted(map(int, fields["share-box"])) == sky.points
    share = press(browser, address, fields)
    assert share.kind == Share.Kind.DATUMS


def test_the_hosts_list_of_data_products_posts_a_share(
    sky: Sky, browser: Client
) -> None:
    page = reverse("targets:detail", kwargs={"pk": sky.target.pk})
    address = reverse("dataproducts:share", kwargs={"dp_pk": sky.product.pk})

    fields = form_on(browser, page, address)

    share = press(browser, address, fields)
    assert share.data_product == sky.product


def test_the_target_list_page_posts_a_share(sky: Sky, browser: Client) -> None:
    address = reverse("targets:share-group", kwargs={"pk": sky.target_list.pk})

    fields = form_on(browser, address, address)

    assert fields["selected-target"] == [str(sky.target.pk)]
    fields.pop("dataSwitch")
    share = press(browser, address, fields)
    assert share.target_list == sky.target_list
    assert share.with_data is False
    assert share.selection == {"targets": [sky.target.pk]}


def test_the_hosts_share_button_leads_to_our_share_page(
    sky: Sky, browser: Client
) -> None:
    target = browser.get(reverse("targets:detail", kwargs={"pk": sky.target.pk}))
    html = BeautifulSoup(target.content, "html.parser")
    button = html.find("a", title="Share target")
    assert isinstance(button, Tag)

    page = browser.get(str(button["href"])).content.decode()

    assert "data-share-page" in page
    assert "share the target continuously" in page
