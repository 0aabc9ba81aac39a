"""Receiving: the room for data products that come in from other TOMs.

In this release the host's own upload API receives, inside the request. What is to live
here, and why nothing here may import `tom_share_worker.delivery`, stands in
`docs/how-it-works.md`.
"""
