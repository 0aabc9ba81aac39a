"""The closed set of reasons why a delivery did not arrive, each with its cure.

Used by deliveries and attempts; pages show the cure as it stands here.
"""

from __future__ import annotations

from django.db import models


class Failure(models.TextChoices):
    """Why a delivery did not arrive."""

    DESTINATION_DOWN = "destination down", "Destination down"
    CREDENTIALS_REFUSED = "credentials refused", "Credentials refused"
    PERMISSION_MISSING = "permission missing there", "Permission missing there"
    NO_MATCHING_TARGET = "no matching target", "No matching target"
    AMBIGUOUS_TARGET = "ambiguous target", "Ambiguous target"
    REFUSED_DATA = "refused data", "Refused data"
    BAD_CONFIGURATION = "bad configuration", "Bad configuration"
    NOT_PERMITTED = "not permitted here", "Not permitted here"
    OUR_FAULT = "our fault", "Our fault"

    @property
    def cure(self) -> str:
        """Return the sentence that tells a person what to do."""
        return _CURES[self]


_CURES = {
    Failure.DESTINATION_DOWN: (
        "The other TOM could not be reached or was overloaded. Nothing is lost: "
        "press Retry when it is back."
    ),
    Failure.CREDENTIALS_REFUSED: (
        "The other side did not accept our account. A key of your own you can correct "
        "on your profile page; otherwise ask an administrator of this TOM to correct "
        "the account in DATA_SHARING and to restart the web server and the worker, "
        "then press Retry."
    ),
    Failure.PERMISSION_MISSING: (
        "Our account on the other TOM may not do this. Ask the people of that TOM to "
        "give it permission to see and change the target, then press Retry."
    ),
    Failure.NO_MATCHING_TARGET: (
        "The other TOM has no target of this name. Share the target itself first, "
        "then press Retry."
    ),
    Failure.AMBIGUOUS_TARGET: (
        "Several targets of the other TOM match this one. Choose the right one; all "
        "that waits for it is sent then. If there is none to choose any more, press "
        "Retry."
    ),
    Failure.REFUSED_DATA: (
        "This data cannot be taken as it is; each delivery tells the reason. Correct "
        "the data here, then press Retry."
    ),
    Failure.BAD_CONFIGURATION: (
        "A setting of this TOM is wrong. Ask an administrator of this TOM to correct "
        "it and to restart the web server and the worker, then press Retry."
    ),
    Failure.NOT_PERMITTED: (
        "The person who asked for it may not share this, or not with this destination, "
        "any more. Ask an administrator of this TOM for the permission, then press "
        "Retry."
    ),
    Failure.OUR_FAULT: (
        "This TOM could not prepare or send the data. Ask an administrator of this "
        "TOM to look at the worker's log, then press Retry."
    ),
}
