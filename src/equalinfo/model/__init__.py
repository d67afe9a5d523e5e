"""Decoder-only Transformers over any ids: M1 reads bytes, M2 reads tokens; one class serves both.

Nothing here knows where ids come from.
"""
