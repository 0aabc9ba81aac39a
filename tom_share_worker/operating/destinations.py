"""The verbs of operators for destinations: pause, resume, test; each is on record.

Called by the admin, the REST API and the pages, which ask `may_steer` first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Max

from tom_share_worker import conf
from tom_share_worker.delivery import actions, gate
from tom_share_worker.delivery.sending import connection
from tom_share_worker.delivery.visibility import OPERATE
from tom_share_worker.models import ConnectionTest, Destination
from tom_share_worker.operating import audit

CHANGE = "tom_share_worker.change_destination"
VIEW = "tom_share_worker.view_destination"

MEND_ACCOUNT = (
    "Correct the account in DATA_SHARING, restart the web server and the workers, then "
    "resume the destination."
)
"""The cure of a refused account, for those who can bring it about."""

MAY_NOT_STEER = (
    "You may see the destinations, but not pause, resume or test them: that takes the "
    "permission to operate. Ask whoever runs this TOM."
)


def may_steer(user: Any) -> bool:
    """True for those who may pause, resume and test destinations."""
    return bool(user.has_perm(CHANGE) or user.has_perm(OPERATE))


def may_view(user: Any) -> bool:
    """True for those who may see how the destinations stand."""
    return bool(user.is_staff or user.has_perm(VIEW) or may_steer(user))


def with_topics(key: str) -> list[str]:
    """Return an entry of DATA_SHARING as what is sent names it: each topic of it."""
    return [one for one in conf.choices() if one.partition(":")[0] == key] or [key]


def last_tests(keys: Iterable[str]) -> Any:
    """Return the ids of the last tests of these entries, as a subquery."""
    tests = ConnectionTest.objects.filter(destination__in=list(keys)).order_by()
    return tests.values("destination").annotate(last=Max("pk")).values("last")


def pause(user: Any, keys: Iterable[str], reason: str = "") -> int:
    """Let nothing go to them until somebody resumes them; return how many went."""
    done = [key for key in keys if actions.pause(key, user, reason)]
    why = f" Reason: {reason.strip()}" if reason.strip() else ""
    audit.record(user, _rows(done), f"Paused.{why}")
    return len(done)


def resume(user: Any, keys: Iterable[str]) -> int:
    """Let deliveries go to them again, at once; return how many had been closed."""
    closed = [key for key in keys if _is_closed(gate.state(key))]
    for key in closed:
        actions.resume(key)
    audit.record(user, _rows(closed), "Resumed.")
    return len(closed)


def test(user: Any, key: str) -> ConnectionTest:
    """Have a worker test an entry of DATA_SHARING."""
    asked = connection.ask(key, user)
    audit.record(user, [gate.state(one) for one in with_topics(key)], "Tested.")
    return asked


def _is_closed(state: Destination) -> bool:
    return state.paused or state.retry_at is not None


def _rows(keys: Iterable[str]) -> list[Destination]:
    return list(Destination.objects.filter(key__in=list(keys)))
