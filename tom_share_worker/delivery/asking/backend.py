"""The class that the host's next release asks an app for, to share with it.

Named by `sharing_backends()` of the AppConfig; TOM Toolkit 3.1 does not ask yet. It
answers as the host's own class does, and nothing of the host is imported for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.apps import apps

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery import permissions
from tom_share_worker.delivery.asking import outbox
from tom_share_worker.delivery.planning.selection import PRODUCTS
from tom_share_worker.exceptions import ConfigurationError, ShareRefused
from tom_share_worker.models import Share


class BackgroundSharing:
    """Shares in the background what the host would share within the request.

    Its name is that of the host's class for other TOMs, so that it takes its place: of
    two of one name the host uses that of the app that is installed last. Stored
    destinations stay valid, and none is offered twice.
    """

    name = "tom"
    verbose_name = "Another TOM"

    @classmethod
    def get_destination_choices(cls, user: Any = None) -> list[tuple[str, str]]:
        """Return the destinations for a form, as the host writes them."""
        return [
            (f"{cls.name}:{key}", conf.display_name(key))
            for key in _for(user)
            if not _is_offered_elsewhere(key)
        ]

    def share(
        self,
        form_data: Mapping[str, Any],
        *,
        reduced_datums: Any = None,
        targets: Any = None,
        data_products: Any = None,
        user: Any = None,
        **kwargs: Any,
    ) -> dict[str, str]:
        """Put what is given into the outbox; say so in the host's words."""
        selection = _selection(reduced_datums, data_products)
        text: dict[str, Any] = {
            name: str(form_data.get(f"share_{name}") or "")
            for name in ("title", "message", "authors")
        }
        destination = str(form_data.get("share_destination") or "")
        try:
            share = _post(user, destination, selection, targets, text)
        except (ShareRefused, ConfigurationError) as refusal:
            # The host takes a message for a failure if it finds this word in it.
            return {"status": "error", "message": f"ERROR: {refusal}"}
        # No name in it, of which one might contain that word.
        message = (
            f"It goes out in the background; {share.get_absolute_url()} tells how far "
            f"it is."
        )
        return {"status": "success", "message": message}

    def validate_credentials(self, user: Any = None) -> bool:
        """Nobody needs an account of their own: the TOM's is in its settings."""
        return True


def _for(user: Any) -> list[str]:
    """Return the destinations of a person; of nobody known, those for everybody."""
    if user is not None:
        return permissions.destinations(user)
    return [key for key in conf.choices() if not conf.groups(key)]


def _is_offered_elsewhere(key: str) -> bool:
    """True for a topic that the package tom-hermes, if installed, offers itself."""
    return conf.kind(key) == conf.HERMES and apps.is_installed("tom_hermes")


def _selection(datums: Any, products: Any) -> dict[str, list[int]]:
    kinds = {model: kind for kind, model in toolkit.DATUM_MODELS.items()}
    found: dict[str, list[int]] = {}
    for row in _rows(datums):
        found.setdefault(kinds[type(row)], []).append(row.pk)
    if chosen := [row.pk for row in _rows(products)]:
        found[PRODUCTS] = chosen
    return found


def _rows(given: Any) -> Iterable[Any]:
    """Yield the rows of a queryset, of their ids and nothing else, or of a list."""
    if given is None:
        return ()
    rows: Iterable[Any] = given.only("pk") if hasattr(given, "only") else given
    return rows


def _post(
    user: Any,
    destination: str,
    selection: dict[str, list[int]],
    targets: Any,
    text: dict[str, Any],
) -> Share:
    if selection:
        return outbox.share_selected(user, destination, selection, **text)
    chosen = list(targets) if targets is not None else []
    if not chosen:
        raise ShareRefused("Nothing is selected that could be shared.")
    if len(chosen) == 1:
        return outbox.share_target_data(user, destination, chosen[0], **text)
    pks = [target.pk for target in chosen]
    return outbox.share_targets(user, destination, pks, with_data=True, **text)
