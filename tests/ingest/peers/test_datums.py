"""What another TOM may send in a batch, who may send it, and what is answered."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.middleware.csrf import get_token
from django.test import Client, RequestFactory
from guardian.shortcuts import assign_perm, remove_perm
from tom_dataproducts.models import (
    AstrometryReducedDatum,
    PhotometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)
from tom_targets.models import PersistentShare, Target

from tests.ingest.peers.sender import (
    DATUMS,
    ONE_OF_EACH,
    Sender,
    batch,
    generic,
    photometry,
    place,
    problem,
    spectrum,
    stored,
)
from tests.support import rows
from tom_share_worker import toolkit
from tom_share_worker.ingest.peers import batches, datums
from tom_share_worker.ingest.problems import Problem
from tom_share_worker.models import ReceivedBatch, SavedDatum

pytestmark = pytest.mark.django_db


def test_each_kind_is_stored_with_all_its_columns(
    sender: Sender, target: Target
) -> None:
    common: dict[str, Any] = {
        "source_name": "Lasair",
        "source_location": "https://lasair.example/1",
        "reduction_version": "BANZAI 1.2",
        "telescope": "2m0",
        "value": {"survey": "lsst"},
    }
    answer = sender.send(
        target,
        photometry(limit=21.5, **common),
        spectrum(setup="slit 1.6", exposure_time=900.0, error=[0.1, 0.2, 0.3]),
        place(ra_error=0.1, dec_error=0.2, ra_error_units="mas", dec_error_units="as"),
        generic(**common),
    )

    assert answer.status_code == 200
    assert answer.json() == {
        "version": 1,
        "target": target.pk,
        "outcomes": [{"outcome": "created"}] * 4,
    }
    point = PhotometryReducedDatum.objects.get()
    assert (point.target_id, point.timestamp) == (target.pk, rows.NIGHT)
    assert (point.brightness, point.brightness_error, point.limit) == (
        17.25,
        0.01,
        21.5,
    )
    assert (point.unit, point.bandpass, point.exposure_time) == ("AB mag", "r", 30.0)
    for name, value in common.items():
        assert getattr(point, name) == value
    spectre = SpectroscopyReducedDatum.objects.get()
    assert spectre.wavelength == [4000.0, 5000.0, 6000.0]
    assert (spectre.flux, spectre.error) == ([1.5, 2.5, 3.5], [0.1, 0.2, 0.3])
    assert (spectre.flux_unit, spectre.setup) == ("erg / s / cm² / Å", "slit 1.6")
    where = AstrometryReducedDatum.objects.get()
    assert (where.ra, where.dec) == (12.5, -45.25)
    assert (where.ra_error_units, where.dec_error) == ("mas", 0.2)
    other = ReducedDatum.objects.get()
    assert (other.data_type, other.value) == ("polarimetry", {"survey": "lsst"})


def test_a_data_point_that_cannot_be_stored_does_not_hinder_the_others(
    sender: Sender, target: Target
) -> None:
    assert sender.outcomes(
        target, photometry(0), photometry(1, brightness="bright"), photometry(2), 7
    ) == [
        {"outcome": "created"},
        {"outcome": "refused", "reason": "Its brightness is not a number."},
        {"outcome": "created"},
        {"outcome": "refused", "reason": "It is not a JSON object."},
    ]
    assert stored() == 2


def test_a_batch_of_nothing_stores_nothing(sender: Sender, target: Target) -> None:
    assert sender.outcomes(target) == []


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_what_is_sent_twice_is_there_once(
    kind: str, sender: Sender, target: Target
) -> None:
    datum = ONE_OF_EACH[kind]()

    assert sender.words(target, datum) == ["created"]
    assert sender.words(target, datum) == ["already there"]
    assert stored() == 1


def test_another_target_has_its_own_data(sender: Sender, target: Target) -> None:
    assert sender.account is not None
    other = rows.target(sender.account, "SN 2026xyz")

    assert sender.words(target, photometry()) == ["created"]
    assert sender.words(other, photometry()) == ["created"]


# Who may.


def test_nobody_stores_nothing_and_learns_nothing(target: Target) -> None:
    answer = Sender(None).send(target, photometry())

    detail = problem(answer, "not-authenticated", 401)
    assert answer["WWW-Authenticate"].startswith("Token")
    assert target.name not in detail
    assert stored() == 0
    assert not ReceivedBatch.objects.exists()


def test_a_wrong_token_is_refused(target: Target) -> None:
    answer = Client().post(
        DATUMS,
        batch(target, photometry()),
        content_type="application/json",
        headers={"Authorization": "Token wrong", "Idempotency-Key": "k"},
    )

    problem(answer, "not-authenticated", 401)
    assert stored() == 0


@pytest.mark.parametrize("permissions", ["PRIVATE", "PUBLIC", "OPEN"])
def test_who_may_not_change_a_target_is_told_the_same_as_of_one_that_is_not_there(
    permissions: str, sender: Sender
) -> None:
    theirs = rows.target(rows.person("else"), "SN 2026xyz", permissions=permissions)
    if permissions == "PRIVATE":
        assign_perm("tom_targets.view_target", sender.account, theirs)

    refused = problem(sender.send(theirs, photometry()), "unknown-target", 404)
    absent = problem(sender.send(theirs.pk + 999, photometry()), "unknown-target", 404)

    assert refused.replace(str(theirs.pk), "") == absent.replace(
        str(theirs.pk + 999), ""
    )
    assert theirs.name not in refused
    assert stored() == 0
    assert not ReceivedBatch.objects.exists()


def test_an_answer_is_not_repeated_to_who_may_no_longer_change_the_target(
    sender: Sender, target: Target
) -> None:
    assert sender.send(target, photometry(), key="k").status_code == 200
    assert sender.account is not None
    remove_perm("tom_targets.change_target", sender.account, target)

    problem(sender.send(target, photometry(), key="k"), "unknown-target", 404)


def test_a_session_of_a_browser_needs_its_csrf_token(target: Target) -> None:
    person = User.objects.get(username="network")
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)

    token = get_token(RequestFactory().get("/"))
    client.cookies[django_settings.CSRF_COOKIE_NAME] = token

    def post(**headers: str) -> Any:
        return client.post(
            DATUMS,
            batch(target, photometry()),
            content_type="application/json",
            headers={"Idempotency-Key": "k", **headers},
        )

    problem(post(), "not-authenticated", 403)
    assert stored() == 0
    assert post(**{"X-CSRFToken": token}).status_code == 200
    assert stored() == 1


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_where_targets_do_not_decide_the_sender_may_view_what_it_sent(
    kind: str, sender: Sender, target: Target, settings: Any
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    make = ONE_OF_EACH[kind]
    assert sender.words(target, make(0)) == ["created"]

    assert sender.words(target, make(0), make(1), make(2)) == [
        *("already there", "created", "created")
    ]

    datums = toolkit.DATUM_MODELS[kind]._default_manager.all()
    assert toolkit.viewable_datums(sender.account, kind, datums).count() == 3
    assert toolkit.viewable_datums(rows.person("else"), kind, datums).count() == 0


# What follows.


def test_what_is_new_goes_on_by_persistent_shares(
    sender: Sender, target: Target, settings: Any
) -> None:
    settings.DATA_SHARING = {"partner": {"BASE_URL": "https://partner.example/"}}
    PersistentShare.objects.create(
        target=target, destination="partner", user=sender.account
    )
    sender.send(target, photometry(0), spectrum(0))
    first = list(SavedDatum.objects.values_list("kind", "datum_pk").order_by("kind"))

    sender.send(target, photometry(0), photometry(1))

    points = PhotometryReducedDatum.objects.order_by("pk")
    spectre = SpectroscopyReducedDatum.objects.get()
    assert first == [("photometry", points[0].pk), ("spectroscopy", spectre.pk)]
    noted = SavedDatum.objects.filter(kind="photometry").order_by("datum_pk")
    assert [row.datum_pk for row in noted] == [points[0].pk, points[1].pk]


# What is refused as a whole.


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"version": 2}, "not-supported"),
        ({"version": 10**30}, "not-supported"),
        ({"version": "1"}, "malformed"),
        ({"version": True}, "malformed"),
        ({"version": None}, "malformed"),
        ({"target": "1"}, "malformed"),
        ({"target": 1.0}, "malformed"),
        ({"target": True}, "malformed"),
        ({"target": None}, "malformed"),
        ({"datums": {}}, "malformed"),
        ({"datums": None}, "malformed"),
        ({"more\ud800": 1}, "malformed"),
    ],
)
def test_a_batch_that_is_none_is_refused(
    change: dict[str, Any], name: str, sender: Sender, target: Target
) -> None:
    answer = sender.post(batch(target, photometry()) | change)

    problem(answer, name, 400)
    assert stored() == 0
    assert not ReceivedBatch.objects.exists()


@pytest.mark.parametrize("pk", [0, -1, 2**63, 10**300])
def test_an_id_that_no_target_can_have_is_unknown(pk: int, sender: Sender) -> None:
    problem(sender.post(batch(pk, photometry())), "unknown-target", 404)


@pytest.mark.parametrize("body", [[], "text", 7, None])
def test_a_body_that_is_no_object_is_malformed(body: Any, sender: Sender) -> None:
    problem(sender.post(json.dumps(body).encode()), "malformed", 400)


def test_more_data_points_than_the_limit_are_too_many(
    sender: Sender, target: Target, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"BATCH_LIMIT": 2}

    assert sender.words(target, photometry(0), photometry(1)) == ["created"] * 2
    refused = sender.send(target, *(photometry(n) for n in range(2, 5)))

    assert "2 data points" in problem(refused, "too-large", 413)
    assert stored() == 2


@pytest.mark.parametrize("key", [" ", "é", "a\tb", "x" * 201])
def test_a_batch_needs_a_key(key: str, sender: Sender, target: Target) -> None:
    answer = sender.post(batch(target, photometry()), Idempotency_Key=key)

    assert "Idempotency-Key" in problem(answer, "malformed", 400)
    assert stored() == 0


def test_it_is_an_address_to_post_to(sender: Sender) -> None:
    answer = sender.get(DATUMS)

    problem(answer, "method-not-allowed", 405)
    assert "POST" in answer["Allow"]


def test_a_target_that_goes_while_its_data_is_stored_is_unknown(
    sender: Sender, target: Target
) -> None:
    """Its row is gone when the transaction would lock it."""
    claim = batches.begin(sender.account, "k", "digest")
    assert isinstance(claim, batches.Claim)
    pk = target.pk
    Target.objects.filter(pk=pk).delete()
    target.pk = pk

    with pytest.raises(Problem, match="no target"):
        datums._stored(sender.account, target, claim, [])

    assert not ReceivedBatch.objects.exists()  # the key is free again


def test_a_thousand_data_points_cost_as_many_queries_as_ten(
    sender: Sender, target: Target, django_assert_max_num_queries: Any
) -> None:
    sender.send(target, photometry(-1))
    with django_assert_max_num_queries(60):
        sender.send(target, *(photometry(n) for n in range(1000)))

    times = PhotometryReducedDatum.objects.order_by("timestamp")
    assert times[1000].timestamp - rows.NIGHT == timedelta(minutes=999)
