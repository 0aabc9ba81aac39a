"""Door for templates: what pages of the whole TOM ask of this app."""
