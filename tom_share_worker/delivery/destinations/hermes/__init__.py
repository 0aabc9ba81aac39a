"""Hermes as destination: a share becomes one message on a topic."""
