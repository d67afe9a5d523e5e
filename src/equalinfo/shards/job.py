"""One partition of a corpus to token shards: what a worker of any engine does.

    DIRECTORY/train-00012.arrow   DIRECTORY/validation-00012.arrow   RECORDS/00012.json

The record is written last, and each file appears whole, so a partition with a record is finished and one without is
done again, to the same bytes. A split without an example in the partition has no shard.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from equalinfo.corpus.partitions import Partition
from equalinfo.corpus.records import BadDocuments
from equalinfo.corpus.splits import SPLITS, splits_of
from equalinfo.engines.base import Advance, Record, Work, record_path
from equalinfo.files import write_json
from equalinfo.parallel import grouped
from equalinfo.shards.writer import ExampleShard
from equalinfo.tokens.tokenizer import Tokenizer

GROUP_BYTES = 1 << 20  # documents that are split and cut at a time
LARGE_DOCUMENT_BYTES = 64 << 20


@dataclass(frozen=True)
class TokenizeJob:
    """What workers need to know, besides the partitions.

    Args:
        tokenizer: tokenizer directory.
        shards, records: where they are written; the same folders for all workers.
        field: key or column that holds the text.
        example_bytes: bytes that are compressed together.
        skip_bad: leave out rows without text and count them; otherwise they are errors.
        split: keep a tenth of the documents back, for validation and test.
        device: what M1 computes on; the shards are the same.
    """

    tokenizer: str
    shards: str
    records: str
    field: str
    example_bytes: int
    skip_bad: bool
    split: bool = True
    device: str = "cpu"

    def opened(self) -> Work:
        """As `Job.opened`."""
        return partial(tokenize_partition, Tokenizer.from_pretrained(Path(self.tokenizer), self.device), self)


def tokenize_partition(
    tokenizer: Tokenizer, work: TokenizeJob, partition: Partition, advance: Advance
) -> Record:
    """Writes the shards of a partition, then its record, which it returns.

    Args:
        tokenizer: the one in `work.tokenizer`.
        advance: told how many bytes of training and validation text have been encoded since the last call.

    Raises:
        EqualInfoError: the partition cannot be read or the shards cannot be written.
    """
    bad = BadDocuments(work.skip_bad)
    splits = dict.fromkeys(SPLITS, 0)
    sizes = dict(splits)
    counts = {"empty": 0, "not_utf8": 0, "large": 0}
    changed, windows = tokenizer.windows_changed
    with ExitStack() as stack:
        shards = {
            split: ExampleShard(
                Path(work.shards) / f"{split}-{partition.number:05d}.arrow",
                tokenizer,
                work.example_bytes,
                advance,
                stack,
            )
            for split in ("train", "validation")
        }
        # What is done for many documents at a time costs less for each.
        for documents in grouped(partition.documents(work.field, bad), GROUP_BYTES):
            kept = [document for document in documents if document]
            counts["empty"] += len(documents) - len(kept)
            counts["large"] += sum(len(document) > LARGE_DOCUMENT_BYTES for document in kept)
            counts["not_utf8"] += _not_utf8(kept)
            places = splits_of(kept) if work.split else ["train"] * len(kept)
            for split in splits:
                of_split = [document for document, place in zip(kept, places, strict=True) if place == split]
                splits[split] += len(of_split)
                sizes[split] += sum(map(len, of_split))
                if split in shards:
                    shards[split].add(of_split)
        for shard in shards.values():
            shard.finish()
    now_changed, now_windows = tokenizer.windows_changed
    record = {
        "partition": partition.number,
        "pieces": partition.to_json()["pieces"],
        "tokenizer": tokenizer.fingerprint,
        "documents": splits,
        "document_bytes": sizes,
        **counts,
        **bad.counts,
        "windows": [now_changed - changed, now_windows - windows],
        "shards": {split: shard.counts for split, shard in shards.items() if shard.counts["examples"]},
    }
    write_json(record_path(work.records, partition.number), record)
    return record


def _not_utf8(documents: list[bytes]) -> int:
    """How many documents are not UTF-8."""
    # A zero byte ends whatever character was begun, so joined documents are UTF-8 if each is.
    if len(documents) > 1 and _is_utf8(b"\0".join(documents)):
        return 0
    return sum(not _is_utf8(document) for document in documents)


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
