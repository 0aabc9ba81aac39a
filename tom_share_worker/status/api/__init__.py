"""The REST API for people's programs: shares and deliveries."""
