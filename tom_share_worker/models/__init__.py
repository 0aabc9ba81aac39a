"""The rows: what was asked for, what is to be sent, what happened.

Rows know their states and nothing else; the rooms act on them.
"""

from tom_share_worker.models.bulk import BulkAction
from tom_share_worker.models.connection import ConnectionTest
from tom_share_worker.models.continuous import PersistentShareTerms, SavedDatum
from tom_share_worker.models.delivery import Attempt, Delivery
from tom_share_worker.models.destination import Destination, RemoteTarget
from tom_share_worker.models.failure import Failure
from tom_share_worker.models.ingest import IngestFailure, IngestJob, ReceivedBatch
from tom_share_worker.models.mail import Mail
from tom_share_worker.models.routine import Routine
from tom_share_worker.models.share import Share
from tom_share_worker.models.worker import TaskStatus, Worker

__all__ = [
    "Attempt",
    "BulkAction",
    "ConnectionTest",
    "Delivery",
    "Destination",
    "Failure",
    "IngestFailure",
    "IngestJob",
    "Mail",
    "PersistentShareTerms",
    "ReceivedBatch",
    "RemoteTarget",
    "Routine",
    "SavedDatum",
    "Share",
    "TaskStatus",
    "Worker",
]
