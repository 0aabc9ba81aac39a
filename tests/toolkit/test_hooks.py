"""What taking over the host's continuous sharing relies on in TOM Toolkit."""

from __future__ import annotations

import inspect
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db.models.signals import post_save
from tom_dataproducts import api_views, data_processor
from tom_dataproducts.models import REDUCED_DATUM_MODELS
from tom_targets import sharing
from tom_targets.api_views import TargetViewSet
from tom_targets.signals import handlers

from tests.support.processes import MANAGE
from tom_share_worker import toolkit
from tom_share_worker.delivery.continuous import saved
from tom_share_worker.toolkit import hooks


def test_our_kinds_are_all_kinds_of_the_host() -> None:
    assert set(toolkit.DATUM_MODELS.values()) == set(REDUCED_DATUM_MODELS)


def test_the_hosts_function_takes_a_target_and_its_new_data() -> None:
    parameters = inspect.signature(hooks._HOSTS_OWN).parameters

    assert list(parameters) == ["target", "reduced_datums"]
    assert list(inspect.signature(saved.share).parameters) == list(parameters)
    assert hooks._HOSTS_OWN.__module__ == "tom_targets.sharing"


def test_the_host_calls_it_by_names_that_are_ours_now() -> None:
    assert sharing.continuous_share_data is saved.share
    assert handlers.continuous_share_data is saved.share
    assert data_processor.continuous_share_data is saved.share
    calls = inspect.getsource(data_processor.run_data_processor)
    assert "continuous_share_data(dp.target, reduced_datums)" in calls


def test_nothing_of_the_hosts_own_is_left() -> None:
    assert hooks.host_shares_itself() == []


def test_each_kind_tells_us_once_of_a_save() -> None:
    for model in REDUCED_DATUM_MODELS:
        receivers, _ = post_save._live_receivers(model)
        assert receivers.count(saved.on_save) == 1
        assert handlers.cb_reduceddatum_post_save not in receivers


def test_the_fields_that_tell_rows_apart_are_those_of_the_hosts_constraints() -> None:
    """Less the arrays of spectra, which a query cannot name cheaply."""
    for kind, model in toolkit.DATUM_MODELS.items():
        known = {
            *("target", "timestamp", "reduction_version"),
            *hooks._TOLD_APART_BY[kind],
        }
        for constraint in model._meta.constraints:
            fields = set(constraint.fields)  # type: ignore[attr-defined]
            assert fields - {"flux"} <= known, kind


@pytest.fixture
def processor_of_the_tom() -> Any:
    """A module of the TOM's own that took the host's function before we were ready."""
    module: Any = types.ModuleType("my_tom.processors")
    module.continuous_share_data = hooks._HOSTS_OWN
    module.renamed = hooks._HOSTS_OWN
    sys.modules["my_tom.processors"] = module
    yield module
    del sys.modules["my_tom.processors"]


def test_processors_of_the_tom_itself_get_ours(processor_of_the_tom: Any) -> None:
    hooks.take_over_continuous_sharing(saved.on_save, saved.share)

    assert processor_of_the_tom.continuous_share_data is saved.share
    assert processor_of_the_tom.renamed is saved.share
    assert hooks._HOSTS_OWN is not saved.share


def test_a_check_names_what_connects_the_hosts_own_again() -> None:
    model = REDUCED_DATUM_MODELS[0]
    post_save.connect(handlers.cb_reduceddatum_post_save, sender=model)
    sharing.continuous_share_data = hooks._HOSTS_OWN
    try:
        found = [m for m in run_checks() if m.id == "tom_share_worker.E007"]
    finally:
        hooks.take_over_continuous_sharing(saved.on_save, saved.share)

    assert [
        place for place in ("tom_targets.sharing", "generic") if place in str(found)
    ] == ["tom_targets.sharing", "generic"]
    assert len(found) == 2
    assert all(message.is_serious() for message in found)


LOOK = """
import sys
sys.path.insert(0, {project!r})
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "demo_tom.settings"
from django.conf import settings
ours = "tom_share_worker"
settings.INSTALLED_APPS = [ours, *(a for a in settings.INSTALLED_APPS if a != ours)]
import django
django.setup()
from tom_share_worker.toolkit import hooks
print(hooks.host_shares_itself())
"""


def test_it_holds_where_our_app_is_ready_before_the_hosts(tmp_path: Path) -> None:
    """The host connects its signals when an app of its own is ready."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(project=str(MANAGE.parent))],
        env={"PATH": "/usr/bin", "TOM_DATA_DIR": str(tmp_path), "HOME": str(tmp_path)},
        cwd=MANAGE.parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stdout.strip() == "[]", done.stderr


def test_the_host_does_not_warn_that_names_of_its_api_are_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It registers its own names after ours, at each start, as it should."""
    router = toolkit.api_router()
    with caplog.at_level("WARNING", "tom_common.api_router"):
        router.register("dataproducts", api_views.DataProductViewSet, "dataproducts")
        router.register("targets", TargetViewSet, "targets")

    assert "dataproducts" not in caplog.text
    assert "targets is already registered" in caplog.text
