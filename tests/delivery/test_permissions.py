"""Who may share what, and with whom, person by person and object by object."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.test import Client
from guardian.shortcuts import assign_perm

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import Sky
from tests.support import rows
from tom_share_worker import conf, toolkit
from tom_share_worker.delivery import permissions
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.delivery.ledger import Key
from tom_share_worker.exceptions import ConfigurationError, ShareRefused
from tom_share_worker.models import Share

pytestmark = pytest.mark.django_db

PEOPLE = ("anonymous", "stranger", "staff", "viewer", "member", "editor", "admin")
LOGGED_IN = {*PEOPLE} - {"anonymous"}


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING


def granted(who: str, target: Any) -> Any:
    """Return a person with what their name says of this target."""
    if who == "anonymous":
        return AnonymousUser()
    if who == "admin":
        return User.objects.create_superuser("admin")
    person = User.objects.create(username=who, is_staff=who == "staff")
    if who in ("viewer", "editor"):
        assign_perm("tom_targets.view_target", person, target)
    if who == "editor":
        assign_perm("tom_targets.change_target", person, target)
    if who == "member":
        group = Group.objects.create(name="Bulge team")
        person.groups.add(group)
        assign_perm("tom_targets.view_target", group, target)
    return person


@pytest.mark.parametrize(
    ("access", "needed", "allowed"),
    [
        ("PRIVATE", "view_target", {"viewer", "member", "editor", "admin"}),
        ("PRIVATE", "change_target", {"editor", "admin"}),
        ("PRIVATE", "delete_target", {"admin"}),
        ("PUBLIC", "view_target", LOGGED_IN),
        ("PUBLIC", "change_target", {"editor", "admin"}),
        ("OPEN", "view_target", {*PEOPLE}),
        ("OPEN", "change_target", {"editor", "admin"}),
    ],
)
def test_a_target_and_what_it_has_are_for_those_with_the_permission(
    settings: Any, access: str, needed: str, allowed: set[str]
) -> None:
    settings.TOM_SHARE_WORKER = {"SHARE_PERMISSION": needed}
    sky = clicks.sky(permissions=access)
    points = toolkit.DATUM_MODELS["photometry"]._default_manager.all()
    people = {who: granted(who, sky.target) for who in PEOPLE}

    assert {w for w in PEOPLE if permissions.targets(people[w]).exists()} == allowed
    assert {
        w
        for w in PEOPLE
        if permissions.datums(people[w], "photometry", points).exists()
    } == allowed
    assert {
        w for w in PEOPLE if permissions.data_products(people[w]).exists()
    } == allowed


@pytest.mark.parametrize("needed", ["view_target", "change_target"])
def test_where_data_has_permissions_of_its_own_those_count_as_well(
    settings: Any, needed: str
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    settings.TOM_SHARE_WORKER = {"SHARE_PERMISSION": needed}
    sky = clicks.sky()
    model: Any = toolkit.DATUM_MODELS["photometry"]
    shown, hidden, _ = model.objects.order_by("pk")
    for who in ("stranger", "viewer", "editor"):
        person = granted(who, sky.target)
        assign_perm("tom_dataproducts.view_photometryreduceddatum", person, shown)
    allowed = {"editor"} if needed == "change_target" else {"viewer", "editor"}

    for who in ("stranger", "viewer", "editor"):
        person = User.objects.get(username=who)
        found = permissions.datums(person, "photometry", model.objects.all())
        assert set(found) == ({shown} if who in allowed else set()), who
        assert not permissions.data_products(person).exists()
    keys = [Key("photometry", pk) for pk in (shown.pk, hidden.pk, 999_999)]
    viewer = User.objects.get(username="viewer")
    assert permissions.withheld(viewer, keys) == [Key("photometry", hidden.pk)]


def test_who_may_only_look_reads_what_is_missing(settings: Any, sky: Sky) -> None:
    settings.TOM_SHARE_WORKER = {"SHARE_PERMISSION": "change_target"}
    viewer = granted("viewer", sky.target)

    with pytest.raises(ShareRefused, match="the permission to change it") as refusal:
        outbox.share_target_data(viewer, "partner", sky.target)

    assert str(refusal.value).startswith("You may view SN 2026abc, but not share it")
    with pytest.raises(ShareRefused, match="the permission to change it"):
        outbox.share_data_product(viewer, "partner", sky.product)
    assert not Share.objects.exists()


def test_who_may_not_look_reads_nothing_of_the_target(settings: Any, sky: Sky) -> None:
    settings.TOM_SHARE_WORKER = {"SHARE_PERMISSION": "change_target"}
    stranger = granted("stranger", sky.target)

    with pytest.raises(ShareRefused) as refusal:
        outbox.share_target(stranger, "partner", sky.target)

    assert sky.target.name not in str(refusal.value)


def test_who_may_not_see_a_product_shares_none(settings: Any, sky: Sky) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False

    with pytest.raises(ShareRefused, match="may not view this data product"):
        outbox.share_data_product(sky.owner, "partner", sky.product)

    assert not Share.objects.exists()


@pytest.fixture
def grouped(settings: Any) -> None:
    """A partner for two groups, beside one for everybody."""
    settings.DATA_SHARING = {
        "partner": clicks.PARTNER | {"GROUPS": ["LCO", "Keck"]},
        "open": clicks.PARTNER | {"DISPLAY_NAME": "Open TOM"},
    }
    for name in ("LCO", "Keck", "Others"):
        Group.objects.create(name=name)


def of_group(name: str, **columns: Any) -> User:
    person = User.objects.create(username=f"of {name}", **columns)
    person.groups.add(Group.objects.get(name=name))
    return person


@pytest.mark.usefixtures("grouped")
def test_a_destination_with_groups_is_for_their_members_and_superusers() -> None:
    members = [of_group("LCO"), of_group("Keck"), User.objects.create_superuser("a")]
    others = [
        of_group("Others"),
        rows.person("of none"),
        User.objects.create(username="staff", is_staff=True),
    ]

    for person in members:
        assert permissions.destinations(person) == ["partner", "open"]
        assert permissions.destination_objection(person, "partner") == ""
    for person in others:
        assert permissions.destinations(person) == ["open"]
        assert permissions.destination_objection(person, "partner") == (
            "Only members of the groups LCO or Keck may share with Partner TOM. An "
            "administrator of this TOM can make a person one."
        )
        assert permissions.destination_objection(person, "open") == ""


@pytest.mark.usefixtures("grouped")
@pytest.mark.parametrize("destination", ["partner", "open"])
def test_nobody_shares_without_an_account_that_is_open(destination: str) -> None:
    closed = of_group("LCO", is_active=False)
    boss = User.objects.create_superuser("boss", is_active=False)

    for person in (None, AnonymousUser(), closed, boss):
        assert permissions.destination_objection(person, destination) != ""
        assert permissions.destinations(person) == []


@pytest.mark.usefixtures("grouped")
def test_the_outbox_refuses_who_is_in_no_group_and_writes_no_row(sky: Sky) -> None:
    with pytest.raises(ShareRefused, match="Only members of the groups LCO or Keck"):
        outbox.share_target_data(sky.owner, "partner", sky.target)

    assert not Share.objects.exists()
    assert outbox.share_target_data(sky.owner, "open", sky.target).pk


def test_groups_concern_each_topic_of_an_entry(settings: Any, db: None) -> None:
    entry: Any = clicks.SHARING["hermes"]
    entry = entry | {"GROUPS": ["LCO"]}
    settings.DATA_SHARING = {"hermes": entry}
    Group.objects.create(name="LCO")

    assert permissions.destinations(rows.person()) == []
    assert permissions.destinations(of_group("LCO")) == ["hermes:survey.test"]


@pytest.mark.parametrize("wrong", ["LCO", [], [1], [""], {"LCO"}, None])
def test_groups_that_cannot_be_read_let_nobody_share(settings: Any, wrong: Any) -> None:
    settings.DATA_SHARING = {"partner": clicks.PARTNER | {"GROUPS": wrong}}
    boss = User.objects.create_superuser("boss")

    assert permissions.destinations(boss) == []
    with pytest.raises(ConfigurationError, match="GROUPS"):
        conf.destination("partner")
    with pytest.raises(ConfigurationError, match="GROUPS"):
        permissions.require_destination(boss, "partner")


@pytest.mark.usefixtures("grouped")
def test_a_form_offers_what_a_person_may_use_under_its_headings() -> None:
    choices = [
        ("download", "download"),
        ("partner", "Partner TOM"),
        ("Messages", [("partner:one", "one")]),
        ("Others", [("open", "Open TOM"), ("partner", "Partner TOM")]),
    ]

    assert permissions.offered(rows.person(), choices) == [
        ("download", "download"),
        ("Others", [("open", "Open TOM")]),
    ]


@pytest.mark.usefixtures("grouped")
@pytest.mark.parametrize("door", [clicks.on_target, clicks.on_target_list])
def test_the_share_pages_offer_what_a_person_may_use(door: Any, sky: Sky) -> None:
    browser = Client()
    browser.force_login(sky.owner)

    page = browser.get(door(sky).address).content.decode()

    assert '<option value="open">' in page
    assert '<option value="partner">' not in page
