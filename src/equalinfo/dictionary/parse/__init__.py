"""Cutting text into entries: greedy, into the fewest, or likeliest; and back to bytes."""
