"""What of a target a person can choose from, and what they chose.

Called by `share_page`: it shows the sections, and reads the form they make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest

from tom_share_worker import toolkit
from tom_share_worker.delivery import permissions
from tom_share_worker.delivery.asking import answers, cells
from tom_share_worker.delivery.asking.narrowing import Narrowing
from tom_share_worker.delivery.planning.selection import PRODUCTS

FEW = 20
"""So many rows are shown at once; more are folded away until they are asked for."""

OFFERED = 100
"""Filters offered where one is typed; nobody reads a longer list."""

TICKED_AT_ONCE = 100_000
"""Ids that a browser ticks at once and packs into one field; Django takes forms of up
to 2.5 MB. To share more, there is the box for all of a kind."""


@dataclass(frozen=True)
class Kind:
    """How one kind of data is shown: names, columns, and what need not be loaded."""

    key: str
    title: str
    noun: str
    columns: dict[str, Callable[[Any], str]]
    per_page: int = 100
    deferred: tuple[str, ...] = ()

    @property
    def box(self) -> str:
        """Return the name of the boxes of single rows; photometry has the host's."""
        return "share-box" if self.key == "photometry" else f"share-{self.key}"

    @property
    def whole(self) -> str:
        """Return the name of the box that means everything."""
        return f"all-{self.key}"

    @property
    def plural(self) -> str:
        """Return the noun for several."""
        return "spectra" if self.noun == "spectrum" else f"{self.noun}s"

    @property
    def origin(self) -> str:
        """Return what follows the noun where kinds stand beside each other."""
        alone = self.noun != "data point"
        return "" if alone else f" of {self.title.lower()}"


_ORIGIN = {"Telescope, instrument": cells.telescope, "Source": cells.source}

KINDS = (
    Kind(
        "photometry",
        "Photometry",
        "data point",
        {
            "Time (UTC)": cells.time,
            "Filter": cells.bandpass,
            "Brightness": cells.brightness,
            **_ORIGIN,
        },
    ),
    Kind(
        "spectroscopy",
        "Spectroscopy",
        "spectrum",
        {"Time (UTC)": cells.time, "Wavelengths": cells.wavelengths, **_ORIGIN},
        per_page=25,  # each brings its array of wavelengths
        deferred=("flux", "error"),
    ),
    Kind(
        "astrometry",
        "Astrometry",
        "data point",
        {"Time (UTC)": cells.time, "RA": cells.ra, "Dec": cells.dec, **_ORIGIN},
    ),
    Kind(
        "generic",
        "Other data",
        "data point",
        {
            "Time (UTC)": cells.time,
            "Type": cells.data_type,
            "Value": cells.value,
            **_ORIGIN,
        },
    ),
    Kind(
        PRODUCTS,
        "Data products",
        "data product",
        {
            "File": cells.file,
            "Type": cells.product_type,
            "Added (UTC)": cells.added,
        },
    ),
)


@dataclass(frozen=True)
class Row:
    """One data point or product: its id, its name for a screen reader, its cells."""

    pk: int
    label: str
    cells: list[str]


@dataclass(frozen=True)
class Section:
    """One kind of data of one target, as a page of rows."""

    kind: Kind
    page: Page[Any]
    count: int
    """How many there are in all, narrowed or not."""
    narrowing: Narrowing
    opened: bool
    others: str
    """The pages at which the other sections stand, for the links of this one."""
    bandpasses: list[str]
    """The filters there are, to be chosen from."""

    @property
    def counted(self) -> str:
        """Return how many there are, in words."""
        return _counted(self.kind, self.count)

    @property
    def found(self) -> str:
        """Return how many match what was typed, in words."""
        return _counted(self.kind, self.page.paginator.count)

    @property
    def can_be_narrowed(self) -> bool:
        """True for so many data points that one looks for some of them."""
        return self.kind.key != PRODUCTS and self.count > FEW

    @property
    def can_be_ticked(self) -> bool:
        """True if what matches can be ticked at once and sent as one field."""
        return 0 < self.page.paginator.count <= TICKED_AT_ONCE

    @property
    def rows(self) -> Iterator[Row]:
        """Yield the rows of this page."""
        for item in self.page:
            shown = [cell(item) for cell in self.kind.columns.values()]
            yield Row(item.pk, f"Share {', '.join(shown[:3])}", shown)


def sections(request: HttpRequest, target: Any) -> list[Section]:
    """Return what a person may share of a target, each kind at the page asked for."""
    asked = {
        kind.key: request.GET[kind.key] for kind in KINDS if kind.key in request.GET
    }
    found = []
    for kind in KINDS:
        data = _shareable(request.user, kind, target)
        narrowing = Narrowing.asked(request, kind.key)
        pages = Paginator(_narrowed(kind, narrowing, data), kind.per_page)
        page = pages.get_page(asked.get(kind.key))
        count = data.count() if narrowing.is_asked else pages.count
        others = request.GET.copy()
        others.pop(kind.key, None)
        found.append(
            Section(
                kind,
                page,
                count,
                narrowing,
                opened=kind.key in asked or narrowing.is_asked or count <= FEW,
                others=others.urlencode(),
                bandpasses=_bandpasses(data) if kind.key == "photometry" else [],
            )
        )
    return found


def _bandpasses(data: Any) -> list[str]:
    found = data.order_by("bandpass").values_list("bandpass", flat=True).distinct()
    return list(filter(None, found[:OFFERED]))


def found_ids(request: HttpRequest, target: Any, key: str) -> list[int]:
    """Return the ids of one kind that match what was typed, to tick them all."""
    for kind in KINDS:
        if kind.key == key:
            data = _shareable(request.user, kind, target)
            data = _narrowed(kind, Narrowing.asked(request, key), data)
            return list(data.values_list("pk", flat=True)[:TICKED_AT_ONCE])
    return []


def _narrowed(kind: Kind, narrowing: Narrowing, data: Any) -> Any:
    if kind.key == PRODUCTS:
        return data
    if kind.key != "photometry":
        narrowing = replace(narrowing, bandpass="")
    return narrowing.apply(data)


def _counted(kind: Kind, number: int) -> str:
    return f"{number:,} {kind.noun if number == 1 else kind.plural}"


def _shareable(user: Any, kind: Kind, target: Any) -> Any:
    """Return the rows of one kind that a person may share, the newest first."""
    if kind.key == PRODUCTS:
        found = permissions.data_products(user).filter(target_id=target.pk)
        return found.order_by("-created", "-pk")
    model = toolkit.DATUM_MODELS[kind.key]
    of_target = model._default_manager.filter(target_id=target.pk)
    found = permissions.datums(user, kind.key, of_target)
    return found.defer(*kind.deferred).order_by("-timestamp", "-pk")


@dataclass(frozen=True)
class Chosen:
    """What a person chose: ids by kind, kinds as a whole, and the target or not."""

    named: dict[str, list[int]]
    whole: list[str]
    with_target: bool

    @property
    def goes_beyond_photometry(self) -> bool:
        """True if it holds data that cannot be downloaded as one table."""
        return any(kind != "photometry" for kind in (*self.named, *self.whole))


def read(request: HttpRequest) -> Chosen:
    """Read what was chosen, on our page or on the host's, which knows photometry only.

    The host's page has no box for the target and means to share it.
    """
    whole = [kind.key for kind in KINDS if kind.whole in request.POST]
    ticked = {
        kind.key: answers.ids(request, kind.box)
        for kind in KINDS
        if kind.key not in whole
    }
    return Chosen(
        named={key: pks for key, pks in ticked.items() if pks},
        whole=whole,
        with_target="with-target" in request.POST
        or "asks-for-target" not in request.POST,
    )
