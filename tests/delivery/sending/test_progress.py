"""What a destination reports: a link is kept only if people may follow it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import rows
from tom_share_worker.delivery import gate
from tom_share_worker.delivery.sending import claims
from tom_share_worker.delivery.sending.progress import LINK_LENGTH, Progress

pytestmark = pytest.mark.django_db

GOOD = "https://partner.example.org/tom/targets/7/"


@pytest.fixture
def progress(settings: Any) -> Progress:
    entry = {"BASE_URL": "http://127.0.0.1:9/", "API_TOKEN": "t"}
    settings.DATA_SHARING = {"partner": entry}
    owner = rows.person()
    delivery = rows.delivery(rows.share(owner, target=rows.target(owner)), link=GOOD)
    gate.state("partner")
    claim = claims.claim(delivery.pk)
    assert claim is not None
    return Progress(claim)


@pytest.mark.parametrize(
    "link",
    [
        *("javascript:alert(1)", "data:text/html,x", "//partner.example.org/", ""),
        *("ftp://partner.example.org/", "https://me:secret@partner.example.org/"),
        f"{GOOD}{'7' * LINK_LENGTH}",
    ],
)
def test_what_is_no_address_of_a_page_is_no_link(progress: Progress, link: str) -> None:
    progress.linked(link)

    assert progress.columns()["link"] == GOOD


def test_the_last_link_stays(progress: Progress) -> None:
    progress.linked("http://partner.example.org/targets/8/")

    assert progress.columns()["link"] == "http://partner.example.org/targets/8/"
