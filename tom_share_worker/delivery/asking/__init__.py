"""What people and programs ask for becomes a share: one row, and the request ends.

Pages and forms (`views`, `share_page`), commands and the REST API (`wishes`, `names`),
the host's next release (`backend`): all end in `outbox`.
"""
