"""What this app relies on in TOM Toolkit: its functions, addresses, hooks and names.

A new release of the host that changes one of these fails here, and says which.
"""

from __future__ import annotations

import ast
import inspect
from typing import Any

import pytest
from django.template.loader import get_template
from django.template.loader_tags import BlockNode
from django.urls import get_resolver, resolve, reverse
from tom_common import urls as host_urls
from tom_dataproducts import models as data_models
from tom_dataproducts.sharing import get_sharing_destination_options
from tom_targets.models import Target
from tom_targets.sharing import share_target_with_tom

from tests.delivery.asking import clicks
from tests.support import rows
from tests.support.remote_tom import PASSWORD, RemoteTom
from tom_share_worker import toolkit
from tom_share_worker.delivery import parcels
from tom_share_worker.delivery.asking import share_page, views
from tom_share_worker.delivery.destinations.tom import payloads

# --- addresses and hooks --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "argument", "view"),
    [
        ("targets:share", "pk", share_page.TargetShareView),
        ("targets:share-group", "pk", views.TargetListShareView),
        ("dataproducts:share", "dp_pk", views.DataProductShareView),
        ("dataproducts:share_all", "tg_pk", views.DataShareView),
        # The spelling of other templates of the host.
        ("tom_targets:share", "pk", share_page.TargetShareView),
        ("tom_dataproducts:share", "dp_pk", views.DataProductShareView),
        ("tom_dataproducts:share_all", "tg_pk", views.DataShareView),
    ],
)
def test_the_hosts_names_lead_to_our_views(name: str, argument: str, view: Any) -> None:
    address = reverse(name, kwargs={argument: 7})

    assert resolve(address).func.view_class is view  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["targets:detail", "targets:update"])
def test_the_hosts_other_pages_stay_its_own(name: str) -> None:
    found = resolve(reverse(name, kwargs={"pk": 7})).func

    assert found.__module__.startswith("tom_targets.")


def test_patterns_of_apps_come_before_the_hosts_own() -> None:
    routes = [str(pattern.pattern) for pattern in host_urls.urlpatterns]

    assert routes.index("targets/<int:pk>/share/") < routes.index("targets/")
    assert routes.index("shares/") < routes.index("targets/")
    assert get_resolver().namespace_dict["tom_share_worker"][0] == "shares/"


@pytest.mark.django_db
def test_the_navigation_bar_has_our_entry(client: Any) -> None:
    client.force_login(rows.person())

    page = client.get("/").content.decode()

    assert f'href="{reverse("tom_share_worker:share-list")}"' in page


@pytest.mark.parametrize(
    ("template", "blocks"),
    [
        ("tom_common/base.html", {"title", "additional_css", "content"}),
        ("tom_common/base.html", {"extra_javascript"}),
        ("django_tables2/bootstrap5.html", {"table-wrapper", "table", "pagination"}),
    ],
)
def test_the_blocks_that_our_templates_fill_are_there(
    template: str, blocks: set[str]
) -> None:
    nodes = get_template(template).template.nodelist  # type: ignore[attr-defined]

    names = {block.name for block in nodes.get_nodes_by_type(BlockNode)}

    assert names >= blocks


def test_the_base_page_brings_htmx() -> None:
    source = get_template("tom_common/base.html").template.source  # type: ignore[attr-defined]

    assert "htmx.min.js" in source


# --- functions ------------------------------------------------------------------


def test_download_data_takes_the_form_and_the_ids() -> None:
    parameters = inspect.signature(toolkit.download_data).parameters

    assert list(parameters) == ["form_data", "selected_data"]


def test_destinations_are_offered_by_key_and_hermes_by_topic(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING

    offered = get_sharing_destination_options()

    assert offered == (
        ("download", "download"),
        ("partner", "Partner TOM"),
        ("Hermes", (("hermes:survey.test", "survey.test"),)),
    )


@pytest.mark.parametrize("name", ["SN 2026abc", "sn-2026_ABC", "(SN)2026abc"])
def test_names_are_simplified_as_the_host_compares_them(name: str) -> None:
    assert toolkit.simplified(name) == toolkit.simplified("SN2026abc")
    assert toolkit.simplified(name) == Target.matches.simplify_name(name)


def test_the_kinds_of_data_points_are_all_that_the_host_has() -> None:
    ours = set(toolkit.DATUM_MODELS.values())

    assert ours == set(data_models.REDUCED_DATUM_MODELS)


def test_types_of_data_products_have_titles() -> None:
    assert toolkit.data_product_type_title("fits_file") == "FITS File"
    assert toolkit.data_product_type_title("given up") == "given up"


def test_every_alias_of_a_column_is_kept_from_the_extras() -> None:
    """The host's parser takes these names for columns, wherever they stand."""
    tree = ast.parse(inspect.getsource(data_models))
    aliases = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Set)
        for name in ast.literal_eval(node.value)
    }
    assert "mag_err" in aliases

    columns = {
        field.name
        for model in toolkit.DATUM_MODELS.values()
        for field in model._meta.concrete_fields
    }

    assert aliases | columns <= set().union(*payloads.RESERVED.values())


# --- targets --------------------------------------------------------------------


@pytest.mark.django_db
def test_a_target_gives_what_a_share_carries() -> None:
    owner = rows.person()
    made = rows.target(owner, "SN 2026abc", "ZTF26x", permissions="PUBLIC", epoch=2000)
    made.save(extras={"redshift": 0.1})

    target = toolkit.full_target(made.pk)

    assert target.names == ["SN 2026abc", "ZTF26x"]
    assert {e.key: e.value for e in target.targetextra_set.all()} == {"redshift": "0.1"}
    fields = toolkit.target_fields(target)
    assert fields["name"] == "SN 2026abc"
    assert (fields["ra"], fields["epoch"]) == (made.ra, 2000)
    assert not fields.keys() & {"id", "permissions", "created", "modified"}
    assert toolkit.custom_fields(target) == {}
    assert toolkit.full_target(10**9) is None


@pytest.mark.django_db
def test_stock_sharing_spells_lists_and_origin_as_we_do(
    remote: RemoteTom, settings: Any
) -> None:
    # Bytes, because stock sharing spoils what is not in Latin 1.
    entry = remote.entry(PASSWORD=PASSWORD.encode())
    settings.DATA_SHARING = {"partner": entry}
    owner = rows.person()
    target = rows.target(owner)

    share_target_with_tom("partner", {"target": target}, user=owner)

    (body,) = remote.bodies("/api/targets/")
    name = parcels.SENDER_LIST.format(tom_name=settings.TOM_NAME)
    assert body["target_lists"] == [{"name": name}]
    assert body["shared_by"] == owner.username
    assert body["shared_from"] == settings.TOM_NAME
    assert body["groups"] == []
    ours = toolkit.target_fields(target).keys() | {"aliases", "targetextra_set"}
    assert ours <= body.keys()
