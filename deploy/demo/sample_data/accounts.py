"""The accounts of the demo TOMs; made by `seed_demo`, printed by `make demo`.

They open nothing but two throw-away TOMs on the visitor's own machine.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """A login and what it is for."""

    username: str
    password: str
    purpose: str
    is_superuser: bool = False


ASTRONOMER = Account("astronomer", "microlensing-2026", "may see the sample targets")
ADMIN = Account("admin", "keeper-of-the-tom", "may see and change everything", True)
PARTNER = Account("survey-tom", "shares-from-the-survey", "the one that shares use")
