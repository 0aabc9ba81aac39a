"""Who may act for others: one permission for all verbs, or those to change a kind of
row. Asked by the rooms' `visibility` and by whatever changes a destination.
"""

from __future__ import annotations

from typing import Any

OPERATE = "tom_share_worker.operate"
"""The permission of operators: to retry, cancel, reprocess, pause and test for others.

It is one of `Share`, where the list of permissions in the admin shows it.
"""


def operates(user: Any, model: str) -> bool:
    """True if a person may act on all rows of a model that they may see.

    The model is `share`, `ingestjob` or `destination`; the permission to change it, as
    Django names it, serves as well.
    """
    return bool(
        user.has_perm(OPERATE) or user.has_perm(f"tom_share_worker.change_{model}")
    )
