"""The settings by which TOM Toolkit tests itself, and this app in INSTALLED_APPS."""

import json
import os
import tempfile

from tom_base.settings import *
from tom_base.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_celery_results", "tom_share_worker"]

TOM_SHARE_WORKER = json.loads(os.environ.get("TOM_SHARE_WORKER") or "{}")

_PLACE = tempfile.mkdtemp(prefix="tom-host-tests-", dir=os.environ.get("TOM_DATA_DIR"))
MEDIA_ROOT = f"{_PLACE}/media"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": f"{_PLACE}/cache",
    }
}
