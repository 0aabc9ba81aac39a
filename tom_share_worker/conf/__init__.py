"""The settings of this app, and the destinations of the host's DATA_SHARING.

Everything else says `conf.settings()` and `conf.destination(key)`.
"""

from tom_share_worker.conf.keys import Settings, broker_url, settings, tom_name
from tom_share_worker.conf.sharing import (
    DOWNLOAD,
    HERMES,
    TOM,
    DestinationSettings,
    base_urls,
    choices,
    destination,
    destination_keys,
    display_name,
    groups,
    key_of,
    kind,
)

__all__ = [
    "DOWNLOAD",
    "HERMES",
    "TOM",
    "DestinationSettings",
    "Settings",
    "base_urls",
    "broker_url",
    "choices",
    "destination",
    "destination_keys",
    "display_name",
    "groups",
    "key_of",
    "kind",
    "settings",
    "tom_name",
]
