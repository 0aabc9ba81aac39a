"""How a click is read and answered: one sentence and the way back, or a CSV.

Called by `views` and `share_page`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html

from tom_share_worker import toolkit
from tom_share_worker.delivery import permissions
from tom_share_worker.exceptions import ConfigurationError, ShareRefused
from tom_share_worker.models import Share

ID_DIGITS = 19
"""Numbers with so many digits are no ids; databases raise errors on larger ones."""

TITLE_LENGTH = Share._meta.get_field("title").max_length or 0

TYPED = ("share_destination", "share_title", "share_message", "share_authors")
"""The fields that a person fills in, whatever is shared."""

KEPT = 2000
"""Characters kept of a refused form; some TOMs keep their sessions in cookies."""

_TYPED = "tom_share_worker.typed"

DOWNLOADED = 30_000
"""Data points in one download: the host names them in one query, and databases bound
how many that may be, SQLite at 32,766 or less."""


def offering(request: HttpRequest, form: Form) -> Form:
    """Offer in a form the destinations that this person may use.

    What is posted is not narrowed: the outbox says in better words what is wrong.
    """
    if request.method != "POST":
        field: Any = form.fields["share_destination"]
        field.choices = permissions.offered(request.user, field.choices)
    return form


def asked(form: Form) -> tuple[str, dict[str, Any]]:
    """Return the destination and the text fields of a valid form.

    The host's forms take a title of any length; here it is refused as the API does.
    """
    asked = form.cleaned_data
    if len(asked["share_title"]) > TITLE_LENGTH:
        raise ShareRefused(
            f"Nothing was shared. Title: Ensure this field has no more than "
            f"{TITLE_LENGTH} characters."
        )
    text = {
        "title": asked["share_title"],
        "message": asked["share_message"],
        "authors": asked.get("share_authors", ""),
    }
    return asked["share_destination"], text


def ids(request: HttpRequest, name: str) -> list[int]:
    """Return the ticked ids: one field each, or many packed into one by our script.

    Django answers 400 to a form of more than DATA_UPLOAD_MAX_NUMBER_FIELDS fields.
    """
    packed = request.POST.get(f"{name}-ids", "")
    given = [*request.POST.getlist(name), *filter(None, packed.split(","))]
    if not all(pk.isascii() and pk.isdigit() and len(pk) < ID_DIGITS for pk in given):
        raise ShareRefused(
            "The selection could not be read. Reload the page and tick again."
        )
    return [int(pk) for pk in given]


def answer(
    request: HttpRequest, share: Callable[[], Share], back: str, again: str = ""
) -> HttpResponse:
    """Put the share into the outbox; say so with a link, or say what is wrong.

    Then lead back, or to where one can do it again.
    """
    try:
        posted = share()
    except (ShareRefused, ConfigurationError) as refusal:
        return refuse(request, refusal, again or back)
    messages.success(
        request,
        format_html(
            '{} goes to {}. <a class="alert-link" href="{}">Follow its progress</a>'
            " or go on working; it is sent in the background.",
            posted.subject,
            posted.destination_name,
            posted.get_absolute_url(),
        ),
    )
    return redirect(back)


def refuse(request: HttpRequest, refusal: Exception, back: str) -> HttpResponse:
    """Say what is wrong."""
    messages.error(request, str(refusal))
    _keep(request, back)
    return redirect(back)


def _keep(request: HttpRequest, page: str) -> None:
    """Keep what was typed into a form that was refused, for the page it is on."""
    if page != request.path:
        return
    typed = {name: request.POST.get(name, "") for name in TYPED}
    if sum(map(len, typed.values())) <= KEPT:
        request.session[_TYPED] = {"page": page, **typed}


def kept(request: HttpRequest) -> dict[str, str]:
    """Return what was typed into this page's form when it was refused, once."""
    typed = request.session.get(_TYPED)
    if request.method != "GET" or not typed or typed["page"] != request.path:
        return {}
    del request.session[_TYPED]
    return {name: typed[name] for name in TYPED}


def viewable_target(user: Any, pk: int) -> Any:
    """Return a target the person may view; otherwise answer as the host does."""
    target = toolkit.viewable_targets(user).filter(pk=pk).first()
    if target is not None:
        return target
    if toolkit.full_target(pk) is None:
        raise Http404
    raise PermissionDenied


def say_invalid(request: HttpRequest, form: Form, back: str) -> HttpResponse:
    """Say in words which field of the form is wrong."""
    wrong = "; ".join(
        f"{form.fields[name].label or name}: {' '.join(map(str, errors))}"
        if name in form.fields
        else " ".join(map(str, errors))
        for name, errors in form.errors.items()
    )
    messages.error(request, f"Nothing was shared. {wrong}")
    _keep(request, back)
    return redirect(back)


def download(
    request: HttpRequest, form: Form, back: str, whole: Any = None
) -> HttpResponse:
    """Answer as the host does, with the data points that the visitor may view.

    With those that are ticked, or with all that the target `whole` has.
    """
    photometry = toolkit.DATUM_MODELS["photometry"]._default_manager.all()
    try:
        ticked = ids(request, "share-box")
    except ShareRefused as refusal:
        return refuse(request, refusal, back)
    if whole is not None:
        photometry = photometry.filter(target_id=whole.pk)
    elif len(ticked) <= DOWNLOADED:
        photometry = photometry.filter(pk__in=ticked)
    viewable = toolkit.viewable_datums(request.user, "photometry", photometry)
    selected = list(viewable.values_list("pk", flat=True)[: DOWNLOADED + 1])
    if len(selected) > DOWNLOADED or len(ticked) > DOWNLOADED:
        many = f"At most {DOWNLOADED:,} data points can be downloaded at a time."
        return refuse(request, ShareRefused(many), back)
    if not selected:
        nothing = "No data point is selected that you may download."
        return refuse(request, ShareRefused(nothing), back)
    response: HttpResponse = toolkit.download_data(form.cleaned_data, selected)
    return response
