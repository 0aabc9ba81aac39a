"""What this TOM remembers about the other TOMs: their state, and their targets' ids."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from tom_share_worker import conf


class Destination(models.Model):
    """The state of one entry of DATA_SHARING; its address and account stay there."""

    key = models.CharField(
        max_length=200, unique=True, help_text="The key in DATA_SHARING."
    )
    failures = models.PositiveIntegerField(
        default=0, help_text="Looks in a row that found it down."
    )
    answered = models.DateTimeField(
        null=True, help_text="When it last answered as a TOM does."
    )
    retry_at = models.DateTimeField(
        null=True, help_text="Backing off until then; empty when open."
    )
    paused = models.BooleanField(default=False)
    paused_by_person = models.BooleanField(
        default=False, help_text="A person paused it, so only a person resumes it."
    )
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Who paused it, if a person did and still has an account.",
    )
    note = models.TextField(blank=True, help_text="Why it is paused or backing off.")
    told = models.DateTimeField(
        null=True, help_text="When people were sent an e-mail about this pause."
    )
    peer: models.JSONField[Any, Any] = models.JSONField(
        null=True,
        help_text="What it told of the protocol of this app; empty: it has none.",
    )
    peer_asked = models.DateTimeField(null=True, help_text="When it was asked that.")
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return conf.display_name(self.key)

    @property
    def refuses_us(self) -> bool:
        """True while it is paused as it refused our account: a Retry opens it."""
        return self.paused and not self.paused_by_person


class RemoteTarget(models.Model):
    """The id by which a destination knows one of our targets.

    Without an id it holds the candidates of which a person must pick one.
    """

    destination = models.CharField(max_length=200)
    target = models.ForeignKey(
        "tom_targets.BaseTarget", on_delete=models.CASCADE, related_name="+"
    )
    remote_id = models.CharField(max_length=100, blank=True)
    candidates: models.JSONField[list[Any], list[Any]] = models.JSONField(
        default=list,
        blank=True,
        help_text="Targets there that match: [{id, name, aliases, ra, dec}, …].",
    )
    chosen = models.DateTimeField(null=True, help_text="When a person picked the id.")
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    sent_extras: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(
        default=dict,
        blank=True,
        help_text="Extra fields as we sent them last, to tell apart edits made there.",
    )
    found = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["destination", "target"], name="tsw_remote_target"
            )
        ]

    def __str__(self) -> str:
        return f"target {self.target_id} is {self.remote_id} at {self.destination}"
