"""A real, unmodified TOM Toolkit as the remote: its own process and its own database.

Tests compare what arrived in its database, because its API shows neither limits nor
extras.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sample_data.accounts import PARTNER
from tests.support.processes import WebServer, run_manage


class StockTom:
    """The demo project without the app, served as in production."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            "TOM_WITH_SHARE_WORKER": "0",
            "TOM_DATA_DIR": str(directory),
            "TOM_NAME": "Stock TOM",
            "TOM_LOG_LEVEL": "WARNING",
            "DATABASE_URL": "",
        }
        self._server: WebServer | None = None

    def start(self) -> None:
        """Make its database and its account, and serve."""
        run_manage(self.environment, "migrate", "--verbosity", "0")
        run_manage(self.environment, "seed_demo", "--receiver")
        self._server = WebServer("stock-tom", self.environment, self.directory)
        self._server.await_up()

    def close(self) -> None:
        """End its web server."""
        if self._server is not None:
            self._server.process.kill()

    def entry(self) -> dict[str, Any]:
        """Return the entry of DATA_SHARING that names it."""
        assert self._server is not None
        return {
            "DISPLAY_NAME": "Stock TOM",
            "BASE_URL": self._server.url,
            "USERNAME": PARTNER.username,
            "PASSWORD": PARTNER.password,
        }

    def log(self) -> str:
        """Return what its web server wrote."""
        return self._server.process.tell() if self._server else "not started"

    def rows(self, table: str, order: str = "id") -> list[dict[str, Any]]:
        """Return the rows of a table of its database."""
        query = f"SELECT * FROM {table} ORDER BY {order}"  # noqa: S608  (names of ours)
        with sqlite3.connect(self.directory / "db.sqlite3") as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query)]
