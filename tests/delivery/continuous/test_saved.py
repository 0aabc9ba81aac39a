"""What is noted when data is saved, in whichever way, and what that may never do."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection, transaction
from tom_dataproducts.data_processor import run_data_processor
from tom_dataproducts.models import (
    DataProduct,
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)
from tom_targets.models import PersistentShare, Target
from tom_targets.sharing import continuous_share_data

from tests.support import persistent, rows
from tests.support.persistent import waiting
from tom_share_worker.models import SavedDatum

pytestmark = pytest.mark.django_db


@pytest.fixture
def target() -> Target:
    return rows.target(rows.person())


@pytest.fixture
def shared(target: Target) -> PersistentShare:
    """A persistent share of that target."""
    return persistent.persistent_share(rows.person(), target)


def upload(of: Target, lines: list[str], name: str = "night.csv") -> DataProduct:
    """Return a data product of photometry with this file, not processed yet."""
    product = DataProduct(
        target=of, data_product_type="photometry", product_id=f"{of.pk}-{name}"
    )
    content = "\n".join(["time,magnitude,filter,error", *lines])
    product.data.save(name, ContentFile(content.encode()), save=False)
    product.save()
    return product


def csv(count: int, first: int = 0) -> list[str]:
    """Return the lines of a file of photometry, minute by minute."""
    return [
        f"{58000 + n / 1440:.8f},{15 + n / 1000},r,0.02"
        for n in range(first, first + count)
    ]


# --- one by one -----------------------------------------------------------------------


def test_each_kind_is_noted_by_kind_and_id(
    target: Target, shared: PersistentShare
) -> None:
    expected = [
        ("photometry", persistent.save_photometry(target, 1)[0]),
        ("spectroscopy", persistent.save_spectrum(target)),
        ("astrometry", persistent.save_astrometry(target)),
        ("generic", persistent.save_generic(target)),
    ]

    assert waiting(shared) == expected


def test_a_change_is_noted_as_a_creation_is(
    target: Target, shared: PersistentShare
) -> None:
    (pk,) = persistent.save_photometry(target, 1)
    SavedDatum.objects.all().delete()

    datum = PhotometryReducedDatum.objects.get(pk=pk)
    datum.brightness = 14.0
    datum.save()

    assert waiting(shared) == [("photometry", pk)]


def test_each_persistent_share_of_a_target_waits_for_itself(
    target: Target, shared: PersistentShare
) -> None:
    other = persistent.persistent_share(rows.person(), target, "other")

    (pk,) = persistent.save_photometry(target, 1)

    assert waiting(shared) == waiting(other) == [("photometry", pk)]


def test_a_target_without_a_persistent_share_costs_one_query(
    target: Target, shared: PersistentShare, django_assert_num_queries: Any
) -> None:
    elsewhere = rows.target(rows.person(), "SN 2026xyz")
    datum = ReducedDatum(target=elsewhere, data_type="radio", value={"a": 1})

    with django_assert_num_queries(2):  # the row itself, and the question
        datum.save()

    assert not SavedDatum.objects.exists()


def test_a_fixture_that_is_loaded_is_not_shared_again(
    target: Target, shared: PersistentShare, tmp_path: Path
) -> None:
    persistent.save_photometry(target, 1)
    backup = tmp_path / "backup.json"
    call_command("dumpdata", "tom_dataproducts", output=str(backup))
    SavedDatum.objects.all().delete()

    call_command("loaddata", str(backup), stdout=StringIO())

    assert waiting(shared) == []


@pytest.mark.django_db(transaction=True)
def test_a_data_point_that_is_rolled_back_is_not_noted(
    target: Target, shared: PersistentShare
) -> None:
    with transaction.atomic():
        persistent.save_photometry(target, 1)
        transaction.set_rollback(True)

    assert not PhotometryReducedDatum.objects.exists()
    assert waiting(shared) == []


# --- in bulk --------------------------------------------------------------------------


def test_an_uploaded_file_is_noted_row_by_row(
    target: Target, shared: PersistentShare
) -> None:
    """`bulk_create(ignore_conflicts=True)` tells no ids; stock shares nothing."""
    run_data_processor(upload(target, csv(1200)))

    pks = PhotometryReducedDatum.objects.order_by("pk").values_list("pk", flat=True)
    assert waiting(shared) == [("photometry", pk) for pk in pks]
    assert len(pks) == 1200


def test_rows_of_a_file_that_were_there_before_are_not_noted(
    target: Target, shared: PersistentShare
) -> None:
    run_data_processor(upload(target, csv(3)))
    SavedDatum.objects.all().delete()

    run_data_processor(upload(target, csv(5), "again.csv"))

    noted = [pk for _, pk in waiting(shared)]
    assert [
        round(datum.brightness, 3)
        for datum in PhotometryReducedDatum.objects.filter(pk__in=noted)
    ] == [15.003, 15.004]


def test_a_harvest_without_a_data_product_is_told_apart_from_older_data(
    target: Target, shared: PersistentShare
) -> None:
    """Here ids are told by bulk_create, and there they are not."""
    old = persistent.save_photometry(target, 1, bandpass="g")
    SavedDatum.objects.all().delete()
    harvest = [
        PhotometryReducedDatum(
            target=target, timestamp=rows.NIGHT, bandpass="r", brightness=magnitude
        )
        for magnitude in (15.5, 16.5)
    ]
    PhotometryReducedDatum.objects.bulk_create(harvest, ignore_conflicts=True)
    named = PhotometryReducedDatum(target=target, bandpass="i", brightness=17.5)
    PhotometryReducedDatum.objects.bulk_create([named])

    continuous_share_data(target, [*harvest, named])

    noted = {pk for _, pk in waiting(shared)}
    assert noted == set(
        PhotometryReducedDatum.objects.exclude(pk__in=old).values_list("pk", flat=True)
    )


def test_kinds_in_one_harvest_are_not_mixed_up(
    target: Target, shared: PersistentShare
) -> None:
    """Ids repeat between kinds: spectrum 1 is not photometry 1."""
    spectrum = SpectroscopyReducedDatum(
        target=target,
        # As the host reads the date of a file, without its time zone.
        timestamp=datetime(2026, 3, 1, 2, 3, 4),  # noqa: DTZ001
        flux=[1.0],
        wavelength=[4000.0],
    )
    point = PhotometryReducedDatum(target=target, bandpass="r", brightness=15.0)
    SpectroscopyReducedDatum.objects.bulk_create([spectrum], ignore_conflicts=True)
    PhotometryReducedDatum.objects.bulk_create([point], ignore_conflicts=True)

    continuous_share_data(target, [point, spectrum])

    assert waiting(shared) == [
        ("photometry", PhotometryReducedDatum.objects.get().pk),
        ("spectroscopy", SpectroscopyReducedDatum.objects.get().pk),
    ]


def test_data_of_several_targets_goes_to_the_shares_of_each(
    target: Target, shared: PersistentShare
) -> None:
    elsewhere = rows.target(rows.person(), "SN 2026xyz")
    points = [
        PhotometryReducedDatum(target=of, bandpass="r", brightness=15.0)
        for of in (target, elsewhere)
    ]
    PhotometryReducedDatum.objects.bulk_create(points)

    continuous_share_data(target, points)

    assert waiting(shared) == [("photometry", points[0].pk)]


def test_what_is_no_data_point_is_passed_over(
    target: Target, shared: PersistentShare
) -> None:
    continuous_share_data(target, [target])

    assert waiting(shared) == []


# --- what it may never do -------------------------------------------------------------


@pytest.fixture
def _no_table(transactional_db: None) -> Any:
    """The table of noted data is gone, as after a migration that was forgotten."""
    table = SavedDatum._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{table}_away"')
    yield
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}_away" RENAME TO "{table}"')


@pytest.mark.usefixtures("_no_table")
def test_saving_succeeds_where_noting_fails(
    target: Target, shared: PersistentShare, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        (alone,) = persistent.save_photometry(target, 1)
        with transaction.atomic():
            (within,) = persistent.save_photometry(target, 1, first=1)
            after = rows.target(rows.person(), "made in the same transaction")
        run_data_processor(upload(target, csv(2)))

    saved = PhotometryReducedDatum.objects.values_list("pk", flat=True)
    assert {alone, within} < set(saved)
    assert len(saved) == 4
    assert Target.objects.filter(pk=after.pk).exists()
    assert "is not shared" in caplog.text
    assert "was not noted" in caplog.text


def test_saving_with_a_destination_that_no_setting_names_succeeds(
    target: Target, settings: Any
) -> None:
    settings.DATA_SHARING = {}
    shared = persistent.persistent_share(rows.person(), target, "gone")

    (pk,) = persistent.save_photometry(target, 1)

    assert waiting(shared) == [("photometry", pk)]


def test_times_are_kept_to_the_microsecond_when_rows_are_looked_up(
    target: Target, shared: PersistentShare
) -> None:
    night = datetime(2026, 3, 1, 2, 3, 4, 567891, tzinfo=UTC)
    points = [
        PhotometryReducedDatum(
            target=target,
            timestamp=night + timedelta(microseconds=n),
            bandpass="r",
            brightness=15.1 + n / 7,
        )
        for n in range(3)
    ]
    PhotometryReducedDatum.objects.bulk_create(points, ignore_conflicts=True)

    continuous_share_data(target, points)

    assert len(waiting(shared)) == 3
