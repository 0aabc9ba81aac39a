"""The addresses of the demo TOM: the host's own, as its `tom_setup` writes them."""

from django.urls import include, path

urlpatterns = [path("", include("tom_common.urls"))]
