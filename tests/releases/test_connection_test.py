"""The test of a connection tells releases, accounts and locked sites as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.releases.released_tom import ReleasedTom, installable
from tom_share_worker.delivery import findings
from tom_share_worker.delivery.findings import Found
from tom_share_worker.delivery.sending import connection

pytestmark = pytest.mark.timeout(400)

OLDER = "Older than 3.0: targets, photometry, spectra and files can be shared"
V3_0 = "3.0.0: everything can be shared, but of data points of one time"


def look(settings: Any, lab: ReleasedTom, **change: Any) -> dict[str, tuple[str, str]]:
    settings.DATA_SHARING = {"lab": lab.entry(**change)}
    return {f.question: (f.found, f.words) for f in connection.look("lab")}


def test_it_tells_the_release_and_stores_nothing(
    lab: ReleasedTom, settings: Any
) -> None:
    before = len(lab.rows("tom_dataproducts_reduceddatum"))

    found = look(settings, lab)

    assert {found for found, _ in found.values()} <= {Found.OK, Found.NOTE}, found
    assert found["Which TOM Toolkit?"][1].startswith(OLDER if lab.is_old else V3_0)
    assert len(lab.rows("tom_dataproducts_reduceddatum")) == before


@pytest.mark.parametrize("account", ["password", "token", "token alone"])
def test_it_tells_an_account_that_is_refused(
    lab: ReleasedTom, settings: Any, account: str
) -> None:
    change = {
        "password": {"PASSWORD": "wrong"},
        "token": {"API_TOKEN": "1" * 40},
        "token alone": {"API_TOKEN": "1" * 40, "USERNAME": "", "PASSWORD": ""},
    }[account]
    told, words = look(settings, lab, **change)["Is our account accepted?"]

    if account == "password":
        assert (told, "refused" in words) == (Found.TROUBLE, True)
    elif lab.release == "3.0.0":
        assert (told, "Invalid token" in words) == (Found.TROUBLE, True)
    elif account == "token":
        # It does not look at tokens; the password beside it serves.
        assert (told, "The password of" in words) == (Found.OK, True)
    else:
        assert (told, "takes no API tokens" in words) == (Found.TROUBLE, True)


@pytest.fixture(params=installable())
def locked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ReleasedTom]:
    """A TOM that shows nothing to strangers."""
    made = ReleasedTom(request.param, tmp_path_factory.mktemp("locked"))
    if not made.is_installed:
        pytest.fail("Other releases are installed by `make test-releases`.")
    try:
        made.start(AUTH_STRATEGY="LOCKED")
        yield made
    finally:
        made.close()


def test_it_tells_a_locked_site_that_lets_our_account_not_in(
    locked: ReleasedTom, settings: Any
) -> None:
    found = look(settings, locked)

    assert found["Can it be reached?"][0] is Found.NOTE
    assert found["Is our account accepted?"][0] is Found.TROUBLE
    assert "add '/api/*' to OPEN_URLS" in found["Is our account accepted?"][1]

    # And that is the cure, where OPEN_URLS takes more than whole addresses.
    locked.restart(AUTH_STRATEGY="LOCKED", OPEN_URLS=["/api/*"])
    is_well = findings.is_well(connection.look("lab"))
    assert is_well is (locked.release != "2.15.19")
