"""Reads the environment variables that give the demo TOM its role, for settings.py."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def text(name: str, default: str) -> str:
    """Return a variable, taking an empty one as not set."""
    return os.environ.get(name) or default


def flag(name: str, *, default: bool) -> bool:
    """Return a variable that is 1 or 0."""
    return text(name, "1" if default else "0") == "1"


def data(name: str, default: Any) -> Any:
    """Return a variable that holds JSON."""
    value = os.environ.get(name)
    return json.loads(value) if value else default


def database(data_dir: Path) -> dict[str, Any]:
    """Return the Django database that DATABASE_URL names, or an SQLite file."""
    url = urlsplit(os.environ.get("DATABASE_URL", ""))
    if url.scheme in {"postgres", "postgresql"}:
        options = dict(parse_qsl(url.query))
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(url.path[1:]),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            # ?host=/directory is how libpq writes a server on a UNIX socket.
            "HOST": options.pop("host", url.hostname or ""),
            "PORT": str(url.port or options.pop("port", "")),
            "OPTIONS": options,
        }
    if url.scheme not in {"", "sqlite"}:
        raise SystemExit(
            f"DATABASE_URL begins with {url.scheme}://; the demo TOM knows "
            f"postgresql:// and sqlite:// only."
        )
    return sqlite(Path(unquote(url.path)) if url.path else data_dir / "db.sqlite3")


def sqlite(path: Path) -> dict[str, Any]:
    """Return an SQLite database that a web server and a worker can share.

    WAL lets readers read while one process writes; IMMEDIATE makes a transaction
    wait for its turn at the start, where waiting works, and not in its middle,
    where SQLite answers "database is locked" at once.
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
        # A file, because tests with threads and workers need a second connection.
        "TEST": {"NAME": path.with_name(f"test_{path.name}")},
    }


def storages() -> dict[str, Any]:
    """Return where files are kept: on disk, or in the bucket of TOM_MEDIA_BUCKET."""
    known: dict[str, Any] = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        },
    }
    if bucket := text("TOM_MEDIA_BUCKET", ""):
        known["default"] = {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": bucket,
                "endpoint_url": text("TOM_MEDIA_ENDPOINT", "") or None,
                # What is larger goes to disk while it is read, not into memory.
                "max_memory_size": 10_000_000,
                # Two uploads of one name are two files.
                "file_overwrite": False,
                # Links to files hold for an hour, and for nobody without one.
                "querystring_auth": True,
                "querystring_expire": 3600,
            },
        }
    return known
