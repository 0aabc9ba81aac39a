"""What a delivery carries, loaded from the database and free of it.

The sender loads a parcel, `payloads` turns it into the other side's words, and the
destinations send it; neither of those two makes a query.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery import memory, message, permissions
from tom_share_worker.delivery.ledger import Key, Ledger
from tom_share_worker.delivery.message import MessageParcel
from tom_share_worker.delivery.outcomes import Halted, Refused
from tom_share_worker.delivery.parcels import files
from tom_share_worker.models import Delivery, Failure, RemoteTarget, Share

SENDER_LIST = "Imported From {tom_name}"
"""The list that stock sharing puts targets in; same words, so the same list there."""


BATCHES = "api/tom-share/datums/"
"""Where a TOM with this app takes data points in batches."""

STUBBORN_ATTEMPTS = 4
"""Retries after which rows that still meet an internal error count as refused, a
quarter of an hour by the schedule; else they would be tried for three days in vain.
From then on an attempt tries every row. A few of them are refused so, more only where
the other side has stored others meanwhile: it might be full."""


@dataclass(frozen=True)
class TargetCard:
    """By what another TOM can recognise a target. Coordinates are ICRS degrees."""

    name: str
    names: tuple[str, ...]
    ra: float | None
    dec: float | None
    remote_id: str | None
    chosen: bool = False
    """A person picked the id, so that no other is taken without asking."""


@dataclass(frozen=True)
class TargetParcel:
    """A target as a whole."""

    target: TargetCard
    fields: dict[str, Any]
    extras: dict[str, str]
    lists: tuple[str, ...]
    shared_by: str
    shared_from: str
    sent_extras: dict[str, str] = field(default_factory=dict)
    """The extras as the destination got them last."""
    peer: dict[str, Any] | None = None
    """What is remembered of the destination's protocol: empty if it has none, None if
    it must be asked. The same for all parcels of TOMs."""


@dataclass(frozen=True)
class DatumsParcel:
    """A batch of data points of one target."""

    target: TargetCard
    datums: dict[Key, Any] = field(repr=False)
    tom_name: str
    public_url: str | None
    attempts: int
    """Attempts that count against the schedule, which a person may start anew."""
    look_first: bool = False
    """Much of it may be there already, by another way than this delivery: one look at
    what is there comes before sending. So with continuous sharing, where two TOMs may
    send each other what each got from the other."""
    withheld: tuple[Key, ...] = ()
    """Data points that the person who asked may no longer view; not among `datums`."""
    others_arrive: bool = False
    """Data points of other deliveries were stored there since our first attempt, so
    that an internal error met since then is about these rows and not the server."""
    peer: dict[str, Any] | None = None
    conversation: str = ""
    """Names this delivery up to the next answer to a batch of it: a request that is
    repeated because its answer was lost is known by it, and one that a person has made
    anew, after an answer, is not taken for a repeat."""


@dataclass(frozen=True)
class Home:
    """Where a data product without an id of its own is in this TOM, by which this TOM
    is recognised where it is the destination."""

    target_id: str
    id: str
    path: str


@dataclass(frozen=True)
class ProductParcel:
    """A data product and a way to open its file, which is never held in memory."""

    target: TargetCard
    product_id: str
    id_is_ours: bool
    data_product_type: str
    extra_data: str
    file_name: str
    size: int
    open: Callable[[], IO[bytes]] = field(repr=False)
    home: Home | None = None
    peer: dict[str, Any] | None = None
    receipt: str = ""
    """Where the destination tells what becomes of the file, if it has it already."""


Parcel = TargetParcel | DatumsParcel | ProductParcel | MessageParcel


def load(delivery: Delivery) -> Parcel:
    """Load what a delivery carries; halt where it is no longer there."""
    if delivery.kind == Delivery.Kind.MESSAGE:
        return message.load(delivery)
    target = toolkit.full_target(delivery.target_id) if delivery.target_id else None
    if target is None:
        raise Halted(
            Refused(
                Failure.OUR_FAULT,
                f"The target {delivery.target_name} was deleted from this TOM.",
            )
        )
    _require_permission(delivery, target)
    card = _card(delivery.destination, target)
    if delivery.kind == Delivery.Kind.TARGET:
        return _target(delivery, target, card)
    if delivery.kind == Delivery.Kind.DATUMS:
        return _datums(delivery, card)
    return _product(delivery, card)


def _require_permission(delivery: Delivery, target: Any) -> None:
    """Halt where the person who asked may not share this any more.

    Hours may lie between asking and sending, and permissions may have been withdrawn.
    """
    user = delivery.share.user
    if (
        user is None
        or not user.is_active
        or not toolkit.viewable_targets(user, [target.pk]).exists()
    ):
        objection = f"The person who asked for it may no longer view {target.name}."
    elif not permissions.targets(user, [target.pk]).exists():
        objection = f"The person who asked for it may no longer share {target.name}."
    else:
        objection = permissions.destination_objection(user, delivery.destination)
    if objection:
        raise Halted(Refused(Failure.NOT_PERMITTED, objection))


def _card(destination: str, target: Any) -> TargetCard:
    known = _known(destination, target)
    return TargetCard(
        name=target.name,
        names=tuple(target.names),
        ra=target.ra,
        dec=target.dec,
        remote_id=(known.remote_id or None) if known else None,
        chosen=known is not None and known.chosen is not None,
    )


def _known(destination: str, target: Any) -> RemoteTarget | None:
    return RemoteTarget.objects.filter(
        destination=destination, target_id=target.pk
    ).first()


def _target(delivery: Delivery, target: Any, card: TargetCard) -> TargetParcel:
    share = delivery.share
    lists = [SENDER_LIST.format(tom_name=conf.tom_name())]
    if share.target_list is not None:
        lists.append(share.target_list.name)
    extras = {extra.key: extra.value for extra in target.targetextra_set.all()}
    known = _known(delivery.destination, target)
    return TargetParcel(
        target=card,
        fields=toolkit.target_fields(target),
        extras=extras | toolkit.custom_fields(target),
        lists=tuple(lists),
        shared_by=share.user.get_username() if share.user else "",
        shared_from=conf.tom_name(),
        sent_extras=known.sent_extras if known else {},
        peer=memory.peer(delivery.destination),
    )


def _datums(delivery: Delivery, card: TargetCard) -> DatumsParcel:
    """Load the data points whose fate is open; a deleted one maps to None."""
    pending = Ledger(delivery.ledger).pending()
    withheld = permissions.withheld(delivery.share.user, pending)
    datums: dict[Key, Any] = dict.fromkeys(pending)
    for key in withheld:
        del datums[key]
    for kind, model in toolkit.DATUM_MODELS.items():
        pks = [key.pk for key in datums if key.kind == kind]
        if pks:
            for datum in model._default_manager.filter(
                pk__in=pks, target_id=delivery.target_id
            ):
                datums[Key(kind, datum.pk)] = datum
    return DatumsParcel(
        target=card,
        datums=datums,
        tom_name=conf.tom_name(),
        public_url=conf.settings().PUBLIC_URL,
        attempts=delivery.attempt_count,
        withheld=tuple(withheld),
        look_first=delivery.share.origin == Share.Origin.PERSISTENT_SHARE,
        others_arrive=_others_arrive(delivery),
        peer=memory.peer(delivery.destination),
        conversation=_conversation(delivery),
    )


def _conversation(delivery: Delivery) -> str:
    answered = delivery.attempts.filter(
        request__endswith=BATCHES, status_code__range=(200, 499)
    )
    # These say that there is no answer yet.
    count = answered.exclude(status_code__in=[408, 409, 425, 429]).count()
    created = delivery.created.isoformat()
    return f"{conf.tom_name()}:{delivery.pk}:{created}:{count}"


def _others_arrive(delivery: Delivery) -> bool:
    """Has the destination stored data points of others since our first attempt?

    Attempts before a person began anew do not count, so only the last ones do.
    """
    if delivery.attempt_count < STUBBORN_ATTEMPTS:
        return False  # not asked for yet, and no small question
    tries = delivery.attempts.exclude(ended=None).order_by("-number")
    began = list(tries.values_list("started", flat=True)[: delivery.attempt_count])
    return (
        bool(began)
        and Delivery.objects.filter(
            destination=delivery.destination,
            status=Delivery.Status.DELIVERED,
            ended__gt=began[-1],
            delivered_count__gt=0,
        ).exists()
    )


def _product(delivery: Delivery, card: TargetCard) -> ProductParcel:
    product = delivery.data_product
    if product is None:
        raise Halted(
            Refused(Failure.OUR_FAULT, "The data product was deleted from this TOM.")
        )
    if product.target_id != delivery.target_id:
        raise Halted(
            Refused(
                Failure.OUR_FAULT,
                f"The data product {product} now belongs to another target.",
            )
        )
    shareable = permissions.data_products(delivery.share.user).filter(pk=product.pk)
    if not shareable.exists():
        raise Halted(
            Refused(
                Failure.NOT_PERMITTED,
                f"The person who asked for it may no longer view the data product "
                f"{product}.",
            )
        )
    return ProductParcel(
        target=card,
        product_id=product.product_id or _stable_id(product),
        id_is_ours=not product.product_id,
        data_product_type=product.data_product_type,
        extra_data=product.extra_data,
        file_name=product.get_file_name(),
        size=files.size(product),
        open=partial(files.opened, product),
        home=None
        if product.product_id
        else Home(str(product.target_id), str(product.pk), product.data.name),
        peer=memory.peer(delivery.destination),
        receipt=delivery.receipt,
    )


def _stable_id(product: Any) -> str:
    """Name a product that has no id of its own, always the same and only this one.

    With it the other TOM knows a repeat for what it is. The time of creation tells
    apart two TOMs of one name, or one TOM before and after its database was made anew.
    """
    return f"{conf.tom_name()}:{product.pk}:{product.created:%Y%m%dT%H%M%S.%f}"[-255:]
