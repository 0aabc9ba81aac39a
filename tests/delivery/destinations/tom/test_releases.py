"""What differs between 2.32, 3.0.0 and 3.1, and what the sender makes of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from tom_dataproducts.models import (
    AstrometryReducedDatum,
    ReducedDatum,
    SpectroscopyReducedDatum,
)

from tests.support import misbehaviour
from tests.support.conversations import (
    NAME,
    card,
    datums_parcel,
    deliver,
    photometry,
    product_parcel,
    target_parcel,
)
from tests.support.misbehaviour import HTML, Exchange, Reply
from tests.support.remote_releases import RELEASES, V2_32, V3_0, V3_1
from tests.support.remote_tom import RemoteTom
from tests.support.rows import NIGHT
from tom_share_worker.delivery.outcomes import Blocked, Delivered, Refused, TryAgain
from tom_share_worker.delivery.parcels import STUBBORN_ATTEMPTS, Home
from tom_share_worker.models import Failure

DATUMS, TARGETS, PRODUCTS = (
    "/api/reduceddatums/",
    "/api/targets/",
    "/api/dataproducts/",
)
_NO_SOURCE = {"source_name": "", "source_location": ""}
TO_LOGIN = misbehaviour.redirect(302, "/accounts/login/?next=/api/")


@pytest.fixture(params=RELEASES, ids=lambda release: release.name)
def lab(request: pytest.FixtureRequest) -> Iterator[RemoteTom]:
    """A TOM of each release that holds our target."""
    with RemoteTom(release=request.param) as running:
        running.store.add_target(NAME)
        yield running


def forbids(remote: RemoteTom) -> misbehaviour.Behaviour:
    """Return how that release says 403: before 3.1, with the way to its login page."""
    if remote.release is V3_1:
        return misbehaviour.answer(403, {"detail": "You do not have permission."})
    return TO_LOGIN


def spectrum() -> SpectroscopyReducedDatum:
    return SpectroscopyReducedDatum(
        timestamp=NIGHT,
        flux=[1.1e-17, 2.2e-17],
        wavelength=[4000.1, 4000.2],
        telescope="1m0",
        instrument="EFOSC2",
    )


# --- accounts ---------------------------------------------------------------------


def test_a_wrong_password_blocks_and_stores_nothing(lab: RemoteTom) -> None:
    outcome, _ = deliver(lab, target_parcel(card("SN 2026new")), password="wrong")

    assert isinstance(outcome, Blocked)
    assert len(lab.store.targets) == 1
    assert not lab.asked("POST", TARGETS)


@pytest.mark.parametrize("with_password", [True, False])
def test_a_token_that_nobody_gave_is_never_taken_for_an_account(
    lab: RemoteTom, with_password: bool
) -> None:
    none = {} if with_password else {"username": None, "password": None}

    outcome, _ = deliver(lab, target_parcel(), api_token="1" * 40, **none)

    if lab.release is not V2_32:
        assert isinstance(outcome, Blocked)
        assert "refused our account" in outcome.note
    elif with_password:
        # It does not look at tokens, and would take us for anybody.
        assert isinstance(outcome, Delivered)
    else:
        assert isinstance(outcome, Refused)
        assert outcome.failure == Failure.BAD_CONFIGURATION
        assert "takes no API tokens" in outcome.note


DETAILS = (
    "This API token is older than 30 days and has expired. Regenerate it on your "
    "profile edit page.",
    "API tokens on this TOM are only honoured for accounts using two-factor "
    "authentication. Enable it from your profile page, then regenerate your token.",
    'Your account has an outstanding requirement ("Terms"). Log in on the web.',
)


@pytest.mark.parametrize("detail", DETAILS)
def test_why_a_token_is_refused_is_for_the_person_to_read(
    remote: RemoteTom, detail: str
) -> None:
    remote.store.add_target(NAME)
    remote.on("*", TARGETS, misbehaviour.answer(401, {"detail": detail}))

    outcome, _ = deliver(remote, target_parcel(), api_token="1" * 40)

    assert outcome == Blocked(f"Remote TOM refused our account: {detail[:-1]}.")


def test_a_tom_that_gives_tokens_only_after_two_factors_takes_the_password() -> None:
    with RemoteTom(trades=False) as remote:
        outcome, _ = deliver(remote, target_parcel())

    assert isinstance(outcome, Delivered)
    [request] = remote.asked("POST", TARGETS)
    assert request.headers["Authorization"].startswith("Basic ")


def test_a_403_for_our_account_is_said_in_words_and_ends_it(lab: RemoteTom) -> None:
    lab.on("POST", DATUMS, forbids(lab))

    outcome, notebook = deliver(lab, datums_parcel(photometry(1), photometry(2)))

    if lab.release is V3_1:
        assert isinstance(outcome, Refused)
        assert outcome.failure == Failure.PERMISSION_MISSING
        assert "You do not have permission" in outcome.note
    else:
        assert isinstance(outcome, Blocked)
        assert "login page" in outcome.note
    assert notebook.fates() == ["not yet", "not yet"]
    assert len(lab.asked("POST", DATUMS)) == 1


def test_a_locked_site_is_never_asked_on_and_on(lab: RemoteTom) -> None:
    locked = misbehaviour.empty(403) if lab.release is V3_1 else TO_LOGIN
    lab.on("*", "/api/", locked)

    outcome, _ = deliver(lab, datums_parcel(photometry(1)))

    assert isinstance(outcome, Blocked | Refused)
    if isinstance(outcome, Refused):
        assert outcome.failure == Failure.PERMISSION_MISSING
    assert not lab.asked("POST", DATUMS)


def test_nothing_is_ever_written_without_our_account(lab: RemoteTom) -> None:
    """A stock TOM stores what strangers send, as a target that nobody can see."""
    deliver(lab, target_parcel(card("SN 2026new")))
    deliver(lab, datums_parcel(photometry(1)))
    deliver(lab, product_parcel())

    writes = [*lab.asked("POST", "/api/"), *lab.asked("PATCH", "/api/")]
    trades = lab.asked("POST", "/api/token-auth/")
    assert len(writes) - len(trades) >= 3
    for request in writes:
        if request not in trades:
            assert request.headers.get("Authorization")


# --- data points ------------------------------------------------------------------


def test_a_batch_sent_twice_is_held_once(lab: RemoteTom) -> None:
    limit = photometry(7, brightness=None, limit=20.5)
    batch = [*map(photometry, range(4)), limit]

    first, _ = deliver(lab, datums_parcel(*batch))
    again, notebook = deliver(lab, datums_parcel(*batch))

    assert first == Delivered("5 delivered.")
    assert again == Delivered("5 already there.")
    assert set(notebook.fates()) == {"already there"}
    assert len(lab.store.datums) == 5


def test_a_spectrum_sent_twice_is_held_once(lab: RemoteTom) -> None:
    parcel = datums_parcel(spectrum(), kind="spectroscopy")

    first, _ = deliver(lab, parcel)
    again, _ = deliver(lab, parcel)

    assert (first, again) == (Delivered("1 delivered."), Delivered("1 already there."))
    assert len(lab.store.datums) == 1


def test_the_keys_are_those_that_every_release_understands(lab: RemoteTom) -> None:
    """With `brightness` and `bandpass`, the target's page breaks in 2.32."""
    deliver(lab, datums_parcel(photometry(1, brightness_error=0.1, limit=20.0)))
    deliver(lab, datums_parcel(spectrum(), kind="spectroscopy"))

    point, spectral = (body["value"] for body in lab.bodies(DATUMS))
    assert point.keys() >= {"magnitude", "error", "filter", "limit"}
    assert not point.keys() & {"brightness", "brightness_error", "bandpass"}
    wanted = {"flux", "wavelength", "telescope", "instrument"}
    assert spectral.keys() - {"error"} == wanted


def test_another_brightness_at_the_same_time_and_filter(lab: RemoteTom) -> None:
    two = (photometry(1, brightness=15.0), photometry(1, brightness=16.0))

    outcome, notebook = deliver(lab, datums_parcel(*two))
    if lab.release is V3_0:
        assert isinstance(outcome, TryAgain)
        assert not outcome.destination_wide
        last = datums_parcel(*two, attempts=STUBBORN_ATTEMPTS)
        outcome, notebook = deliver(lab, last)

    if lab.release is V3_0:
        assert outcome == Delivered("1 already there, 1 refused.")
        [(_, reason)] = notebook.ledger.refused()
        assert "another data point of this time and filter" in reason
        assert len(lab.store.datums) == 1
    else:
        assert outcome == Delivered("2 delivered.")
        assert len(lab.store.datums) == 2


@pytest.mark.parametrize("kind", ["astrometry", "generic"])
def test_a_type_of_data_that_an_old_tom_does_not_know(
    lab: RemoteTom, kind: str
) -> None:
    row: Any = AstrometryReducedDatum(timestamp=NIGHT, ra=1.5, dec=2.5)
    if kind == "generic":
        row = ReducedDatum(timestamp=NIGHT, data_type="polarimetry", value={"q": 1})

    outcome, _ = deliver(lab, datums_parcel(row, kind=kind))

    if lab.release is not V2_32:
        assert outcome == Delivered("1 delivered.")
        return
    assert isinstance(outcome, TryAgain)
    last = datums_parcel(row, kind=kind, attempts=STUBBORN_ATTEMPTS)
    outcome, notebook = deliver(lab, last)
    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.REFUSED_DATA
    [(_, reason)] = notebook.ledger.refused()
    assert "DATA_PRODUCT_TYPES does not name" in reason
    assert ("astrometry" if kind == "astrometry" else "polarimetry") in reason


def test_a_filter_and_a_source_that_some_cannot_hold_go_to_none(
    lab: RemoteTom,
) -> None:
    rows = [
        photometry(1, bandpass="r" * 33),
        photometry(2, source_name="s" * 101),
        photometry(3, source_name="s", source_location="l" * 201),
        photometry(4),
    ]

    outcome, notebook = deliver(lab, datums_parcel(*rows))

    assert outcome == Delivered("1 delivered, 3 refused.")
    assert notebook.fates() == ["refused", "refused", "refused", "delivered"]
    reasons = " ".join(reason for _, reason in notebook.ledger.refused())
    assert "holds 32" in reasons
    assert "holds 100" in reasons
    assert "holds 200" in reasons
    assert len(lab.asked("POST", DATUMS)) == 1


def test_a_target_that_our_account_may_not_change_is_said_so(lab: RemoteTom) -> None:
    refusal = {"target": ['Invalid pk "1" - object does not exist.']}
    lab.on("POST", DATUMS, misbehaviour.answer(400, refusal))

    outcome, notebook = deliver(lab, datums_parcel(photometry(1), photometry(2)))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.PERMISSION_MISSING
    assert "does not let our account add data" in outcome.note
    assert notebook.fates() == ["not yet", "not yet"]


def test_a_release_that_knows_no_filters_does_not_lend_us_others_data() -> None:
    """Before 2.26 an unknown filter is ignored, and all data of the TOM come back."""
    with RemoteTom(release=V2_32) as remote:
        ours, other = (remote.store.add_target(name) for name in (NAME, "Other"))
        deliver(remote, datums_parcel(photometry(1), of=card("Other")))
        rows = remote.store.find_datums({})
        assert [row["target"] for row in rows] == [other["id"]]
        page = {"count": 1, "next": None, "previous": None, "results": rows}
        remote.on("GET", DATUMS, misbehaviour.answer(200, page))
        remote.on("POST", DATUMS, misbehaviour.html(500), times=1)

        outcome, notebook = deliver(remote, datums_parcel(photometry(1)))

    assert isinstance(outcome, TryAgain)
    assert notebook.fates() == ["not yet"]
    assert not [d for d in remote.store.datums if d["target"] == ours["id"]]


# --- targets ----------------------------------------------------------------------


def test_a_release_that_ignores_a_search_still_yields_the_right_target(
    remote: RemoteTom,
) -> None:
    for name in ("SN 2020a", NAME, "SN 2021b"):
        remote.store.add_target(name)

    def everything(exchange: Exchange) -> None:
        found = remote.store.find_targets({})
        page = {"count": 3, "next": None, "previous": None, "results": found}
        exchange.send(Reply.of(200, page))

    remote.on("GET", TARGETS, everything, skip=1)

    outcome, notebook = deliver(remote, datums_parcel(photometry(1)))

    assert outcome == Delivered("1 delivered.")
    assert notebook.targets == [str(remote.store.targets[1]["id"])]


@pytest.mark.parametrize("known", ["SN 2026 ABC", "sn-2026abc", "SN_2026(abc)"])
def test_a_name_that_differs_in_spacing_only_is_not_made_again(
    lab: RemoteTom, known: str
) -> None:
    lab.store.targets[0]["name"] = known
    lab.store.targets[0] |= {"ra": 10.0, "dec": 5.0}

    outcome, _ = deliver(lab, target_parcel())

    assert isinstance(outcome, Delivered)
    assert len(lab.store.targets) == 1


def test_a_target_that_has_our_name_as_an_alias_is_it(lab: RemoteTom) -> None:
    known = lab.store.add_target("Their name", "ZTF26x")

    outcome, notebook = deliver(lab, target_parcel(card("SN 2026new", "ZTF26x")))

    assert isinstance(outcome, Delivered)
    assert notebook.targets == [str(known["id"])]
    assert len(lab.store.targets) == 2


def test_one_that_exists_and_is_hidden_is_not_taken_for_a_success(
    lab: RemoteTom,
) -> None:
    lab.store.hidden.add(lab.store.targets[0]["id"])

    outcome, _ = deliver(lab, target_parcel())

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.PERMISSION_MISSING
    assert "may not see" in outcome.note


def test_no_search_is_one_that_a_release_fails_at_or_scans_all_for(
    lab: RemoteTom,
) -> None:
    """`name_fuzzy` reads the whole table, and with an alias finds nothing."""
    deliver(lab, target_parcel(card("SN 2026new", "ZTF26x")))

    searches = lab.asked("GET", TARGETS)
    assert not any("name_fuzzy" in request.query for request in searches)
    names = [request.query.get("name") for request in searches]
    assert {"SN 2026new", "ZTF26x"} <= set(names)


@pytest.mark.parametrize("name", ["SDSS J0101+0202", "R&D #3", "50%", "a,b", "é/ü?"])
def test_a_name_is_searched_for_as_it_is(lab: RemoteTom, name: str) -> None:
    known = lab.store.add_target(name)

    outcome, notebook = deliver(lab, datums_parcel(photometry(1), of=card(name)))

    assert outcome == Delivered("1 delivered.")
    assert notebook.targets == [str(known["id"])]


def test_no_id_and_no_permission_of_ours_is_sent(lab: RemoteTom) -> None:
    deliver(lab, target_parcel(card("SN 2026new", "ZTF26x")))

    [body] = lab.bodies(TARGETS)
    assert not body.keys() & {"id", "permissions", "created", "modified"}
    for inner in ("aliases", "targetextra_set", "target_lists"):
        assert body[inner]
        assert not any("id" in row for row in body[inner])


# --- data products ----------------------------------------------------------------


def test_a_file_sent_twice_is_held_once(lab: RemoteTom) -> None:
    first, _ = deliver(lab, product_parcel())
    again, _ = deliver(lab, product_parcel())

    assert first == Delivered("Remote TOM received the file.")
    assert again == Delivered("Remote TOM has this data product already.")
    assert len(lab.store.products) == 1


def test_a_file_under_our_id_at_another_target_is_not_ours(lab: RemoteTom) -> None:
    lab.store.add_target("Other")
    deliver(lab, product_parcel(of=card("Other")))

    outcome, _ = deliver(lab, product_parcel())

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.REFUSED_DATA
    assert "Survey TOM:1 already" in outcome.note


def test_another_file_under_an_id_that_others_gave_is_not_ours(
    lab: RemoteTom,
) -> None:
    deliver(lab, product_parcel(id_is_ours=False, file_name="other.fits"))

    outcome, _ = deliver(lab, product_parcel(id_is_ours=False))

    assert isinstance(outcome, Refused)
    assert "another file with the id" in outcome.note


def test_the_file_is_found_behind_pages_of_others(lab: RemoteTom) -> None:
    for number in range(25):
        deliver(lab, product_parcel(product_id=f"Survey TOM:{number + 100}"))
    deliver(lab, product_parcel())

    outcome, _ = deliver(lab, product_parcel())

    assert outcome == Delivered("Remote TOM has this data product already.")


def test_every_file_has_an_id_and_none_names_our_observation(lab: RemoteTom) -> None:
    """Without an id it is stored at each repeat; `observation_record` is an id."""
    deliver(lab, product_parcel())

    [request] = lab.asked("POST", PRODUCTS)
    assert b'name="product_id"' in request.body
    assert b"observation_record" not in request.body


def test_an_unreadable_file_is_refused_with_what_to_check(lab: RemoteTom) -> None:
    outcome, _ = deliver(lab, product_parcel(b"unparsable"))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.REFUSED_DATA
    assert "could not read the data in it" in outcome.note
    # So fails any file where TARGET_PERMISSIONS_ONLY is off.
    assert "shows data to groups only" in outcome.note


def test_a_type_of_file_they_do_not_know_is_refused_with_those_they_do(
    lab: RemoteTom,
) -> None:
    said = (
        "Not a valid data_product_type. Valid data_product_types are photometry, "
        "fits_file, spectroscopy, image_file."
    )
    lab.on("POST", PRODUCTS, misbehaviour.answer(400, {"data_product_type": [said]}))

    outcome, _ = deliver(lab, product_parcel(data_product_type="radio"))

    assert isinstance(outcome, Refused)
    assert outcome.failure == Failure.REFUSED_DATA
    assert "Valid data_product_types are photometry, fits_file" in outcome.note


def test_an_upload_whose_file_got_lost_on_the_way_is_refused(lab: RemoteTom) -> None:
    said = {"detail": 'Unsupported media type "".'}
    lab.on("POST", PRODUCTS, misbehaviour.answer(415, said))

    outcome, _ = deliver(lab, product_parcel())

    assert isinstance(outcome, Refused)
    assert "Unsupported media type" in outcome.note


def test_a_web_page_in_place_of_an_answer_is_no_success(lab: RemoteTom) -> None:
    lab.on(
        "POST",
        DATUMS,
        lambda exchange: exchange.send(Reply(200, b"<h1>Targets</h1>", HTML)),
    )

    outcome, notebook = deliver(lab, datums_parcel(photometry(1)))

    assert isinstance(outcome, TryAgain)
    assert notebook.fates() == ["not yet"]


def test_a_page_of_products_that_is_too_long_is_read_one_by_one(
    settings: Any,
) -> None:
    """Before 3.0 a data product is listed with all that was read from it."""
    with RemoteTom(release=V2_32) as remote:
        remote.store.add_target(NAME)
        for number in range(12):
            extra = "x" * 5_000
            parcel = product_parcel(product_id=f"other:{number}", extra_data=extra)
            deliver(remote, parcel)
        deliver(remote, product_parcel())
        settings.TOM_SHARE_WORKER = {"ANSWER_LIMIT": 20_000}

        outcome, _ = deliver(remote, product_parcel())

    assert outcome == Delivered("Remote TOM has this data product already.")


def test_this_tom_as_its_own_destination_gets_no_second_file(
    remote: RemoteTom,
) -> None:
    target = remote.store.add_target(NAME)
    remote.store.create_product({"target": str(target["id"])}, "image.fits", b"FITS")
    [ours] = remote.store.products
    home = Home(str(target["id"]), str(ours["id"]), "none/image.fits")

    outcome, _ = deliver(remote, product_parcel(home=home))

    assert outcome == Delivered("Remote TOM is this TOM, which has this file.")
    assert not remote.asked("POST", PRODUCTS)


@pytest.mark.parametrize("differs", ["target_id", "id", "path"])
def test_another_tom_that_only_looks_like_ours_gets_the_file(
    remote: RemoteTom, differs: str
) -> None:
    target = remote.store.add_target(NAME)
    remote.store.create_product({"target": str(target["id"])}, "image.fits", b"FITS")
    [theirs] = remote.store.products
    home = Home(str(target["id"]), str(theirs["id"]), "none/image.fits")

    outcome, _ = deliver(
        remote, product_parcel(home=dataclasses.replace(home, **{differs: "99"}))
    )

    assert outcome == Delivered("Remote TOM received the file.")
    assert len(remote.store.products) == 2


@pytest.mark.parametrize("kind", ["photometry", "spectroscopy"])
def test_a_table_of_which_nothing_was_read_is_told(lab: RemoteTom, kind: str) -> None:
    """A stock TOM takes the file of a spectrum without a FACILITY, and stores none."""
    outcome, _ = deliver(lab, product_parcel(data_product_type=kind))

    assert isinstance(outcome, Delivered)
    assert "received the file, but shows no data points of it" in outcome.note
    assert "FACILITY" in outcome.note
    assert len(lab.store.products) == 1


def test_a_table_that_was_read_is_a_plain_success(remote: RemoteTom) -> None:
    remote.store.add_target(NAME)
    read = {"target": 1, "product": 2, "data_type": "radio", "timestamp": NIGHT}
    remote.store.datums.append(read | {"fields": _NO_SOURCE, "extras": {}})

    outcome, _ = deliver(remote, product_parcel(data_product_type="photometry"))

    assert outcome == Delivered("Remote TOM received the file.")


@pytest.mark.parametrize(
    "trouble",
    [misbehaviour.html(500), misbehaviour.cut, misbehaviour.answer(200, ["?"])],
    ids=["500", "cut", "nonsense"],
)
def test_what_cannot_be_looked_up_after_an_upload_spoils_no_success(
    lab: RemoteTom, trouble: misbehaviour.Behaviour
) -> None:
    lab.on("GET", DATUMS, trouble)

    outcome, _ = deliver(lab, product_parcel(data_product_type="photometry"))

    assert outcome == Delivered("Remote TOM received the file.")


def test_a_file_that_is_still_to_be_read_there_is_not_doubted(lab: RemoteTom) -> None:
    def later(exchange: Exchange) -> None:
        reply = exchange.act()
        exchange.send(dataclasses.replace(reply, status=202))

    lab.on("POST", PRODUCTS, later)

    outcome, _ = deliver(lab, product_parcel(data_product_type="photometry"))

    assert outcome == Delivered("Remote TOM received the file.")


def test_a_spectrum_that_postgresql_cannot_index_is_told_so(
    remote: RemoteTom,
) -> None:
    remote.store.add_target(NAME)
    remote.on("POST", DATUMS, misbehaviour.html(500))
    long = SpectroscopyReducedDatum(
        timestamp=NIGHT, flux=[1.0] * 400, wavelength=[4000.0] * 400
    )

    _, notebook = deliver(
        remote,
        datums_parcel(long, kind="spectroscopy", attempts=STUBBORN_ATTEMPTS),
    )

    [(_, reason)] = notebook.ledger.refused()
    assert "spectra of some 300 points" in reason
    assert "share the spectrum as a file" in reason


def test_data_of_another_kind_is_no_rival_where_filters_are_ignored() -> None:
    """Before 2.26 data of all kinds come back, whatever kind was asked for."""
    with RemoteTom(release=V2_32) as remote:
        remote.store.add_target(NAME)
        place = {"telescope": "1m0", "instrument": "EFOSC2"}
        deliver(remote, datums_parcel(spectrum(), kind="spectroscopy"))
        position = AstrometryReducedDatum(timestamp=NIGHT, ra=1.5, dec=2.5, **place)
        parcel = datums_parcel(position, kind="astrometry", attempts=STUBBORN_ATTEMPTS)

        _, notebook = deliver(remote, parcel)

    [(_, reason)] = notebook.ledger.refused()
    assert "DATA_PRODUCT_TYPES does not name" in reason
