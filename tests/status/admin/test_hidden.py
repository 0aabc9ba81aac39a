"""What an admin's lists are, or were, narrowed by tells nothing of hidden rows."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from tom_targets.models import Target

from tests.status.admin.conftest import changelist
from tests.status.conftest import browser, permitted
from tests.status.incoming import jobs
from tests.support import rows
from tom_share_worker.operating import bulk

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("column", ["described__contains", "filters__icontains"])
def test_what_others_looked_for_cannot_be_guessed_by_the_address_of_the_list(
    column: str,
) -> None:
    asker = permitted("asker", "operate", is_staff=True)
    bulk.ask(asker, "retry", "deliveries", {"search": "SECRET 7"})
    client = browser(permitted("viewer", "view_bulkaction", is_staff=True))

    answers = [
        client.get(changelist("bulkaction", **{column: guess}), follow=True)
        for guess in ("SECRET 7", "SECRET 8")
    ]

    assert "SECRET" not in client.get(changelist("bulkaction")).content.decode()
    assert [answer.status_code for answer in answers] == [400, 400]


@pytest.mark.parametrize("model", ["share", "delivery", "ingestjob"])
def test_people_all_of_whose_rows_are_hidden_are_not_offered(model: str) -> None:
    viewer = permitted("viewer", f"view_{model}", "operate", is_staff=True)
    admin = permitted("admin", is_staff=True, is_superuser=True)
    hidden, seen = rows.person("hidden-person"), rows.person("seen-person")
    for person, name in ((hidden, "SN 2026a"), (seen, "SN 2026b")):
        private = Target.Permissions.PRIVATE
        target = rows.target(person, name, permissions=private)
        rows.delivery(rows.share(person, target=target))
        jobs.job(person, target)
    target.give_user_access(viewer)

    def offered(reader: User) -> set[str]:
        page = browser(reader).get(changelist(model)).content.decode()
        names = ("hidden-person", "seen-person")
        return {name for name in names if f"?user={name}" in page}

    assert offered(viewer) == {"seen-person"}
    assert offered(admin) == {"hidden-person", "seen-person"}
