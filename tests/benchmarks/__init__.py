"""Programs that measure and print; run by hand, never by the tests.

.venv/bin/python -m tests.benchmarks.click       how long a click on Share takes
.venv/bin/python -m tests.benchmarks.sending     how fast data points reach a stock TOM
.venv/bin/python -m tests.benchmarks.large_file  the memory a file of 1 GB takes
.venv/bin/python -m tests.benchmarks.million     the memory a million data points take
.venv/bin/python -m tests.benchmarks.save        what a persistent share adds to saving
.venv/bin/python -m tests.benchmarks.ingest      how long incoming files take
.venv/bin/python -m tests.benchmarks.chaos       what is lost or doubled under SIGKILLs
"""
