"""The one button that cures a cause of failure, or who can where the reader may not.

Called by the share's page for each cause that it shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tom_share_worker import conf
from tom_share_worker.delivery import visibility
from tom_share_worker.delivery.asking import again
from tom_share_worker.delivery.planning.planner import SENDS_TARGET
from tom_share_worker.models import Destination, Failure, RemoteTarget, Share
from tom_share_worker.status import overview, words
from tom_share_worker.status.causes import Cause

RETRY, RESUME, CHOOSE, WITH_TARGET = "retry", "resume", "choose", "with target"


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
        may_resume=overview.changes_destinations(user),
        may_share_with_target=alone and again.may_share_again(user, share),
        choice=choice,
    )


def of(
    causes: Iterable[Cause], powers: Powers, destination: Destination | None
) -> list[Cure]:
    """Return each cause with its button."""
    return [_cure(cause, powers, destination) for cause in causes]


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
