"""What is asked before a verb of the overview: why to pause, since when to retry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from tom_share_worker.models import Failure, IngestFailure
from tom_share_worker.status.destinations import REASON_LENGTH


class PauseForm(forms.Form):
    """Why nothing is to be sent to a destination."""

    reason = forms.CharField(
        max_length=REASON_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Shown to those whose shares wait.",
    )


class _UtcTime(forms.DateTimeField):
    """A time that is typed in UTC, whatever the TOM's own time zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"})

    def to_python(self, value: Any) -> datetime | None:
        """Read it as UTC."""
        with timezone.override(UTC):
            return super().to_python(value)


DAY, WEEK, TIME, ALL = "day", "week", "time", "all"
"""Since when something failed that is to be retried."""

LAST_DAY, LAST_WEEK = timedelta(hours=24), timedelta(days=7)


class SinceForm(forms.Form):
    """Since when something failed that is to be retried."""

    since = forms.ChoiceField(
        label="What failed",
        choices=[
            (DAY, "in the last 24 hours"),
            (WEEK, "in the last 7 days"),
            (TIME, "since this time:"),
            (ALL, "at any time"),
        ],
        widget=forms.RadioSelect,
    )
    time = _UtcTime(label="Time (UTC)", required=False)

    def clean(self) -> dict[str, Any]:
        """Ask for the time where it is needed."""
        given = super().clean() or {}
        if given.get("since") == TIME and not given.get("time") and not self.errors:
            self.add_error("time", "Say since when, such as 2026-03-01 06:00 (UTC).")
        return given

    def begin(self, now: datetime) -> datetime | None:
        """Return the time since when; None: at any time."""
        given = self.cleaned_data
        if given["since"] == TIME:
            found: datetime = given["time"]
            return found
        return {DAY: now - LAST_DAY, WEEK: now - LAST_WEEK}.get(given["since"])


class WhichForm(forms.Form):
    """What a page of the overview is about: of a destination, or of a cause."""

    destination = forms.CharField(required=False, max_length=200)
    failure = forms.ChoiceField(
        required=False,
        choices=[*Failure.choices, *IngestFailure.choices],
    )
