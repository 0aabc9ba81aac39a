"""Door for Django's admin, which looks for model admins here."""

from tom_share_worker.status.admin import (
    attempts,
    bulk_actions,
    deliveries,
    destinations,
    ingest_jobs,
    remote_targets,
    shares,
)
from tom_share_worker.status.operations import admin as operations_admin
from tom_share_worker.status.persistent import admin as persistent_admin

__all__ = [
    "attempts",
    "bulk_actions",
    "deliveries",
    "destinations",
    "ingest_jobs",
    "operations_admin",
    "remote_targets",
    "shares",
]

persistent_admin.extend_the_hosts_admin()
