"""All pages of this app, from its URL patterns, so that a new one is not forgotten.

Each pattern is either a page, with the rows it is opened for, or named among those that
are none, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, reverse

from tests.browser.gallery import Gallery
from tom_share_worker import urls

Opened = Callable[[Gallery], dict[str, Any]]


def nothing(_: Gallery) -> dict[str, Any]:
    """Open a page that is about no row."""
    return {}


def of(name: str, argument: str = "pk") -> Opened:
    """Open a page that is about this row of the gallery."""
    return lambda gallery: {argument: getattr(gallery, name).pk}


def to(verb: str) -> Opened:
    """Open a page on which this verb is confirmed."""
    return lambda gallery: {"verb": verb}


PAGES: dict[str, Opened] = {
    "share-list": nothing,
    "share-detail": of("share"),
    "delivery-detail": of("delivery"),
    "target-choice": of("choice"),
    "ingest-job-list": nothing,
    "ingest-job": of("job"),
    "persistent-share": of("persistent_share"),
    "target-sharing": of("target"),
    "unseen": nothing,
}
"""Pages below /shares/ for everybody who is logged in."""

KEEPERS: dict[str, Opened] = {"destination-list": nothing}
"""Pages for those who keep the TOM running."""

TAKEN_OVER: dict[str, Opened] = {
    "targets/<int:pk>/share/": of("target"),
    "targets/targetgrouping/<int:pk>/share/": of("target_list"),
    "targets/persistentshare/manage/": nothing,
    "targets/<int:target_pk>/persistentshare/manage/": of("target", "target_pk"),
}
"""Pages at addresses of the host."""

POSTED = "a button: it answers to a form, and leads to a page"
FRAGMENT = "a part of a page, which the page loads"
PROGRAMS = "for programs"
REDIRECT = "leads to a page of django-celery-results"

NO_PAGES: dict[str, str] = {
    "share-progress": FRAGMENT,
    "target-sharing-tab": FRAGMENT,
    "connection-test-progress": FRAGMENT,
    "ingest-job-progress": FRAGMENT,
    "ingest-job-badge": FRAGMENT,
    "targets/persistentshare/manage/table": FRAGMENT,
    "targets/<int:target_pk>/persistentshare/manage/table": FRAGMENT,
    "health": PROGRAMS,
    "metrics": PROGRAMS,
    "openapi": PROGRAMS,
    "targets/persistentshare/": PROGRAMS,
    "targets/persistentshare/<int:pk>/": PROGRAMS,
    "targets/<int:target_pk>/persistentshare/": PROGRAMS,
    "share-retry": POSTED,
    "share-cancel": POSTED,
    "share-again": POSTED,
    "delivery-retry": POSTED,
    "destination-pause": POSTED,
    "destination-resume": POSTED,
    "connection-test": POSTED,
    "mark-seen": POSTED,
    "ingest-job-reprocess": POSTED,
    "ingest-job-cancel": POSTED,
    "persistent-share-pause": POSTED,
    "persistent-share-resume": POSTED,
    "persistent-share-existing": POSTED,
    "persistent-share-delete": POSTED,
    "dataproducts/data/<int:dp_pk>/share/": POSTED,
    "dataproducts/target/<int:tg_pk>/share/": POSTED,
    "dataproducts/data/upload/": POSTED,
}

ADMIN: dict[str, tuple[str, Opened]] = {
    "tom_share_worker_taskstatus_retry": ("?destination=partner", nothing),
    "tom_share_worker_taskstatus_reprocess": ("", nothing),
    "tom_share_worker_taskstatus_pause": ("?destination=partner", nothing),
    "tom_share_worker_delivery_all": ("?status=failed", to("retry")),
    "tom_share_worker_share_all": ("?status=running", to("cancel")),
    "tom_share_worker_ingestjob_all": ("?status=failed", to("reprocess")),
}
"""Pages of the admin that this app made, each with what it is asked for; those that
Django makes for every model are found by themselves."""

ADMIN_NO_PAGES: dict[str, str] = {
    "tom_share_worker_taskstatus_live": FRAGMENT,
    "tom_share_worker_taskstatus_charts": FRAGMENT,
    "tom_share_worker_taskstatus_plotly": FRAGMENT,
    "tom_share_worker_bulkaction_progress": FRAGMENT,
    "tom_share_worker_taskstatus_resume": POSTED,
    "tom_share_worker_taskstatus_test": POSTED,
    "tom_share_worker_bulkaction_cancel": POSTED,
    "tom_share_worker_attempt_task": REDIRECT,
    "tom_share_worker_bulkaction_task": REDIRECT,
    "tom_share_worker_ingestjob_task": REDIRECT,
    "tom_share_worker_share_task": REDIRECT,
}

DJANGOS = ("add", "history", "delete", "changelist", "change", "view_on_site")
"""The pages that Django's admin has for each model."""


def patterns() -> set[str]:
    """Return the patterns of this app outside of the admin: names, or routes."""
    return {_name(each) for each in urls.urlpatterns} | set(urls.TAKEN_OVER)


def _name(pattern: URLPattern | URLResolver) -> str:
    assert isinstance(pattern, URLPattern)
    assert pattern.name
    return pattern.name


def admin_patterns() -> set[str]:
    """Return the names of the admin's addresses that are this app's own."""
    names = {name for name in _names(admin.site.get_urls()) if name.startswith(_APP)}
    return {name for name in names if not name.endswith(_of_django())}


_APP = "tom_share_worker_"


def _of_django() -> tuple[str, ...]:
    models = (model._meta.model_name for model in _registered())
    return tuple(f"{_APP}{model}_{page}" for model in models for page in DJANGOS)


def _names(patterns: Iterable[URLPattern | URLResolver]) -> Iterable[str]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from _names(each.url_patterns)
        elif each.name:
            yield each.name


def _registered() -> list[Any]:
    """Return the models of this app that the admin shows."""
    return [m for m in admin.site._registry if m._meta.app_label == "tom_share_worker"]


def for_everybody(gallery: Gallery) -> list[str]:
    """Return the addresses of the pages that an astronomer can open."""
    named = [
        reverse(f"tom_share_worker:{name}", kwargs=opened(gallery))
        for name, opened in PAGES.items()
    ]
    taken = [_filled(r, opened(gallery)) for r, opened in TAKEN_OVER.items()]
    return [*named, *taken, gallery.ended.get_absolute_url()]


def for_operators(gallery: Gallery) -> list[str]:
    """Return the addresses of the pages that only operators can open."""
    kept = [
        reverse(f"tom_share_worker:{name}", kwargs=opened(gallery))
        for name, opened in KEEPERS.items()
    ]
    own = [
        reverse(f"admin:{name}", kwargs=opened(gallery)) + asked
        for name, (asked, opened) in ADMIN.items()
    ]
    return [*kept, *own, *_lists_and_rows()]


def _lists_and_rows() -> Iterable[str]:
    """Yield the admin's list of each model, and the page of its first row."""
    known = set(_names(admin.site.get_urls()))
    for model in _registered():
        name = f"{_APP}{model._meta.model_name}"
        row = model._default_manager.first()
        yield reverse(f"admin:{name}_changelist")
        if row is not None and f"{name}_change" in known:
            yield reverse(f"admin:{name}_change", args=[row.pk])


def _filled(route: str, values: dict[str, Any]) -> str:
    for name, value in values.items():
        route = route.replace(f"<int:{name}>", str(value))
    return f"/{route}"
