"""The largest numbers that options and recipes take; beyond them a step would overflow, or not end."""

LARGEST_SEED = 2**64 - 1  # what torch's generators take
LARGEST_COUNT = 2**31 - 1  # steps, tokens, bytes that are in memory together
LARGEST_BATCH = 2**20  # sequences side by side
LARGEST_SIZE = 2**63 - 1  # bytes of files, tokens of a corpus
MOST_WORKERS = 1024  # threads or processes
MAX_ENTRY_BYTES = 64  # of a dictionary: the fewest-tokens parse keeps lengths as bits of one word
LARGEST_REAL = 1e9  # rates, weights, temperatures, seconds
