"""The pages about incoming data, and the buttons on them; called through `urls`.

Every page begins with what the person may see: anything else does not exist for them,
and answers 404.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views import View
from django.views.generic import TemplateView

from tom_share_worker import toolkit
from tom_share_worker.ingest import actions, visibility
from tom_share_worker.models import IngestJob
from tom_share_worker.status import badge, notices, polling
from tom_share_worker.status.incoming import overview


class IngestJobDetail(LoginRequiredMixin, TemplateView):
    """One file that came in: what became of it, and what can be done."""

    template_name = "tom_share_worker/ingest_job_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather all that is known of it, and that the person may know."""
        user = self.request.user
        job = _job(self.request, kwargs["pk"])
        badge.saw(user, job)
        return super().get_context_data(
            may_act=visibility.may_act(user, job),
            reprocessable=overview.reprocessable(job),
            replaces=overview.replaced(job),
            target=toolkit.viewable_targets(user, [job.target_id or 0]).first(),
            product=_viewable_product(user, job),
            type_title=toolkit.data_product_type_title(job.data_product_type),
            way=overview.way(job),
            person=overview.person(job),
            groups=_names(job.groups),
            traceback=job.traceback if visibility.operates(user) else "",
            **_as_html(self.request, job),
            **kwargs,
        )


class IngestJobProgress(polling.Polled):
    """The part of the page that changes, for htmx; or the same as JSON."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer in the form that is asked for."""
        job = _job(request, pk)
        if request.get_preferred_type(["text/html", "application/json"]) == (
            "application/json"
        ):
            answer: HttpResponse = JsonResponse(_as_json(request, job))
        else:
            answer = _fragment(request, job, "progress")
            if job.is_ended:
                answer["HX-Refresh"] = "true"  # its buttons change
        patch_vary_headers(answer, ["Accept"])
        return _uncached(answer)


class IngestJobBadge(polling.Polled):
    """How it stands in a word and a sentence, for messages on other pages."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer with a fragment, and say when it will not change any more."""
        return _uncached(_fragment(request, _job(request, pk), "badge"))


class IngestJobReprocess(LoginRequiredMixin, View):
    """Process a file again."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Reprocess and go back to the page."""
        job = _to_act_on(request, pk)
        if actions.reprocess(IngestJob.objects.filter(pk=pk)):
            messages.success(request, f"{job.file_name} will be processed again.")
        else:
            messages.warning(request, overview.why_not_again(job))
        return redirect(job)


class IngestJobCancel(LoginRequiredMixin, View):
    """Do not process a file."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Cancel and go back to the page."""
        job = _to_act_on(request, pk)
        if actions.cancel(IngestJob.objects.filter(pk=pk)):
            messages.success(
                request,
                f"The processing of {job.file_name} is cancelled. The file is kept.",
            )
        else:
            messages.warning(request, overview.ENDED_ALREADY)
        return redirect(job)


def _job(request: HttpRequest, pk: int) -> IngestJob:
    """Return a job the person may see, or answer 404."""
    jobs = visibility.visible_jobs(request.user).select_related("user")
    return get_object_or_404(jobs, pk=pk)


def _to_act_on(request: HttpRequest, pk: int) -> IngestJob:
    job = _job(request, pk)
    if not visibility.may_act(request.user, job):
        raise PermissionDenied(overview.MAY_NOT_ACT)
    return job


def _fragment(request: HttpRequest, job: IngestJob, name: str) -> HttpResponse:
    return render(
        request,
        f"tom_share_worker/partials/ingest_job_{name}.html",
        _as_html(request, job),
        status=polling.STOP if job.is_ended else 200,
    )


def _uncached(answer: HttpResponse) -> HttpResponse:
    patch_cache_control(answer, no_store=True)
    return answer


def _standing(job: IngestJob) -> dict[str, Any]:
    """Say how it stands, as the page and its fragments show it."""
    return {
        "sentence": overview.sentence(job),
        "failure": overview.failure(job),
        "cure": job.cure,
        "notes": overview.notes(job),
    }


def _worker_note(request: HttpRequest, job: IngestJob) -> str:
    return "" if job.is_ended else notices.ingest_worker_note(request.user)


def _as_html(request: HttpRequest, job: IngestJob) -> dict[str, Any]:
    note = _worker_note(request, job)
    return {
        "job": job,
        "standing": _standing(job),
        "worker_note": notices.marked_up(note),
    }


def _as_json(request: HttpRequest, job: IngestJob) -> dict[str, Any]:
    return {
        "status": job.status,
        "ended": job.is_ended,
        "message": overview.sentence(job),
        "datums": job.datum_count,
        "new": job.new_count,
        "failure": job.failure,
        "note": job.note,
        "cure": job.cure,
        "worker_note": _worker_note(request, job),
    }


def _viewable_product(user: Any, job: IngestJob) -> Any:
    """Return the data product, if it is still there and the person may view it."""
    found = toolkit.viewable_data_products(user).filter(pk=job.data_product_id)
    return found.first() if job.data_product_id else None


def _names(groups: list[int]) -> list[str]:
    if not groups:
        return []
    found = Group.objects.filter(pk__in=groups).order_by("name")
    return list(found.values_list("name", flat=True))
