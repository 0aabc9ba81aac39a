"""What a message carries, loaded from the database and free of it.

Called by `parcels` for destinations that take messages, such as Hermes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery import permissions
from tom_share_worker.delivery.ledger import TARGET, Key, Ledger
from tom_share_worker.delivery.outcomes import Halted, Refused
from tom_share_worker.models import Attempt, Delivery, Failure

NAMESPACE = uuid.UUID("0e5ae7c1-5a51-4c1d-9a53-8a3c2f6f7c55")
"""Under which the keys of messages are formed; any constant would do."""


@dataclass(frozen=True)
class MessageTarget:
    """A target of a message: what it is in itself, or because data of it goes along."""

    name: str
    fields: dict[str, Any]
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class EarlierAttempt:
    """What is on record of an earlier attempt at the same delivery."""

    outcome: str
    request: str
    status_code: int | None
    answer: str
    ended: datetime | None

    @property
    def was_lost(self) -> bool:
        """True if its worker was lost in the middle, so that nobody knows its end."""
        return self.outcome in ("", Attempt.Outcome.LOST)


@dataclass(frozen=True)
class MessageParcel:
    """Targets and data points that go out in one message, and its words."""

    key: str
    """Names this message and no other, the same in each attempt at it."""
    title: str
    message: str
    authors: str
    submitter: str
    tom_name: str
    targets: dict[int, MessageTarget] = field(repr=False)
    """The targets by our ids, those that the data points belong to among them."""
    datums: dict[Key, Any] = field(repr=False)
    """What is to go: data points, and targets for themselves; None: no longer there."""
    created: datetime
    attempts: int
    """Attempts that count against the schedule, which a person may start anew."""
    earlier: tuple[EarlierAttempt, ...] = field(default=(), repr=False)
    own_key: str = field(default="", repr=False)
    """The API key of the person who shares, where they have one of their own."""


def load(delivery: Delivery) -> MessageParcel:
    """Load what a message carries; halt where it may no longer go."""
    share = delivery.share
    if objection := permissions.destination_objection(share.user, share.destination):
        raise Halted(Refused(Failure.NOT_PERMITTED, objection))
    pending = Ledger(delivery.ledger).pending()
    datums = _datums(share.user, pending)
    targets = _targets(share.user, pending, datums)
    for key in pending:
        if key.kind == TARGET:
            datums[key] = targets.get(key.pk)
    return MessageParcel(
        key=_key(delivery, pending),
        title=_title(delivery),
        message=share.message,
        authors=share.authors,
        submitter=share.user.get_username() if share.user else "",
        tom_name=conf.tom_name(),
        targets=targets,
        datums=datums,
        created=delivery.created,
        attempts=delivery.attempt_count,
        earlier=_earlier(delivery),
        own_key=_own_key(delivery),
    )


def _datums(user: Any, pending: Iterable[Key]) -> dict[Key, Any]:
    """Load the data points; one that is gone, or not to be shared, maps to None."""
    found: dict[Key, Any] = dict.fromkeys(pending)
    for kind, model in toolkit.DATUM_MODELS.items():
        pks = [key.pk for key in found if key.kind == kind]
        if pks:
            named = model._default_manager.filter(pk__in=pks)
            for datum in permissions.datums(user, kind, named):
                found[Key(kind, datum.pk)] = datum
    return found


def _targets(
    user: Any, pending: Iterable[Key], datums: dict[Key, Any]
) -> dict[int, MessageTarget]:
    wanted = {key.pk for key in pending if key.kind == TARGET}
    wanted |= {datum.target_id for datum in datums.values() if datum is not None}
    return {
        target.pk: MessageTarget(
            target.name, toolkit.target_fields(target), tuple(target.names[1:])
        )
        for target in permissions.targets(user, wanted).order_by("pk")
    }


def _key(delivery: Delivery, pending: list[Key]) -> str:
    """Form the name of the message: of the delivery and of what it has left to send.

    A person who retries what was refused of a published message sends another one.
    """
    rows = ",".join(f"{key.kind} {key.pk}" for key in sorted(pending))
    text = f"{delivery.pk} {delivery.created.isoformat()} {rows}"
    return str(uuid.uuid5(NAMESPACE, text))


def _title(delivery: Delivery) -> str:
    """Return the title that was asked for, numbered from the second message on.

    The same in each attempt, as it is also what a message is looked for by: how many
    messages there will be is not known while they are planned.
    """
    share = delivery.share
    title = share.title.strip() or f"{share.subject} from {conf.tom_name()}"
    number = delivery.position + 1
    return f"{title} (part {number})" if number > 1 else title


def _earlier(delivery: Delivery) -> tuple[EarlierAttempt, ...]:
    attempts = delivery.attempts.exclude(claim=delivery.claim).order_by("number")
    return tuple(
        EarlierAttempt(
            attempt.outcome,
            attempt.request,
            attempt.status_code,
            attempt.answer,
            attempt.ended,
        )
        for attempt in attempts
    )


def _own_key(delivery: Delivery) -> str:
    """Return the person's own key for Hermes, if they gave this TOM one."""
    settings = conf.destination(delivery.destination)
    if settings.kind != conf.HERMES:
        return ""
    return toolkit.hermes_key(delivery.share.user, settings.base_url)
