"""What does an operator see and press at a glance? The overview in Django's admin.

Counts what waits, what failed and what went through, and asks the rooms to act.
"""
