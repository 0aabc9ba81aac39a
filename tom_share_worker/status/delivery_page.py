"""The page of one delivery; called through `urls`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.views.generic import TemplateView

from tom_share_worker import toolkit
from tom_share_worker.delivery import visibility
from tom_share_worker.delivery.asking import masking
from tom_share_worker.models import Delivery, RemoteTarget, Share, retrying
from tom_share_worker.status import causes, fates, notices, tables, target_choice


class DeliveryDetail(LoginRequiredMixin, TemplateView):
    """One delivery: its attempts, and the data points that did not arrive."""

    template_name = "tom_share_worker/delivery_detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather all that is known of the delivery."""
        user = self.request.user
        delivery = _delivery(self.request, kwargs["pk"])
        destination = notices.state(delivery.destination)
        waits = delivery.status in (Delivery.Status.QUEUED, Delivery.Status.SENDING)
        table = tables.AttemptTable(tables.attempts(delivery))
        return super().get_context_data(
            delivery=delivery,
            waits=waits,
            next_attempt=notices.next_attempt(delivery, destination),
            destination_note=notices.destination_note(destination) if waits else "",
            share=_visible_share(user, delivery),
            product=_viewable_product(user, delivery),
            table=tables.paginated(self.request, table),
            fates=fates.of(delivery, user),
            cure=causes.cure(delivery),
            choice=_choice(user, delivery),
            retryable=retrying.needs_retry(
                delivery.status,
                delivery.failure,
                delivery.refused_count,
                refuses_us=notices.refuses_us(destination),
            ),
            may_act=visibility.may_act(user, delivery.share),
            **kwargs,
        )


def _delivery(request: HttpRequest, pk: int) -> Delivery:
    """Return a delivery the person may see, or answer 404."""
    visible = tables.with_target(visibility.visible_deliveries(request.user))
    found = visible.select_related("share", "data_product")
    return get_object_or_404(found.defer("share__selection"), pk=pk)


def _visible_share(user: Any, delivery: Delivery) -> Share | None:
    """Return its share, which not everybody sees who sees the delivery."""
    shares = visibility.visible_shares(user).filter(pk=delivery.share_id)
    found = masking.with_subjects(user, shares.defer("selection")).first()
    return None if found is None else masking.masked(found)


def _viewable_product(user: Any, delivery: Delivery) -> Any:
    """Return the data product it sends, if the person may view it."""
    if delivery.data_product_id is None:
        return None
    products = toolkit.viewable_data_products(user)
    return products.filter(pk=delivery.data_product_id).first()


def _choice(user: Any, delivery: Delivery) -> RemoteTarget | None:
    """Return what the person may choose for the target of a delivery."""
    known = target_choice.of_delivery(delivery)
    return known if known and target_choice.may_choose(user, known) else None
