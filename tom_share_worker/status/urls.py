"""The addresses of this room's pages; gathered by `tom_share_worker.urls`."""

from __future__ import annotations

from django.urls import path

from tom_share_worker.status import (
    buttons,
    delivery_page,
    destinations,
    machines,
    pages,
    share_list,
    target_choice,
    target_tab,
    unseen,
)
from tom_share_worker.status.api import description
from tom_share_worker.status.incoming import list_page as incoming_list
from tom_share_worker.status.incoming import pages as incoming
from tom_share_worker.status.persistent import pages as persistent_pages

urlpatterns = [
    path("", share_list.ShareList.as_view(), name="share-list"),
    path("health/", machines.health, name="health"),
    path("metrics/", machines.figures, name="metrics"),
    path("openapi.json", description.openapi, name="openapi"),
    path("<int:pk>/", pages.ShareDetail.as_view(), name="share-detail"),
    path("<int:pk>/progress/", pages.ShareProgress.as_view(), name="share-progress"),
    path("<int:pk>/retry/", buttons.ShareRetry.as_view(), name="share-retry"),
    path("<int:pk>/cancel/", buttons.ShareCancel.as_view(), name="share-cancel"),
    path("<int:pk>/again/", buttons.ShareAgain.as_view(), name="share-again"),
    path(
        "deliveries/<int:pk>/",
        delivery_page.DeliveryDetail.as_view(),
        name="delivery-detail",
    ),
    path(
        "deliveries/<int:pk>/retry/",
        buttons.DeliveryRetry.as_view(),
        name="delivery-retry",
    ),
    path(
        "targets/<int:pk>/", target_choice.TargetChoice.as_view(), name="target-choice"
    ),
    path(
        "destinations/",
        destinations.DestinationList.as_view(),
        name="destination-list",
    ),
    path(
        "destinations/pause/",
        destinations.DestinationPause.as_view(),
        name="destination-pause",
    ),
    path(
        "destinations/resume/",
        destinations.DestinationResume.as_view(),
        name="destination-resume",
    ),
    path(
        "destinations/test/",
        destinations.ConnectionTestAsk.as_view(),
        name="connection-test",
    ),
    path(
        "destinations/tests/<int:pk>/",
        destinations.ConnectionTestProgress.as_view(),
        name="connection-test-progress",
    ),
    path("unseen/", unseen.UnseenFailures.as_view(), name="unseen"),
    path("unseen/seen/", unseen.MarkSeen.as_view(), name="mark-seen"),
    path(
        "of-target/<int:pk>/",
        target_tab.TargetSharing.as_view(),
        name="target-sharing",
    ),
    path(
        "of-target/<int:pk>/tab/",
        target_tab.TargetSharingTab.as_view(),
        name="target-sharing-tab",
    ),
    path("incoming/", incoming_list.IngestJobList.as_view(), name="ingest-job-list"),
    path("incoming/<int:pk>/", incoming.IngestJobDetail.as_view(), name="ingest-job"),
    path(
        "incoming/<int:pk>/progress/",
        incoming.IngestJobProgress.as_view(),
        name="ingest-job-progress",
    ),
    path(
        "incoming/<int:pk>/badge/",
        incoming.IngestJobBadge.as_view(),
        name="ingest-job-badge",
    ),
    path(
        "incoming/<int:pk>/reprocess/",
        incoming.IngestJobReprocess.as_view(),
        name="ingest-job-reprocess",
    ),
    path(
        "incoming/<int:pk>/cancel/",
        incoming.IngestJobCancel.as_view(),
        name="ingest-job-cancel",
    ),
    path(
        "persistent/<int:pk>/",
        persistent_pages.PersistentShareDetail.as_view(),
        name="persistent-share",
    ),
    path(
        "persistent/<int:pk>/pause/",
        persistent_pages.PersistentSharePause.as_view(),
        name="persistent-share-pause",
    ),
    path(
        "persistent/<int:pk>/resume/",
        persistent_pages.PersistentShareResume.as_view(),
        name="persistent-share-resume",
    ),
    path(
        "persistent/<int:pk>/existing/",
        persistent_pages.PersistentShareExisting.as_view(),
        name="persistent-share-existing",
    ),
    path(
        "persistent/<int:pk>/delete/",
        persistent_pages.PersistentShareDelete.as_view(),
        name="persistent-share-delete",
    ),
]
