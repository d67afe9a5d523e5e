"""Slow references in plain Python that the fast code is compared with."""
