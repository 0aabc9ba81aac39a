"""Asking for a share by the REST API: what becomes of it, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import remove_perm

from tests.delivery.asking import clicks
from tests.delivery.asking.clicks import Sky
from tests.status.api.programs import Program
from tests.support import rows
from tom_share_worker import toolkit
from tom_share_worker.delivery.asking import wishes
from tom_share_worker.delivery.ledger import Ledger
from tom_share_worker.delivery.planning import planner
from tom_share_worker.delivery.planning.selection import DATUM_KINDS
from tom_share_worker.models import Delivery, Share

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _destinations(settings: Any) -> None:
    settings.DATA_SHARING = clicks.SHARING


@pytest.fixture
def sky(db: None) -> Sky:
    return clicks.sky()


@pytest.fixture
def program(sky: Sky) -> Program:
    return Program(sky.owner)


def one_of_each(sky: Sky) -> dict[str, int]:
    """Give the target a data point of every kind; return the ids."""
    needed: dict[str, dict[str, Any]] = {
        "photometry": {"bandpass": "g", "brightness": 17.0},
        "astrometry": {"ra": 1.0, "dec": 2.0},
    }
    return {
        kind: model._default_manager.create(
            target=sky.target, **needed.get(kind, {})
        ).pk
        for kind, model in toolkit.DATUM_MODELS.items()
    }


@pytest.mark.parametrize("bad", ["\ud800", "SN\0", 10**20])
@pytest.mark.parametrize("name", ["destination", "target", "targets", "title"])
def test_what_no_database_takes_is_refused(
    program: Program, sky: Sky, name: str, bad: Any
) -> None:
    asked = {"destination": "partner", "target": sky.target.pk, name: bad}

    answer = program.post("shares/", json.dumps(asked))

    # A number is a title; it is text by then.
    assert answer.status_code == (201 if (name, bad) == ("title", 10**20) else 400)


def sent(answer: Any) -> set[tuple[str, Any]]:
    """Plan what an answer promises; return what goes out, by what it is."""
    assert answer.status_code == 201, answer.content
    share = Share.objects.get(pk=answer.json()["id"])
    planner.plan(share.pk)
    found: set[tuple[str, Any]] = set()
    for row in share.deliveries.all():
        if row.kind == Delivery.Kind.TARGET:
            found.add(("target", row.target_id))
        elif row.kind == Delivery.Kind.DATA_PRODUCT:
            found.add(("data_products", row.data_product_id))
        else:
            found.update((key.kind, key.pk) for key in Ledger(row.ledger).pending())
    return found


def test_a_target_goes_alone_unless_its_data_is_asked_for(
    sky: Sky, program: Program
) -> None:
    assert sent(program.share(target=sky.target.pk)) == {("target", sky.target.pk)}


def test_with_data_and_with_products_all_of_a_target_goes(
    sky: Sky, program: Program
) -> None:
    ids = one_of_each(sky)
    points = {("photometry", pk) for pk in sky.points} | set(ids.items())
    files = {("data_products", sky.product.pk)}
    target = {("target", sky.target.pk)}

    def of(**body: Any) -> set[tuple[str, Any]]:
        return sent(program.share(target=sky.target.pk, **body))

    assert of(with_data=True) == target | points
    assert of(with_products=True) == target | files
    assert of(with_data=True, with_products=True) == target | points | files
    assert of(with_data=True, with_target=False) == points
    assert of(photometry=sky.points, with_products=True, with_target=False) == (
        {("photometry", pk) for pk in sky.points} | files
    )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"with_data": True}, True),
        ({"with_data": True, "with_target": False}, True),
        ({"with_data": True, "with_products": True}, True),
        ({"with_products": True}, False),
        ({}, False),
    ],
)
def test_whether_all_data_goes_is_told_as_it_was_asked(
    sky: Sky, program: Program, asked: dict[str, bool], told: bool
) -> None:
    one = program.share(target=sky.target.pk, **asked).json()

    assert one["with_data"] is told
    assert program.get(f"shares/{one['id']}/").json()["with_data"] is told


@pytest.mark.parametrize("kind", DATUM_KINDS)
def test_data_points_of_each_kind_go_with_or_without_their_target(
    sky: Sky, program: Program, kind: str
) -> None:
    pk = one_of_each(sky)[kind]
    target = ("target", sky.target.pk)

    assert sent(program.share(**{kind: [pk]})) == {(kind, pk)}
    assert sent(program.share(target=sky.target.pk, **{kind: [pk]})) == {
        target,
        (kind, pk),
    }
    assert sent(
        program.share(target=sky.target.pk, with_target=False, **{kind: [pk]})
    ) == {(kind, pk)}


def test_data_of_several_kinds_and_targets_goes_in_one_share(
    sky: Sky, program: Program
) -> None:
    ids = one_of_each(sky)
    other = rows.target(sky.owner, "SN 2026def")
    further = rows.photometry(other, 1)

    found = sent(
        program.share(
            photometry=[*further, *sky.points],
            spectroscopy=[ids["spectroscopy"]],
            data_products=[sky.product.pk],
        )
    )

    assert found == {
        *(("photometry", pk) for pk in [*further, *sky.points]),
        ("spectroscopy", ids["spectroscopy"]),
        ("data_products", sky.product.pk),
    }


def test_a_data_product_goes_by_either_name(sky: Sky, program: Program) -> None:
    for body in ({"data_product": sky.product.pk}, {"data_products": [sky.product.pk]}):
        answer = program.share(**body)
        assert sent(answer) == {("data_products", sky.product.pk)}
        assert answer.json()["subject"].startswith("Data product image")


def test_several_targets_go_whether_in_a_list_or_not(
    sky: Sky, program: Program
) -> None:
    other = rows.target(sky.owner, "SN 2026def")
    both = [other.pk, sky.target.pk]

    assert sent(program.share(targets=both)) == {("target", pk) for pk in both}
    assert sent(program.share(targets=both, with_data=True, with_products=True)) == {
        *(("target", pk) for pk in both),
        *(("photometry", pk) for pk in sky.points),
        ("data_products", sky.product.pk),
    }


def test_a_target_list_goes_whole_or_in_part(sky: Sky, program: Program) -> None:
    other = rows.target(sky.owner, "SN 2026def")
    sky.target_list.targets.add(other)
    listed = sky.target_list.pk

    assert sent(program.share(target_list=listed)) == {
        ("target", sky.target.pk),
        ("target", other.pk),
    }
    assert sent(program.share(target_list=listed, targets=[other.pk])) == {
        ("target", other.pk)
    }


def test_the_answer_tells_where_to_follow_it(sky: Sky, program: Program) -> None:
    answer = program.share(
        target=sky.target.pk, title="Tonight", message="Look.", authors="A. Nova"
    )

    assert answer.status_code == 201
    told = answer.json()
    assert answer["Location"] == told["url"]
    assert program.get(f"shares/{told['id']}/").json() == told
    assert told["page"] == f"http://testserver/shares/{told['id']}/"
    assert (told["status"], told["origin"], told["user"]) == ("queued", "api", "owner")
    assert (told["title"], told["message"], told["authors"]) == (
        "Tonight",
        "Look.",
        "A. Nova",
    )


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("destination", {"destination": ""}),
        ("destination", {"destination": "nowhere", "target": "TARGET"}),
        ("destination", {"destination": None, "target": "TARGET"}),
        ("target", {}),
        ("target", {"target": 0}),
        ("target", {"target": "M31"}),
        ("target", {"target": 10**30}),
        ("target", {"target": "TARGET", "targets": ["TARGET"]}),
        ("target", {"target": "TARGET", "target_list": 1}),
        ("target", {"with_data": True}),
        ("target", {"photometry": ["POINT"], "with_target": True}),
        ("targets", {"targets": []}),
        ("targets", {"targets": "TARGET"}),
        ("targets", {"targets": [True]}),
        ("targets", {"targets": ["1"]}),
        ("targets", {"targets": [1.5]}),
        ("targets", {"targets": [-1]}),
        ("targets", {"targets": [2**63]}),
        ("photometry", {"targets": ["TARGET"], "photometry": ["POINT"]}),
        ("with_target", {"targets": ["TARGET"], "with_target": False}),
        ("with_target", {"target": "TARGET", "with_target": False}),
        ("with_data", {"target": "TARGET", "photometry": ["POINT"], "with_data": True}),
        ("with_data", {"target": "TARGET", "with_data": "perhaps"}),
        (
            "with_products",
            {"target": "TARGET", "data_products": [1], "with_products": True},
        ),
        ("data_product", {"data_product": 1, "data_products": [1]}),
        ("photmetry", {"target": "TARGET", "photmetry": ["POINT"]}),
        ("title", {"target": "TARGET", "title": "x" * 301}),
        ("message", {"target": "TARGET", "message": "\x00"}),
    ],
)
def test_what_cannot_be_understood_is_refused_at_its_field(
    sky: Sky, program: Program, field: str, body: dict[str, Any]
) -> None:
    known = {"TARGET": sky.target.pk, "POINT": sky.points[0]}

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(one) for one in value]
        return known.get(value, value) if isinstance(value, str) else value

    answer = program.share(**{name: filled(value) for name, value in body.items()})

    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert all(sentence.strip() for sentence in answer.json()[field])
    assert not Share.objects.exists()


def test_more_ids_than_a_request_takes_are_refused(program: Program) -> None:
    answer = program.share(photometry=list(range(1, 100_002)))

    assert answer.status_code == 400
    assert "100,001 ids" in answer.json()["photometry"][0]


@pytest.mark.parametrize("body", ["[]", '"target"', "{", "\xff"])
def test_what_is_no_json_object_is_refused(program: Program, body: str) -> None:
    assert program.post("shares/", body).status_code == 400


def test_a_field_whose_name_is_no_text_is_refused_in_words(program: Program) -> None:
    answer = program.post("shares/", '{"\\ud800": 1, "destination": "partner"}')

    assert answer.status_code == 400
    assert "There is no such field." in answer.content.decode()


def test_a_form_is_not_taken_for_json(program: Program, sky: Sky) -> None:
    answer = program._client.post(
        "/api/shares/", {"destination": "partner"}, headers=program._headers
    )

    assert answer.status_code == 415


@pytest.mark.parametrize(
    "field", ["target", "targets", "target_list", "data_products", *DATUM_KINDS]
)
def test_what_is_hidden_and_what_does_not_exist_get_the_same_answer(
    sky: Sky, field: str
) -> None:
    stranger = Program(rows.person("stranger"))
    ids = one_of_each(sky) | {
        "target": sky.target.pk,
        "targets": sky.target.pk,
        "target_list": sky.target_list.pk,
        "data_products": sky.product.pk,
    }

    def ask(pk: int) -> Any:
        single = field in ("target", "target_list")
        return stranger.share(**{field: pk if single else [pk]})

    hidden, missing = ask(ids[field]), ask(999_999)

    assert (hidden.status_code, missing.status_code) == (400, 400)
    assert str(missing.json()).replace("999999", str(ids[field])) == str(hidden.json())
    assert "for you to s" in hidden.json()[field][0]
    assert not Share.objects.exists()


def test_the_ids_that_are_wrong_are_named_and_counted(
    sky: Sky, program: Program
) -> None:
    wrong = [sky.points[-1] + n for n in range(1, 13)]

    answer = program.share(photometry=[*sky.points, *wrong])

    named = ", ".join(map(str, wrong[:10]))
    assert answer.json() == {
        "photometry": [
            f"Not found, or not for you to share: photometry {named} and 2 more."
        ]
    }


def test_data_of_another_target_is_not_found_at_this_one(
    sky: Sky, program: Program
) -> None:
    other = rows.target(sky.owner, "SN 2026def")

    answer = program.share(target=other.pk, photometry=sky.points)

    assert "Not found at SN 2026def" in answer.json()["photometry"][0]


def test_asking_costs_the_same_for_one_data_point_and_for_many(
    sky: Sky, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wishes, "CHECKED", 2)
    many = sky.points[:2] + list(range(sky.points[-1] + 1, sky.points[-1] + 50_000))
    program.share(photometry=sky.points[:1])  # what is cached, is

    with CaptureQueriesContext(
        connection,
    ) as one:
        program.share(photometry=sky.points[:1])
    with CaptureQueriesContext(connection) as thousands:
        answer = program.share(photometry=many)

    assert len(one) == len(thousands)
    assert len(answer.json()["subject"]) < 100
    found = sent(answer)
    assert found == {("photometry", pk) for pk in sky.points[:2]}
    told = program.get(f"shares/{answer.json()['id']}/").json()
    assert told["note"].startswith("49999 selected data points were left out")


def test_a_setting_that_is_wrong_is_told_and_nothing_is_shared(
    settings: Any, sky: Sky, program: Program
) -> None:
    settings.DATA_SHARING = {"partner": clicks.PARTNER | {"GROUPS": "Bulge team"}}

    answer = program.share(target=sky.target.pk)

    assert answer.status_code == 400
    assert "DATA_SHARING['partner']['GROUPS']" in answer.json()["destination"][0]
    assert not Share.objects.exists()


def test_nobody_may_ask(sky: Sky) -> None:
    answer = Program().share(target=sky.target.pk)

    assert answer.status_code == 401
    assert not Share.objects.exists()


def test_a_session_needs_the_token_against_forgery(sky: Sky) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(sky.owner)

    answer = browser.post(
        "/api/shares/",
        {"destination": "partner", "target": sky.target.pk},
        content_type="application/json",
    )

    assert answer.status_code == 403
    assert not Share.objects.exists()


class TestIdempotency:
    """A request that is repeated under its key."""

    def test_is_the_same_share(self, sky: Sky, program: Program) -> None:
        body = {"destination": "partner", "target": sky.target.pk}
        other_order = dict(reversed(body.items()))

        first = program.post("shares/", body, key="night-1")
        again = program.post("shares/", other_order, key="night-1")

        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["id"] == again.json()["id"]
        assert again["Location"] == first["Location"]
        assert Share.objects.count() == 1

    def test_is_refused_for_something_else(self, sky: Sky, program: Program) -> None:
        body = {"destination": "partner", "target": sky.target.pk}
        program.post("shares/", body, key="night-1")

        answer = program.post("shares/", body | {"title": "More"}, key="night-1")

        assert answer.status_code == 422
        assert Share.objects.count() == 1

    def test_tells_nothing_of_a_target_that_is_hidden_meanwhile(
        self, sky: Sky, program: Program
    ) -> None:
        body = {"destination": "partner", "target": sky.target.pk}
        first = program.post("shares/", body, key="night-1").json()
        remove_perm("tom_targets.view_target", sky.owner, sky.target)

        answer = program.post("shares/", body, key="night-1")

        assert program.get(f"shares/{first['id']}/").status_code == 404
        assert answer.status_code == 404
        assert sky.target.name not in answer.content.decode()
        assert Share.objects.count() == 1

    def test_is_another_one_for_another_person(
        self, sky: Sky, program: Program
    ) -> None:
        body = {"destination": "partner", "target": sky.target.pk}
        admin = Program(User.objects.create_superuser("admin"))

        program.post("shares/", body, key="night-1")
        answer = admin.post("shares/", body, key="night-1")

        assert answer.status_code == 201
        assert Share.objects.count() == 2

    def test_that_was_refused_may_be_corrected(
        self, sky: Sky, program: Program
    ) -> None:
        wrong = {"destination": "nowhere", "target": sky.target.pk}
        program.post("shares/", wrong, key="night-1")

        answer = program.post("shares/", wrong | {"destination": "partner"}, "night-1")

        assert answer.status_code == 201

    def test_needs_a_key_that_can_be_kept(self, sky: Sky, program: Program) -> None:
        body = {"destination": "partner", "target": sky.target.pk}

        answer = program.post("shares/", body, key="x" * 201)

        assert answer.status_code == 400

    def test_without_a_key_is_a_new_share_each_time(
        self, sky: Sky, program: Program
    ) -> None:
        program.share(target=sky.target.pk)
        program.share(target=sky.target.pk)

        assert Share.objects.count() == 2
