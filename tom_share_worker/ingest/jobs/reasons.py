"""What is wrong with a file, in a sentence, from the error that reading it raised.

Called by `processing`. Readers of many formats raise errors of many kinds; the known
ones become sentences, any other is told by its kind and text. Traceback texts are for
those who run the TOM.
"""

from __future__ import annotations

import re
import traceback
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError

LENGTH = 500
"""Characters of a sentence; the traceback has the rest."""

TRACEBACK_LENGTH = 4000

_NO_NUMBER = re.compile(
    r"could not convert string to float: (?:np\.str_\()?(?P<value>'.*?'|\".*?\")"
)
_NO_NUMBER_IN = re.compile(
    r"Field '(?P<field>\w+)' expected a number but got (?P<value>'.*?'|\".*?\")"
)
_NO_DATE = re.compile(r"(?:invalid|unacceptable) (?:date|time)|Input values did not")
_INCONSISTENT = re.compile(
    r"Number of header columns \((\d+)\) inconsistent with data columns \((\d+)\)"
    r"(?: in data line (\d+)| at data line (\d+))?"
)


def sentence(error: BaseException, file_path: str = "") -> str:
    """Say what is wrong in one sentence; the path of the file is left out."""
    text = _told(error) or _plainly(error)
    if file_path:
        text = text.replace(file_path, "the file")
    text = storable(text)
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…"


def memory_note(limit: int) -> str:
    """Say that the memory limit was reached."""
    size = f"{limit / 1e9:.3g} GB" if limit >= 1e9 else f"{limit / 1e6:.3g} MB"
    return f"Reading the file needed more than {size} of memory."


def traceback_text(error: BaseException) -> str:
    """Return the traceback for operators, its beginning cut off if it is long."""
    text = storable("".join(traceback.format_exception(error)))
    return text if len(text) <= TRACEBACK_LENGTH else f"…{text[-TRACEBACK_LENGTH:]}"


def storable(text: str) -> str:
    """Return a text without the characters no database takes."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _told(error: BaseException) -> str:
    """Return our own sentence for an error that we know; nothing for others."""
    text = str(error)
    match error:
        case KeyError() if error.args and isinstance(error.args[0], str):
            return f"The file has no column {error.args[0]}."
        case UnicodeDecodeError():
            return "The file is no text in UTF-8, as is expected of its type."
        case FileNotFoundError():
            return "The file was not found where this TOM keeps it."
        case ValidationError():
            return _ended(" ".join(map(str, error.messages)))
        case DatabaseError():
            return f"This TOM's database refused the data: {_first_line(text)}."
    return _told_by_text(text) or _told_by_name(error)


def _told_by_text(text: str) -> str:
    if found := _NO_NUMBER.search(text):
        return f"The file has {found['value']} where a number is due."
    if found := _NO_NUMBER_IN.search(text):
        where = found["field"].replace("_", " ")
        return f"The file has {found['value']} for {where}, where a number is due."
    if found := _INCONSISTENT.search(text):
        line = found[3] or found[4]
        where = f" in its row {int(line) + 1}" if line else ""
        return (
            f"The file has {found[1]} names of columns, but {found[2]} values{where}."
        )
    if "Unable to guess table format" in text:
        return "The file is no table of a known format, such as CSV."
    if _NO_DATE.search(text):
        return f"The file has a time that is none: {_first_line(text)}."
    return ""


def _told_by_name(error: BaseException) -> str:
    """Say what the host's own error says, whose text is written for people."""
    if type(error).__name__ == "InvalidFileFormatException":
        return _ended(_first_line(str(error)) or "The format of the file is not known")
    return ""


def _plainly(error: BaseException) -> str:
    first = _first_line(str(error))
    kind = type(error).__name__
    return f"{kind}: {_ended(first)}" if first else f"{kind}."


def _first_line(text: str) -> str:
    """Return the first line that says something, without a full stop or colon."""
    lines = (line.strip() for line in text.splitlines())
    line: Any = next((line for line in lines if line), "")
    return re.sub(r"^ERROR:\s*", "", line).rstrip(" .:")


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
