"""Door for system checks: everything an installer can get wrong, each with an id.

Run by `manage.py check` and at every start of a server or worker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connections
from django.urls import Resolver404, resolve

from tom_share_worker import broker, conf
from tom_share_worker.delivery import destinations
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.toolkit import hooks

SETTINGS_PAGE = "docs/settings.md lists every setting, its default and its meaning."


@register()
def check_settings(**_: Any) -> Iterator[CheckMessage]:
    """E001: a value in TOM_SHARE_WORKER is wrong."""
    try:
        conf.settings()
    except ConfigurationError as error:
        yield Error(str(error), hint=SETTINGS_PAGE, id="tom_share_worker.E001")


@register()
def check_destinations(**_: Any) -> Iterator[CheckMessage]:
    """E002, W001: DATA_SHARING is no dictionary, or an entry of it is incomplete."""
    try:
        keys = conf.destination_keys()
    except ConfigurationError as error:
        yield Error(str(error), hint=SETTINGS_PAGE, id="tom_share_worker.E002")
        return
    try:
        conf.settings()
    except ConfigurationError:
        # Told by E001; every destination would repeat it.
        return
    for key in keys:
        try:
            destinations.open_destination(conf.destination(key))
        except ConfigurationError as error:
            yield Warning(
                str(error),
                hint="Until then, shares to this destination fail and say so.",
                id="tom_share_worker.W001",
            )


@register()
def check_routes(**_: Any) -> Iterator[CheckMessage]:
    """E003, E004: the host's own, synchronous share views are served, not ours.

    The host ignores an AttributeError raised while our URLs are imported.
    """
    try:
        from tom_share_worker import urls
    except Exception as error:  # noqa: BLE001  (whatever it is, it is reported)
        yield Error(
            f"The pages of tom_share_worker cannot be imported: {error!r}. Shares "
            f"would be made by TOM Toolkit itself, inside the web request.",
            hint="Run `python manage.py shell -c 'import tom_share_worker.urls'` to "
            "see where; most often a package is missing or of another release.",
            id="tom_share_worker.E003",
        )
        return
    for route, view in urls.TAKEN_OVER.items():
        address = "/" + _example(route)
        if _view_at(address) is not view:
            yield Error(
                f"{address} is not answered by tom_share_worker, so what is asked for "
                f"there is done by TOM Toolkit itself, inside the web request.",
                hint="Keep path('', include('tom_common.urls')) in the TOM's urls.py, "
                "and no pattern for this address before it.",
                id="tom_share_worker.E004",
            )


@register()
def check_receiving(**_: Any) -> Iterator[CheckMessage]:
    """E008: uploads by API are processed by the host itself, inside the web request."""
    for name in _taken("RECEIVING"):
        yield Error(
            f"/api/{name}/ is not answered by tom_share_worker, so data that comes "
            f"in is processed inside the web request, and anybody may delete data "
            f"points.",
            hint="Something registered this name before, or the TOM's urls.py has "
            "a pattern for it or imports tom_dataproducts.urls; keep "
            "path('', include('tom_common.urls')) as its first pattern.",
            id="tom_share_worker.E008",
        )


def _taken(names: str) -> Iterator[str]:
    """Yield those of our names in the TOM's REST API that something else answers."""
    try:
        from tom_share_worker import urls
    except Exception:  # noqa: BLE001  (told by E003)
        return
    for name, viewset in getattr(urls, names).items():
        if _view_at(f"/api/{name}/") is not viewset:
            yield name


def _example(route: str) -> str:
    return re.sub("<int:[a-z_]+>", "1", route)


def _view_at(address: str) -> Any:
    try:
        view: Callable[..., Any] = resolve(address).func
    except Resolver404:
        return None
    return getattr(view, "view_class", getattr(view, "cls", None))


@register()
def check_api(**_: Any) -> Iterator[CheckMessage]:
    """W004: another app has taken a name of ours in the TOM's REST API."""
    for name in _taken("API"):
        yield Warning(
            f"/api/{name}/ is not answered by tom_share_worker, so programs cannot "
            f"ask for shares or follow them there.",
            hint="Another app registered this name before, or the TOM's urls.py "
            "has a pattern for it; put tom_share_worker before that app in "
            "INSTALLED_APPS, or rename the other.",
            id="tom_share_worker.W004",
        )


@register()
def check_continuous_sharing(**_: Any) -> Iterator[CheckMessage]:
    """E007: the host's own continuous sharing is at work, inside every save."""
    for place in hooks.host_shares_itself():
        yield Error(
            f"TOM Toolkit itself still shares saved data, through {place}, so saving "
            f"data waits for other TOMs and fails with them.",
            hint="Something connected it again after this app was ready; look for "
            "code of this TOM that reloads modules of tom_targets or connects its "
            "signal handlers.",
            id="tom_share_worker.E007",
        )


@register()
def check_data_processors(**_: Any) -> Iterator[CheckMessage]:
    """W005: a data processor of the TOM is in a module that is not there.

    Looked for and not imported: what reads files takes seconds to load.
    """
    processors = getattr(django_settings, "DATA_PROCESSORS", None) or {}
    for data_type, path in dict(processors).items():
        try:
            module = find_spec(str(path).rpartition(".")[0])
        except Exception:  # noqa: BLE001  (whatever its packages do when imported)
            module = None
        if module is None:
            yield Warning(
                f"DATA_PROCESSORS[{data_type!r}] is {path!r}, which is not there, so "
                f"no file of this type can be processed.",
                hint="Correct the path in settings.py, or install the package it is "
                "in. Files that come meanwhile are kept; press Reprocess then.",
                id="tom_share_worker.W005",
            )


@register()
def check_broker(**_: Any) -> Iterator[CheckMessage]:
    """W002: no broker, and none is started by itself with DEBUG off."""
    try:
        unset = broker.is_missing()
    except ConfigurationError:
        return
    if unset and not django_settings.DEBUG:
        yield Warning(
            "No message broker is set, so no worker can be told of new shares.",
            hint="Install Redis and add to settings.py: "
            "TOM_SHARE_WORKER = {'BROKER_URL': 'redis://localhost:6379/0'}.",
            id="tom_share_worker.W002",
        )


@register()
def check_email(**_: Any) -> Iterator[CheckMessage]:
    """W006: people are told by e-mail, without links that they can follow."""
    try:
        own = conf.settings()
    except ConfigurationError:
        return
    if own.EMAIL_ON_FAILURE and own.PUBLIC_URL is None:
        yield Warning(
            "E-mails about what failed name pages without the address of this TOM.",
            hint="Add 'PUBLIC_URL': 'https://tom.example.org/' to TOM_SHARE_WORKER.",
            id="tom_share_worker.W006",
        )


@register()
def check_sqlite(**_: Any) -> Iterator[CheckMessage]:
    """W003: SQLite as it is by default, with a web server and a worker writing."""
    database = connections["default"]
    if database.vendor != "sqlite":
        return
    options = database.settings_dict.get("OPTIONS", {})
    immediate = str(options.get("transaction_mode", "")).upper() == "IMMEDIATE"
    wal = "journal_mode=wal" in str(options.get("init_command", "")).lower().replace(
        " ", ""
    )
    if not (immediate and wal):
        yield Warning(
            "The SQLite database is opened as by default; the web server and the "
            "worker, writing at once, may meet 'database is locked'.",
            hint="Add to DATABASES['default'] in settings.py: 'OPTIONS': {"
            "'transaction_mode': 'IMMEDIATE', 'timeout': 20, "
            "'init_command': 'PRAGMA journal_mode=WAL;'}. For more than one worker, "
            "use PostgreSQL.",
            id="tom_share_worker.W003",
        )


@register()
def check_app_order(**_: Any) -> Iterator[CheckMessage]:
    """E005, E006: an app that this one needs is missing or stands after it."""
    if not apps.is_installed("django_celery_results"):
        yield Error(
            "django_celery_results is missing from INSTALLED_APPS.",
            hint="Add 'django_celery_results' before 'tom_share_worker', then run "
            "manage.py migrate.",
            id="tom_share_worker.E005",
        )
    names = [config.name for config in apps.get_app_configs()]
    for needed in ("tom_common", "tom_targets", "tom_dataproducts"):
        if needed not in names or names.index(needed) > names.index("tom_share_worker"):
            yield Error(
                f"{needed} must stand before tom_share_worker in INSTALLED_APPS.",
                hint="INSTALLED_APPS = TOMTOOLKIT_INSTALLED_APPS + "
                "['django_celery_results', 'tom_share_worker', …].",
                id="tom_share_worker.E006",
            )
