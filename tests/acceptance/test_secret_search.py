"""The search for secrets finds one wherever, and however, it is written.

Else it would find none because it does not look.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import quote

import pytest
import redis
from django.utils import timezone

from tests.support import echoes, rows, searching
from tests.support.planting import (
    HERMES_KEY,
    PASSWORD,
    SECRETS,
    TOKEN,
    USERNAME,
    Stage,
)
from tests.support.processes import Process
from tom_share_worker.models import Attempt, Share

pytestmark = pytest.mark.django_db(transaction=True)


WAYS: dict[str, Callable[[str], str]] = {
    "bare": str,
    "in a page": html.escape,
    "in JSON": json.dumps,
    "in Python": repr,
    "in an address": quote,
    "in an address, all of it": lambda text: quote(text, safe=""),
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "as an account": lambda text: base64.b64encode(
        f"{USERNAME}:{text}".encode()
    ).decode(),
    "in JSON in a page in JSON": lambda text: json.dumps(
        html.escape(json.dumps([text]))
    ),
    "in capitals": str.upper,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", SECRETS)
def test_the_search_finds_a_secret_however_it_is_written(secret: str, way: str) -> None:
    text = f"before {WAYS[way](secret)} after"

    assert echoes.leaks(text, SECRETS) == [secret]
    assert echoes.leaks(f"before {USERNAME} after [secret]", SECRETS) == []


def test_the_search_finds_a_secret_in_a_row_on_a_page_and_in_the_broker(
    stage: tuple[Stage, Process],
) -> None:
    made, _ = stage
    of = Share.objects.create(user=made.keeper, kind="target", subject="SN 2026abc")
    row = rows.delivery(of, note=f"It said {PASSWORD}.", target_name="SN 2026abc")
    Attempt.objects.create(
        delivery=row, number=1, started=timezone.now(), answer=quote(TOKEN, safe="")
    )
    with closing(redis.Redis.from_url(made.tom.broker_url)) as client:
        client.lpush("delivery", f"a hint with {HERMES_KEY}")

    def where(secret: str, among: Iterator[tuple[str, str]]) -> set[str]:
        return {name for name, text in among if echoes.leaks(text, [secret])}

    pages = where(PASSWORD, searching.pages(made.browser, [row.pk]))
    assert where(PASSWORD, searching.rows()) == {"tom_share_worker_delivery"}
    assert where(TOKEN, searching.rows()) == {"tom_share_worker_attempt"}
    assert where(HERMES_KEY, searching.broker(made.tom.broker_url)) == {
        "broker b'delivery'"
    }
    for address in (
        *(f"/shares/{of.pk}/", f"/shares/deliveries/{row.pk}/", "/api/deliveries/"),
        "/admin/tom_share_worker/delivery/",
        f"/admin/tom_share_worker/delivery/{row.pk}/change/",
    ):
        assert f"200 {address}" in pages, address
