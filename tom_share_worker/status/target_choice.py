"""The page on which a person chooses which target of another TOM is ours.

Reached from the page of a share that waits for it; what is chosen is remembered and can
be changed here later. Called through `urls`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from astropy.coordinates import Angle, SkyCoord
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import TemplateView

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery import actions, visibility
from tom_share_worker.delivery.asking import masking
from tom_share_worker.exceptions import ConfigurationError
from tom_share_worker.models import Delivery, Failure, RemoteTarget, Share
from tom_share_worker.status import notices, overview, words


@dataclass(frozen=True)
class Place:
    """Where a target is in the sky, ICRS degrees; nowhere, if it moves."""

    ra: float | None
    dec: float | None

    @property
    def degrees(self) -> str:
        """Return the coordinates in degrees, to a hundredth of an arcsecond."""
        if self.ra is None or self.dec is None:
            return "—"
        return f"{self.ra:.6f}, {self.dec:+.6f}"

    @property
    def sexagesimal(self) -> str:
        """Return the coordinates in hours and degrees, minutes and seconds."""
        if self.ra is None or self.dec is None:
            return ""
        hours = Angle(self.ra % 360, "deg").to_string(
            unit="hourangle", sep=":", precision=2, pad=True
        )
        return f"{hours}, {_degrees(self.dec)}"

    def apart(self, other: Place) -> str:
        """Return the separation from another place in words."""
        ours, theirs = _sky(self), _sky(other)
        if ours is None or theirs is None:
            return "—"
        arcseconds = float(ours.separation(theirs).arcsec)
        if arcseconds < 1000:
            return f"{arcseconds:.2f} arcsec"
        return f"{arcseconds:,.0f} arcsec ({arcseconds / 3600:.2f}°)"


@dataclass(frozen=True)
class Candidate:
    """A target of the other TOM, beside ours."""

    id: str
    name: str
    aliases: list[str]
    type: str
    place: Place
    apart: str
    address: str


def first_waiting(
    share: Share, tally: overview.Tally, seen: QuerySet[Delivery]
) -> RemoteTarget | None:
    """Return a target of a share that waits for a person's choice, the first of them;
    or None, without a query where the tally knows of none."""
    if not any(overview.must_choose(row) for row in tally):
        return None
    waiting = seen.filter(
        status=Delivery.Status.FAILED, failure=Failure.AMBIGUOUS_TARGET
    )
    return (
        RemoteTarget.objects.filter(
            destination=share.destination,
            remote_id="",
            target__in=waiting.values("target_id"),
        )
        .order_by("pk")
        .first()
    )


def of_delivery(delivery: Delivery) -> RemoteTarget | None:
    """Return what can be chosen for the target of a delivery, now or anew."""
    return (
        RemoteTarget.objects.select_related("chosen_by")
        .filter(destination=delivery.destination, target_id=delivery.target_id)
        .exclude(candidates=[])
        .first()
    )


def may_choose(user: Any, known: RemoteTarget) -> bool:
    """True for who may act on a share of this target with this destination, and may
    view the target."""
    if not toolkit.viewable_targets(user, [known.target_id]).exists():
        return False
    own = Delivery.objects.filter(
        destination=known.destination, target_id=known.target_id, share__user=user
    )
    return visibility.operates(user) or own.exists()


class TargetChoice(LoginRequiredMixin, TemplateView):
    """Ours beside the candidates, and the button that picks one."""

    template_name = "tom_share_worker/target_choice.html"

    @cached_property
    def known(self) -> RemoteTarget:
        """Return the row, if this person may choose for it."""
        found = RemoteTarget.objects.select_related("chosen_by")
        known = get_object_or_404(found, pk=self.kwargs["pk"])
        user = self.request.user
        if not toolkit.viewable_targets(user, [known.target_id]).exists():
            raise Http404
        if not may_choose(user, known):
            raise PermissionDenied(
                "Which target it is, is chosen by those who share it with this "
                "destination, and by those who may change shares."
            )
        return known

    @cached_property
    def share(self) -> Share | None:
        """Return the share from whose page the person came, to lead back there."""
        number = self.request.GET.get("share", "")
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            return None
        user = self.request.user
        shares = masking.with_subjects(user, visibility.visible_shares(user))
        of_destination = shares.filter(destination=self.known.destination)
        return of_destination.filter(pk=int(number)).first()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Gather our target and the candidates."""
        known = self.known
        target = toolkit.full_target(known.target_id)
        here = Place(target.ra, target.dec)
        return super().get_context_data(
            known=known,
            share=self.share,
            subject=masking.subject(self.share) if self.share else "",
            destination_name=conf.display_name(known.destination),
            target=target,
            aliases=[name for name in target.names if name != target.name],
            place=here,
            candidates=_candidates(known, here),
            waiting=words.deliveries(actions.waiting_for_choice(known).count()),
            chosen_at=words.stamp(known.chosen),
            **kwargs,
        )

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take the choice and lead back to the share."""
        known = self.known
        picked = request.POST.get("remote_id", "")
        names = {one["id"]: one["name"] or one["id"] for one in known.candidates}
        if picked not in names:
            messages.warning(request, "Choose one of the targets.")
            return redirect(request.get_full_path())
        # Between the look and the click somebody else may have chosen.
        seen = request.POST.get("seen", "")
        count = (
            actions.choose(known, picked, request.user)
            if (seen == known.remote_id)
            else None
        )
        if count is None:
            messages.warning(
                request, "Somebody else chose meanwhile. Look at it again, please."
            )
            return redirect(request.get_full_path())
        go = notices.go_again(count, [known.destination])
        then = f"; {words.deliveries(count)} {go}" if count else ""
        messages.success(
            request, f"{names[picked]} is remembered as the target there{then}."
        )
        if self.share is not None:
            return redirect(self.share)
        return redirect(reverse("tom_share_worker:target-choice", args=[pk]))


def _candidates(known: RemoteTarget, here: Place) -> list[Candidate]:
    try:
        base_url = conf.destination(known.destination).base_url
    except ConfigurationError:
        base_url = ""
    return [
        Candidate(
            id=one["id"],
            name=one["name"] or "(without a name)",
            aliases=one["aliases"],
            type=str(one["type"]).replace("_", "-").lower(),
            place=(place := Place(one["ra"], one["dec"])),
            apart=here.apart(place),
            address=f"{base_url}targets/{quote(one['id'], safe='')}/"
            if base_url
            else "",
        )
        for one in known.candidates
    ]


def _sky(place: Place) -> Any:
    if place.ra is None or place.dec is None or not -90 <= place.dec <= 90:
        return None
    return SkyCoord(place.ra, place.dec, unit="deg")


def _degrees(dec: float) -> str:
    text: str = Angle(dec, "deg").to_string(
        unit="deg", sep=":", precision=1, pad=True, alwayssign=True
    )
    return text
