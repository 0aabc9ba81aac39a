"""What the tests stand on: a remote that misbehaves, processes, builders of rows."""
