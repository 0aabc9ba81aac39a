"""Runs the host's suites, or those named: `python -m tests.host.run`.

Called by `test_host_suites`. The last line it prints is JSON: how many tests ran, and
of those that did not pass the names, each with the last line of what it said. The
suites read files beside them, so this runs where the host is installed.
"""

from __future__ import annotations

import json
import os
import sys
import unittest
import warnings
from pathlib import Path
from typing import Any

SUITES = ("tom_dataproducts", "tom_targets")


def run() -> dict[str, Any]:
    """Run the suites and sum up."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.host.settings"
    import django
    from django.test.runner import DiscoverRunner

    django.setup()
    os.chdir(_home_of_the_host())
    results: list[unittest.TestResult] = []

    class Runner(DiscoverRunner):
        def suite_result(self, suite: Any, result: Any, **kwargs: Any) -> Any:
            results.append(result)
            return super().suite_result(suite, result, **kwargs)

    Runner(verbosity=0, interactive=False).run_tests(sys.argv[1:] or list(SUITES))
    [result] = results
    bad = [*result.failures, *result.errors]
    bad += [(test, "passed") for test in result.unexpectedSuccesses]
    return {
        "ran": result.testsRun,
        "skipped": len(result.skipped),
        "bad": {test.id(): _said(text) for test, text in bad},
    }


def _said(text: str) -> str:
    """Return the line that tells what was wrong; whole pages may come before it."""
    lines = [line for line in text.splitlines() if line.startswith("AssertionError")]
    return (lines or text.strip().splitlines())[-1][:200]


def _home_of_the_host() -> Path:
    import tom_dataproducts

    return Path(str(tom_dataproducts.__file__)).parent.parent


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write(f"{json.dumps(run())}\n")
