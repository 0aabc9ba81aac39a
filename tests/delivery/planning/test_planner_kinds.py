"""Every kind of data and data products in one share, however it is cut into chunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from tom_targets.models import Target

from tests.support import rows
from tom_share_worker import toolkit
from tom_share_worker.delivery.ledger import Ledger
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.planning.selection import Selection
from tom_share_worker.models import Delivery, Share

pytestmark = pytest.mark.django_db

EVERYTHING = [*toolkit.DATUM_MODELS, "data_products"]


@pytest.fixture(autouse=True)
def _small_batches(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"BATCH_SIZE": 2}


def contents(share: Share) -> dict[str, list[int]]:
    """Return what the deliveries of a share carry, by kind, in their order."""
    found: dict[str, list[int]] = {}
    for row in share.deliveries.order_by("position"):
        if row.data_product_id:
            found.setdefault("data_products", []).append(row.data_product_id)
        for key in Ledger(row.ledger).pending():
            found.setdefault(key.kind, []).append(key.pk)
    return found


def shape(share: Share) -> list[tuple[Any, ...]]:
    """Return all that tells the deliveries of one plan from those of another."""
    return [
        (row.kind, row.target_id, row.data_product_id, Ledger(row.ledger).pending())
        for row in share.deliveries.order_by("position")
    ]


def ticked(owner: User, target: Target) -> dict[str, Any]:
    had = rows.every_kind(target, 3)
    chosen = {kind: pks[1:] for kind, pks in had.items()}
    return {"kind": Share.Kind.DATUMS, "target": target, "selection": chosen}


def ticked_with_target(owner: User, target: Target) -> dict[str, Any]:
    return ticked(owner, target) | {"kind": Share.Kind.TARGET}


def whole_kinds(owner: User, target: Target) -> dict[str, Any]:
    had = rows.every_kind(target, 3)
    chosen = {
        "all": ["spectroscopy", "data_products"],
        "photometry": had["photometry"][:1],
    }
    return {"kind": Share.Kind.TARGET, "target": target, "selection": chosen}


def target_with_all(owner: User, target: Target) -> dict[str, Any]:
    rows.every_kind(target, 3)
    return {
        "kind": Share.Kind.TARGET,
        "target": target,
        "with_data": True,
        "selection": {"all": ["data_products"]},
    }


def list_with_all(owner: User, target: Target) -> dict[str, Any]:
    other = rows.target(owner, "SN 2026other")
    for one in (target, other):
        rows.every_kind(one, 3)
    return {
        "kind": Share.Kind.TARGET_LIST,
        "target_list": rows.target_list("Survey", target, other),
        "with_data": True,
        "selection": {"all": ["data_products"]},
    }


def of_two_targets(owner: User, target: Target) -> dict[str, Any]:
    other = rows.target(owner, "SN 2026other")
    first, second = rows.every_kind(target, 3), rows.every_kind(other, 3)
    chosen = {kind: [*second[kind], first[kind][0]] for kind in EVERYTHING}
    return {"kind": Share.Kind.DATUMS, "selection": chosen}


MIXES = (
    ticked,
    ticked_with_target,
    whole_kinds,
    target_with_all,
    list_with_all,
    of_two_targets,
)
Mix = Callable[[User, Target], dict[str, Any]]
every_mix = pytest.mark.parametrize("mix", MIXES)


def made(mix: Mix) -> Share:
    owner = rows.person()
    return rows.share(owner, **mix(owner, rows.target(owner)))


def copy_of(share: Share) -> Share:
    """Return another share of the same, of which nothing is planned."""
    copied = {
        field.attname: getattr(share, field.attname)
        for field in Share._meta.concrete_fields
        if field.attname != "id"
    }
    return Share.objects.create(**copied)


@every_mix
@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_a_plan_is_the_same_wherever_a_killed_worker_left_it(
    mix: Mix, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = made(mix)
    pieces = copy_of(whole)
    planner.plan(whole.pk)
    monkeypatch.setattr(planner, "CHUNK", chunk)

    while not pieces.planned:  # a new worker for each chunk
        pieces = Share.objects.get(pk=pieces.pk)
        if not pieces.planned:
            assert planner._plan_chunk(pieces, Selection(pieces))

    assert shape(pieces) == shape(whole)
    positions = pieces.deliveries.values_list("position", flat=True)
    assert list(positions) == list(range(whole.deliveries.count()))


@every_mix
def test_data_wait_for_the_target_where_the_share_sends_it(mix: Mix) -> None:
    share = made(mix)

    planner.plan(share.pk)

    data = share.deliveries.exclude(kind=Delivery.Kind.TARGET)
    assert data.filter(kind=Delivery.Kind.DATA_PRODUCT).exists()
    sends = share.kind in planner.SENDS_TARGET
    for row in data:
        if sends:
            assert row.after is not None
            assert row.after.share_id == share.pk
            assert row.after.target_id == row.target_id
        else:
            assert row.after is None


def test_exactly_what_is_ticked_goes() -> None:
    share = made(ticked)

    planner.plan(share.pk)

    assert contents(share) == share.selection


def test_a_kind_as_a_whole_goes_with_what_is_ticked_of_another() -> None:
    share = made(whole_kinds)

    planner.plan(share.pk)

    found = {kind: len(pks) for kind, pks in contents(share).items()}
    assert found == {"photometry": 1, "spectroscopy": 3, "data_products": 3}


def test_a_target_with_all_its_data_goes_with_its_data_products() -> None:
    share = made(target_with_all)

    planner.plan(share.pk)

    found = {kind: len(pks) for kind, pks in contents(share).items()}
    assert found == dict.fromkeys(EVERYTHING, 3)


def test_all_data_points_of_a_target_are_no_data_products() -> None:
    owner = rows.person()
    target = rows.target(owner)
    rows.every_kind(target, 1)
    share = rows.share(owner, target=target)

    planner.plan(share.pk)

    assert sorted(contents(share)) == sorted(toolkit.DATUM_MODELS)


def test_data_of_several_targets_go_to_theirs() -> None:
    share = made(of_two_targets)

    planner.plan(share.pk)

    for row in share.deliveries.all():
        if row.data_product is not None:
            assert row.data_product.target_id == row.target_id
        for kind, pk in Ledger(row.ledger).pending():
            model: Any = toolkit.DATUM_MODELS[kind]
            assert model.objects.get(pk=pk).target_id == row.target_id
    assert sum(map(len, contents(share).values())) == 4 * len(EVERYTHING)


@pytest.mark.parametrize("kind", EVERYTHING)
def test_an_id_of_another_target_is_left_out(kind: str) -> None:
    owner = rows.person()
    target, other = rows.target(owner), rows.target(owner, "SN 2026other")
    mine, theirs = rows.every_kind(target, 1), rows.every_kind(other, 1)
    share = rows.share(
        owner,
        kind=Share.Kind.DATUMS,
        target=target,
        selection={kind: [*mine[kind], *theirs[kind]]},
    )

    planner.plan(share.pk)

    assert contents(share) == {kind: mine[kind]}
    share.refresh_from_db()
    noun = "data product" if kind == "data_products" else "data point"
    assert share.note.startswith(f"1 selected {noun} was left out")


@pytest.mark.parametrize("kind", EVERYTHING)
def test_what_one_may_not_view_is_left_out(kind: str) -> None:
    owner = rows.person()
    hidden = rows.every_kind(rows.target(rows.person("somebody else")), 2)
    share = rows.share(owner, kind=Share.Kind.DATUMS, selection={kind: hidden[kind]})

    planner.plan(share.pk)

    assert contents(share) == {}
    share.refresh_from_db()
    assert share.status == Share.Status.FAILED
    assert "2 selected" in share.note


def test_what_is_left_out_is_counted_by_what_it_is() -> None:
    owner = rows.person()
    target = rows.target(owner)
    gone = 10**9
    share = rows.share(
        owner,
        kind=Share.Kind.TARGET,
        target=target,
        selection={
            "photometry": [gone, gone + 1],
            "astrometry": [gone],
            "data_products": [gone],
        },
    )

    planner.plan(share.pk)

    share.refresh_from_db()
    assert share.note == (
        "3 selected data points and 1 selected data product were left out: deleted "
        "meanwhile, or not for you to share."
    )


def test_a_large_selection_of_many_targets_is_looked_up_once(
    django_assert_max_num_queries: Any,
) -> None:
    """A thousand ids of a hundred targets, not a hundred times a thousand."""
    owner = rows.person()
    pks = [
        pk
        for n in range(60)
        for pk in rows.photometry(rows.target(owner, f"SN {n}"), 2, first=15.0 + n)
    ]
    share = rows.share(
        owner,
        kind=Share.Kind.DATUMS,
        selection={"photometry": [*pks, *range(10**9, 10**9 + 5000)]},
    )

    with django_assert_max_num_queries(120):
        planner.plan(share.pk)

    assert contents(share) == {"photometry": pks}


def test_a_share_that_is_deleted_while_it_is_planned_is_no_trouble() -> None:
    owner = rows.person()
    share = rows.share(owner, target=rows.target(owner))
    planning = Share.objects.get(pk=share.pk)
    share.delete()

    assert planner._refresh(planning) is False
