"""The kinds of destinations, and which one an entry of DATA_SHARING is.

A destination gets a parcel and a progress to report to, talks HTTP, and returns an
outcome. It knows no rows; the sender knows no HTTP.
"""

from __future__ import annotations

from tom_share_worker.conf import DestinationSettings
from tom_share_worker.delivery.destinations.base import Destination
from tom_share_worker.delivery.destinations.tom import Tom


def open_destination(settings: DestinationSettings) -> Destination:
    """Return the destination of an entry of DATA_SHARING."""
    return Tom(settings)
