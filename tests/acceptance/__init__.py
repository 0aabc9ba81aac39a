"""Whole TOMs: real workers, a real broker, real remotes, and faults caused for real."""
