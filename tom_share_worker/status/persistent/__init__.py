"""The pages, the admin and the host's REST API of persistent shares."""
