"""The one button that cures a cause of failure, or who can where the reader may not.

Called by the share's page for each cause that it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tom_share_worker import conf
from tom_share_worker.delivery import visibility
from tom_share_worker.delivery.asking import again
from tom_share_worker.delivery.planning.planner import SENDS_TARGET
from tom_share_worker.models import (
    Destination,
    Failure,
    RemoteTarget,
    Share,
    retrying,
)
from tom_share_worker.operating import destinations
from tom_share_worker.status import words
from tom_share_worker.status.causes import Cause
from tom_share_worker.status.overview import Progress, Tally

RETRY, RESUME, CHOOSE, WITH_TARGET = "retry", "resume", "choose", "with target"

RETRIES = NO, ONE, ALL = "no", "one", "all"
"""What a share's page offers to retry: nothing, what failed for one cause, or also all
that did not arrive."""


@dataclass(frozen=True)
class Cure:
    """A cause, and the button that cures it; without a verb, who can is told."""

    cause: Cause
    verb: str
    label: str
    who: str = ""


@dataclass(frozen=True)
class Powers:
    """What the reader of a share's page may do about it."""

    may_act: bool
    may_resume: bool
    may_share_with_target: bool
    choice: RemoteTarget | None


def powers(user: Any, share: Share, choice: RemoteTarget | None) -> Powers:
    """Find out what a person may do about a share that they see."""
    alone = share.target_id is not None and share.kind not in SENDS_TARGET
    return Powers(
        may_act=visibility.may_act_if_seen(user, share),
        may_resume=destinations.may_steer(user),
        may_share_with_target=alone and again.may_share_again(user, share),
        choice=choice,
    )


def of(
    causes: Iterable[Cause], powers: Powers, destination: Destination | None
) -> list[Cure]:
    """Return each cause with its button."""
    return [_cure(cause, powers, destination) for cause in causes]


def retries(
    found: Sequence[Cure], share: Share, tally: Tally, progress: Progress
) -> str:
    """Say what the page offers: no second button that does the same as the first."""
    if not progress.retryable:
        return NO
    others = any(
        retrying.needs_retry(
            row["status"],
            row["failure"],
            row["refused"],
            refuses_us=progress.refuses_us,
        )
        and not retrying.has_failed(row["status"], row["refused"])
        for row in tally
    )
    alone = [cure.verb for cure in found] == [RETRY]
    return ONE if alone and share.planned and not others else ALL


def _cure(cause: Cause, may: Powers, destination: Destination | None) -> Cure:
    if cause.failure == Failure.AMBIGUOUS_TARGET and may.choice is not None:
        return Cure(cause, CHOOSE, "Choose the target")
    if cause.failure == Failure.NO_MATCHING_TARGET and may.may_share_with_target:
        return Cure(cause, WITH_TARGET, "Share it together with the target")
    if not may.may_act:
        return Cure(
            cause, "", "", "Who asked for it can retry it, and operators of this TOM."
        )
    these = "it" if cause.number == 1 else f"these {words.deliveries(cause.number)}"
    if destination is None or not (destination.paused and destination.paused_by_person):
        return Cure(cause, RETRY, f"Retry {these} now")
    if may.may_resume:
        name = conf.display_name(destination.key)
        return Cure(cause, RESUME, f"Resume {name}, and retry {these} now")
    # It waits then; the page says for whom, once for all causes.
    return Cure(cause, RETRY, f"Retry {these}")
