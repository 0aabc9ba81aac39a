"""The kind of destination that `docs/destinations.md` shows works as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks

from tests.support import misbehaviour, rows
from tests.support.misbehaviour import Reply
from tests.support.remote_http import Handler
from tests.support.remote_server import RemoteServer
from tom_share_worker.delivery import actions
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.delivery.ledger import Ledger
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.sending import sender
from tom_share_worker.models import Attempt, Delivery, Destination, Share

pytestmark = pytest.mark.django_db(transaction=True)

DOCUMENT = Path(__file__).resolve().parent.parent / "docs/destinations.md"
TOKEN = "archive-token-42"


class ArchiveHandler(Handler):
    """Keeps what is put under an address."""

    def act(self) -> Reply:
        archive: RemoteArchive = self.server.remote  # type: ignore[attr-defined]
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Reply.of(403, {"detail": "No."})
        archive.documents[self.asked.path] = json.loads(self.asked.body)
        return Reply.of(200, {})


class RemoteArchive(RemoteServer):
    """A server of another kind than a TOM."""

    handler = ArchiveHandler

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        super().__init__()


@pytest.fixture
def archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Iterator[RemoteArchive]:
    """The archive of the document, with its class in a module of the TOM."""
    settings.TOM_SHARE_WORKER = {"RETRY_SCHEDULE": [0, 0, 0]}
    blocks = re.findall(r"```python\n(.+?)```", DOCUMENT.read_text(), re.DOTALL)
    [code] = [block for block in blocks if "class Archive" in block]
    package = tmp_path / "mytom"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "sharing.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with RemoteArchive() as running:
        settings.DATA_SHARING = {
            "archive": {
                "DISPLAY_NAME": "Our archive",
                "KIND": "mytom.sharing.Archive",
                "BASE_URL": running.url,
                "ARCHIVE_TOKEN": TOKEN,
            }
        }
        yield running


@pytest.fixture
def share(archive: RemoteArchive) -> Share:
    """A share of a target and its photometry with the archive."""
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    return outbox.share_target(owner, "archive", target, rows.photometry(target, 3))


def work(share: Share) -> Delivery:
    planner.plan(share.pk)
    Destination.objects.update(retry_at=None)
    sender.send(share.deliveries.get().pk)
    share.refresh_from_db()
    return share.deliveries.get()


def test_it_delivers_a_target_and_its_photometry_whole(
    archive: RemoteArchive, share: Share
) -> None:
    row = work(share)

    [(address, document)] = archive.documents.items()
    assert document["targets"] == ["SN 2026abc"]
    assert document["magnitudes"] == rows.magnitudes(3)
    assert row.status == Delivery.Status.DELIVERED
    assert (row.delivered_count, row.refused_count) == (4, 0)  # and the target itself
    assert row.link == f"{archive.url}{address.removeprefix('/')}"
    assert share.status == Share.Status.DELIVERED


def test_it_says_what_it_refused(archive: RemoteArchive) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    one_of_each = rows.every_kind(target, 1)
    del one_of_each["data_products"]

    row = work(outbox.share_selected(owner, "archive", one_of_each, target=target))

    assert (row.delivered_count, row.refused_count) == (1, 3)
    refusals = [reason for _, reason in Ledger(row.ledger).refused()]
    assert refusals == ["Our archive keeps photometry only."] * 3


def test_trouble_is_tried_again_as_with_a_tom(
    archive: RemoteArchive, share: Share
) -> None:
    archive.on("PUT", "/documents/", misbehaviour.html(503), times=1)
    archive.on("PUT", "/documents/", misbehaviour.act_then_cut, times=1)

    notes = [work(share).note for _ in range(3)]

    assert "could not be reached" in notes[0]
    assert notes[1:] == [
        "Our archive is down.",
        "3 data points are in the archive.",
    ]
    assert len(archive.documents) == 1


def test_no_secret_of_its_entry_is_in_a_row(
    archive: RemoteArchive, share: Share
) -> None:
    echo = misbehaviour.answer(400, {"error": f"You said Bearer {TOKEN}."})
    archive.on("PUT", "/documents/", echo, times=1)

    row = work(share)

    assert row.status == Delivery.Status.FAILED
    assert "You said" in row.note
    assert TOKEN not in f"{row.__dict__}{Attempt.objects.get().__dict__}"
    assert actions.retry_share(share) == 1
    assert work(share).status == Delivery.Status.DELIVERED


def test_the_checks_know_it(archive: RemoteArchive) -> None:
    ours = [m for m in run_checks() if str(m.id) == "tom_share_worker.W001"]

    assert ours == []
