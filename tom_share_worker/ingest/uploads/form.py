"""The host's upload page, at the host's address: files are processed in the background.

The same form and the same words; with UPLOAD_FORM False the host's own way. Unlike the
host's, it takes files only for targets that the person may view.
"""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError, transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.http import url_has_allowed_host_and_scheme

from tom_share_worker import conf, toolkit
from tom_share_worker.ingest.uploads import inbox
from tom_share_worker.ingest.uploads.refusals import NotStored, UploadRefused
from tom_share_worker.models import IngestJob, Worker
from tom_share_worker.models.logged import Action, fields
from tom_share_worker.models.worker import SEEN_RECENTLY
from tom_share_worker.toolkit import receiving

logger = logging.getLogger(__name__)

LIVE = 10
"""Files of one upload whose progress the message shows; of others it has the link."""

NO_TARGET = (
    "There was a problem uploading your file: choose a target that you may view, and "
    "upload it on the page of that target."
)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class UploadForm(receiving.DataProductUploadView):  # type: ignore[misc]
    """Takes files that a person uploads on a page."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep each file, and say where its processing can be followed."""
        target = self._target(form)
        if target is None:
            messages.error(self.request, NO_TARGET)
            return self._back(form)
        if not conf.settings().UPLOAD_FORM:
            super().form_valid(form)
            return self._back(form)
        received = [
            job
            for file in self.request.FILES.getlist("files")
            if (job := self._receive(form, target, file)) is not None
        ]
        if received:
            # No green box: what is read from the files is told within it, later.
            messages.info(self.request, _said(received))
        return self._back(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        """Say what is wrong in sentences; the host shows them as JSON."""
        said = ["There was a problem uploading your file."]
        for name, errors in form.errors.items():
            label = f"{form[name].label}: " if name in form.fields else ""
            said.append(f"{label}{' '.join(errors)}")
        messages.error(self.request, " ".join(said))
        return self._back(form)

    def _target(self, form: Any) -> Any:
        """Return the target the files are for, if this person may view it."""
        record = form.cleaned_data["observation_record"]
        target = form.cleaned_data["target"] or (record and record.target)
        if not target:
            return None
        return toolkit.viewable_targets(self.request.user, [target.pk]).first()

    def _receive(
        self, form: Any, target: Any, file: UploadedFile[Any]
    ) -> IngestJob | None:
        """Keep one file; say what is wrong with it, or return the job."""
        chosen = form.cleaned_data
        product = receiving.new_product(
            target=target,
            observation_record=None
            if chosen["target"]
            else chosen["observation_record"],
            data=file,
            data_product_type=chosen["data_product_type"],
        )
        try:
            _require_size(file)
            return inbox.receive(
                product,
                user=self.request.user,
                origin=IngestJob.Origin.FORM,
                groups=receiving.groups_on_form(form),
            )
        except (UploadRefused, NotStored) as error:
            said = str(error)
        except DatabaseError:
            logger.exception(
                "An upload could not be kept.", extra=fields(Action.RECEIVE)
            )
            said = str(NotStored())
        messages.error(
            self.request,
            f"There was a problem uploading your file: {file.name}. {said}",
        )
        return None

    def _back(self, form: Any) -> HttpResponse:
        """Lead back to the page with the form, and nowhere outside this TOM."""
        back = form.cleaned_data.get("referrer") or "/"
        if not url_has_allowed_host_and_scheme(back, {self.request.get_host()}):
            back = "/"
        return redirect(back)


def _require_size(file: UploadedFile[Any]) -> None:
    limit = conf.settings().UPLOAD_LIMIT
    if limit is not None and (file.size or 0) > limit:
        raise UploadRefused(
            f"It is too large: this TOM takes files of up to {limit:,} bytes. "
            f"Upload it in parts, or ask an administrator of this TOM to raise "
            f"UPLOAD_LIMIT."
        )


def _said(jobs: list[IngestJob]) -> str:
    """Return the message about files that were received, with a line for each."""
    rows = format_html_join(
        "", "<div>{}</div>", ((_line(n, job),) for n, job in enumerate(jobs))
    )
    names = "\n".join(str(job.data_product) for job in jobs)
    then = (
        _then("It", "is", "waits") if len(jobs) == 1 else _then("They", "are", "wait")
    )
    return format_html("Successfully uploaded: {}. {}{}", names, then, rows)


def _then(they: str, are: str, wait: str) -> str:
    """Say what becomes of the files: nothing yet, where no worker runs."""
    last = Worker.last_seen(ingests=True)
    if last is not None and last >= timezone.now() - SEEN_RECENTLY:
        return f"{they} {are} being processed in the background; how it goes is here:"
    return (
        f"No worker runs that processes incoming data, so {they.lower()} {wait}; "
        f"nothing is lost. How it goes is here:"
    )


def _line(number: int, job: IngestJob) -> str:
    """Return a link to a job; of the first files also how it stands, from then on."""
    link = format_html('<a href="{}">{}</a>', job.get_absolute_url(), job.file_name)
    if number >= LIVE:
        return link
    badge = reverse("tom_share_worker:ingest-job-badge", kwargs={"pk": job.pk})
    return format_html(
        '<span hx-get="{}" hx-trigger="load, every 2s" hx-swap="innerHTML" '
        'aria-live="polite">{}</span>',
        badge,
        link,
    )
