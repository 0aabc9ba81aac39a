"""URLs of a TOM that serves the host's own viewsets of data beside ours, to compare."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter
from tom_dataproducts.api_views import DataProductViewSet, ReducedDatumViewSet

router = SimpleRouter()
router.register("dataproducts", DataProductViewSet, "stock-dataproducts")
router.register("reduceddatums", ReducedDatumViewSet, "stock-reduceddatums")

urlpatterns = [
    path("", include("tom_common.urls")),
    path("stock/", include(router.urls)),
]
