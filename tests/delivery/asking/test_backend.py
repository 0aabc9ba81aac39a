"""The host's next release finds this app's class, and shares with it as with its own.

Its registry and its calls are played as its source has them.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, Group
from django.utils.module_loading import import_string
from tom_dataproducts.models import DataProduct, PhotometryReducedDatum
from tom_dataproducts.sharing import sharing_feedback_converter
from tom_targets.models import Target

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import Sky
from tests.support import rows
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING


def registry() -> dict[str, Any]:
    """Gather the classes as the host will: by name, the last app's wins."""
    found = {}
    for app in apps.get_app_configs():
        for entry in getattr(app, "sharing_backends", list)():
            backend = import_string(entry["class"])
            found[backend.name] = backend
    return found


def share(destination: str = "tom:partner", **what: Any) -> dict[str, str]:
    """Share as the host's view will: by the prefix of the form's value."""
    backend = registry()[destination.partition(":")[0]]()
    form = {
        "share_destination": destination,
        "share_title": "Tonight's data",
        "share_message": "Have a look.",
        "share_authors": "A. Nova",
        "submitter": "somebody else",
    }
    answer: dict[str, str] = backend.share(form, **what)
    return answer


def test_it_is_found_and_named() -> None:
    backend = registry()["tom"]

    assert backend.verbose_name == "Another TOM"
    assert backend().validate_credentials(user=None) is True


def test_it_offers_the_destinations_of_a_person(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING | {
        "team": clicks.PARTNER | {"GROUPS": ["Bulge team"], "DISPLAY_NAME": "Team TOM"}
    }
    member = rows.person("member")
    member.groups.add(Group.objects.create(name="Bulge team"))
    for_all = [
        ("tom:partner", "Partner TOM"),
        ("tom:hermes:survey.test", "Hermes (survey.test)"),
    ]
    offer = registry()["tom"].get_destination_choices

    assert offer(user=rows.person()) == for_all
    assert offer(user=member) == [*for_all, ("tom:team", "Team TOM")]
    assert offer() == for_all
    assert offer(user=AnonymousUser()) == []


def test_data_points_and_products_go_into_one_share(sky: Sky) -> None:
    answer = share(
        reduced_datums=PhotometryReducedDatum.objects.filter(pk__in=sky.points[:2]),
        data_products=DataProduct.objects.all(),
        targets=Target.objects.none(),
        user=sky.owner,
    )

    row = Share.objects.get()
    assert answer == {
        "status": "success",
        "message": f"It goes out in the background; /shares/{row.pk}/ tells how far "
        f"it is.",
    }
    assert row.selection == {
        "photometry": sky.points[:2],
        "data_products": [sky.product.pk],
    }
    assert (row.destination, row.user) == ("partner", sky.owner)
    assert (row.title, row.message, row.authors) == (
        "Tonight's data",
        "Have a look.",
        "A. Nova",
    )


def test_a_target_means_all_its_data(sky: Sky) -> None:
    share(targets=Target.objects.filter(pk=sky.target.pk), user=sky.owner)

    row = Share.objects.get()
    assert (row.kind, row.target_id) == (Share.Kind.TARGET_DATA, sky.target.pk)


def test_several_targets_go_with_their_data(sky: Sky) -> None:
    rows.target(sky.owner, "SN 2026def")

    share(targets=Target.objects.all(), user=sky.owner)

    row = Share.objects.get()
    assert (row.kind, row.with_data) == (Share.Kind.TARGETS, True)
    assert len(row.selection["targets"]) == 2


@pytest.mark.parametrize("who", ["nobody", "anonymous", "stranger"])
def test_what_is_refused_reads_as_a_failure_to_the_host(sky: Sky, who: str) -> None:
    person: Any = {"nobody": None, "anonymous": AnonymousUser()}
    answer = share(
        targets=Target.objects.all(), user=person.get(who, rows.person("stranger"))
    )

    assert answer["status"] == "error"
    assert "ERROR" in sharing_feedback_converter(answer)
    assert not Share.objects.exists()


def test_nothing_and_nowhere_are_refused(sky: Sky) -> None:
    nothing = share(
        reduced_datums=PhotometryReducedDatum.objects.none(), user=sky.owner
    )
    nowhere = share("tom:nowhere", targets=Target.objects.all(), user=sky.owner)

    assert nothing["message"].startswith("ERROR: Nothing is selected")
    assert "tom:nowhere" in nowhere["message"]
    assert not Share.objects.exists()


def test_a_success_never_reads_as_a_failure(sky: Sky) -> None:
    Target.objects.filter(pk=sky.target.pk).update(name="TERROR 1")

    answer = share(targets=Target.objects.all(), user=sky.owner)

    assert "ERROR" not in sharing_feedback_converter(answer).upper()


def test_a_destination_of_that_name_is_itself(settings: Any, sky: Sky) -> None:
    settings.DATA_SHARING = {"tom": clicks.PARTNER, "partner": clicks.PARTNER}

    share("tom:tom", targets=Target.objects.all(), user=sky.owner)

    assert Share.objects.get().destination == "tom"
