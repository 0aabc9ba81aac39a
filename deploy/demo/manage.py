#!/usr/bin/env python
"""The demo TOM's command line; demo_tom/settings.py tells what chooses its role."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_tom.settings")
    execute_from_command_line(sys.argv)
