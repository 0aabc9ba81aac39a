"""Where parts of the host are taken over: its continuous sharing, names in its API.

Called when the app is ready, by the system checks, and for data that was just saved.
`tests/toolkit/test_hooks.py` holds a test for each thing this file relies on.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db.models.signals import post_save
from django.utils import timezone
from tom_dataproducts import data_processor
from tom_targets import sharing as target_sharing
from tom_targets.signals import handlers

from tom_share_worker.toolkit import DATUM_MODELS, api_router

_API_LOGGER = "tom_common.api_router"

_HOSTS_OWN = target_sharing.continuous_share_data
"""The host's function that shares new data at once, inside whatever saved it."""

_KIND_OF = {model: kind for kind, model in DATUM_MODELS.items()}


def kind_of(datum: Any) -> str | None:
    """Return our word for the kind of a data point; None for anything else."""
    return _KIND_OF.get(type(datum))


def take_over_continuous_sharing(
    on_save: Callable[..., None], share: Callable[..., None]
) -> None:
    """Let saved data be told to `on_save` and `share` instead of the host's own.

    TOM authors are told to import the host's function into modules of theirs, so each
    module that holds it by now gets `share` in its place; later ones import `share`.
    """
    for model in DATUM_MODELS.values():
        post_save.disconnect(handlers.cb_reduceddatum_post_save, sender=model)
        post_save.connect(on_save, sender=model, dispatch_uid="tom_share_worker")
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", {})
        if names is globals():
            continue
        for name in [name for name, held in list(names.items()) if held is _HOSTS_OWN]:
            names[name] = share


def host_shares_itself() -> list[str]:
    """Return where the host's own continuous sharing is still at work."""
    left = [
        f"{module.__name__}.continuous_share_data"
        for module in (target_sharing, handlers, data_processor)
        if module.continuous_share_data is _HOSTS_OWN
    ]
    for kind, model in DATUM_MODELS.items():
        receivers, _ = post_save._live_receivers(model)
        if handlers.cb_reduceddatum_post_save in receivers:
            left.append(f"the signal post_save of {kind}")
    return left


def take_over_api(viewsets: Mapping[str, Any]) -> None:
    """Answer these names of the TOM's REST API, which the host registers later in vain.

    The host warns of that at each start, as if something were wrong.
    """
    for name, viewset in viewsets.items():
        api_router().register(name, viewset, name)
    logging.getLogger(_API_LOGGER).addFilter(_AllButVain(viewsets))


class _AllButVain(logging.Filter):
    """Lets pass what the router says, but not that a name of ours is taken."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self._ends = tuple(f"-> {name} is already registered" for name in names)

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().endswith(self._ends)


_TOLD_APART_BY: dict[str, tuple[str, ...]] = {
    "photometry": ("bandpass", "brightness", "limit", "instrument"),
    "spectroscopy": ("telescope", "instrument"),
    "astrometry": ("telescope", "instrument", "ra", "dec"),
    "generic": ("data_type", "source_name"),
}
"""Of each kind the short fields by which the host's constraints tell rows apart,
besides target, time and version of the reduction."""


def stored_pks(kind: str, datums: list[Any]) -> Iterator[int]:
    """Yield the ids of data points of one kind and target, wherever they got them.

    `bulk_create(ignore_conflicts=True)`, which the host uses, tells none: those without
    are looked up by what tells them apart, among the data of their data product.
    """
    yield from {datum.pk for datum in datums if datum.pk is not None}
    nameless = [datum for datum in datums if datum.pk is None]
    model = DATUM_MODELS[kind]
    names = ("timestamp", "reduction_version", *_TOLD_APART_BY[kind])
    fields = [model._meta.get_field(name) for name in names]
    wanted = {
        tuple(_as_stored(field, getattr(datum, field.name)) for field in fields)
        for datum in nameless
    }
    times = sorted({key[0] for key in wanted})
    for product in {datum.data_product_id for datum in nameless}:
        having = model._default_manager.filter(
            target_id=nameless[0].target_id, data_product_id=product
        )
        for start in range(0, len(times), _SLICE):
            some = having.filter(timestamp__in=times[start : start + _SLICE])
            for pk, *values in some.values_list("pk", *names):
                if tuple(map(_comparable, values)) in wanted:
                    yield pk


_SLICE = 500
"""Times named in one query: databases bound them."""


def _as_stored(field: Any, value: Any) -> Any:
    """Return a value as the database will give it back."""
    value = field.to_python(value)
    if isinstance(value, datetime) and timezone.is_naive(value):
        return timezone.make_aware(value, timezone.get_default_timezone())
    return _comparable(value)


def _comparable(value: Any) -> Any:
    """Return a value that equals itself: NaN does not, and SQLite stores it as none."""
    return None if value != value else value
