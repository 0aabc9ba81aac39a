#!/usr/bin/env bash
# Makes .venv with everything the lock names, and the project itself in it.
# Called by the Makefile and .ci/run. Needs only Python 3.11-3.13 with pip; a second
# call with nothing changed returns at once.
set -euo pipefail
cd "$(dirname "$0")/.."

LOCK=deploy/requirements.lock
VENV=.venv
TOOLS=.tools
STAMP=$VENV/.made-from
UV_RELEASE='uv>=0.9,<1'

# What pip says of itself is no news of ours.
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$@"
  exit 1
}

suits() { # is this a Python that TOM Toolkit and the app both take?
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
    >/dev/null 2>&1
}

choose_python() {
  local candidate
  for candidate in ${TSW_PYTHON:+"$TSW_PYTHON"} python3 python3.13 python3.12 python3.11; do
    if suits "$candidate"; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  die "No Python 3.11, 3.12 or 3.13 was found on this machine." \
    "Install one (on Debian or Ubuntu: apt-get install python3 python3-pip)," \
    "or say where it is: make TSW_PYTHON=/path/to/python3.12"
}

fingerprint() {
  # The place counts too: a virtual environment does not survive being moved.
  { cat "$LOCK" deploy/venv.sh; pwd; "$1" -VV; } | cksum
}

find_uv() {
  local python=$1
  if command -v uv; then return; fi
  if [ ! -x "$TOOLS/uv/bin/uv" ]; then
    # A --target installation is allowed even where the distribution guards its
    # own Python from pip.
    "$python" -m pip install --quiet --target "$TOOLS/uv" "$UV_RELEASE" >&2 || return 1
  fi
  "$TOOLS/uv/bin/uv" --version >/dev/null && echo "$TOOLS/uv/bin/uv"
}

with_uv() {
  local uv=$1 python=$2
  # Certificates of the system, as an institute's proxy has its own.
  export UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 VIRTUAL_ENV=$PWD/$VENV
  "$uv" venv --quiet --no-config --clear --python "$python" "$VENV" &&
    "$uv" pip sync --quiet --no-config --require-hashes --compile-bytecode "$LOCK" &&
    "$uv" pip install --quiet --no-config --no-deps --no-build-isolation --editable .
}

with_pip() {
  local python=$1
  # --without-pip, because Debian's python3 has no ensurepip; the outer pip then
  # installs into the environment.
  rm -rf "$VENV"
  "$python" -m venv --without-pip "$VENV"
  local pip=("$python" -m pip --python "$VENV/bin/python")
  "${pip[@]}" install --quiet --require-hashes --requirement "$LOCK"
  "${pip[@]}" install --quiet --no-deps --no-build-isolation --editable .
}

make_venv() {
  local python=$1 uv
  say "Setting up $VENV (about half a minute the first time) ..."
  rm -f "$STAMP"
  if ! { uv=$(find_uv "$python") && with_uv "$uv" "$python"; }; then
    "$python" -m pip --version >/dev/null 2>&1 ||
      die "$python has no pip, which sets up the environment." \
        "Install it (on Debian or Ubuntu: apt-get install python3-pip) and try again."
    say "uv cannot be used here; using pip, which takes a minute or two."
    with_pip "$python"
  fi
  fingerprint "$python" >"$STAMP"
}

main() {
  local python
  python=$(choose_python)
  if [ "${1:-}" = uv ]; then # deploy/lock.sh asks where uv is
    find_uv "$python" || die "uv cannot be had here, and only uv writes the lock."
    return
  fi
  if [ ! -x "$VENV/bin/python" ] || [ "$(fingerprint "$python")" != "$(cat "$STAMP" 2>/dev/null)" ]; then
    make_venv "$python"
  fi
}

# Two makes at once must not build the same environment.
mkdir -p "$TOOLS"
if command -v flock >/dev/null; then
  exec 9>"$TOOLS/venv.lock"
  flock 9
fi
main "$@"
