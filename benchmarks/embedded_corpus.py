"""Documents and bytes of the embedded corpus, by part and by split: results/embedded-corpus.json.

python -m benchmarks.embedded_corpus
"""

from collections import defaultdict
from pathlib import Path

from equalinfo.corpus.embedded import embedded_documents
from equalinfo.corpus.splits import split_of
from equalinfo.files import write_json


def main() -> None:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for document in embedded_documents():
        for name in (split_of(document), "total"):
            counts[name][0] += 1
            counts[name][1] += len(document)
    rows = {
        name: {"documents": documents, "bytes": size} for name, (documents, size) in sorted(counts.items())
    }
    write_json(Path("results/embedded-corpus.json"), rows)
    for name, row in rows.items():
        print(f"{name:12}{row['documents']:8,} documents{row['bytes']:12,} bytes")


if __name__ == "__main__":
    main()
