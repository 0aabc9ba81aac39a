"""A person at a browser, as far as a TOM can tell: cookies, forms, buttons.

Called by shares.py and contents.py.
"""

from collections.abc import Iterable
from typing import Any

import requests
from bs4 import BeautifulSoup, Tag

from sample_data.accounts import Account
from tour.toms import Tom

TIMEOUT = (5, 60)
"""Seconds to connect and to wait; a first target page with its plots takes some."""


class PageError(Exception):
    """A page of a TOM was not what a person would expect there."""


class Browser:
    """One person's session at one TOM."""

    def __init__(self, tom: Tom) -> None:
        self.tom = tom
        self._session = requests.Session()
        # What browsers send with a form; Django compares it for addresses with https.
        self._session.headers["Referer"] = f"{tom.url}/"

    def log_in(self, account: Account) -> None:
        """Fill in the login form."""
        page = self.open("/accounts/login/")
        form = form_with(page, "password")
        typed = {"login": account.username, "password": account.password}
        answer = self.send(form, typed, "/accounts/login/")
        if not answer.is_redirect:
            raise PageError(f"{self.tom.name} refused the login of {account.username}.")

    def open(self, path: str) -> BeautifulSoup:
        """Return a page."""
        return BeautifulSoup(self.get(path).text, "html.parser")

    def get(self, path: str, accept: str = "*/*") -> requests.Response:
        """Return what an address of this TOM answers, which must not be an error."""
        return self._good(
            self._session.get(
                self._address(path), headers={"Accept": accept}, timeout=TIMEOUT
            )
        )

    def json(self, path: str) -> Any:
        """Return what the TOM answers to programs."""
        return self.get(path, accept="application/json").json()

    def send(
        self,
        form: Tag,
        typed: dict[str, str],
        path: str,
        ticked: Iterable[tuple[str, str]] = (),
    ) -> requests.Response:
        """Press a form's button, with what it holds, what was typed and ticked.

        Where the answer leads is not followed, so that only the click is timed.
        """
        fields = {**dict(_fields(form)), **typed}
        data = [*fields.items(), *ticked]
        address = self._address(path)
        return self._good(
            self._session.post(
                address, data=data, timeout=TIMEOUT, allow_redirects=False
            )
        )

    def _address(self, path: str) -> str:
        return path if path.startswith("http") else f"{self.tom.url}{path}"

    def _good(self, answer: requests.Response) -> requests.Response:
        if not answer.ok:
            request = answer.request
            raise PageError(
                f"{self.tom.name} answered {answer.status_code} {answer.reason} to "
                f"{request.method} {request.path_url}."
            )
        return answer


def form_with(page: BeautifulSoup, field: str, action: str | None = None) -> Tag:
    """Return the form of a page that has this field and leads to this address."""
    for form in page.find_all("form"):
        if action is not None and form.get("action") != action:
            continue
        if form.find(True, {"name": field}) is not None:
            return form
    where = f" to {action}" if action else ""
    raise PageError(f"There is no form{where} with a field {field!r} on the page.")


def _fields(form: Tag) -> Iterable[tuple[str, str]]:
    """Yield the fields of a form as they stand when its page has loaded."""
    for field in form.find_all(["input", "textarea"]):
        kind, name = str(field.get("type", "text")), field.get("name")
        if not name or kind in {"submit", "button", "file"}:
            continue
        if kind in {"checkbox", "radio"} and not field.has_attr("checked"):
            continue
        value = field.text if field.name == "textarea" else field.get("value", "")
        if kind == "checkbox" and not field.has_attr("value"):
            value = "on"
        yield str(name), str(value)
