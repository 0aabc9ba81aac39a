"""What a person can see of the shares, and do about them.

Reads the rows (`overview`), shows them (`pages`, `tables`, `admin`), and asks the other
rooms to act; nothing here sends anything, and no other room imports this one.
"""
