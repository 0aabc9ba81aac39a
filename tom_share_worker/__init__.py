"""Asynchronous sharing for TOM Toolkit: a share is a row, a Celery worker delivers it.

The rooms: `delivery` sends to other TOMs, `ingest` receives, `status` shows.
`docs/how-it-works.md` tells the path of a share from the click to the other TOM.
"""

__version__ = "0.1.0"
