"""How the tests upload: a light curve, an account, and what is left of both."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tom_dataproducts.models import DataProduct

from tests.support import rows
from tom_share_worker.models import IngestJob

API = "/api/dataproducts/"
STOCK = "/stock/dataproducts/"
"""The host's own viewset, where `tests.support.stock_urls` are those of the TOM."""

CURVE = (
    b"time,magnitude,filter,error\n"
    b"55928.05194,15.582,r,0.005\n"
    b"55928.06194,15.591,r,0.006\n"
    b"55928.07194,15.604,r,0.004\n"
)
"""A light curve of three points."""


def file(
    content: bytes = CURVE, name: str = "night.csv", kind: str = "text/csv"
) -> Any:
    """Return a file as a client sends it."""
    return SimpleUploadedFile(name, content, kind)


class NamedBytes(io.BytesIO):
    """A file with a name that only the wire sees, however odd it is."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def client_of(account: User | None) -> Client:
    """Return a client that is logged in, or with None an anonymous one."""
    client = Client(raise_request_exception=False)
    if account is not None:
        client.force_login(account)
    return client


def upload(
    client: Client, of: Any, *, to: str = API, headers: Any = None, **fields: Any
) -> Any:
    """Upload a light curve, or what the fields say; None leaves a field out."""
    given = {
        "target": getattr(of, "pk", of),
        "data_product_type": "photometry",
        "file": file(),
        **fields,
    }
    sent = {name: value for name, value in given.items() if value is not None}
    return client.post(to, sent, headers=headers)


def content_of(product: DataProduct) -> bytes:
    """Return what the file of a data product holds."""
    with product.data.open() as kept:
        found: bytes = kept.read()
    return found


def kept_files() -> list[str]:
    """Return all files in the TOM's storage."""
    root = Path(settings.MEDIA_ROOT)
    found = [path for path in root.rglob("*") if path.is_file()]
    return sorted(str(path.relative_to(root)) for path in found)


def assert_nothing_is_left() -> None:
    """Check that neither a row nor a file is there."""
    assert not DataProduct.objects.exists()
    assert not IngestJob.objects.exists()
    assert kept_files() == []


def owner_and_target(name: str = "SN 2026abc") -> tuple[User, Any]:
    """Return an account and a target that it may change."""
    owner = rows.person()
    return owner, rows.target(owner, name)
