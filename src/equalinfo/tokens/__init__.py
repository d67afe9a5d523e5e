"""Tokenizers: every method behind one interface, addressed by its spec, saved as a directory. It runs without torch."""
