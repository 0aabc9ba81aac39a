"""Troubles of all kinds, for the pictures of the documentation.

Called by screenshots.py.
"""

import json
import time
from dataclasses import replace

from sample_data import science
from sample_data.accounts import ADMIN, PARTNER
from tour import contents, receiving, shares, toms
from tour.browser import Browser, form_with
from tour.screen import Screen
from tour.toms import Tom


def in_trouble(three: tuple[Tom, Tom, Tom]) -> tuple[Tom, Tom, Tom]:
    """Give the TOM that shares two destinations more: one is down, one refuses it."""
    survey, partner, network = three
    sharing = json.loads(survey.data_sharing)
    [nobody] = toms.free_ports(1)
    sharing["southern"] = {
        "DISPLAY_NAME": "Southern Sky TOM",
        "BASE_URL": f"http://127.0.0.1:{nobody}/",
        "API_TOKEN": "0123456789",
    }
    sharing["archive"] = {
        "DISPLAY_NAME": "Archive TOM",
        "BASE_URL": f"{partner.url}/",
        "USERNAME": PARTNER.username,
        "PASSWORD": "of last year",
    }
    return replace(survey, data_sharing=json.dumps(sharing)), partner, network


def share_broken(browser: Browser, standard: contents.Contents) -> shares.Share:
    """Share a target with its data and a file that nobody can read."""
    action = f"/targets/{standard.pk}/share/"
    form = form_with(browser.open(action), "share_destination")
    typed = {"share_destination": "network", "all-spectroscopy": "on"}
    files = [("share-data_products", str(pk)) for pk in standard.products.values()]
    return shares.press(
        browser, "The standard star", form, action, typed=typed, ticked=files
    )


def upload(network: Tom) -> None:
    """Upload a long light curve, for the target that was shared a moment ago."""
    keeper = Browser(network)
    keeper.log_in(ADMIN)
    deadline = time.monotonic() + 60
    while science.FOLLOWED.name not in (there := contents.read(keeper)):
        if time.monotonic() > deadline:
            raise SystemExit("The target did not arrive in a minute.")
        time.sleep(1)
    content = science.long_photometry_file(2_000).encode()
    pk = there[science.FOLLOWED.name].pk
    receiving.watch(receiving.upload(network, pk, "moa-season.csv", content), Screen())


def await_trouble(browser: Browser, waiting: list[shares.Share]) -> None:
    """Wait until the worker has met what is wrong with these destinations."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        told = [browser.json(f"{share.page}progress/") for share in waiting]
        if all(each["destination_note"] for each in told):
            return
        time.sleep(0.5)
