"""Every wrong setting is refused with the line to fix, and secrets stay secret."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tom_share_worker import conf
from tom_share_worker.exceptions import ConfigurationError

ENTRY = {
    "DISPLAY_NAME": "Partner TOM",
    "BASE_URL": "https://partner.example.org",
    "USERNAME": "survey",
    "PASSWORD": "pass-word-1",
    "API_TOKEN": "token-2",
}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *((n, [0, -1, 1.5, "4", True, None]) for n in ("CONCURRENCY", "SLOTS")),
        *((n, [0, -1, 1.5, "4", True, None]) for n in ("BATCH_SIZE", "ANSWER_LIMIT")),
        *((n, [0, -1, "5", True, None]) for n in ("CONNECT_TIMEOUT", "READ_TIMEOUT")),
        *((n, [0, -1, "5", True, None]) for n in ("TOTAL_TIMEOUT", "UPLOAD_TIMEOUT")),
        *((n, [0, -1, "5", True, None]) for n in ("LEASE", "SWEEP_INTERVAL")),
        *((n, [0, -1, "5", True]) for n in ("RETRY_AFTER_LIMIT", "BACKOFF_LIMIT")),
        ("RETRY_JITTER", [-0.1, 1, 2, "0.2", None]),
        ("RETRY_SCHEDULE", [5, "5,30", [5, "30"], [-1], [True], None]),
        ("VERIFY", ["", "/no/such.pem", 1, None]),
        ("BROKER_URL", ["localhost:6379", "amqp://localhost", 6379]),
        ("PUBLIC_URL", ["tom.example.org", 1]),
    ],
)
def test_a_wrong_value_is_refused_with_the_line_to_fix(
    settings: Any, name: str, values: list[Any]
) -> None:
    for value in values:
        settings.TOM_SHARE_WORKER = {name: value}

        with pytest.raises(ConfigurationError, match=r"settings\.py") as refusal:
            conf.settings()

        assert f"TOM_SHARE_WORKER['{name}'] must be" in str(refusal.value)


@pytest.mark.parametrize(
    "name", [f for f in conf.Settings.__dataclass_fields__ if f.isupper()]
)
def test_nan_and_infinity_are_no_settings(settings: Any, name: str) -> None:
    for value in (float("nan"), float("inf")):
        settings.TOM_SHARE_WORKER = {name: value}

        with pytest.raises(ConfigurationError, match=name):
            conf.settings()


def test_infinity_is_no_wait_in_a_schedule(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"RETRY_SCHEDULE": [5, float("inf")]}

    with pytest.raises(ConfigurationError, match="RETRY_SCHEDULE"):
        conf.settings()


def test_an_unknown_setting_is_refused_with_the_known_ones(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"CONCURENCY": 4}

    with pytest.raises(ConfigurationError, match=r"'CONCURENCY'.*CONCURRENCY"):
        conf.settings()


@pytest.mark.parametrize("value", [None, 4, "x", [("SLOTS", 2)]])
def test_settings_that_are_no_dictionary_are_refused(settings: Any, value: Any) -> None:
    settings.TOM_SHARE_WORKER = value

    with pytest.raises(ConfigurationError, match="must be a dictionary"):
        conf.settings()


def test_defaults_hold_without_any_setting(settings: Any) -> None:
    del settings.TOM_SHARE_WORKER

    assert conf.settings() == conf.Settings()


def test_a_changed_setting_counts_at_once(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"LEASE": 60, "RETRY_SCHEDULE": [1, 2]}
    first = conf.settings()
    settings.TOM_SHARE_WORKER = {}

    assert first.LEASE == 60.0
    assert first.RETRY_SCHEDULE == (1.0, 2.0)
    assert conf.settings().LEASE == conf.Settings().LEASE


def test_a_broker_s_password_is_not_repeated_in_an_error(settings: Any) -> None:
    settings.TOM_SHARE_WORKER = {"BROKER_URL": ":secret-3@redis"}

    with pytest.raises(ConfigurationError) as refusal:
        conf.settings()

    assert "secret-3" not in str(refusal.value)


@pytest.mark.parametrize(
    ("own", "celery", "environment", "found"),
    [
        ("redis://own", "redis://celery", "redis://environment", "redis://own"),
        (None, "redis://celery", "redis://environment", "redis://celery"),
        (None, None, "redis://environment", "redis://environment"),
        (None, None, "", None),
    ],
)
def test_the_broker_s_address_is_looked_for_in_three_places(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    own: str | None,
    celery: str | None,
    environment: str,
    found: str | None,
) -> None:
    settings.TOM_SHARE_WORKER = {"BROKER_URL": own}
    settings.CELERY_BROKER_URL = celery
    monkeypatch.setenv("REDIS_URL", environment)

    assert conf.broker_url() == found


def test_a_destination_is_read_whole(settings: Any) -> None:
    settings.DATA_SHARING = {"partner": ENTRY | {"SLOTS": 2, "VERIFY": __file__}}

    found = conf.destination("partner")

    assert found.base_url == "https://partner.example.org/"
    assert (found.username, found.password) == ("survey", "pass-word-1")
    assert (found.slots, found.verify) == (2, __file__)
    assert conf.display_name("partner") == "Partner TOM"


def test_secrets_are_not_in_the_repr_of_a_destination(settings: Any) -> None:
    settings.DATA_SHARING = {"partner": ENTRY}

    found = conf.destination("partner")

    basic = base64.b64encode(b"survey:pass-word-1").decode()
    assert set(found.secrets) == {"pass-word-1", "token-2", basic}
    assert not any(secret in repr(found) for secret in found.secrets)


def test_what_an_entry_holds_below_a_secret_name_is_a_secret_however_deep(
    settings: Any,
) -> None:
    deep = {"CREDENTIALS": {"id": "one", "more": ["two"]}, "TOPICS": {"A_KEY": "three"}}
    settings.DATA_SHARING = {"partner": ENTRY | {"OPTIONS": {"x": "no"}} | deep}

    secrets = set(conf.destination("partner").secrets)

    assert secrets >= {"one", "two", "three"}
    assert not secrets & {"no", "survey", "Partner TOM"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"BASE_URL": "partner.example.org"}, "BASE_URL"),
        ({"BASE_URL": "ftp://partner.example.org"}, "BASE_URL"),
        ({"BASE_URL": "https://"}, "BASE_URL"),
        ({"BASE_URL": "http://[::1"}, "BASE_URL"),
        ({"BASE_URL": "https://partner.example.org/?key=12345"}, "BASE_URL"),
        ({"BASE_URL": "https://partner.example.org/#top"}, "BASE_URL"),
        ({"BASE_URL": None}, "BASE_URL"),
        ({"API_TOKEN": "", "PASSWORD": ""}, "'API_TOKEN' or both"),
        ({"API_TOKEN": None, "USERNAME": None}, "'API_TOKEN' or both"),
        ({"SLOTS": 0}, "SLOTS"),
    ],
)
def test_a_destination_that_is_no_use_is_refused_by_name(
    settings: Any, change: dict[str, Any], words: str
) -> None:
    settings.DATA_SHARING = {"partner": ENTRY | change}

    with pytest.raises(ConfigurationError, match=words) as refusal:
        conf.destination("partner")

    assert "pass-word-1" not in str(refusal.value)


@pytest.mark.parametrize("value", [{}, {"partner": "https://x"}, None])
def test_a_destination_that_does_not_exist_is_said_so(
    settings: Any, value: Any
) -> None:
    settings.DATA_SHARING = value

    with pytest.raises(ConfigurationError, match="'partner'"):
        conf.destination("partner")
    assert conf.display_name("partner") == "partner"


def test_data_sharing_that_is_no_dictionary_is_refused(settings: Any) -> None:
    settings.DATA_SHARING = ["partner"]

    with pytest.raises(ConfigurationError, match="must be a dictionary"):
        conf.destination_keys()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("https://partner.example.org/", "must be a dictionary with 'BASE_URL'"),
        (ENTRY | {"SLOTS": "x"}, r"DATA_SHARING\['partner'\]\['SLOTS'\] must be"),
    ],
)
def test_a_wrong_entry_is_named_where_it_stands(
    settings: Any, entry: Any, words: str
) -> None:
    settings.DATA_SHARING = {"partner": entry}

    with pytest.raises(ConfigurationError, match=words):
        conf.destination("partner")
