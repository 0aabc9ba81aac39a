"""What receiving relies on in the host: each fails when a new release changes it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from guardian.shortcuts import assign_perm
from rest_framework import parsers
from tom_dataproducts import api_views, data_processor, forms, models, views
from tom_dataproducts import serializers as host
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum
from tom_targets.fields import TargetFilteredPrimaryKeyRelatedField
from tom_targets.models import Target

from tests.ingest.uploads import uploading
from tests.support import rows
from tom_share_worker.toolkit import receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return rows.person("owner")


@pytest.fixture
def target(owner: User) -> Any:
    return rows.target(owner)


def test_the_viewsets_of_the_host_have_the_parts_that_ours_replace() -> None:
    products, datums = api_views.DataProductViewSet, api_views.ReducedDatumViewSet

    for name in ("create", "perform_destroy", "get_permissions", "initial"):
        assert callable(getattr(products, name))
    assert products.parser_classes == [parsers.MultiPartParser]
    assert products.queryset.model is DataProduct
    assert "get_object" in vars(datums)
    for viewset in (products, datums):
        assert not hasattr(viewset, "update")
        assert not hasattr(viewset, "retrieve")


def test_the_serializers_of_the_host_have_the_fields_that_ours_replace() -> None:
    fields = host.DataProductSerializer().fields

    assert set(fields) == {
        *receiving.PRODUCT_FIELDS,
        *("id", "groups", "data_product_group", "reduceddatum_set"),
    }
    assert fields["data"].max_length == receiving.FILE_FIELD.max_length == 100
    datum = host.ReducedDatumSerializer().fields["target"]
    for field in (fields["target"], datum):
        assert isinstance(field, TargetFilteredPrimaryKeyRelatedField)
    assert set(receiving.DataProductSerializer().fields) == set(fields)


def test_the_targets_that_take_data_are_those_of_the_hosts_own_field(
    owner: User, target: Any
) -> None:
    viewer, everyone = rows.person("viewer"), User.objects.create(username="everyone")
    assign_perm("tom_targets.view_target", viewer, target)
    rows.target(viewer, "SN 2026hid", permissions="OPEN")
    permission = Permission.objects.get(
        codename="change_target", content_type__app_label="tom_targets"
    )
    everyone.user_permissions.add(permission)
    keeper = User.objects.create(username="keeper", is_superuser=True)

    for account in (owner, viewer, everyone, keeper):
        field = TargetFilteredPrimaryKeyRelatedField(queryset=Target.objects.all())
        field._context = {"request": type("Request", (), {"user": account})()}
        stock = set(field.get_queryset().values_list("pk", flat=True))
        ours = receiving.changeable_targets(account).values_list("pk", flat=True)
        assert set(ours) == stock, account
    assert not receiving.changeable_targets(None).exists()


def test_the_body_of_a_failed_upload_is_the_hosts(
    owner: User, target: Any, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.support.stock_urls"
    client = uploading.client_of(owner)

    answer = client.post(
        "/stock/dataproducts/",
        {
            "target": target.pk,
            "data_product_type": "spectroscopy",
            "file": uploading.file(b"no spectrum"),
        },
    )

    assert answer.status_code == 500
    assert answer.json() == receiving.FAILED_BODY


def test_a_data_product_keeps_its_file_by_a_field_with_a_storage(target: Any) -> None:
    product = receiving.new_product(target=target, data=uploading.file())

    path = receiving.FILE_FIELD.generate_filename(product, "night one.csv")

    assert path == "sn-2026abc/none/night_one.csv"
    assert product.data._committed is False
    assert DataProduct._meta.get_field("thumbnail").storage is not None


def test_saving_a_product_whose_file_is_stored_stores_no_other(target: Any) -> None:
    product = receiving.new_product(target=target, data_product_type="photometry")
    product.data = receiving.FILE_FIELD.storage.save("a/b.csv", uploading.file())

    product.save()

    assert DataProduct.objects.get().data.name == "a/b.csv"
    assert uploading.kept_files() == ["a/b.csv"]


def test_deleting_a_product_deletes_its_data_points(target: Any) -> None:
    product = rows.product(target)
    PhotometryReducedDatum.objects.create(
        target=target, data_product=product, timestamp=rows.NIGHT, bandpass="r"
    )

    product.delete()

    assert not PhotometryReducedDatum.objects.exists()


def test_the_host_finds_a_data_point_to_delete_kind_by_kind() -> None:
    found = [model.__name__ for model in models.REDUCED_DATUM_MODELS]

    assert found == [
        "ReducedDatum",
        "PhotometryReducedDatum",
        "SpectroscopyReducedDatum",
        "AstrometryReducedDatum",
    ]


def test_the_upload_page_of_the_host_has_the_form_that_ours_reads(
    owner: User, settings: Any
) -> None:
    known = {"observation_record", "target", "files", "data_product_type", "referrer"}
    assert set(forms.DataProductUploadForm().fields) == known
    assert views.DataProductUploadView.form_class is forms.DataProductUploadForm
    for name in ("get_form", "form_valid", "form_invalid"):
        assert name in vars(views.DataProductUploadView)

    settings.TARGET_PERMISSIONS_ONLY = False
    assert set(forms.DataProductUploadForm().fields) == known | {"groups"}


def test_groups_and_the_uploader_are_let_see_with_the_permissions_of_the_host(
    owner: User, target: Any, settings: Any
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    group, other = (Group.objects.create(name=name) for name in ("LCO", "other"))
    product = rows.product(target)

    receiving.let_see(product, owner, [group.pk])

    for verb in ("view", "change", "delete"):
        permission = f"tom_dataproducts.{verb}_dataproduct"
        assert User.objects.get(pk=owner.pk).has_perm(permission, product)
    names = [g["name"] for g in host.DataProductSerializer(product).data["groups"]]
    assert names == [group.name]
    assert other.name not in names


def test_nobody_gets_permissions_of_a_product_where_only_targets_have_them(
    owner: User, target: Any
) -> None:
    group = Group.objects.create(name="LCO")
    product = rows.product(target)

    receiving.let_see(product, owner, [group.pk])

    assert host.DataProductSerializer(product).data["groups"] == []
    assert not owner.has_perm("tom_dataproducts.view_dataproduct", product)


@pytest.mark.parametrize("only_targets", [True, False])
def test_who_may_view_may_not_delete(
    only_targets: bool, owner: User, target: Any, settings: Any
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = only_targets
    viewer = rows.person("viewer")
    product = rows.product(target)
    (pk,) = rows.photometry(target, 1)
    datum = PhotometryReducedDatum.objects.get(pk=pk)
    assign_perm("tom_targets.view_target", viewer, target)
    for row in (product, datum):
        model = row._meta.model_name
        assign_perm(f"tom_dataproducts.view_{model}", viewer, row)
        assign_perm(f"tom_dataproducts.view_{model}", owner, row)
    assign_perm("tom_dataproducts.delete_dataproduct", owner, product)

    assert receiving.may_view_product(viewer, product)
    assert receiving.may_view_datum(viewer, datum)
    assert not receiving.may_delete_product(viewer, product)
    assert not receiving.may_delete_datum(viewer, datum)
    assert receiving.may_delete_product(owner, product)
    assert receiving.may_delete_datum(owner, datum)
    for nobody in (None, Client().request().wsgi_request.user):
        assert not receiving.may_delete_product(nobody, product)
        assert not receiving.may_delete_datum(nobody, datum)


def test_who_was_granted_one_data_point_may_delete_it(
    target: Any, settings: Any
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    granted = rows.person("granted")
    (pk,) = rows.photometry(target, 1)
    datum = PhotometryReducedDatum.objects.get(pk=pk)
    assign_perm("tom_dataproducts.delete_photometryreduceddatum", granted, datum)

    assert receiving.may_delete_datum(granted, datum)


def test_the_host_processes_what_is_uploaded_by_functions_of_these_names() -> None:
    assert api_views.run_data_processor is data_processor.run_data_processor
    assert views.run_data_processor is data_processor.run_data_processor
