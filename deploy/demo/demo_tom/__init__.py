"""One real TOM project for the demo, the Procfile and the tests."""
