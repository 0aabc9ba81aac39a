"""A share becomes deliveries: what it concerns, in which order, in which portions."""
