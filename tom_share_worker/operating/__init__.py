"""How does an operator keep sharing and receiving running?

Bulk actions in the background, old rows pruned, people told by e-mail, health and
figures for machines that watch. Asks `delivery` and `ingest` to act, decides nothing of
theirs; `status` shows what is found here.
"""
