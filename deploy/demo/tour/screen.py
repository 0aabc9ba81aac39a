"""What the tour shows in the terminal; colours and moving bars only for a person."""

import os
import shutil
import sys
from collections.abc import Sequence

WIDTH = 20
"""Columns of a progress bar; with its label it fits a narrow terminal."""


class Screen:
    """Print titles, lines, a few bars that move, and a table."""

    def __init__(self) -> None:
        self._lively = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._colours = self._lively and "NO_COLOR" not in os.environ
        self._drawn = 0

    def title(self, text: str) -> None:
        """Begin a part of the tour."""
        print(f"\n{self._paint('1;36', text)}", flush=True)

    def line(self, text: str = "") -> None:
        """Say something."""
        print(f"  {text}" if text else "", flush=True)

    def good(self, text: str) -> str:
        """Return a text in the colour of success."""
        return self._paint("32", text)

    def bad(self, text: str) -> str:
        """Return a text in the colour of failure."""
        return self._paint("31", text)

    def bars(self, rows: Sequence[tuple[str, int, str]], *, last: bool) -> None:
        """Draw bars of percents over those drawn before; without a terminal, once."""
        if not self._lively and not last:
            return
        if self._drawn:
            print(f"\x1b[{self._drawn}A", end="")
        for label, percent, note in rows:
            full = WIDTH * percent // 100
            rest = self._paint("90", "─" * (WIDTH - full))
            bar = self._paint("32", "━" * full) + rest
            # A line that wraps could not be drawn over.
            room = shutil.get_terminal_size().columns - 64 if self._lively else None
            end = "\x1b[K" if self._lively else ""
            print(f"  {label:<33} {bar} {percent:>3} %  {note[:room]}{end}")
        sys.stdout.flush()
        self._drawn = 0 if last else len(rows)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows under a head; the last column is a verdict and has its colour."""
        widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
        print(f"  {self._paint('1', self._cells(head, widths))}")
        for row in rows:
            verdict = row[-1]
            paint = self.good if verdict == "equal" else self.bad
            text = self._cells(row, widths)
            print(f"  {text[: len(text) - len(verdict)]}{paint(verdict)}")
        sys.stdout.flush()

    def _cells(self, row: Sequence[str], widths: Sequence[int]) -> str:
        first = row[0].ljust(widths[0])
        return "  ".join(
            [
                first,
                *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours and text else text
