"""Uploads: a file becomes a data product and an ingest job in one transaction."""
