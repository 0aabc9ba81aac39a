"""The tests: a mirror of the rooms, and `acceptance` with real processes."""
