"""The examples of docs/api.md do what they say."""

from __future__ import annotations

import json
import re
import shlex
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from tom_dataproducts.models import DataProduct
from tom_targets.models import TargetList

from tests.delivery.asking import clicks
from tests.status.api.programs import Program
from tests.support import rows
from tom_share_worker import toolkit
from tom_share_worker.models import Delivery, Share
from tom_share_worker.operating import vocabulary
from tom_share_worker.status.api import filters
from tom_share_worker.status.api.bulk_actions import BulkActionFilter
from tom_share_worker.status.incoming.api import IngestJobFilter

pytestmark = pytest.mark.django_db

DOCUMENT = (Path(__file__).resolve().parent.parent / "docs" / "api.md").read_text()
BODIES = [
    *re.findall(r"api/shares/ \\\n +-d '(\{.+\})'", DOCUMENT),
    *re.findall(r"^\| `(\{.+?\})` \|", DOCUMENT, re.MULTILINE),
]
BULK = re.findall(r"api/bulk-actions/ \\\n +-d '(\{.+\})'", DOCUMENT)
LISTS = re.findall(r'"\$TOM/api/([\w-]+)/\?(\S+)"', DOCUMENT)
COMMANDS = re.findall(r"^manage\.py (share .+)$", DOCUMENT, re.MULTILINE)

NAMES = {12: "M31", 13: "M32"}


@pytest.fixture
def _sky(settings: Any) -> None:
    """A sky in which the ids and names of the examples exist."""
    settings.DATA_SHARING = {"partner": clicks.PARTNER}
    alice = rows.person("alice")
    targets = [rows.target(alice, name, pk=pk) for pk, name in NAMES.items()]
    rows.product(targets[0])
    DataProduct.objects.update(id=5)
    TargetList.objects.create(pk=4, name="Bulge season").targets.set(targets)
    photometry: Any = toolkit.DATUM_MODELS["photometry"]
    for pk in (7, 8):
        photometry.objects.create(
            pk=pk, target=targets[0], bandpass="r", brightness=10.0 + pk
        )
    spectra: Any = toolkit.DATUM_MODELS["spectroscopy"]
    spectra.objects.create(pk=3, target=targets[1])


def test_the_document_has_its_examples() -> None:
    assert len(BODIES) == 9
    assert len(BULK) == 2
    assert len(LISTS) == 4
    assert len(COMMANDS) == 3


@pytest.mark.usefixtures("_sky")
@pytest.mark.parametrize("body", BODIES)
def test_each_body_is_a_share(body: str) -> None:
    program = Program(rows.person("alice"))

    answer = program.share(**json.loads(body))

    assert answer.status_code == 201, answer.content


@pytest.mark.usefixtures("_sky")
@pytest.mark.parametrize("body", BULK)
def test_each_body_is_a_bulk_action(body: str) -> None:
    program = Program(rows.person("alice"))

    answer = program.post("bulk-actions/", json.loads(body))

    assert answer.status_code == 201, answer.content


def test_each_name_of_a_filter_of_bulk_actions_is_told() -> None:
    told = DOCUMENT[DOCUMENT.index("## Many at once") :].partition("## Dest")[0]

    for name in set().union(*vocabulary.NAMES.values()):
        assert f"`{name}`" in told


@pytest.mark.usefixtures("_sky")
@pytest.mark.parametrize(("what", "query"), LISTS)
def test_each_filter_exists(what: str, query: str) -> None:
    program = Program(rows.person("alice"))

    answer = program.get(f"{what}/?{query}")

    assert answer.status_code == 200, answer.content


def test_each_filter_is_told() -> None:
    after = {
        "Shares are narrowed by": (filters.ShareFilter, filters.DeliveryFilter),
        "narrowed by `status`, `failure`": (IngestJobFilter,),
        "Bulk actions are narrowed by": (BulkActionFilter,),
    }

    for words, known in after.items():
        told = DOCUMENT[DOCUMENT.index(words) :].partition("```")[0]
        for kind in known:
            for name in kind.base_filters:
                assert f"`{name}`" in told


@pytest.mark.usefixtures("_sky")
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_asks_for_a_share(command: str) -> None:
    words = [word for word in shlex.split(command) if word != "--wait"]
    if "--timeout" in words:
        del words[words.index("--timeout") :]

    call_command(*words, stdout=StringIO())

    assert Share.objects.get().origin == Share.Origin.COMMAND
    assert not Delivery.objects.exists()
