"""Dictionaries of byte strings and the parses that cut text into their entries.

``trie`` builds, saves and checks a dictionary; ``parse`` cuts text with it (ids, counts, batches, use of
each entry) and goes back to bytes; ``train`` chooses the entries.
"""
