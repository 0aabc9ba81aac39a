"""From a row to what Celery recorded of its task, in one click; or why there is none.

Used by the lists of what tasks do: attempts, ingest jobs, bulk actions, shares.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.apps import apps
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from tom_share_worker.status import words
from tom_share_worker.status.admin.base import ReadOnly, link

_PAGE = "admin:django_celery_results_taskresult_change"


class OfTasks(ReadOnly):
    """A list whose rows are the work of Celery tasks."""

    task_column = "task_id"
    began_column = "started"

    def get_urls(self) -> list[URLPattern]:
        """Add the address that leads to the result."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_task"
        view = self.admin_site.admin_view(self.task_view)
        return [path("<int:pk>/task/", view, name=name), *super().get_urls()]

    @admin.display(description="result in Celery")
    def celery_result(self, row: Any) -> str:
        """Lead to what Celery recorded, or say why there is nothing."""
        task_id, began = self._task(row)
        found = _recorded(task_id)
        return link(self._task_page(row), found[1]) if found else _why(task_id, began)

    @admin.display(description="Celery")
    def celery_link(self, row: Any) -> str:
        """Lead there without looking first, as lists show many."""
        known = row.pk is not None and self._task(row)[0]
        return link(self._task_page(row), "result") if known else "—"

    def _task(self, row: Any) -> tuple[str, datetime | None]:
        return getattr(row, self.task_column), getattr(row, self.began_column)

    def _task_page(self, row: Any) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_task"
        return reverse(name, args=[row.pk])

    def task_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Lead to the result, or to the row, whose page says why there is none."""
        row = self.get_object(request, str(pk))
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        found = _recorded(self._task(row)[0])
        if found is not None and request.user.has_perm(_VIEW):
            return redirect(_PAGE, found[0])
        messages.info(request, _NOT_ALLOWED if found else _why(*self._task(row)))
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return redirect(name, pk)


_VIEW = "django_celery_results.view_taskresult"
_NOT_ALLOWED = f"To see results of Celery you need the permission {_VIEW}."


def _recorded(task_id: str) -> tuple[int, str] | None:
    """Return the id and the status of a task's result, where there is a page of it."""
    if not task_id or not apps.is_installed("django_celery_results"):
        return None
    model = apps.get_model("django_celery_results", "TaskResult")
    if not admin.site.is_registered(model):
        return None
    found = model._default_manager.filter(task_id=task_id)
    return found.values_list("pk", "status").first()


def _why(task_id: str, began: datetime | None) -> str:
    """Say why there is no result."""
    if not task_id:
        return "No Celery task has taken this up yet."
    if not apps.is_installed("django_celery_results"):
        return (
            "This TOM keeps no results of Celery: django_celery_results is not in "
            "INSTALLED_APPS."
        )
    said = f"Celery has no result of the task {task_id}. "
    backend = str(current_app.conf.result_backend or "")
    if backend.partition("://")[0] not in ("django-db", "db+django"):
        return said + (
            "The Celery app of this TOM keeps none where Django finds them: its "
            "result_backend is not django-db."
        )
    expires = current_app.conf.result_expires
    kept = (
        expires if isinstance(expires, timedelta) else timedelta(seconds=expires or 0)
    )
    if kept and began is not None and began < timezone.now() - kept:
        return f"{said}Celery keeps them for {words.span(kept)}, and this is older."
    return said + (
        "It is recorded when the task ends: it is under way, or its worker was lost."
    )
