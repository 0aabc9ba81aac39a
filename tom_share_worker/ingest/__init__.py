"""Receiving: how does what comes in get into this TOM?

Three things come in. A file, by API or on a page, becomes a data product and an
`IngestJob` at once (`uploads`), and a worker processes it in a process of its own
(`jobs`). Data points of another TOM that runs this app come in batches (`peers`) and
are stored before the answer, as that takes no longer than writing them down would.

What is here may not import `tom_share_worker.delivery`: receiving never waits for
sending. That new data goes on by persistent shares is wired in `apps`.
"""
