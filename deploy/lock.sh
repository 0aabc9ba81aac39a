#!/usr/bin/env bash
# Writes deploy/requirements.lock anew from pyproject.toml: for every Python and
# platform the app runs on, with hashes, and naming no package index.
# Called by `make lock`; give it --upgrade to take newer releases.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=$(deploy/venv.sh uv)
UV_PYTHON_DOWNLOADS=never "$uv" pip compile --quiet --no-config \
  --universal --generate-hashes --no-header --python-version 3.11 \
  --extra embedded --group dev "$@" \
  pyproject.toml --output-file deploy/requirements.lock
if grep -nE '://|^-' deploy/requirements.lock; then
  echo "The lock names a place to download from; it must not." >&2
  exit 1
fi
