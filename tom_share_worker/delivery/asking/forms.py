"""The host's share forms with what ours ask for besides; used by the share pages."""

from __future__ import annotations

from typing import Any

from django import forms

from tom_share_worker import conf, toolkit
from tom_share_worker.delivery import destinations

MESSAGES_ONLY = (
    "Goes out with messages such as those of Hermes; another TOM does not get it. Kept "
    "on the page of the share."
)


def _authors() -> forms.CharField:
    return forms.CharField(
        required=False,
        label="Authors",
        help_text="Named in messages; other TOMs do not get them. Left empty, the "
        "authors that this TOM has set for the destination are named.",
    )


class _SaysWhoReadsIt:
    """Tells below title and message that no TOM gets them: the API has no place."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]
        for name in ("share_title", "share_message"):
            fields[name].help_text = MESSAGES_ONLY


class TargetForm(_SaysWhoReadsIt, toolkit.TargetShareForm):  # type: ignore[misc]  # the host is untyped
    """The host's form for a target, and the authors of what goes out as a message."""

    share_authors = _authors()


class TargetListForm(_SaysWhoReadsIt, toolkit.TargetListShareForm):  # type: ignore[misc]  # the same
    """The host's form for a list, and the authors of what goes out as messages."""

    share_authors = _authors()


def without_needless_authors(form: Any) -> Any:
    """Ask for authors only where some destination takes messages."""
    if not any(map(destinations.takes_messages, conf.choices())):
        del form.fields["share_authors"]
    return form
