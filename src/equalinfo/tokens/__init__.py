"""Tokenizers: every method behind one interface, addressed by its spec, saved as a directory.

This room may import `errors`, `files`, `corpus`, `predict`, `coding` and `dictionary`. It runs without torch.
"""
