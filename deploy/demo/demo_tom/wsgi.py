"""What a web server runs: `gunicorn demo_tom.wsgi`, in deploy/demo."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_tom.settings")
application = get_wsgi_application()
