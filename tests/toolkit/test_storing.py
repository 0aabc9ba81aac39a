"""What storing data of another TOM relies on in TOM Toolkit."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import models
from guardian.shortcuts import assign_perm
from tom_dataproducts import data_processor
from tom_dataproducts.models import ReducedDatumCommon
from tom_targets.fields import TargetFilteredPrimaryKeyRelatedField
from tom_targets.models import Target

from tests.support import rows
from tom_share_worker.toolkit import DATUM_MODELS, storing

COMMON = {
    *("timestamp", "value", "telescope", "instrument"),
    *("source_name", "source_location", "reduction_version"),
}
OWN = {
    "photometry": {
        *("brightness", "brightness_error", "limit", "unit", "bandpass"),
        "exposure_time",
    },
    "spectroscopy": {
        *("setup", "exposure_time", "wavelength", "flux", "error"),
        *("flux_unit", "wavelength_unit"),
    },
    "astrometry": {
        *("ra", "dec", "ra_error", "dec_error", "ra_error_units", "dec_error_units"),
    },
    "generic": {"data_type"},
}
REQUIRED = {
    "photometry": {"timestamp", "bandpass"},
    "spectroscopy": {"timestamp"},
    "astrometry": {"timestamp", "ra", "dec"},
    "generic": {"timestamp", "data_type"},
}


@pytest.mark.parametrize("kind", DATUM_MODELS)
def test_the_columns_are_those_of_the_protocol(kind: str) -> None:
    """A new one of the host's is a new version of the protocol, or it is left out."""
    columns = storing.columns(kind)

    assert {c.name for c in columns} == COMMON | OWN[kind]
    assert {c.name for c in columns if c.required} == REQUIRED[kind]


@pytest.mark.parametrize("kind", DATUM_MODELS)
def test_a_row_is_made_of_values_in_the_order_of_the_columns(kind: str) -> None:
    values: list[Any] = [None] * storing.width(kind)
    values[storing.target_place(kind)] = 12
    for column in storing.columns(kind):
        values[column.place] = column.name

    row: Any = DATUM_MODELS[kind](*values)

    assert row.target_id == 12
    assert (row.pk, row.data_product_id) == (None, None)
    for column in storing.columns(kind):
        assert getattr(row, column.name) == column.name


def test_no_model_of_the_host_makes_rows_in_a_way_of_its_own() -> None:
    for model in DATUM_MODELS.values():
        assert model.__init__ is models.Model.__init__
    assert ReducedDatumCommon._meta.abstract


def test_the_constraints_of_the_host_are_plain() -> None:
    for model in DATUM_MODELS.values():
        for constraint in model._meta.constraints:
            assert isinstance(constraint, models.UniqueConstraint)
            assert constraint.condition is None
            assert not constraint.expressions
            assert constraint.nulls_distinct is None
            assert constraint.fields[0] == "target"
        assert not model._meta.unique_together
    assert storing.unique_keys("astrometry") == [
        ("timestamp", "telescope", "instrument", "ra", "dec", "reduction_version")
    ]


def somebody(who: str, target: Target) -> User:
    person = User.objects.create(username=who, is_superuser=who == "superuser")
    match who:
        case "granted":
            assign_perm("tom_targets.change_target", person, target)
        case "viewer":
            assign_perm("tom_targets.view_target", person, target)
        case "member":
            group = Group.objects.create(name="bulge")
            person.groups.add(group)
            assign_perm("tom_targets.change_target", group, target)
        case "everywhere":
            person.user_permissions.add(
                Permission.objects.get(
                    codename="change_target", content_type__app_label="tom_targets"
                )
            )
    return User.objects.get(pk=person.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("permissions", ["PRIVATE", "PUBLIC", "OPEN"])
@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("granted", True),
        ("member", True),
        ("everywhere", True),
        ("superuser", True),
        ("viewer", False),
        ("stranger", False),
    ],
)
def test_who_may_add_data_is_who_may_at_the_host(
    who: str, may: bool, permissions: str
) -> None:
    target = rows.target(rows.person("owner"), permissions=permissions)
    person = somebody(who, target)
    field = TargetFilteredPrimaryKeyRelatedField(queryset=Target.objects.all())
    field._context = {"request": SimpleNamespace(user=person)}

    assert field.get_queryset().filter(pk=target.pk).exists() is may
    assert (storing.target_to_change(person, target.pk) == target) is may
    assert storing.target_to_change(person, target.pk + 1) is None


@pytest.mark.django_db
def test_a_target_is_locked_as_long_as_it_is_there() -> None:
    target = rows.target(rows.person())

    assert storing.lock_target(target.pk)
    assert not storing.lock_target(target.pk + 1)


def test_new_data_is_shared_by_the_name_that_the_host_calls() -> None:
    source = inspect.getsource(data_processor.run_data_processor)

    assert "continuous_share_data(dp.target, reduced_datums)" in source
    assert "data_processor.continuous_share_data(" in inspect.getsource(
        storing.share_new
    )
