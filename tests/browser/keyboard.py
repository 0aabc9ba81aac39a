"""Going through a page with the keyboard alone, as people without a mouse do."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page

FAR = 300
"""Stops after which a page is taken for a trap."""

FOCUSED = "(element) => element === document.activeElement"

SEEN = """
() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return outlined || style.boxShadow !== "none" || element === document.body;
}
"""

WHERE = "() => document.activeElement.outerHTML.slice(0, 160)"


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until something has the focus, which must be seen at each stop."""
    for _ in range(FAR):
        page.keyboard.press("Tab")
        assert page.evaluate(SEEN), f"The focus is not seen: {page.evaluate(WHERE)}"
        if wanted.count() and wanted.first.evaluate(FOCUSED):
            return
    raise AssertionError(f"Tab does not come to {wanted}.")


def stops(page: Page) -> list[Any]:
    """Return where Tab stops, from the top of a page to its end."""
    page.evaluate("document.activeElement.blur()")
    seen: list[Any] = []
    for _ in range(FAR):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        seen.append(page.evaluate(WHERE))
    return seen
