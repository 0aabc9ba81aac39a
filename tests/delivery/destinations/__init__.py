"""The tests of the conversations with other TOMs, against a real HTTP server."""
