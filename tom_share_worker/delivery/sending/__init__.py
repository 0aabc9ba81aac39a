"""A worker tries one delivery, and writes down what came of it."""
