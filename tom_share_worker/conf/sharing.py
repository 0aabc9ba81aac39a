"""DATA_SHARING: the host's setting that names the destinations, checked.

Read at the moment of use, as all settings are.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings as django_settings

from tom_share_worker import values
from tom_share_worker.conf.keys import settings
from tom_share_worker.exceptions import ConfigurationError

DOWNLOAD = "download"
"""The host's pseudo-destination: the data goes to the browser, not to a TOM."""

TOM, HERMES = "tom", "hermes"
"""The kinds of destinations this app brings; any other is the path of a class."""


@dataclass(frozen=True)
class DestinationSettings:
    """One entry of DATA_SHARING, for one topic of it. Secrets stay out of `repr`.

    `entry` is the whole dictionary, for what only one kind of destination needs.
    """

    key: str
    display_name: str
    base_url: str
    kind: str = TOM
    topic: str = ""
    api_token: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    slots: int = 4
    verify: bool | str = True
    max_per_second: float | None = None
    newest_first: bool = False
    groups: tuple[str, ...] = ()
    entry: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that must never appear in a row, a log line or on a page."""
        known = (self.api_token, self.password, self.basic, *_secrets(self.entry))
        return tuple({secret for secret in known if secret})

    @property
    def basic(self) -> str:
        """Return the account as HTTP Basic writes it, in UTF-8 as RFC 7617 has it."""
        if not (self.username and self.password):
            return ""
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


_SECRET = re.compile("TOKEN|PASS|KEY|SECRET|AUTHORI[SZ]ATION|CREDENTIAL|COOKIE", re.I)


def _secrets(value: Any, named: bool = False) -> Iterator[str]:
    """Yield what an entry holds below a name that says it is secret, however deep."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _secrets(inner, named or bool(_SECRET.search(str(name))))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets(inner, named)
    elif isinstance(value, str) and named:
        yield value


def destination_keys() -> list[str]:
    """Return the keys of DATA_SHARING, in the order of settings.py."""
    return [str(key) for key in _data_sharing()]


def choices() -> list[str]:
    """Return what a form may name as destination: a key, or a key with its topic."""
    found = []
    for key, entry in _data_sharing().items():
        topics = _topics(entry)
        found += [f"{key}:{topic}" for topic in topics] if topics else [str(key)]
    return found


def kind(key: str) -> str:
    """Return what kind of destination an entry is, complete or not."""
    entry = _data_sharing().get(key.partition(":")[0])
    if not isinstance(entry, Mapping):
        return TOM
    if entry.get("KIND"):
        return str(entry["KIND"])
    is_hermes = entry.get("USER_TOPICS") or entry.get("HERMES_API_KEY")
    return HERMES if is_hermes else TOM


def key_of(value: str) -> str:
    """Return a form's value as DATA_SHARING has it.

    The host's next release writes `tom:partner` in its forms.
    """
    kind, _, key = value.partition(":")
    known = choices()
    return key if kind == TOM and value not in known and key in known else value


def groups(key: str) -> tuple[str, ...]:
    """Return the groups whose members may share with a destination; none: everybody."""
    name = key.partition(":")[0]
    entry = _data_sharing().get(name)
    return _groups(entry, name) if isinstance(entry, Mapping) else ()


def display_name(key: str) -> str:
    """Return what people call this destination, known or not."""
    name, _, topic = key.partition(":")
    entry = _data_sharing().get(name)
    if not isinstance(entry, Mapping):
        return key
    shown = str(entry.get("DISPLAY_NAME") or name)
    return f"{shown} ({topic})" if topic else shown


def base_urls() -> list[str]:
    """Return the addresses of all destinations that have one."""
    found = [
        entry.get("BASE_URL")
        for entry in _data_sharing().values()
        if isinstance(entry, Mapping)
    ]
    return [str(address) for address in found if address]


def destination(key: str) -> DestinationSettings:
    """Return one entry of DATA_SHARING; raise ConfigurationError if it is no use."""
    name, _, topic = key.partition(":")
    entry = _data_sharing().get(name)
    if entry is None:
        raise ConfigurationError(
            f"DATA_SHARING in settings.py has no destination {name!r}. "
            f"Add it there, or share to one that exists."
        )
    where = f"DATA_SHARING[{name!r}]"
    if not isinstance(entry, Mapping):
        raise ConfigurationError(
            f"{where} must be a dictionary with 'BASE_URL' and an account on that TOM."
        )
    topics = _topics(entry)
    if topic and topic not in topics:
        raise ConfigurationError(
            f"{where}['USER_TOPICS'] does not name {topic!r}. Add it there, or share "
            f"to a topic that it names."
        )
    address = entry.get("BASE_URL")
    if not isinstance(address, str) or not values.is_base(address):
        raise ConfigurationError(
            f"{where}['BASE_URL'] must be the address of the destination, "
            f"starting with https:// or http://, without an account or a '?' in it."
        )
    return DestinationSettings(
        key=key,
        display_name=display_name(key),
        base_url=address.rstrip("/") + "/",
        kind=kind(key),
        topic=topic,
        **_account(entry, where, kind(key)),
        **_manners(entry, where),
        groups=_groups(entry, name),
        entry=entry,
    )


def _account(entry: Mapping[str, Any], where: str, kind: str) -> dict[str, Any]:
    """Return our account on a TOM; other kinds look for theirs in the entry."""
    token, username, password = (
        str(entry[name]) if entry.get(name) else None
        for name in ("API_TOKEN", "USERNAME", "PASSWORD")
    )
    if kind == TOM and not token and not (username and password):
        raise ConfigurationError(
            f"{where} needs either 'API_TOKEN' or both 'USERNAME' and "
            f"'PASSWORD' of an account on that TOM."
        )
    return {"api_token": token, "username": username, "password": password}


def _manners(entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return how a destination is to be treated, by its entry or by our settings."""
    own = settings()
    return {
        name.lower(): values.checked(name, entry.get(name, getattr(own, name)), where)
        for name in ("SLOTS", "VERIFY", "MAX_PER_SECOND", "NEWEST_FIRST")
    }


def _groups(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    if "GROUPS" not in entry:
        return ()
    found: tuple[str, ...] = values.checked(
        "GROUPS", entry["GROUPS"], f"DATA_SHARING[{name!r}]"
    )
    return found


def _topics(entry: Any) -> list[str]:
    """Return the topics of an entry that is Hermes, or nothing."""
    named = entry.get("USER_TOPICS") if isinstance(entry, Mapping) else None
    return [str(topic) for topic in named] if isinstance(named, list | tuple) else []


def _data_sharing() -> Mapping[str, Any]:
    given = getattr(django_settings, "DATA_SHARING", None) or {}
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            "DATA_SHARING in settings.py must be a dictionary of destinations; see "
            "the TOM Toolkit documentation on sharing."
        )
    return given
