"""The table at the end of the tour: what arrived, target by target.

Called by run_demo.py with what contents.py has read from both TOMs.
"""

from collections.abc import Collection, Iterable

from tour.contents import Contents
from tour.screen import Screen

HEAD = ("Target", "photometry", "limits", "spectra", "files", "compared")
COUNTED = ("photometry", "limits", "spectra", "files")


def compare(
    screen: Screen,
    here: dict[str, Contents],
    there: dict[str, Contents],
    shared: Iterable[str],
) -> bool:
    """Print the table; return whether all that was shared, and no more, is there."""
    rows = [_row(name, here[name], there.get(name)) for name in shared]
    screen.table(HEAD, rows)
    screen.line(_sum(there.values()))
    unexpected = set(there) - set(shared)
    if unexpected:
        screen.line(screen.bad(f"not shared, but there: {', '.join(unexpected)}"))
    return not unexpected and all(row[-1] == "equal" for row in rows)


def _row(name: str, ours: Contents, theirs: Contents | None) -> tuple[str, ...]:
    if theirs is None:
        return (name, "", "", "", "", "missing")
    counts = [
        f"{len(getattr(theirs, kind))} of {len(getattr(ours, kind))}"
        for kind in COUNTED
    ]
    different = ", ".join(ours.differences(theirs))
    return (name, *counts, f"differs in {different}" if different else "equal")


def _sum(arrived: Collection[Contents]) -> str:
    points = sum(each.rows for each in arrived)
    limits = sum(len(each.limits) for each in arrived)
    files = sum(len(each.files) for each in arrived)
    return (
        f"{len(arrived)} targets, {points} data points ({limits} of them upper "
        f"limits) and {files} files; names, values, errors, lists and bytes compared"
    )
