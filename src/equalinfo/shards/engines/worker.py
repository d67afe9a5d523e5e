"""A worker process of the local engine: hears of the work, then of one partition after the other."""

from pathlib import Path

from equalinfo.corpus.partitions import Partition
from equalinfo.processes import Driver, serve
from equalinfo.shards.job import TokenizeJob, tokenize_partition
from equalinfo.tokens.tokenizer import Tokenizer


def tokenize_partitions(driver: Driver) -> None:
    """Says how many bytes are encoded, and the record of each partition."""
    work = TokenizeJob(**driver.receive())
    tokenizer = Tokenizer.from_pretrained(Path(work.tokenizer))
    while True:
        partition = Partition.from_json(driver.receive())
        record = tokenize_partition(tokenizer, partition, work, lambda count: driver.send({"encoded": count}))
        driver.send({"record": record})


if __name__ == "__main__":
    serve(tokenize_partitions, "take fewer --workers")
