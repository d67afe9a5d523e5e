"""Training M1 and M2."""
