"""Door for URLs: the host's share addresses, taken over, and our own pages."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, URLResolver, include, path

from tom_share_worker import toolkit
from tom_share_worker.delivery.asking import share_page, views
from tom_share_worker.ingest.peers import (
    capabilities,
    datums,
    description,
    follow,
    view,
)
from tom_share_worker.ingest.uploads import api as uploads
from tom_share_worker.ingest.uploads import form as upload_form
from tom_share_worker.status.api import bulk_actions, destinations
from tom_share_worker.status.api import views as api
from tom_share_worker.status.incoming import api as incoming_api
from tom_share_worker.status.persistent import api as persistent_api
from tom_share_worker.status.persistent import pages as persistent_pages
from tom_share_worker.status.urls import urlpatterns as status_patterns
from tom_share_worker.toolkit import hooks

app_name = "tom_share_worker"

urlpatterns: list[URLPattern | URLResolver] = list(status_patterns)

TAKEN_OVER: dict[str, Any] = {
    "targets/<int:pk>/share/": share_page.TargetShareView,
    "targets/targetgrouping/<int:pk>/share/": views.TargetListShareView,
    "dataproducts/data/<int:dp_pk>/share/": views.DataProductShareView,
    "dataproducts/target/<int:tg_pk>/share/": views.DataShareView,
    "dataproducts/data/upload/": upload_form.UploadForm,
    "targets/persistentshare/": persistent_api.PersistentShares,
    "targets/persistentshare/<int:pk>/": persistent_api.PersistentShare,
    "targets/<int:target_pk>/persistentshare/": persistent_api.PersistentSharesOfTarget,
    "targets/persistentshare/manage/": persistent_pages.PersistentShareList,
    "targets/<int:target_pk>/persistentshare/manage/": (
        persistent_pages.PersistentShareList
    ),
    "targets/persistentshare/manage/table": persistent_pages.PersistentShareTable,
    "targets/<int:target_pk>/persistentshare/manage/table": (
        persistent_pages.PersistentShareTable
    ),
}
"""The host's addresses that are answered here; its names for them stay as they are."""

PEERS: dict[str, Any] = {
    "api/tom-share/": capabilities.Capabilities.as_view(),
    "api/tom-share/datums/": datums.Datums.as_view(),
    "api/tom-share/ingest/<int:pk>/": follow.Ingest.as_view(),
    "api/tom-share/openapi.json": description.openapi,
    "api/tom-share/<path:address>": view.Nowhere.as_view(),
}
"""The addresses for other TOMs that run this app; docs/protocol.md tells of them."""

API: dict[str, Any] = {
    "shares": api.ShareViewSet,
    "deliveries": api.DeliveryViewSet,
    "ingest-jobs": incoming_api.IngestJobViewSet,
    "bulk-actions": bulk_actions.BulkActionViewSet,
    "destinations": destinations.DestinationViewSet,
}
"""What the host's REST API has below `/api/` besides its own."""

RECEIVING: dict[str, Any] = {
    "dataproducts": uploads.DataProducts,
    "reduceddatums": uploads.ReducedDatums,
}
"""What of the host's REST API is answered here: the first to register is served."""

for name, viewset in API.items():
    toolkit.api_router().register(name, viewset, name)
hooks.take_over_api(RECEIVING)


def host_patterns() -> list[URLPattern | URLResolver]:
    """Return the patterns that the host puts before its own."""
    return [
        *(path(route, view.as_view()) for route, view in TAKEN_OVER.items()),
        *(path(route, view) for route, view in PEERS.items()),
        path("shares/", include("tom_share_worker.urls")),
    ]
