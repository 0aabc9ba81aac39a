"""TOM Toolkit's own test suites, run with this app installed.

What they assert of the host must hold in a TOM with this app, too, but for the tests
that assert that work is done inside the request; `exceptions` names each with its
reason.
"""
