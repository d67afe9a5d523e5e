"""The steps of the flow as functions, and recipes that run a grid of them.

Each module is one verb of the command line, without the command line. This room may import every other
one except `cli`.
"""
