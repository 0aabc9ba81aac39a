"""What a share becomes as a row: its words, and what is refused before there is one."""

from __future__ import annotations

from typing import Any

import pytest
from tom_dataproducts.models import DataProduct

from tests.delivery.asking import clicks
from tests.support import rows
from tom_share_worker.delivery.asking import outbox, subjects
from tom_share_worker.exceptions import ShareRefused
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING


def selected(selection: dict[str, list[int]], **more: Any) -> Share:
    """Share of one target what is named; return the row."""
    owner = rows.person()
    target = rows.target(owner, "M31")
    return outbox.share_selected(owner, "partner", selection, target=target, **more)


@pytest.mark.parametrize(
    ("selection", "more", "subject"),
    [
        ({"photometry": [1]}, {}, "1 data point of M31"),
        (
            {"photometry": [*range(1, 11)], "generic": [1, 2], "data_products": [1, 2]},
            {},
            "12 data points and 2 data products of M31",
        ),
        ({"photometry": [*range(1, 1235)]}, {}, "1,234 data points of M31"),
        ({}, {"with_target": True}, "Target M31"),
        (
            {"spectroscopy": [1]},
            {"with_target": True},
            "Target M31 with 1 data point",
        ),
        (
            {"astrometry": [1]},
            {"whole": ["photometry", "data_products"]},
            "All photometry, 1 data point and all data products of M31",
        ),
        (
            {},
            {"whole": ["photometry", "spectroscopy", "astrometry", "generic"]},
            "All data points of M31",
        ),
    ],
)
def test_a_share_says_in_words_what_it_holds(
    selection: dict[str, list[int]], more: dict[str, Any], subject: str
) -> None:
    assert selected(selection, **more).subject == subject


@pytest.mark.parametrize(
    ("targets", "more", "subject"),
    [
        (None, {}, "Target list Bulge season 2026 without data"),
        (
            None,
            {"with_data": True},
            "Target list Bulge season 2026 with all data points",
        ),
        ([1], {}, "1 target of the list Bulge season 2026 without data"),
        (
            [1, 2, 2],
            {"with_data": True, "with_products": True},
            "2 targets of the list Bulge season 2026 with all data points and data "
            "products",
        ),
    ],
)
def test_a_share_of_a_list_says_how_much_of_it_it_holds(
    targets: list[int] | None, more: dict[str, bool], subject: str
) -> None:
    owner = rows.person()
    listed = rows.target_list("Bulge season 2026", rows.target(owner))
    more = {"with_data": False} | more

    share = outbox.share_target_list(owner, "partner", listed, targets, **more)

    assert share.subject == subject


@pytest.mark.parametrize(
    ("count", "more", "subject"),
    [
        (1, {}, "Target SN 0 without data"),
        (2, {"with_data": True}, "Targets SN 0 and SN 1 with all data points"),
        (
            3,
            {"with_products": True},
            "Targets SN 0, SN 1 and SN 2 with all data products",
        ),
        (7, {}, "Targets SN 0, SN 1 and 5 more targets without data"),
    ],
)
def test_a_share_of_several_targets_names_some(
    count: int, more: dict[str, bool], subject: str
) -> None:
    owner = rows.person()
    named = [rows.target(owner, f"SN {n}").pk for n in range(count)]

    share = outbox.share_targets(owner, "partner", named, **more)

    assert share.subject == subject


@pytest.mark.parametrize(
    ("count", "subject"),
    [
        (1, "3 data points and 1 data product of SN 0"),
        (2, "4 data points and 1 data product of SN 0 and SN 1"),
        (8, "10 data points and 1 data product of SN 0, SN 1 and 6 more targets"),
    ],
)
def test_a_share_of_data_by_ids_names_targets_in_as_many_queries_for_eight_as_for_one(
    count: int, subject: str, django_assert_max_num_queries: Any
) -> None:
    owner = rows.person()
    targets = [rows.target(owner, f"SN {n}") for n in range(count)]
    first = rows.every_kind(targets[0], 1)
    chosen = {kind: first[kind] for kind in ("photometry", "generic", "data_products")}
    for target in targets:
        chosen["photometry"] = [*chosen["photometry"], *rows.photometry(target, 1)]

    with django_assert_max_num_queries(9):  # of every kind, and of what one may
        said = subjects.of_selection(owner, chosen, None, with_target=False)

    assert said == subject


def test_no_target_is_named_to_a_person_who_may_not_view_it() -> None:
    stranger = rows.person("somebody else")
    hidden = rows.target(stranger, "Secret", permissions="PRIVATE")
    owner = rows.person()
    ours = rows.target(owner, "M31")
    points = {"photometry": rows.photometry(hidden, 1) + rows.photometry(ours, 1)}

    of_targets = outbox.share_targets(owner, "partner", [hidden.pk, ours.pk])
    of_one = outbox.share_targets(owner, "partner", [hidden.pk])
    of_data = outbox.share_selected(owner, "partner", points)

    assert of_targets.subject == "Targets M31 and 1 more target without data"
    assert of_one.subject == "1 target without data"
    assert of_data.subject == "2 data points of M31"


def test_of_more_ids_than_are_looked_up_it_is_not_said_that_they_are_all_of_a_target(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subjects, "LOOKED_UP", 2)
    owner = rows.person()
    points = rows.photometry(rows.target(owner, "M31"), 3)

    share = outbox.share_selected(owner, "partner", {"photometry": points})

    assert share.subject == "3 data points of M31 and perhaps other targets"


def test_a_selection_is_kept_without_repeats_and_empty_kinds() -> None:
    share = selected(
        {"photometry": [3, 1, 3], "spectroscopy": [], "generic": [7]},
        whole=["generic"],
    )

    assert share.selection == {"all": ["generic"], "photometry": [1, 3]}
    assert share.kind == Share.Kind.DATUMS


def test_the_text_of_a_share_is_kept() -> None:
    text = {
        "title": "A nova",
        "message": "Look.",
        "authors": "A. Person",
        "origin": Share.Origin.API,
    }

    share = Share.objects.get(pk=selected({"generic": [1]}, **text).pk)

    assert {name: getattr(share, name) for name in text} == text


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({}, "Nothing is selected"),
        ({"photometry": []}, "Nothing is selected"),
        ({"magnitudes": [1]}, "no kind of data called 'magnitudes'"),
        ({"photometry": [0]}, "no id"),
        ({"photometry": [2**63]}, "no id"),
        ({"data_products": ["1"]}, "no id"),
    ],
)
def test_what_cannot_be_shared_is_refused_in_words(
    selection: dict[str, Any], words: str
) -> None:
    with pytest.raises(ShareRefused, match=words):
        selected(selection)
    assert not Share.objects.exists()


def test_a_target_one_may_not_view_is_refused() -> None:
    hidden = rows.target(rows.person("somebody else"), permissions="PRIVATE")

    with pytest.raises(ShareRefused, match="may not view this target"):
        outbox.share_selected(
            rows.person(), "partner", {"photometry": [1]}, target=hidden
        )


def test_everything_of_no_target_in_particular_is_no_share() -> None:
    with pytest.raises(ValueError, match="must name the target"):
        outbox.share_selected(rows.person(), "partner", {}, whole=["photometry"])


def test_a_target_with_data_means_data_points_and_data_products() -> None:
    owner = rows.person()
    target = rows.target(owner, "M31")

    share = outbox.share_target(owner, "partner", target, with_data=True)

    assert share.subject == "Target M31 with all its data"
    assert share.with_data
    assert share.selection == {"all": ["data_products"]}


def test_the_data_of_a_target_come_with_or_without_its_data_products() -> None:
    owner = rows.person()
    target = rows.target(owner, "M31")

    without = outbox.share_target_data(owner, "partner", target)
    with_them = outbox.share_target_data(owner, "partner", target, with_products=True)

    assert without.subject == "All data points of M31"
    assert with_them.subject == "All data points and data products of M31"
    assert without.selection == {}
    assert with_them.selection == {"all": ["data_products"]}


def test_a_data_product_without_a_file_becomes_a_share_that_can_fail_in_words() -> None:
    owner = rows.person()
    product = DataProduct.objects.create(target=rows.target(owner))

    share = outbox.share_data_product(owner, "partner", product)

    assert share.subject == f"Data product {product.pk}"
