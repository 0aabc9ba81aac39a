"""Another TOM as destination, spoken to through TOM Toolkit's own REST API."""
