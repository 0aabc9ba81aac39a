"""What bulk actions were narrowed by is told to those who asked for them alone."""

from __future__ import annotations

import pytest

from tests.status.admin.conftest import changelist
from tests.status.conftest import browser, permitted
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
