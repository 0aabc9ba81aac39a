"""Each thing this app relies on in the host, so that a new release fails loudly."""
