"""Decoder-only Transformers over any ids: M1 reads bytes, M2 reads tokens; one class serves both.

This room knows arrays of ids and nothing of where they come from. It may import `errors` and `files`.
"""
