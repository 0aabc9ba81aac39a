"""Door for Django's admin: its pages of this app are in `status.admin`."""

from tom_share_worker.status import admin  # noqa: F401
