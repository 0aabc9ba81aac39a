"""What the test of a connection finds: a question, how it stands, and a sentence.

Returned by destinations, kept in `ConnectionTest` rows, shown by pages and a command.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Found(StrEnum):
    """How the answer to a question stands: a note is worth knowing, neither good nor
    bad."""

    OK = "ok"
    NOTE = "note"
    TROUBLE = "trouble"
    UNKNOWN = "unknown"

    @property
    def mark(self) -> str:
        """Return the word that people read before the question, everywhere the same."""
        return _MARKS[self]


_MARKS = {
    Found.OK: "Well",
    Found.NOTE: "Note",
    Found.TROUBLE: "Trouble",
    Found.UNKNOWN: "Not known",
}


@dataclass(frozen=True)
class Finding:
    """One question to a destination, and the answer in words."""

    question: str
    found: Found
    words: str


def rows(findings: Iterable[Finding]) -> list[list[str]]:
    """Return findings in the form a row keeps."""
    return [[f.question, f.found.value, f.words] for f in findings]


def read(kept: Iterable[Any]) -> list[Finding]:
    """Return the findings that a row keeps."""
    return [Finding(question, Found(found), words) for question, found, words in kept]


def is_well(findings: Iterable[Finding]) -> bool:
    """True if nothing was found that somebody must mend."""
    return all(finding.found is not Found.TROUBLE for finding in findings)
