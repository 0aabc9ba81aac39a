"""Ingest jobs: claimed by rows, each processed in a process of its own."""
