"""Choosing entries: candidates from M1 or a corpus, pruning, likelihood."""
