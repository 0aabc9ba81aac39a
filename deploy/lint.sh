#!/usr/bin/env bash
# Everything that can be said about the code without running it.
# Called by `make lint` and .ci/run. Goes on after a failure and tells all of them.
set -uo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH

failed=()
step() {
  local name=$1
  shift
  echo "== $name"
  "$@" || failed+=("$name")
}

step "format" ruff format --check .
step "lint" ruff check .
step "import contracts" lint-imports
step "types" mypy
step "migrations" python deploy/demo/manage.py makemigrations --check --dry-run tom_share_worker
step "system checks" python deploy/demo/manage.py check --fail-level WARNING

if [ ${#failed[@]} -gt 0 ]; then
  printf 'Not in order: %s\n' "${failed[*]}" >&2
  exit 1
fi
