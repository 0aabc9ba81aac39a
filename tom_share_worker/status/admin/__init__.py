"""The rows in Django's admin: to be read, searched, and acted on by a few verbs.

Nothing is added, changed or deleted by hand: states follow from what the workers did,
and the verbs go through the same functions as the buttons on the pages.
"""
