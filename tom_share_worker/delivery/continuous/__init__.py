"""Continuous sharing: what is saved for a target with a persistent share is shared.

Noted while it is saved (`saved`), gathered a moment later (`gathering`), by the terms
of the persistent share (`persistent`), and never sent back whence it came (`echo`).
"""
