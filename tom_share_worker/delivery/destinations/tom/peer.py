"""Does the other TOM run this app, and which version of its protocol does it speak?

Asked by `tom` once the target there is known, so that a destination that is away, or is
no TOM, is found to be so as any other; the answer is remembered for a day.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tom_share_worker.delivery.destinations import verdicts
from tom_share_worker.delivery.destinations.base import Progress
from tom_share_worker.delivery.destinations.http import Answer
from tom_share_worker.delivery.destinations.tom import wire
from tom_share_worker.delivery.destinations.tom.session import Session
from tom_share_worker.delivery.destinations.tom.wire import Peer
from tom_share_worker.delivery.outcomes import Halted, Outcome, TryAgain

_NO_SUCH_PAGE = (
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.GONE,
)

_NOT_SPOKEN = (
    *_NO_SUCH_PAGE,
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.NOT_IMPLEMENTED,
)
"""Answers to a batch that say nothing of its data points: it was not understood."""


class Surprise(Exception):  # noqa: N818  (a finding, answered by the stock API)
    """A TOM that spoke the protocol does not any more.

    Unless `of_the_protocol` it is about these data points alone, nothing to remember.
    """

    def __init__(self, *, of_the_protocol: bool = True) -> None:
        super().__init__()
        self.of_the_protocol = of_the_protocol


def of(
    session: Session, known: dict[str, Any] | None, progress: Progress
) -> Peer | None:
    """Return what a TOM speaks of the protocol; None where it is to be a stock one."""
    if known is not None:
        return wire.remembered(known)
    answer = session.request("GET", wire.CAPABILITIES)
    trouble = verdicts.trouble(answer, session.name)
    if trouble is not None and _is_of_the_whole(answer, trouble):
        raise Halted(trouble)
    found = wire.peer(answer.json()) if trouble is None else None
    if trouble is None or answer.status in _NO_SUCH_PAGE:
        progress.found_peer(found.row() if found else {})
    # Any other answer says nothing: the next delivery asks again.
    return found


def _is_of_the_whole(answer: Answer, trouble: Outcome) -> bool:
    """True for trouble that any other request would meet, too."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return True
    # A page in place of JSON is none: some sites answer so to any address.
    return (
        isinstance(trouble, TryAgain)
        and trouble.destination_wide
        and answer.status >= HTTPStatus.BAD_REQUEST
    )


def require_spoken(answer: Answer) -> None:
    """Raise `Surprise` where the answer to a batch is not one of the protocol."""
    if wire.problem(answer.json()) == "unknown-target":
        return
    is_success = answer.status < HTTPStatus.MULTIPLE_CHOICES
    if answer.status in _NOT_SPOKEN or (is_success and answer.json() is None):
        raise Surprise
