"""`make screenshots`: the pictures in docs/images, of the demo in a real browser.

Starts the three TOMs of the demo, makes them share so that something of everything
happens, and takes a picture of each page that the documentation shows. Needs Chromium.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright

from sample_data import science
from sample_data.accounts import ADMIN, ASTRONOMER, PARTNER, Account
from tests.browser import chromium, outside
from tests.support.processes import WebServer
from tour import contents, shares, toms, trouble
from tour.browser import Browser
from tour.screen import Screen
from tour.servers import Servers
from tour.toms import Tom

IMAGES = toms.ROOT / "docs" / "images"

SIZE = {"width": 1280, "height": 900}

LIMIT = 200_000
"""Bytes of a picture at most, so that a page of the documentation loads at once."""


@dataclass(frozen=True)
class Picture:
    """One picture: whose TOM, who looks, which page, and what of it."""

    name: str
    tom: str
    reader: Account
    address: str
    part: str = ""
    dark: bool = False


def main() -> int:
    """Start the TOMs, let them share, take the pictures."""
    # The host's hash of Bootstrap's script is of another file than the wheel's.
    os.environ["TOM_BOOTSTRAP5"] = json.dumps(
        {"javascript_url": {"url": outside.SCRIPT}}
    )
    screen = Screen()
    with toms.only_one_tour():
        servers = Servers(trouble.in_trouble(toms.three_toms()))
        try:
            screen.title("Setting up the demo's TOMs")
            toms.prepare(servers.toms)
            servers.start()
            screen.title("Sharing")
            pictures = _share(screen, servers)
            screen.title(f"Taking pictures into {IMAGES}")
            _take(screen, servers, pictures)
        finally:
            servers.stop()
    return 0


def _share(screen: Screen, servers: Servers) -> list[Picture]:
    """Share so that something arrives, fails and waits; return what to look at."""
    astronomer = Browser(servers.toms[0])
    astronomer.log_in(ASTRONOMER)
    here = contents.read(astronomer)
    (season, season_pk), *_ = contents.target_lists(astronomer).items()
    followed = here[science.FOLLOWED.name].pk
    supernova = here[str(science.SUPERNOVA["name"])].pk
    standard = here[str(science.STANDARD["name"])]

    def target(to: str, name: str, pk: int) -> shares.Share:
        return shares.share_target(astronomer, to, name, pk, photometry=True)

    listed = f"List {season}"
    ended = [
        shares.share_target_list(astronomer, "partner", listed, season_pk),
        target("network", science.FOLLOWED.name, followed),
        target("network", "Supernova", supernova),
        # Its target is not there, so its data has no place.
        shares.share_all_data(astronomer, "partner", "Its data", supernova),
    ]
    mixed = trouble.share_broken(astronomer, standard)
    trouble.upload(servers.toms[2])
    shares.follow(astronomer, [*ended, mixed], screen, servers.check)
    waiting = [
        target("southern", science.FOLLOWED.name, followed),
        target("archive", science.FOLLOWED.name, followed),
    ]
    trouble.await_trouble(astronomer, waiting)
    overview = "/admin/tom_share_worker/taskstatus/?period=hour"
    return [
        Picture("share", "survey", ASTRONOMER, mixed.page),
        Picture("share-dark", "survey", ASTRONOMER, mixed.page, dark=True),
        Picture("shares", "survey", ASTRONOMER, "/shares/"),
        Picture("share-page", "survey", ASTRONOMER, f"/targets/{followed}/share/"),
        Picture(
            "target-tab",
            "survey",
            ASTRONOMER,
            f"/targets/{followed}/?tab=sharing",
            part=".col-md-8",
        ),
        Picture("incoming", "network", PARTNER, "/shares/incoming/"),
        Picture("destinations", "survey", ADMIN, "/shares/destinations/"),
        Picture("overview", "survey", ADMIN, overview),
        Picture("overview-dark", "survey", ADMIN, overview, dark=True),
    ]


def _take(screen: Screen, servers: Servers, pictures: list[Picture]) -> None:
    path = chromium.program()
    if path is None:
        raise SystemExit(chromium.MISSING)
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=chromium.OPTIONS
        )
        _test_connections(browser, servers.toms[0])
        for picture in pictures:
            tom = next(tom for tom in servers.toms if tom.key == picture.tom)
            with _dressed(tom, dark=picture.dark) as url:
                size = _photograph(browser, url, picture)
            screen.line(f"{picture.name:<16} {size // 1000:>4} kB")
        browser.close()


@contextmanager
def _dressed(tom: Tom, *, dark: bool) -> Iterator[str]:
    """Return the address of a TOM; of one in the dark, which needs its own server."""
    if not dark:
        yield tom.url
        return
    env = toms.environment() | tom.variables() | {"TOM_THEME": "dark"}
    server = WebServer("dark", env, tom.directory)
    try:
        server.await_up(60)
        yield server.url.rstrip("/")
    finally:
        server.process.kill()


@contextmanager
def _window(
    browser: Chromium, url: str, reader: Account, *, dark: bool
) -> Iterator[Page]:
    """Open a window in which somebody is logged in."""
    context: BrowserContext = browser.new_context(
        base_url=url,
        viewport=SIZE,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    refused: list[str] = []
    outside.serve(context, refused)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(reader.username)
    page.get_by_label("Password").fill(reader.password)
    page.get_by_role("button", name="Sign In").click()
    page.wait_for_url(lambda address: "login" not in address)
    try:
        yield page
    finally:
        context.close()


def _test_connections(browser: Chromium, tom: Tom) -> None:
    """Press the button for the first destination, and wait for what is found."""
    with _window(browser, tom.url, ADMIN, dark=False) as page:
        page.goto("/shares/destinations/")
        page.get_by_role("button", name="Test connection").first.click()
        page.get_by_text("Can it be reached").first.wait_for()


def _photograph(browser: Chromium, url: str, picture: Picture) -> int:
    """Save one page as a picture with few colours; return its size."""
    with _window(browser, url, picture.reader, dark=picture.dark) as page:
        page.goto(picture.address)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1_000)  # what fades in, charts that are drawn
        clip = _box(page, picture.part) if picture.part else None
        taken = page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]
    image = Image.open(BytesIO(taken)).convert("RGB")
    few = image.quantize(colors=256, dither=Image.Dither.NONE)
    file = IMAGES / f"{picture.name}.png"
    few.save(file, optimize=True)
    return _small(file)


def _box(page: Page, part: str) -> dict[str, float]:
    """Return where a part of a page is, from its top to the end of its text."""
    whole: dict[str, float] = page.locator(part).first.evaluate(
        """element => {
          const box = element.getBoundingClientRect();
          const end = element.querySelector("#target-sharing").getBoundingClientRect();
          return {x: box.x, y: box.y + scrollY, width: box.width,
                  height: end.bottom - box.y + 16};
        }"""
    )
    return whole


def _small(file: Path) -> int:
    size = file.stat().st_size
    if size > LIMIT:
        raise SystemExit(f"{file} has {size:,} bytes, more than {LIMIT:,}.")
    return size


if __name__ == "__main__":
    sys.exit(main())
