"""The demo's sample science; stands where a TOM has its `custom_code` app."""
