"""Every page of this app, as people with different rights and themes see it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from playwright.sync_api import Page, TimeoutError

from tests.browser import axe, gallery, ours
from tests.browser.person import NARROW, WIDE, Person
from tests.browser.site import Site

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),  # dozens of pages, each looked at by axe
]


def test_every_address_of_ours_is_known_as_a_page_or_as_none() -> None:
    pages = {*ours.PAGES, *ours.KEEPERS, *ours.TAKEN_OVER}

    assert ours.patterns() == pages | set(ours.NO_PAGES)
    assert ours.admin_patterns() == set(ours.ADMIN) | set(ours.ADMIN_NO_PAGES)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_of_an_astronomer_are_without_faults(site: Site, theme: str) -> None:
    filled = gallery.filled(site.tom)
    site.serve(dark=theme == "dark")

    look_at(site.visit(filled.astronomer), ours.for_everybody(filled))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_of_an_operator_are_without_faults(site: Site, theme: str) -> None:
    filled = gallery.filled(site.tom)
    site.serve(dark=theme == "dark")

    look_at(site.visit(filled.operator), ours.for_operators(filled))


def look_at(person: Person, addresses: Iterable[str]) -> None:
    """Open these pages, wide and narrow; fail with what is wrong with each."""
    faults = []
    for address in addresses:
        page = person.open(address)
        page.wait_for_load_state("networkidle")
        found = [*axe.faults(page), *sideways(page), *person.surprises]
        faults += [f"{address}: {fault}" for fault in found]
        person.faults.clear()
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)


def sideways(page: Page) -> list[str]:
    """Say whether a narrow screen must be moved sideways to see the page."""
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    try:
        # Charts are drawn anew, which takes a moment.
        page.wait_for_function(FITS, timeout=3_000)
    except TimeoutError:
        return [f"is too wide for a telephone, by {page.evaluate(CULPRITS)}"]
    finally:
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    return []


FITS = "() => document.documentElement.scrollWidth <= innerWidth"

CULPRITS = """
() => [...document.querySelectorAll("body *")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
  .filter((e) => !e.closest(".table-responsive, .results, pre, .visually-hidden"))
  .slice(0, 4)
  .map((e) => e.outerHTML.slice(0, 120))
"""
