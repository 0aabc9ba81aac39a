"""The forms of persistent shares: to make one, and to set its terms."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils import timezone

from tom_share_worker import toolkit
from tom_share_worker.delivery import permissions
from tom_share_worker.status.persistent.overview import KIND_WORDS


class _UtcField(forms.DateTimeField):
    """A time in UTC, as all times on the pages of this app."""

    widget = forms.DateTimeInput(
        attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
    )

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return value.astimezone(UTC).replace(tzinfo=None)
        return value

    def to_python(self, value: Any) -> Any:
        with timezone.override(UTC):
            return super().to_python(value)


class TermsForm(forms.Form):
    """What a persistent share is limited to."""

    kinds = forms.MultipleChoiceField(
        label="Types of data",
        choices=list(KIND_WORDS.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Tick at least one type of data."},
    )
    until = _UtcField(
        label="Share until (UTC)",
        required=False,
        help_text="What is saved later is not shared. Empty: without an end.",
    )

    def clean_until(self) -> Any:
        """Refuse an end that is over already, unless it was so before."""
        until = self.cleaned_data["until"]
        if until and until < timezone.now() and "until" in self.changed_data:
            raise forms.ValidationError(
                "This time is over. Choose a later one, or leave it empty."
            )
        return until


class PersistentShareForm(TermsForm):
    """A new persistent share."""

    destination = forms.ChoiceField(label="Destination")
    target = forms.IntegerField(
        label="Target ID",
        min_value=1,
        help_text="The number in the address of the target's page; or begin at the "
        "target: Share, then share the target continuously.",
    )
    share_existing_data = forms.BooleanField(
        label="Share the target and the data points it has now, too",
        required=False,
        help_text="Those of the types ticked above, without files.",
    )

    field_order = ("target", "destination", "kinds", "until", "share_existing_data")

    def __init__(self, user: Any, target: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user
        choices = permissions.offered(user, toolkit.sharing_choices())
        self.fields["destination"].choices = choices  # type: ignore[attr-defined]
        self.fields["kinds"].initial = list(KIND_WORDS)
        if target is not None:
            # The page says which; a form that could name another would be a trap.
            field = self.fields["target"]
            field.initial, field.disabled = target.pk, True
            field.widget = forms.HiddenInput()

    def clean_target(self) -> Any:
        """Return the target, if the person may change it."""
        pk = self.cleaned_data["target"]
        found = toolkit.permitted_targets(self._user, "change_target", [pk]).first()
        if found is None:
            raise forms.ValidationError(
                "There is no such target, or you may not change it."
            )
        return found
