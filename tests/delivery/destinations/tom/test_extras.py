"""Extra fields of a target: added and brought up to date, never overwriting theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support import misbehaviour
from tests.support.conversations import card, deliver, target_parcel
from tests.support.remote_tom import RemoteTom
from tom_share_worker.delivery.destinations.tom import extras
from tom_share_worker.delivery.outcomes import Delivered, TryAgain


def parcel(sent: Any = None, **values: str) -> Any:
    return replace(target_parcel(), extras=values, sent_extras=sent or {})


def there(remote: RemoteTom) -> dict[str, str]:
    [target] = remote.store.targets
    rows = target["targetextra_set"]
    assert len({row["key"] for row in rows}) == len(rows)
    return {row["key"]: row["value"] for row in rows}


def test_a_new_target_has_our_fields_and_they_are_remembered(
    remote: RemoteTom,
) -> None:
    outcome, notebook = deliver(remote, parcel(redshift="0.05", host=" NGC 1 "))

    assert outcome == Delivered("Remote TOM created this target.")
    assert there(remote)["redshift"] == "0.05"
    assert notebook.extras == {"redshift": "0.05", "host": "NGC 1"}


def test_fields_that_are_missing_there_are_added(remote: RemoteTom) -> None:
    remote.store.add_target("SN 2026abc")

    outcome, notebook = deliver(remote, parcel(redshift="0.05", host="NGC 1"))

    assert there(remote) == {"redshift": "0.05", "host": "NGC 1"}
    assert notebook.extras == {"redshift": "0.05", "host": "NGC 1"}
    assert "2 extra fields were added." in outcome.note


def test_a_field_that_still_has_what_we_sent_is_brought_up_to_date(
    remote: RemoteTom,
) -> None:
    deliver(remote, parcel(redshift="0.05"))
    [target] = remote.store.targets
    [row] = target["targetextra_set"]

    outcome, notebook = deliver(remote, parcel({"redshift": "0.05"}, redshift="0.051"))

    assert target["targetextra_set"] == [
        {"id": row["id"], "key": "redshift", "value": "0.051"}
    ]
    assert notebook.extras == {"redshift": "0.051"}
    assert "1 extra field was brought up to date." in outcome.note


def test_what_the_other_side_changed_is_left_alone_and_said(remote: RemoteTom) -> None:
    remote.store.add_target(
        "SN 2026abc",
        targetextra_set=[
            {"key": "redshift", "value": "0.07"},
            {"key": "class", "value": "Ia"},
            {"key": "host", "value": "NGC 1"},
        ],
    )
    ours = {"redshift": "0.06", "class": "II", "host": "NGC 1"}

    outcome, notebook = deliver(remote, parcel({"redshift": "0.05"}, **ours))

    assert there(remote) == {"redshift": "0.07", "class": "Ia", "host": "NGC 1"}
    assert "2 extra fields have other values there and were left alone" in outcome.note
    assert "redshift" in outcome.note
    # What was the same by chance is theirs, so that a later change of ours is kept out.
    assert "host" not in notebook.extras


def test_after_a_lost_answer_fields_are_neither_doubled_nor_frozen(
    remote: RemoteTom, settings: Any
) -> None:
    settings.TOM_SHARE_WORKER = {"READ_TIMEOUT": 0.3}
    remote.on("POST", "/api/targets/", misbehaviour.act_then_cut, times=1)
    first, notebook = deliver(remote, parcel(redshift="0.05"))
    assert isinstance(first, TryAgain)
    assert notebook.extras == {}

    _, notebook = deliver(remote, parcel(redshift="0.05"))
    assert notebook.extras == {"redshift": "0.05"}

    remote.on("PATCH", "/api/targets/", misbehaviour.act_then_cut, times=1)
    changed = parcel(notebook.extras, redshift="0.06", host="NGC 1")
    lost, before = deliver(remote, changed)
    _, notebook = deliver(remote, replace(changed, sent_extras=before.extras))
    deliver(remote, parcel(notebook.extras, redshift="0.07", host="NGC 2"))

    assert isinstance(lost, TryAgain)
    assert there(remote) == {"redshift": "0.07", "host": "NGC 2"}
    [target] = remote.store.targets
    assert target["target_lists"] == [{"name": "Imported From Survey TOM"}]


def test_lists_that_are_not_ours_to_change_leave_the_fields_alone(
    remote: RemoteTom,
) -> None:
    remote.store.add_target("SN 2026abc")
    remote.on("PATCH", "/api/targets/", misbehaviour.answer(404, {"detail": "No."}))

    outcome, _ = deliver(remote, parcel(redshift="0.05"))

    assert isinstance(outcome, Delivered)
    assert "or change it" in outcome.note
    assert there(remote) == {}


@pytest.mark.parametrize("shown", [None, "hidden", {"redshift": 1}])
def test_a_tom_that_does_not_show_fields_gets_none(shown: Any) -> None:
    theirs = {"id": 1, "name": "SN 2026abc", "targetextra_set": shown}

    changes = extras.compare(parcel({"a": "1"}, redshift="0.05"), theirs)

    assert changes.rows == []
    assert changes.agreed == {"a": "1"}


def test_a_field_of_their_own_target_model_gets_no_extra_field_beside_it() -> None:
    theirs: Any = {"id": 1, "redshift": 0.07, "z": None, "targetextra_set": []}

    changes = extras.compare(parcel(redshift="0.05", z=""), theirs)

    assert changes.rows == []
    assert changes.left == ("redshift",)


def test_many_fields_are_counted_and_not_named() -> None:
    ours = {f"field {n}": "1" for n in range(9)}
    rows = [{"id": n, "key": key, "value": "2"} for n, key in enumerate(ours)]

    said = extras.compare(parcel(**ours), {"targetextra_set": rows}).sentence()

    assert said == "9 extra fields have other values there and were left alone."


def test_a_target_renamed_there_is_found_by_its_id(remote: RemoteTom) -> None:
    renamed = remote.store.add_target("AT 2026zz", ra=10.0, dec=5.0)

    outcome, notebook = deliver(
        remote, replace(parcel(), target=card(remote_id=str(renamed["id"])))
    )

    assert isinstance(outcome, Delivered)
    assert len(remote.store.targets) == 1
    assert notebook.targets == [str(renamed["id"])]


def test_an_id_that_is_another_targets_by_now_is_not_believed(
    remote: RemoteTom,
) -> None:
    other = remote.store.add_target("SN 1987a", ra=83.0, dec=-69.0)
    ours = remote.store.add_target("SN 2026abc", ra=10.0, dec=5.0)

    _, notebook = deliver(
        remote, replace(parcel(), target=card(remote_id=str(other["id"])))
    )

    assert other["target_lists"] == []
    assert ours["target_lists"] == [{"name": "Imported From Survey TOM"}]
    assert notebook.targets[0] is None
    assert notebook.targets[-1] == str(ours["id"])


def test_a_target_deleted_there_is_made_anew(remote: RemoteTom) -> None:
    outcome, notebook = deliver(remote, replace(parcel(), target=card(remote_id="99")))

    assert outcome == Delivered("Remote TOM created this target.")
    assert notebook.targets == [None, str(remote.store.targets[0]["id"])]
    assert notebook.link == f"{remote.url}targets/{remote.store.targets[0]['id']}/"
