#!/usr/bin/env bash
# Shares with real TOMs of older releases of TOM Toolkit. Each is installed by its release
# in an environment of its own below .tools/, once; some minutes and 2 GB.
# Called by `make test-releases`; arguments go to pytest. `make test` leaves these out.
set -euo pipefail
cd "$(dirname "$0")/.."

PLACE=.tools/releases

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

python=$(.venv/bin/python -c 'import sys; print(sys._base_executable)')
releases=$(.venv/bin/python -c \
  'from tests.releases.released_tom import installable; print(*installable())')

install() {
  local release=$1 venv=$PLACE/$1
  if [ -e "$venv/.made" ] && "$venv/bin/python" -c '' 2>/dev/null; then return; fi
  echo "Installing TOM Toolkit $release in $venv ..."
  rm -rf "$venv"
  # --without-pip, because Debian's python3 has no ensurepip; an outer pip installs.
  "$python" -m venv --without-pip "$venv"
  # Packages of that time look for setuptools, which came with every environment.
  "$python" -m pip --python "$venv/bin/python" install --quiet \
    "tomtoolkit==$release" gunicorn 'setuptools<81'
  touch "$venv/.made"
}

for release in $releases; do
  install "$release"
done

TOM_DATA_DIR=$(mktemp -d)
export TOM_DATA_DIR TOM_LOG_LEVEL=${TOM_LOG_LEVEL:-WARNING}
trap 'rm -rf "$TOM_DATA_DIR"' EXIT

echo "== tests with TOMs of other releases"
.venv/bin/pytest tests/releases "$@"
