"""How does a share reach another TOM? The tests of that room."""
