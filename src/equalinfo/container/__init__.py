"""Compressed files: the container's bytes, writing it, and reading it as a stream or at any place.

docs/container.md describes the format to the byte.
"""
