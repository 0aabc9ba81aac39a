"""`make demo`: three real TOMs on this machine, the first sharing with the others.

One of the others is as TOM Toolkit makes it, one receives with this app. With --check
(`make demo-check`) it does not stay and its exit status tells whether all arrived
whole. The parts are in tour/; this file tells the story.
"""

import argparse
import signal
import sys
import time
from types import FrameType

from sample_data import science
from sample_data.accounts import ADMIN, ASTRONOMER, PARTNER
from tour import contents, receiving, shares, toms
from tour.browser import Browser, PageError
from tour.comparison import compare
from tour.contents import Contents
from tour.screen import Screen
from tour.servers import ServerEndedError, Servers

FOLLOWED = science.FOLLOWED.name
SUPERNOVA = str(science.SUPERNOVA["name"])
STANDARD = str(science.STANDARD["name"])
SEASON = [*(event.name for event in science.SEASON), str(science.COMET["name"])]
SHARED = [FOLLOWED, *SEASON, SUPERNOVA]

LONG, BROKEN = "moa-season.csv", "broken-light-curve.csv"
ROWS = 10_000
"""Rows of the file that is uploaded: stock TOM Toolkit would hold the request for
seven seconds."""


def main() -> int:
    """Tell the story from the first database to the last process."""
    parser = argparse.ArgumentParser(description="Shows three TOMs that share.")
    parser.add_argument(
        "--check", action="store_true", help="compare and end, with an exit status"
    )
    stay = not parser.parse_args().check
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script may ignore it
    screen = Screen()
    with toms.only_one_tour():
        servers = Servers(toms.three_toms())
        try:
            return 0 if _tour(screen, servers, stay=stay) else 1
        except KeyboardInterrupt:
            return 0 if stay else 130
        except (PageError, ServerEndedError) as error:
            print(f"\n{screen.bad(str(error))}", file=sys.stderr)
            return 1
        finally:
            servers.stop()
            screen.title("All TOMs have stopped; nothing is left running.")


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


def _tour(screen: Screen, servers: Servers, *, stay: bool) -> bool:
    survey, *others = servers.toms
    network = others[-1]
    _set_up(screen, servers)
    astronomer = Browser(survey)
    astronomer.log_in(ASTRONOMER)
    here = contents.read(astronomer)
    keepers = [Browser(tom) for tom in others]
    equal = []
    for keeper in keepers:
        tom = keeper.tom
        screen.title(f"Pressing Share in the {survey.name}, for the {tom.name}")
        _share(screen, servers, astronomer, tom.key, here)
        screen.title(f"What arrived in the {tom.name}, read back from its API")
        keeper.log_in(ADMIN)
        equal.append(compare(screen, here, contents.read(keeper), SHARED))
    read = _upload(screen, network, contents.read(keepers[-1])[FOLLOWED].pk)
    mended = _mend(screen, servers, astronomer, keepers[-1], here)
    if stay:
        _stay(screen, servers)
    return all(equal) and read and mended


def _set_up(screen: Screen, servers: Servers) -> None:
    started = time.monotonic()
    screen.title("Setting up three TOMs")
    if not toms.prepared().exists():
        screen.line("making databases and sample data, which is done once ...")
    toms.prepare(servers.toms)
    servers.start()
    for tom in servers.toms:
        kind = "tom_share_worker" if tom.with_share_worker else "nothing added"
        screen.line(f"{tom.name:<12} {tom.url}/   TOM Toolkit with {kind}")
    screen.line(f"ready after {time.monotonic() - started:.0f} s")


def _share(
    screen: Screen,
    servers: Servers,
    browser: Browser,
    to: str,
    here: dict[str, Contents],
) -> None:
    """Press Share on each of the host's pages, and wait until all has gone out."""
    started = time.monotonic()
    pressed = _share_targets(browser, to, here)
    shares.follow(browser, pressed, screen, servers.check)
    # Data goes only to targets that are there, which the first shares have seen to.
    later = _share_data(browser, to, here)
    shares.follow(browser, later, screen, servers.check)
    clicks = [1000 * share.click for share in pressed + later]
    screen.line(
        f"{len(clicks)} clicks, answered after {min(clicks):.0f} to {max(clicks):.0f} "
        f"ms each; all delivered after {time.monotonic() - started:.1f} s"
    )


def _share_targets(
    browser: Browser, to: str, here: dict[str, Contents]
) -> list[shares.Share]:
    (season, pk), *_ = contents.target_lists(browser).items()
    return [
        shares.share_target(
            browser,
            to,
            f"{FOLLOWED}, photometry ticked",
            here[FOLLOWED].pk,
            photometry=True,
        ),
        shares.share_target_list(browser, to, f"List {season}, with data", pk),
        shares.share_target(
            browser, to, f"{SUPERNOVA}, without data", here[SUPERNOVA].pk
        ),
    ]


def _share_data(
    browser: Browser, to: str, here: dict[str, Contents]
) -> list[shares.Share]:
    files = [
        shares.share_data_product(browser, to, f"File {name}", target.pk, pk)
        for target in (here[SUPERNOVA], here[FOLLOWED])
        for name, pk in target.products.items()
    ]
    label = f"All data of {SUPERNOVA}"
    return [*files, shares.share_all_data(browser, to, label, here[SUPERNOVA].pk)]


def _upload(screen: Screen, network: toms.Tom, target: int) -> bool:
    """Upload a long file as a program does; watch it from 202 to processed."""
    screen.title(f"Uploading {ROWS:,} rows of photometry to the {network.name}")
    content = science.long_photometry_file(ROWS).encode()
    received = receiving.upload(network, target, LONG, content)
    screen.line(
        f"answered {received.status} after {1000 * received.seconds:.0f} ms; it is "
        f"processed in the background:"
    )
    state = receiving.watch(received, screen)
    return bool(state["datums"] == state["new"] == ROWS)


def _mend(
    screen: Screen,
    servers: Servers,
    astronomer: Browser,
    keeper: Browser,
    here: dict[str, Contents],
) -> bool:
    """Share a file that cannot be read; have it corrected there and processed again."""
    survey, network = astronomer.tom, keeper.tom
    screen.title(f"Sharing a broken file with the {network.name}")
    standard = here[STANDARD]
    first = shares.share_target(astronomer, network.key, STANDARD, standard.pk)
    shares.follow(astronomer, [first], screen, servers.check)
    sent = shares.share_data_product(
        astronomer,
        network.key,
        f"File {BROKEN}",
        standard.pk,
        standard.products[BROKEN],
    )
    shares.follow(astronomer, [sent], screen, servers.check)
    job = receiving.job_of(keeper, BROKEN)
    screen.line(f"{survey.name}:   {shares.note(astronomer, sent)}")
    screen.line(f"{network.name}:  {job['failure']}. {job['note']}")
    failed = job["status"] == "failed"

    wrong, right = science.WRONG_HEAD.encode(), science.RIGHT_HEAD.encode()
    receiving.mend(network, BROKEN, wrong, right)
    screen.line("The file's head is corrected there; Reprocess there, Retry here:")
    job = receiving.reprocess(keeper, job)
    shares.retry(astronomer, sent)
    shares.follow(astronomer, [sent], screen, servers.check)
    screen.line(f"{network.name}:  {job['note']}")
    screen.line(f"{survey.name}:   {shares.note(astronomer, sent)}")
    return failed and bool(job["status"] == "done") and shares.arrived(astronomer, sent)


def _stay(screen: Screen, servers: Servers) -> None:
    """Leave the TOMs open until the visitor has seen enough."""
    survey, partner, network = servers.toms
    screen.title("Have a look for yourself")
    for tom, accounts in (
        (survey, (ASTRONOMER, ADMIN)),
        (partner, (PARTNER, ADMIN)),
        (network, (PARTNER, ADMIN)),
    ):
        screen.line(f"{tom.name}   {tom.url}/")
        for account in accounts:
            screen.line(
                f"    {account.username:<11} {account.password:<23} {account.purpose}"
            )
    screen.line(f"Shares and their attempts   {survey.url}/shares/")
    screen.line(f"Incoming data               {network.url}/shares/incoming/")
    screen.line(f"What the servers say        {servers.log}")
    screen.line()
    screen.line("Ctrl-C ends all TOMs.")
    while True:
        servers.check()
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
