"""A dictionary as a double-array trie: its layout, building, checking, and a small form to ship."""
