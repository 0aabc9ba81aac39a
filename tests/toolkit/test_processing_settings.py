"""Which processor reads a file, and which hook is run, as the TOM's settings say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.toolkit import processed
from tests.toolkit.processed import MADE, Made, row
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.toolkit import processing

pytestmark = pytest.mark.django_db


# --- which processor, which hook --------------------------------------------------


def test_without_a_processor_of_its_own_a_type_has_no_data(settings: Any) -> None:
    ours = processed.product()
    for known in ({}, {"spectroscopy": MADE}):
        settings.DATA_PROCESSORS = known
        assert processed.ours(ours) == processing.Stored(0, 0)
    del settings.DATA_PROCESSORS
    assert processed.ours(ours) == processing.Stored(0, 0)


@pytest.mark.parametrize("path", ["no.such.Processor", "unheard", f"{MADE}r", 7])
def test_a_processor_that_cannot_be_imported_is_told_with_its_setting(
    path: Any, settings: Any
) -> None:
    settings.DATA_PROCESSORS = {"photometry": path}

    with pytest.raises(ConfigurationError, match=r"DATA_PROCESSORS\['photometry'\]"):
        processing.read(processed.product())


def test_rows_that_are_not_counted_before_are_taken_too(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made()
    monkeypatch.setattr(Made, "process_data", lambda *_: (row(n) for n in range(3)))

    assert processed.ours(processed.product()) == processing.Stored(3, 3)


HOOKED: list[Any] = []


def hook(product: Any) -> None:
    HOOKED.append(product)


def test_the_toms_own_hook_gets_the_product(settings: Any) -> None:
    HOOKED.clear()
    settings.HOOKS = {"data_product_post_upload": f"{__name__}.hook"}
    ours = processed.product()

    processing.run_upload_hook(ours)

    assert [ours] == HOOKED


@pytest.mark.parametrize("hooks", [{}, {"data_product_post_upload": ""}, None])
def test_a_tom_without_hook_is_fine(hooks: Any, settings: Any) -> None:
    ours = processed.product()
    settings.HOOKS = hooks
    if hooks is None:
        del settings.HOOKS

    processing.run_upload_hook(ours)


def test_a_hook_that_cannot_be_imported_is_told_with_its_setting(settings: Any) -> None:
    settings.HOOKS = {"data_product_post_upload": "no.such.hook"}

    with pytest.raises(
        ConfigurationError, match=r"HOOKS\['data_product_post_upload'\]"
    ):
        processing.run_upload_hook(processed.product())
