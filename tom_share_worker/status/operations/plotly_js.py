"""plotly.js from the installed plotly package, as one file that browsers keep.

The host writes all of it (4.5 MB) into each page, once for every plot; a CDN is no use
to a TOM without internet. From here a browser loads it once for each version, packed
to 1.3 MB, and a Content-Security-Policy that allows scripts of the site allows it.
"""

from __future__ import annotations

import gzip
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers
from plotly import offline

KEPT = 365 * 24 * 3600
"""Seconds for which a browser keeps it: another version has another address."""


def version() -> str:
    """Return the version of plotly.js, which is part of its address."""
    return str(offline.get_plotlyjs_version())


@cache
def _packed() -> bytes:
    """Return it packed: half a second's work, done once in each process."""
    return gzip.compress(offline.get_plotlyjs().encode(), compresslevel=6, mtime=0)


def serve(request: HttpRequest) -> HttpResponse:
    """Answer with it; the version in the query makes the address new with each."""
    content = _packed()
    answer = HttpResponse(content_type="text/javascript; charset=utf-8")
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        answer.headers["Content-Encoding"] = "gzip"
    else:
        content = gzip.decompress(content)
    answer.content = content
    patch_vary_headers(answer, ["Accept-Encoding"])
    patch_cache_control(answer, private=True, max_age=KEPT, immutable=True)
    return answer
