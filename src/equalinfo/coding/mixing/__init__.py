"""An adaptive predictor for files: bits predicted from many contexts, mixed by weights that learn as they go.

It learns from the very text that it codes, so it serves files and not windows: a window must be read back without those
before it (docs/container.md). Everything is integers, so that a file reads back on any machine.
"""
