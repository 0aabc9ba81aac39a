"""What the "Sharing" tab and the badge rely on in TOM Toolkit's pages."""

from __future__ import annotations

import inspect

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.template.loader import get_template
from django.test import RequestFactory
from tom_targets.models import Target
from tom_targets.templatetags import targets_extras

from tests.support import rows

TAB = "tom_share_worker/partials/target_tab.html"


def source(template: str) -> str:
    text: str = get_template(template).template.source  # type: ignore[attr-defined]
    return text


def test_the_page_of_a_target_asks_apps_for_tabs_and_what_is_in_them() -> None:
    page = source("tom_targets/target_detail.html")

    assert "{% include_app_tabs %}" in page
    assert "{% include_app_tab_divs %}" in page


def test_the_host_asks_our_app_by_the_name_that_we_answer_to() -> None:
    assert "app.target_detail_tabs()" in inspect.getsource(targets_extras.get_app_tabs)

    shown = targets_extras.get_app_tabs({"target": "SN 2026abc"})

    ours = {"partial": TAB, "context": {"sharing_of": "SN 2026abc"}, "label": "Sharing"}
    assert ours in shown


def test_the_hosts_script_opens_a_tab_that_the_address_names() -> None:
    """The login page leads back to the tab by `?tab=sharing`."""
    page = source("tom_targets/target_detail.html")

    assert "searchParams.get('tab')" in page
    assert 'id="{{target_tab.label|slugify}}"' in source(
        "tom_targets/partials/app_tab_divs.html"
    )


def test_the_hosts_htmx_knows_when_a_tab_comes_into_view() -> None:
    from django.contrib.staticfiles import finders

    found = finders.find("tom_common/js/htmx.min.js")

    assert isinstance(found, str)
    with open(found) as script:
        assert '"intersect"' in script.read()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["object", "target"])
def test_a_page_of_a_target_of_the_toms_own_may_name_it_as_django_does(
    name: str,
) -> None:
    owner = rows.person()
    target = rows.target(owner)
    request = RequestFactory().get("/")
    request.user = owner
    own = Template("{% load targets_extras %}{% include_app_tab_divs %}")

    page = own.render(Context({name: target, "request": request, "user": owner}))

    assert f"/shares/of-target/{target.pk}/tab/" in page


@pytest.mark.django_db
def test_the_navigation_bar_gives_our_entry_the_request() -> None:
    """By which the badge knows whose page it is."""
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    bar = Template("{% load tom_common_extras %}{% navbar_app_addons %}")
    for_nobody = bar.render(Context({"request": request, "user": request.user}))
    assert "/shares/" not in for_nobody

    request.user = rows.person()
    share = rows.share(request.user, status="failed", target=None)
    type(share).objects.update(ended=share.created)
    page = bar.render(Context({"request": request, "user": request.user}))

    assert "1 share of yours failed, not seen yet" in page
    assert Target.objects.count() == 0
