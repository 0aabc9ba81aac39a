"""No echo: what came from a TOM is not sent back to it.

Asked when saved data is gathered; a pure rule about the source that a data point
names. Data that kept a source of its own on its way here is recognised there, by the
look that a persistent share's batches begin with.
"""

from __future__ import annotations

from tom_share_worker import conf
from tom_share_worker.conf import DestinationSettings

API = "/api/reduceddatums/"
"""Part of the location that sharing gives to data without a source of its own."""


def came_from(
    destination: DestinationSettings, source_name: str, source_location: str
) -> bool:
    """True if a data point names the destination as the place it comes from.

    A TOM gives data without a source its own name and the address of its record. The
    name alone proves nothing: a TOM may be called like the survey it serves.
    """
    location = _bare(source_location)
    if _home(location) == _bare(destination.base_url):
        return True
    if destination.topic and source_name in (
        destination.topic,
        f"Hermes:{destination.topic}",
    ):
        return True  # as TOM Toolkit 2 and tom-hermes note where a message came from
    return API in source_location.casefold() and source_name.casefold() in _names(
        destination
    )


def _home(location: str) -> str:
    """Return the address of the TOM that a location belongs to, or nothing.

    One TOM may stand below the address of another: the longest address decides.
    """
    known = [*conf.base_urls(), conf.settings().PUBLIC_URL or ""]
    addresses = [_bare(address).rstrip("/") + "/" for address in known if address]
    within = [address for address in addresses if location.startswith(address)]
    return max(within, key=len, default="")


def _names(destination: DestinationSettings) -> set[str]:
    """Return what the destination may call itself, as far as we know."""
    named = destination.entry.get("TOM_NAME")
    known = [destination.key, destination.display_name, str(named or "")]
    return {name.casefold() for name in known if name}


def _bare(address: str) -> str:
    """Return an address without its scheme: http and https lead to the same TOM."""
    return address.casefold().partition("://")[2] or address.casefold()
