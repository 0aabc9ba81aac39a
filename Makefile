# `make demo` shows the app at work, `make test` proves it. Neither needs anything but
# Python 3.11-3.13 with pip: deploy/venv.sh makes the environment.
.PHONY: help demo demo-check screenshots test coverage test-releases lint lock openapi venv clean

help:
	@echo "make demo        three TOMs on this machine, one sharing with the others; Ctrl-C ends it"
	@echo "make demo-check  the same without staying; fails if anything did not arrive"
	@echo "make test        all tests, on SQLite and, where it is installed, on PostgreSQL;"
	@echo "                 those in a browser where Chromium is installed"
	@echo "make coverage    the same, counting which lines were run"
	@echo "make test-releases  sharing with real TOMs of older releases, which it installs"
	@echo "make lint        format, lint, import contracts, types, migrations, system checks"
	@echo "make lock        write deploy/requirements.lock anew from pyproject.toml"
	@echo "make screenshots make the pictures in docs/images anew, from the demo in Chromium"
	@echo "make openapi     write the description of the REST API anew from the code"
	@echo "make clean       remove what the other targets made"

venv:
	@deploy/venv.sh

demo: venv
	@.venv/bin/python deploy/demo/run_demo.py

demo-check: venv
	@.venv/bin/python deploy/demo/run_demo.py --check

test: venv
	@deploy/test.sh $(PYTEST_ARGS)

coverage: venv
	@TSW_COVERAGE=1 deploy/test.sh $(PYTEST_ARGS)

test-releases: venv
	@deploy/test_releases.sh $(PYTEST_ARGS)

lint: venv
	@deploy/lint.sh

lock:
	@deploy/lock.sh

screenshots: venv
	@PYTHONPATH=. .venv/bin/python deploy/demo/screenshots.py

openapi: venv
	@.venv/bin/python deploy/openapi.py

clean:
	rm -rf .venv .tools .demo .coverage .coverage.* htmlcov dist build
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
