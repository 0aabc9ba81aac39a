"""Receiving: the room for data products that come in from other TOMs.

In this release the host's own upload API receives, inside the request. What comes here
may not import `tom_share_worker.delivery`, so that receiving never waits for sending.
"""
