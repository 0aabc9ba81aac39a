"""Files for photometry processors, and what the host's and ours make of them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from tom_dataproducts.models import DataProduct
from tom_dataproducts.processors.photometry_processor import (
    PhotometryProcessor as HostsProcessor,
)

from tom_share_worker.processors import PhotometryProcessor


def product(content: bytes, name: str = "light-curve.csv", storage: Any = None) -> Any:
    """Return something with a file, as a data product has it."""
    place = storage or FileSystemStorage(location=django_settings.MEDIA_ROOT)
    made = DataProduct(data=place.save(name, ContentFile(content)))
    made.data.storage = place
    return made


def outcome(processor: Any, made: Any) -> Any:
    """Return the rows in plain values, or the kind of error and its text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return [told(row) for row in processor().process_data(made)]
        except Exception as error:  # noqa: BLE001  (it is what is compared)
            return type(error), str(error)


def told(row: Any) -> Any:
    time, data, source = row
    values = {name: plainly(value) for name, value in data.items()}
    return plainly(time), values, list(values), plainly(source)


def plainly(value: Any) -> Any:
    """Return a value with its type; no number equals no number."""
    if isinstance(value, np.generic):
        value = value.item()
    return type(value), "nan" if value != value else value


def assert_same(content: bytes, name: str = "light-curve.csv") -> Any:
    made = product(content, name)
    expected = outcome(HostsProcessor, made)
    assert outcome(PhotometryProcessor, made) == expected
    return expected
