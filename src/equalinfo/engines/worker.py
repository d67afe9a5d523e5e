"""A worker process of the local engine: hears of the job, then of one partition after the other."""

from importlib import import_module

from equalinfo.corpus.partitions import Partition
from equalinfo.engines.base import Job, in_several_tries
from equalinfo.processes import Driver, serve


def do_partitions(driver: Driver) -> None:
    """Says how many bytes are done, and the record of each partition."""
    message = driver.receive()
    job: Job = getattr(import_module(message["module"]), message["class"])(**message["fields"])
    work = job.opened()
    while True:
        partition = Partition.from_json(driver.receive())
        record = in_several_tries(work, partition, lambda count: driver.send({"done": count}))
        driver.send({"record": record})


if __name__ == "__main__":
    serve(do_partitions, "take fewer --workers")
