"""`manage.py share`, as far as it goes without a worker: what it asks and refuses."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import Sky
from tests.support import rows
from tom_share_worker.management.commands.share import Command
from tom_share_worker.models import Failure, Share, Worker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING


@pytest.fixture
def sky(db: None) -> Sky:
    return clicks.sky()


def share(*arguments: Any, user: str = "owner", to: str = "partner") -> str:
    """Run the command; return what it says."""
    out = StringIO()
    given = map(str, arguments)
    call_command("share", "--user", user, "--to", to, *given, stdout=out)
    return out.getvalue()


def refusal(*arguments: Any, **who: str) -> str:
    """Run a command that is refused; return the reason."""
    with pytest.raises(CommandError) as refused:
        share(*arguments, **who)
    assert refused.value.returncode == 2
    assert not Share.objects.exists()
    return str(refused.value)


def test_it_asks_and_says_where_to_follow_it(settings: Any, sky: Sky) -> None:
    settings.TOM_SHARE_WORKER = {"PUBLIC_URL": "https://tom.example.org/"}

    said = share(
        *("--target", "SN 2026abc", "--with-data"),
        *("--title", "Tonight", "--message", "Look.", "--authors", "A. Nova"),
    )

    row = Share.objects.get()
    assert f"Share {row.pk}: Target SN 2026abc with all data points goes" in said
    assert f"https://tom.example.org/shares/{row.pk}/" in said
    assert (row.user, row.target_id, row.kind) == (sky.owner, sky.target.pk, "target")
    assert (row.title, row.message, row.authors) == ("Tonight", "Look.", "A. Nova")
    assert row.origin == Share.Origin.COMMAND


@pytest.mark.parametrize("name", ["SN 2026abc", "sn 2026ABC", 'Gaia26x, the "odd" one'])
def test_a_target_is_found_by_its_name_or_an_alias(sky: Sky, name: str) -> None:
    sky.target.save(names=['Gaia26x, the "odd" one'])

    share("--target", name)

    assert Share.objects.get().target_id == sky.target.pk


def test_several_targets_become_one_share(sky: Sky) -> None:
    other = rows.target(sky.owner, "SN 2026def")

    share("--target", "SN 2026abc", "--target-id", other.pk)

    row = Share.objects.get()
    assert row.kind == Share.Kind.TARGETS
    assert row.selection == {"targets": [sky.target.pk, other.pk]}


def test_a_list_is_found_by_its_name_or_id(sky: Sky) -> None:
    share("--list", "bulge season", "--with-data", "--with-products")
    share("--list-id", sky.target_list.pk)

    first, second = Share.objects.order_by("pk")
    assert first.target_list == second.target_list == sky.target_list
    assert (first.with_data, second.with_data) == (True, False)
    assert first.selection == {"all": ["data_products"]}


def test_ids_may_have_spaces_or_commas_between(sky: Sky) -> None:
    one, two, three = sky.points

    share("--photometry", f"{one},{two}", three, "--data-product", sky.product.pk)

    assert Share.objects.get().selection == {
        "photometry": [one, two, three],
        "data_products": [sky.product.pk],
    }


def test_data_of_a_target_goes_without_the_target_if_so_asked(sky: Sky) -> None:
    share("--target", "SN 2026abc", "--with-data", "--without-target")

    row = Share.objects.get()
    assert row.kind == Share.Kind.DATUMS
    assert "all" in row.selection


def test_what_is_unknown_is_refused_with_what_there_is(sky: Sky) -> None:
    rows.target(sky.owner, "M31")
    rows.target(rows.person("stranger"), "SN hidden", permissions="PRIVATE")

    said = refusal("--target", "SN 2026abd")
    assert "no target 'SN 2026abd', or it is not for owner to share" in said
    assert said.endswith("Known are SN 2026abc.")
    assert "Known are M31, SN 2026abc." in refusal("--target", "xyz")
    assert "Known are Bulge season." in refusal("--list", "Halo season")
    assert "Those for owner: partner, hermes:survey.test." in refusal(to="nowhere")
    said = refusal("--target", "M31", user="nobody")
    assert "There is no account 'nobody' in this TOM. Known are" in said
    assert "owner" in said


def test_targets_of_one_name_are_told_apart_by_their_ids(sky: Sky) -> None:
    twin = rows.target(sky.owner, "twin")
    type(twin).objects.filter(pk=twin.pk).update(name="sn 2026ABC")

    said = refusal("--target", "SN 2026ABC")

    assert said == (
        f"Several targets are called 'SN 2026ABC': {sky.target.pk}, {twin.pk}. Say "
        f"which by --target-id."
    )
    share("--target", "sn 2026ABC")
    share("--target-id", sky.target.pk)
    asked = Share.objects.order_by("pk").values_list("target_id", flat=True)
    assert list(asked) == [twin.pk, sky.target.pk]


def test_lists_of_one_name_are_told_apart_by_their_ids(sky: Sky) -> None:
    twin = rows.target_list("Bulge season", sky.target)

    said = refusal("--list", "Bulge season")

    assert f"{sky.target_list.pk}, {twin.pk}. Say which by --list-id." in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            (),
            "Say what to share: --target, --target-id, --list, --data-product, "
            "--photometry, --spectroscopy, --astrometry or --generic.",
        ),
        (("--target-id", "M31"), "'M31' is none"),
        (("--target-id", "999999"), "no target 999999, or it is not for you"),
        (("--photometry", "1;2"), "'1;2' is none"),
        (("--photometry", str(2**63)), "is none"),
        (("--photometry", "999999"), "not for you to share: --photometry 999999."),
        (("--data-product", "99"), "not for you to share: --data-product 99."),
        (("--target-id", "98,99"), "not for you to share: --target-id 98, 99."),
        (("--list", "Bulge season", "--generic", "1"), "by --with-data or --with-pro"),
        (("--target", "SN 2026abc", "--list", "Bulge season"), "of the list"),
        (("--list", "Bulge season", "--list", "Bulge season"), "one target list"),
        (("--target", "SN 2026abc", "--without-target"), "nothing is left to share"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    sky: Sky, arguments: tuple[str, ...], reason: str
) -> None:
    if reason == "of the list":
        share(*arguments)
        assert Share.objects.get().selection == {"targets": [sky.target.pk]}
        return
    assert reason in refusal(*arguments)


def test_it_shares_by_the_rights_of_the_account(settings: Any, sky: Sky) -> None:
    rows.person("stranger")
    settings.DATA_SHARING = {"partner": clicks.PARTNER | {"GROUPS": ["Bulge team"]}}
    Group.objects.create(name="Bulge team")

    assert "not for stranger" in refusal("--target", "SN 2026abc", user="stranger")
    assert "Only members of the group" in refusal("--target", "SN 2026abc")
    sky.owner.is_active = False
    sky.owner.save()
    assert "is closed" in refusal("--target", "SN 2026abc")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_time_to_wait_is_above_zero(sky: Sky, seconds: str) -> None:
    with pytest.raises(CommandError, match="give seconds above 0"):
        share("--target", "SN 2026abc", f"--timeout={seconds}")

    assert not Share.objects.exists()


@pytest.mark.parametrize("missing", ["--to", "--user"])
def test_options_that_are_missing_are_told(missing: str) -> None:
    given = {"--to": "partner", "--user": "owner"}
    del given[missing]

    with pytest.raises(CommandError, match=missing):
        call_command("share", *(word for pair in given.items() for word in pair))


def test_it_stops_following_after_the_time_it_is_given(sky: Sky) -> None:
    with pytest.raises(CommandError, match="goes on in the background") as late:
        share("--target", "SN 2026abc", "--timeout", "0.001")

    assert late.value.returncode == 3
    assert Share.objects.get().status == Share.Status.QUEUED


def test_it_says_why_nothing_moves(sky: Sky, capsys: Any) -> None:
    Worker.objects.all().delete()
    out = StringIO()

    with pytest.raises(CommandError):
        call_command(
            *("share", "--user", "owner", "--to", "partner"),
            *("--target", "SN 2026abc", "--timeout", "0.001"),
            stdout=out,
        )

    assert "No worker has ever been seen." in out.getvalue()


def test_what_did_not_arrive_is_told_with_the_cure(sky: Sky) -> None:
    row = rows.share(sky.owner, status="partly delivered", planned=True)
    rows.delivery(row, status="failed", failure=Failure.NO_MATCHING_TARGET)
    rows.delivery(row, status="delivered")
    out = StringIO()

    with pytest.raises(CommandError) as end:
        Command(stdout=out)._follow(row.pk, None)

    assert end.value.returncode == 1
    assert str(end.value) == (
        "The share is partly delivered.\nNo matching target (1 delivery): "
        f"{Failure.NO_MATCHING_TARGET.cure}"
    )
    assert "2 of 2 deliveries have ended." in out.getvalue()
