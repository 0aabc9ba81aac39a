"""What a person can see of incoming data, and do about it: pages, admin, REST API."""
