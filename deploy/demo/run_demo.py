"""`make demo`: two real TOMs on this machine, the first sharing with the second.

With --check (`make demo-check`) it does not stay and its exit status tells whether all
arrived whole. The parts are in tour/; this file tells the story.
"""

import argparse
import signal
import sys
import time
from types import FrameType

from sample_data import science
from sample_data.accounts import ADMIN, ASTRONOMER, PARTNER
from tour import contents, shares, toms
from tour.browser import Browser, PageError
from tour.comparison import compare
from tour.contents import Contents
from tour.screen import Screen
from tour.servers import ServerEndedError, Servers

FOLLOWED = science.FOLLOWED.name
SUPERNOVA = str(science.SUPERNOVA["name"])
SEASON = [*(event.name for event in science.SEASON), str(science.COMET["name"])]
SHARED = [FOLLOWED, *SEASON, SUPERNOVA]


def main() -> int:
    """Tell the story from the first database to the last process."""
    parser = argparse.ArgumentParser(description="Shows two TOMs that share.")
    parser.add_argument(
        "--check", action="store_true", help="compare and end, with an exit status"
    )
    stay = not parser.parse_args().check
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script may ignore it
    screen = Screen()
    with toms.only_one_tour():
        servers = Servers(toms.two_toms())
        try:
            return 0 if _tour(screen, servers, stay=stay) else 1
        except KeyboardInterrupt:
            return 0 if stay else 130
        except (PageError, ServerEndedError) as error:
            print(f"\n{screen.bad(str(error))}", file=sys.stderr)
            return 1
        finally:
            servers.stop()
            screen.title("Both TOMs have stopped; nothing is left running.")


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


def _tour(screen: Screen, servers: Servers, *, stay: bool) -> bool:
    survey, partner = servers.toms
    _set_up(screen, servers)
    astronomer = Browser(survey)
    astronomer.log_in(ASTRONOMER)
    here = contents.read(astronomer)

    screen.title(f"Pressing Share in the {survey.name}")
    _share(screen, servers, astronomer, here)

    screen.title(f"What arrived in the {partner.name}, read back from its API")
    receiver = Browser(partner)
    receiver.log_in(ADMIN)
    equal = compare(screen, here, contents.read(receiver), SHARED)
    if stay:
        _stay(screen, servers)
    return equal


def _set_up(screen: Screen, servers: Servers) -> None:
    started = time.monotonic()
    screen.title("Setting up two TOMs")
    if not toms.prepared().exists():
        screen.line("making databases and sample data, which is done once ...")
    toms.prepare(servers.toms)
    servers.start()
    for tom in servers.toms:
        kind = "tom_share_worker" if tom.with_share_worker else "nothing added"
        screen.line(f"{tom.name:<12} {tom.url}/   TOM Toolkit with {kind}")
    screen.line(f"ready after {time.monotonic() - started:.0f} s")


def _share(
    screen: Screen, servers: Servers, browser: Browser, here: dict[str, Contents]
) -> None:
    """Press Share on each of the host's pages, and wait until all has gone out."""
    started = time.monotonic()
    pressed = _share_targets(browser, here)
    shares.follow(browser, pressed, screen, servers.check)
    # Data goes only to targets that are there, which the first shares have seen to.
    later = _share_data(browser, here)
    shares.follow(browser, later, screen, servers.check)
    clicks = [1000 * share.click for share in pressed + later]
    screen.line(
        f"{len(clicks)} clicks, answered after {min(clicks):.0f} to {max(clicks):.0f} "
        f"ms each; all delivered after {time.monotonic() - started:.1f} s"
    )


def _share_targets(browser: Browser, here: dict[str, Contents]) -> list[shares.Share]:
    (season, pk), *_ = contents.target_lists(browser).items()
    return [
        shares.share_target(
            browser,
            f"{FOLLOWED}, photometry ticked",
            here[FOLLOWED].pk,
            photometry=True,
        ),
        shares.share_target_list(browser, f"List {season}, with data", pk),
        shares.share_target(browser, f"{SUPERNOVA}, without data", here[SUPERNOVA].pk),
    ]


def _share_data(browser: Browser, here: dict[str, Contents]) -> list[shares.Share]:
    files = [
        shares.share_data_product(browser, f"File {name}", target.pk, pk)
        for target in (here[SUPERNOVA], here[FOLLOWED])
        for name, pk in target.products.items()
    ]
    label = f"All data of {SUPERNOVA}"
    return [*files, shares.share_all_data(browser, label, here[SUPERNOVA].pk)]


def _stay(screen: Screen, servers: Servers) -> None:
    """Leave both TOMs open until the visitor has seen enough."""
    survey, partner = servers.toms
    screen.title("Have a look for yourself")
    for tom, accounts in ((survey, (ASTRONOMER, ADMIN)), (partner, (PARTNER, ADMIN))):
        screen.line(f"{tom.name}   {tom.url}/")
        for account in accounts:
            screen.line(
                f"    {account.username:<11} {account.password:<23} {account.purpose}"
            )
    screen.line(f"Shares and their attempts   {survey.url}/shares/")
    screen.line(f"What the servers say        {servers.log}")
    screen.line()
    screen.line("Ctrl-C ends both TOMs.")
    while True:
        servers.check()
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
