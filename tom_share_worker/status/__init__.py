"""What a person can see and do about shares.

Reads rows, and asks the rooms to act.
"""
