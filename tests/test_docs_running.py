"""The pages for those who run a TOM: commands, settings, names and files exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.management import get_commands, load_command_class
from django.urls import Resolver404, resolve

from tom_share_worker import conf
from tom_share_worker.models import Failure, IngestFailure

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = {
    name: (DOCS / f"{name}.md").read_text()
    for name in (
        *("quickstart", "operating", "deploying", "upgrading", "security"),
        *("glossary", "README"),
    )
}
KNOWN_ELSEWHERE = {
    *("DATA_SHARING", "INSTALLED_APPS", "TARGET_PERMISSIONS_ONLY", "AUTH_STRATEGY"),
    *("OPEN_URLS", "DISPLAY_NAME", "BASE_URL", "API_TOKEN", "USERNAME", "PASSWORD"),
    *("VERIFY", "GROUPS", "SECURE_PROXY_SSL_HEADER", "DEBUG", "SIDEREAL"),
    *("DISABLE_SERVER_SIDE_CURSORS", "STORAGES", "NAME_FROM_FILE"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SHARED_CREDENTIALS_FILE"),
    *("TOM_MEDIA_BUCKET", "TOM_MEDIA_ENDPOINT", "SIGTERM"),
}
"""Names in capitals that are no settings of this app."""


@pytest.fixture(params=sorted(PAGES))
def page(request: pytest.FixtureRequest) -> str:
    return PAGES[request.param]


def commands(text: str) -> list[list[str]]:
    """Return the management commands that a page names, without placeholders."""
    joined = " ".join(text.split())
    found = re.findall(r"manage\.py ([a-z_]+[^`\n]*?)(?=`|\n|$)", text)
    found += re.findall(r"`python manage\.py ([^`]+)`", joined)
    lines = [line.split("#")[0].split(" > ")[0].strip() for line in found]
    return [shlex.split(line) for line in lines if line and "…" not in line]


def test_each_command_exists_and_takes_its_options(page: str) -> None:
    known = get_commands() | {"tom_setup": "tom_setup"}

    for name, *options in commands(page):
        assert name in known, name
        if known[name] == "tom_share_worker":
            _parse(name, options)


def _parse(name: str, options: list[str]) -> None:
    parser = load_command_class("tom_share_worker", name).create_parser("manage", name)
    try:
        parser.parse_args(options)
    except Exception as error:  # noqa: BLE001  (whatever it is, the page is wrong)
        pytest.fail(f"{name} {options}: {error}")


def test_commands_are_found_in_the_pages() -> None:
    assert len(commands(PAGES["operating"])) >= 12
    assert ["migrate"] in commands(PAGES["quickstart"])


def test_each_setting_exists(page: str) -> None:
    settings = conf.Settings.__dataclass_fields__

    for name in re.findall(r"`'?([A-Z][A-Z]+(?:_[A-Z]+)*)'?(?::[^`]*)?`", page):
        assert name in settings or name in KNOWN_ELSEWHERE, name


@pytest.mark.django_db
def test_each_permission_exists(page: str) -> None:
    there = {
        f"{p.content_type.app_label}.{p.codename}"
        for p in Permission.objects.select_related("content_type")
    }

    for name in re.findall(r"`(tom_share_worker\.(?:view|change|operate)\w*)`", page):
        assert name in there, name


def test_each_address_is_served(page: str) -> None:
    for address in re.findall(r"`(/(?:shares|api)/[\w./-]*)`", page):
        try:
            resolve(address)
        except Resolver404:
            pytest.fail(address)


def test_each_failure_that_is_named_exists() -> None:
    known = {str(f.value) for kind in (Failure, IngestFailure) for f in kind}

    for name in re.findall(r'--failure "([^"]+)"', PAGES["operating"]):
        assert name in known, name


def test_the_buttons_that_are_named_are_on_a_page() -> None:
    places = (ROOT / "tom_share_worker").rglob("*")
    shown = "\n".join(
        path.read_text() for path in places if path.suffix in {".html", ".py"}
    )
    named = (
        *("Retry", "Cancel", "Resume", "Pause…", "Test", "Reprocess", "Share"),
        *("Choose the target", "Mark all as seen", "Resume, and try at once"),
        *("Retry failed…", "Reprocess all…", "What needs a person", "Incoming data"),
    )

    told = PAGES["operating"] + PAGES["quickstart"]

    for button in named:
        assert re.search(rf"\*(?:[\w ]+ → )?{re.escape(button)}\*", told), button
        assert button in shown, button


def test_the_migration_to_go_back_to_is_the_last_of_the_release_before() -> None:
    (named,) = set(re.findall(r"migrate tom_share_worker (\d{4})", PAGES["upgrading"]))

    assert list((ROOT / "tom_share_worker" / "migrations").glob(f"{named}_*.py"))


def test_python_in_the_pages_compiles(page: str) -> None:
    for block in re.findall(r"```python\n(.+?)```", page, re.DOTALL):
        compile(block, "page", "exec")


def test_the_index_names_every_page() -> None:
    named = set(re.findall(r"\]\(([\w-]+\.md)\)", PAGES["README"]))

    assert named == {path.name for path in DOCS.glob("*.md")} - {"README.md"}


# --- words --------------------------------------------------------------------------


def words() -> list[str]:
    """Return the words of the glossary."""
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", PAGES["glossary"], re.MULTILINE)
    found = [word.strip() for row in rows for word in row.split(",")]
    return [word for word in found if word not in {"word", "---"}]


def test_each_word_stands_there_once_and_in_order() -> None:
    first = [word for word in words() if word != "cure"]

    assert len(first) == len(set(first))
    assert first == sorted(first, key=str.lower)


def test_models_are_called_by_these_words() -> None:
    """In the admin, and wherever Django names a row."""
    known = {word.lower() for word in words()}
    besides = {"saved datum", "persistent share terms", "mail"}
    app = apps.get_app_config("tom_share_worker")

    for model in app.get_models():
        name = str(model._meta.verbose_name).lower()
        assert name in known | besides, name


def test_the_words_of_how_it_works_are_among_them() -> None:
    text = (DOCS / "how-it-works.md").read_text()
    table = text[text.index("## Words") : text.index("## The path of a share")]
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE)

    for word in (w.strip() for row in rows for w in row.split(",")):
        assert word in {*words(), "word", "---"}, word
