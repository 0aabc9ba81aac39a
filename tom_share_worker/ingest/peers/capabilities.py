"""GET /api/tom-share/: what this TOM takes from others, told to everyone.

It tells no more than that: another TOM asks before it has an account here.
"""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from tom_share_worker import __version__, conf
from tom_share_worker.ingest.peers.view import PeerView

APP = "tom_share_worker"
VERSIONS = (1,)
"""The versions of the protocol that are spoken here."""

SUPPORTS = ("datums", "gzip", "ingest", "sha256")


class Capabilities(PeerView):
    """Tells what is spoken here."""

    # A wrong token is no reason to say less than to nobody.
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []

    def get(self, request: Request) -> Response:
        """Tell the versions, the limits, and what is supported."""
        known = conf.settings()
        return Response(
            {
                "app": APP,
                "version": __version__,
                "versions": list(VERSIONS),
                "tom_name": conf.tom_name(),
                "limits": {
                    "batch": known.BATCH_LIMIT,
                    "body": known.BODY_LIMIT,
                    "upload": known.UPLOAD_LIMIT,
                },
                "supports": list(SUPPORTS),
            }
        )
