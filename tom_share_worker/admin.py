"""Door for Django's admin, which looks for model admins here."""

from tom_share_worker.status import admin, target_admin
from tom_share_worker.status.incoming import admin as incoming_admin
from tom_share_worker.status.persistent import admin as persistent_admin

__all__ = ["admin", "incoming_admin", "target_admin"]

persistent_admin.extend_the_hosts_admin()
