"""The demo TOM's settings, with the mail server that MAIL_PORT names."""

from __future__ import annotations

import os

from demo_tom.settings import *  # noqa: F403  (all of them)

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = "127.0.0.1"
EMAIL_PORT = int(os.environ["MAIL_PORT"])
