"""The addresses for other TOMs that run this app; docs/protocol.md describes them."""
