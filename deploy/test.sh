#!/usr/bin/env bash
# All tests: first on SQLite, in random order; then those that use a database once more
# on a private PostgreSQL server, where its programs are installed.
# Called by `make test` and .ci/run; arguments go to pytest. With TSW_REQUIRE_POSTGRES=1
# a missing PostgreSQL is a failure and not a skip, with TSW_REQUIRE_BROWSER=1 a missing
# Chromium. With TSW_COVERAGE=1 (`make coverage`) the first run counts the lines that
# were run, in workers and servers, too, which takes half as long again.
#
# `python -m tests.postgres COMMAND ...` starts the server, gives its address to COMMAND
# as DATABASE_URL, and ends with COMMAND's exit status.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH

TOM_DATA_DIR=$(mktemp -d)
export TOM_DATA_DIR TOM_LOG_LEVEL=${TOM_LOG_LEVEL:-WARNING}
trap 'rm -rf "$TOM_DATA_DIR"' EXIT

have_postgres() {
  command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

# Most tests wait for a server or a worker, so there may be more processes than cores.
# A file's tests stay together: they share servers that take a while to start.
processes=${TSW_TEST_PROCESSES:-$(($(nproc) + 1))}
spread=(--numprocesses "$processes" --dist loadfile)

echo "== tests on SQLite"
count=()
if [ "${TSW_COVERAGE:-0}" = 1 ]; then
  count=(--cov --cov-report=term)
fi
pytest "${spread[@]}" ${count[@]+"${count[@]}"} "$@"

if have_postgres; then
  echo "== tests on PostgreSQL"
  python -m tests.postgres pytest "${spread[@]}" -m django_db "$@"
elif [ "${TSW_REQUIRE_POSTGRES:-0}" = 1 ]; then
  echo "PostgreSQL is required here (TSW_REQUIRE_POSTGRES=1) but not installed." >&2
  exit 1
else
  echo "Tests on PostgreSQL skipped: its programs (initdb, postgres) are not installed."
  echo "On Debian or Ubuntu: apt-get install postgresql"
fi
