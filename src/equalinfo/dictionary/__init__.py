"""Dictionaries of byte strings and the parses that cut text into their entries.

``automaton`` builds, saves and checks a dictionary; ``greedy`` and ``fewest`` parse with it (ids, counts,
batches, use of each entry; ``fewest`` states the rule for ties); ``decode`` goes back to bytes;
``reference`` says in plain Python what the kernels compute. Files with an underscore hold kernels.

This room imports only ``equalinfo.errors``, NumPy and Numba: nothing here knows of models.
"""
