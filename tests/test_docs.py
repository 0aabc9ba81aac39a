"""The documents agree with the code, and their links lead somewhere."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from tom_share_worker import conf
from tom_share_worker.delivery.outcomes import Outcome
from tom_share_worker.models import Failure

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def settings_table() -> dict[str, str]:
    """Return key → default, as `docs/settings.md` gives them."""
    text = (ROOT / "docs/settings.md").read_text()
    return dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)` \|", text, re.MULTILINE))


def test_every_setting_is_documented_with_its_default() -> None:
    defaults = conf.Settings()

    documented = settings_table()

    assert documented.keys() == {spec.name for spec in fields(conf.Settings)}
    for name, text in documented.items():
        assert eval(text, {}) == getattr(defaults, name), name  # noqa: S307


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_link_within_the_project_leads_somewhere(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text()) if "://" not in link]

    for link in links:
        path, _, anchor = link.partition("#")
        goal = (document.parent / path).resolve() if path else document
        assert goal.exists(), link
        if anchor:
            assert anchor in anchors(goal), link


def anchors(document: Path) -> set[str]:
    """Return the anchors that the forge makes of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_the_schedule_in_words_is_the_schedule_in_code() -> None:
    words = {"s": 1, "min": 60, "h": 3600}
    text = " ".join((ROOT / "docs/how-it-works.md").read_text().split())

    told = re.search(r"Attempts are repeated after (.+?), each spread", text)
    assert told is not None
    waits = re.findall(r"(\d+) (s|min|h)\b", told[1])

    assert tuple(int(n) * words[unit] for n, unit in waits) == (
        conf.Settings().RETRY_SCHEDULE
    )


def test_every_failure_has_a_cure_that_says_what_to_press() -> None:
    for failure in Failure:
        assert failure.cure.endswith("press Retry.") or "press Retry when" in (
            failure.cure
        )


def test_the_outcomes_told_are_the_outcomes_there_are() -> None:
    text = (ROOT / "docs/how-it-works.md").read_text()

    told = re.search(r"An outcome is one of six: ([^.]+)\.", text)

    assert told is not None
    assert len(told[1].split(", ")) == len(Outcome.__args__)
