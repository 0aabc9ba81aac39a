"""Settings of the demo TOM: what the host's `tom_setup` writes, plus a role.

The role comes from the environment, so that one project serves as the TOM that shares,
as the unmodified TOM that receives, and as the TOM the tests run on:

    TOM_NAME               what the TOM calls itself           "Demo TOM"
    TOM_WITH_SHARE_WORKER  1: with tom_share_worker; 0: TOM Toolkit alone         1
    TOM_DATA_DIR           its files: database, uploads, cache  deploy/demo/data
    DATABASE_URL           postgresql://user:password@host/name,
                           postgresql:///name?host=/socket/directory, or
                           sqlite:///path                      a file in TOM_DATA_DIR
    TOM_DATA_SHARING       DATA_SHARING as JSON                none
    TOM_SHARE_WORKER       settings of the app as JSON         none
    TOM_DATA_PROCESSORS    more DATA_PROCESSORS as JSON        none
    TOM_THEME              dark: TOM Toolkit's dark theme      none
    TOM_BOOTSTRAP5         BOOTSTRAP5 as JSON                  none
    REDIS_URL              broker; read by tom_share_worker    a private one
    TOM_DEBUG              1 or 0                              1
    TOM_LOG_LEVEL          DEBUG, INFO, WARNING, ERROR         INFO
    TOM_SECRET_KEY         needed with TOM_DEBUG=0             a public one
    TOM_ALLOWED_HOSTS      more host names, with commas        none
    TOM_HTTPS              1: a server in front speaks TLS     0
    TOM_MEDIA_BUCKET       files in object storage, not in     none
                           TOM_DATA_DIR; needs django-storages
    TOM_MEDIA_ENDPOINT     where that is, if not at Amazon     none
"""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.utils.text import slugify
from tom_common.default_settings import *
from tom_common.default_settings import (
    TOMTOOLKIT_AUTHENTICATION_BACKENDS,
    TOMTOOLKIT_INSTALLED_APPS,
    TOMTOOLKIT_MIDDLEWARE,
)

from demo_tom import environment

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(environment.text("TOM_DATA_DIR", str(BASE_DIR / "data"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

TOM_NAME = environment.text("TOM_NAME", "Demo TOM")
WITH_SHARE_WORKER = environment.flag("TOM_WITH_SHARE_WORKER", default=True)

DEBUG = environment.flag("TOM_DEBUG", default=True)
SECRET_KEY = environment.text(
    "TOM_SECRET_KEY", "a-demo-key-that-everyone-may-know" if DEBUG else ""
)
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "With TOM_DEBUG=0 the demo TOM needs a key of its own: "
        "set TOM_SECRET_KEY to a long random text."
    )
SECRET_KEY_FALLBACKS: list[str] = []
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"] + [
    host for host in environment.text("TOM_ALLOWED_HOSTS", "").split(",") if host
]
if environment.flag("TOM_HTTPS", default=False):
    # Believed of whoever asks: only for a server that nobody reaches but that one.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True

INSTALLED_APPS = [*TOMTOOLKIT_INSTALLED_APPS, "sample_data"]
if WITH_SHARE_WORKER:
    INSTALLED_APPS += ["django_celery_results", "tom_share_worker"]
SITE_ID = 1

MIDDLEWARE = list(TOMTOOLKIT_MIDDLEWARE)
# Static files without a web server in front; must follow SecurityMiddleware.
MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")

ROOT_URLCONF = "demo_tom.urls"
WSGI_APPLICATION = "demo_tom.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
CRISPY_TEMPLATE_PACK = "bootstrap5"
CSS_THEME = environment.text("TOM_THEME", "") or None
BOOTSTRAP5 = environment.data("TOM_BOOTSTRAP5", {})

DATABASES = {"default": environment.database(DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = TOMTOOLKIT_AUTHENTICATION_BACKENDS
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
# Browsers keep cookies by host, whatever the port: without names of their own, logging
# in to one of two TOMs on this machine would log out of the other.
SESSION_COOKIE_NAME = f"sessionid-{slugify(TOM_NAME)}"
CSRF_COOKIE_NAME = f"csrftoken-{slugify(TOM_NAME)}"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = ["tom_base.formats"]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns of a missing one
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = DATA_DIR / "media"
MEDIA_URL = "/data/"
STORAGES = environment.storages()

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "timestamped": {
            "format": "[{asctime}] {levelname} {name}: {message}",
            "style": "{",
        },
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "timestamped"}
    },
    "loggers": {
        "": {
            "handlers": ["console"],
            "level": environment.text("TOM_LOG_LEVEL", "INFO"),
        }
    },
}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_DIR / "cache",
    }
}
TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}

TARGET_TYPE = "SIDEREAL"
MATCH_MANAGERS: dict[str, str] = {}
FACILITIES: dict[str, object] = {}
TOM_FACILITY_CLASSES = ["tom_observations.facilities.lco_redirect.LCORedirectFacility"]
DATA_PRODUCT_TYPES = {
    "photometry": ("photometry", "Photometry"),
    "fits_file": ("fits_file", "FITS File"),
    "spectroscopy": ("spectroscopy", "Spectroscopy"),
    "image_file": ("image_file", "Image File"),
}
DATA_PROCESSORS = {
    "photometry": (
        "tom_dataproducts.processors.photometry_processor.PhotometryProcessor"
    ),
    "spectroscopy": (
        "tom_dataproducts.processors.spectroscopy_processor.SpectroscopyProcessor"
    ),
    **environment.data("TOM_DATA_PROCESSORS", {}),
}
EXTRA_FIELDS = [
    {"name": "redshift", "type": "number"},
    {"name": "classification", "type": "string"},
]
GENERAL_SEARCH_FUNCTIONS: dict[str, str] = {}
SELECTION_EXTRA_FIELDS: list[str] = []
AUTH_STRATEGY = "READ_ONLY"
OPEN_URLS: list[str] = []
TARGET_PERMISSIONS_ONLY = True
TARGET_DEFAULT_PERMISSION = "PRIVATE"
TARGET_LIST_COLUMNS = ["name", "type", "observations", "saved_data"]
HOOKS = {
    "target_post_save": "tom_common.hooks.target_post_save",
    "observation_change_state": "tom_common.hooks.observation_change_state",
    "data_product_post_upload": "tom_dataproducts.hooks.data_product_post_upload",
    "data_product_post_save": "tom_dataproducts.hooks.data_product_post_save",
    "multiple_data_products_post_save": (
        "tom_dataproducts.hooks.multiple_data_products_post_save"
    ),
}
AUTO_THUMBNAILS = False
THUMBNAIL_MAX_SIZE = (0, 0)
THUMBNAIL_DEFAULT_SIZE = (200, 200)
HINTS_ENABLED = False
HINT_LEVEL = 20
PLOTLY_THEME = "plotly_white"
SHOW_PAGINATION_INFO = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tom_common.accounts.api_auth.TomTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
        "rest_framework.authentication.BasicAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 100,
}

DATA_SHARING = environment.data("TOM_DATA_SHARING", {})
TOM_SHARE_WORKER = environment.data("TOM_SHARE_WORKER", {})
