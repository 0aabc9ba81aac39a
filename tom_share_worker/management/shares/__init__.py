"""What `manage.py shares` does, one module for each kind of question.

Each function takes the command and its options, prints, and returns the exit status.
"""

from __future__ import annotations

WELL, NEEDS_A_PERSON, REFUSED, NOT_WORKING = 0, 1, 2, 3
"""The exit statuses. Python's own for wrong options is 2 as well."""


def plain(text: str) -> str:
    """Return text of others as one line without what would steer a terminal."""
    words = " ".join(text.split())
    return "".join(char if char.isprintable() else "�" for char in words)
