"""The host's REST API for data, at the host's addresses: uploads, and data points.

`POST /api/dataproducts/` takes what the host's takes and checks what it checks, but the
file is processed in the background: the answer is 202 and says where to follow it. The
door `urls` registers both viewsets before the host does.

Unlike at the host, whoever writes needs an account, and whoever deletes the right to
change the target.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

from django.db import DatabaseError, close_old_connections, transaction
from django.http import Http404
from django.utils.decorators import method_decorator
from rest_framework import status
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.response import Response

from tom_share_worker import leases
from tom_share_worker.ingest.jobs import claims, processing
from tom_share_worker.ingest.limits import AccountRate
from tom_share_worker.ingest.uploads import answers, asked, inbox, names
from tom_share_worker.ingest.uploads.body import FILE, UploadParser, require_length
from tom_share_worker.ingest.uploads.refusals import (
    AlreadyHere,
    NotStored,
    UploadRefused,
)
from tom_share_worker.models import IngestJob
from tom_share_worker.models.logged import Action, fields
from tom_share_worker.toolkit import receiving

logger = logging.getLogger(__name__)


class _AccountsWrite:
    """The permissions of this TOM's API, and an account for whatever writes."""

    def get_permissions(self) -> list[Any]:
        """Return what every request is asked for."""
        own: list[Any] = super().get_permissions()  # type: ignore[misc]
        return [*own, IsAuthenticatedOrReadOnly()]


# A worker must see the rows while the answer waits, whatever ATOMIC_REQUESTS says.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class DataProducts(_AccountsWrite, receiving.DataProductViewSet):
    """Data products: list, upload and delete.

    An upload is answered with 202 as soon as the file is kept; `ingest` tells where to
    follow its processing. `groups` names those who may view the product and its data,
    by id; `Prefer: wait=10` waits up to so many seconds for the processing.
    """

    serializer_class = receiving.DataProductSerializer
    parser_classes = [UploadParser]

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Refuse what is too large before any of it is read."""
        if request.method == "POST":
            require_length(request)
        super().initial(request, *args, **kwargs)

    def get_throttles(self) -> list[Any]:
        """Count uploads with what else an account sends as another TOM."""
        own: list[Any] = super().get_throttles()
        return [*own, AccountRate()] if self.request.method == "POST" else own

    def create(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Keep the file, and say where its processing can be followed."""
        file = request.FILES.get(FILE)
        if file is None:
            raise ValidationError({FILE: [answers.NO_FILE]})
        if known := self._known(request):
            return answers.already_here(request, self._body(known), known)
        file.name = names.harmless(file.name)
        request.data["data"] = file
        serializer = self.get_serializer(data=request.data)
        if not serializer.is_valid():
            return self._wrong(request, serializer)
        token = uuid4().hex if asked.is_processed_at_once(request.user) else ""
        try:
            job = self._receive(request, serializer.validated_data, token)
        except (AlreadyHere, UploadRefused, NotStored, DatabaseError) as error:
            return self._not_kept(request, serializer, error)
        body = {**self._body(job.data_product), "message": answers.UPLOADED}
        if token:
            return self._processed(request, body, job)
        return answers.received(request, body, job)

    def perform_destroy(self, instance: Any) -> None:
        """Delete a data product, its data points and its file."""
        if not receiving.may_delete_product(self.request.user, instance):
            raise PermissionDenied
        inbox.withdraw(instance)

    def _body(self, product: Any) -> dict[str, Any]:
        """Return what the host tells of a data product."""
        return dict(self.get_serializer(product).data)

    def _known(self, request: Any) -> Any:
        """Return the product with this product id, if this account may view it."""
        product_id = str(request.data.get("product_id", "")).strip()
        if not product_id or "\0" in product_id:
            return None
        known = self.queryset.model._default_manager.filter(product_id=product_id)
        product = known.first()
        if product is None or not receiving.may_view_product(request.user, product):
            return None
        return product

    def _receive(self, request: Any, given: dict[str, Any], token: str) -> IngestJob:
        """Keep what was sent."""
        columns = {
            name: given[name] for name in receiving.PRODUCT_FIELDS & given.keys()
        }
        file = given["data"]
        return inbox.receive(
            receiving.new_product(**columns),
            user=request.user,
            origin=asked.origin(request),
            groups=asked.groups(request.data, given.get("groups", ())),
            sha256=asked.checked_digest(request.data, file),
            size=file.size,
            running_as=token,
        )

    def _wrong(self, request: Any, serializer: Any) -> Response:
        """Say what is wrong, unless it is that it came by another request just now."""
        if known := self._known(request):
            return answers.already_here(request, self._body(known), known)
        raise ValidationError(serializer.errors)

    def _not_kept(self, request: Any, serializer: Any, error: Exception) -> Response:
        """Say why nothing was kept."""
        if isinstance(error, UploadRefused):
            raise ValidationError({FILE: [str(error)]}) from error
        if isinstance(error, AlreadyHere):
            if known := self._known(request):
                return answers.already_here(request, self._body(known), known)
            serializer.run_validation(request.data)  # says what a product id in use is
        logger.error(
            "An upload could not be kept.",
            exc_info=error,
            extra=fields(Action.RECEIVE),
        )
        said = str(error) if isinstance(error, NotStored) else None
        raise answers.NotNow(said) from error

    def _processed(
        self, request: Any, body: dict[str, Any], job: IngestJob
    ) -> Response:
        """Process the file now, and answer as the host does."""
        with leases.kept(IngestJob, job.claim):
            try:
                processing.process(job.pk, job.claim)
            except processing.DATABASE_TROUBLE:
                logger.warning(
                    "The database failed an upload.",
                    exc_info=True,
                    extra=fields(Action.INGEST, job),
                )
                close_old_connections()
                claims.postpone(job, job.claim)  # it is kept; a worker goes on with it
        job.refresh_from_db()
        if job.status == IngestJob.Status.DONE:
            return Response(body, status.HTTP_201_CREATED)
        if job.status != IngestJob.Status.FAILED:
            return answers.accepted(request, body, job)
        product = job.data_product
        job.delete()
        if product is not None:
            inbox.withdraw(product)
        return Response(receiving.FAILED_BODY, status.HTTP_500_INTERNAL_SERVER_ERROR)


class ReducedDatums(_AccountsWrite, receiving.ReducedDatumViewSet):
    """Data points: list, add and delete."""

    serializer_class = receiving.ReducedDatumSerializer

    def get_object(self) -> Any:
        """Return the data point that is to be deleted, if this account may.

        Each kind of data points counts for itself; of those with this id it is the
        first, in the host's order, that the account may delete.
        """
        found = receiving.datums_with(self.kwargs.get(self.lookup_field))
        user = self.request.user
        seen = [datum for datum in found if receiving.may_view_datum(user, datum)]
        for datum in seen:
            if receiving.may_delete_datum(user, datum):
                self.check_object_permissions(self.request, datum)
                return datum
        if seen:
            raise PermissionDenied
        raise Http404
