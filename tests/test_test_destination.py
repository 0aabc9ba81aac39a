"""`manage.py test_destination` tells what works, and fails where something must be."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.remote_tom import RemoteTom


def run(*destinations: str) -> str:
    out = StringIO()
    call_command("test_destination", *destinations, stdout=out, no_color=True)
    return out.getvalue()


def test_it_tells_question_by_question_without_a_database(
    settings: Any, remote: RemoteTom
) -> None:
    settings.DATA_SHARING = {"partner": remote.entry()}

    told = run("partner").splitlines()

    assert told[0] == "Remote TOM"
    assert len(told) == 7
    assert {line.split()[0] for line in told[1:]} == {"Well", "Note"}


def test_without_a_name_it_tests_all_and_fails_if_one_is_in_trouble(
    settings: Any, remote: RemoteTom
) -> None:
    settings.DATA_SHARING = {"partner": remote.entry(), "wrong": {"BASE_URL": "x"}}

    with pytest.raises(CommandError, match=r"must be mended: wrong\."):
        run()

    assert remote.requests


@pytest.mark.parametrize(
    ("sharing", "words"),
    [({}, "names no destination"), (["partner"], "must be a dictionary")],
)
def test_without_destinations_it_says_where_to_add_one(
    settings: Any, sharing: Any, words: str
) -> None:
    settings.DATA_SHARING = sharing

    with pytest.raises(CommandError, match=words):
        run()


def test_a_name_that_the_settings_do_not_know_is_told(settings: Any) -> None:
    settings.DATA_SHARING = {}

    out = StringIO()
    with pytest.raises(CommandError):
        call_command("test_destination", "partner", stdout=out, no_color=True)

    assert "no destination 'partner'" in out.getvalue()
