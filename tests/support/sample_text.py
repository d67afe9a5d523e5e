"""A text of plain sentences, for tests of the command line."""

WORDS = (
    "the window of text that was written is read back as it stood , and a model learns how the small rooms "
    "of the house were built from equal parts of light . on tuesday a council said naïve café plans cost 12 %"
).split()


def sample_text(documents: int) -> str:
    """Documents of plain sentences; no two alike, so that they fall into all splits."""
    parts = []
    state = 1
    for number in range(documents):
        words = [f"Document {number} :"]
        for _ in range(180):
            state = (state * 1103515245 + 12345) % (1 << 31)
            words.append(WORDS[(state >> 16) % len(WORDS)])
        parts.append(" ".join(words))
    return "\n\n".join(parts) + "\n"
