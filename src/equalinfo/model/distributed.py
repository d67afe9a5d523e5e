"""The processes that train one model together, as torchrun starts them; alone, there is one.

Every process sees the same batches in the same order and computes its own part of each, so a run may go on with
more or fewer processes than it began with.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from equalinfo.errors import EqualInfoError
from equalinfo.model.decoder import Decoder

# While the first process writes a large checkpoint the others wait for it.
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True)
class DistributedContext:
    """This process among those that train together.

    Args:
        rank: number of this process, from 0.
        world_size: how many there are.
        device: where this one computes.
        strategy: "ddp" (each holds the whole model), or "fsdp" (each holds a part of every tensor; FSDP2).
    """

    rank: int = 0
    world_size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    strategy: str = "ddp"

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and reports."""
        return self.rank == 0

    @property
    def sharded(self) -> bool:
        return self.world_size > 1 and self.strategy == "fsdp"

    def wrap(self, objective: nn.Module, layers: nn.ModuleList) -> nn.Module:
        """`objective`, whose `layers` hold most parameters, trained by all processes; gradients are their mean."""
        objective.to(self.device)
        if self.world_size == 1:
            return objective
        if not self.sharded:
            device_ids = [self.device] if self.device.type == "cuda" else None
            return DistributedDataParallel(objective, device_ids=device_ids, gradient_as_bucket_view=True)
        mesh: DeviceMesh = init_device_mesh(self.device.type, (self.world_size,))
        for layer in layers:
            fully_shard(layer, mesh=mesh)
        fully_shard(objective, mesh=mesh)
        return objective

    def without_sync(self, objective: nn.Module) -> AbstractContextManager[None]:
        """Inside, gradients add up in each process and are shared later, where that saves anything."""
        return objective.no_sync() if isinstance(objective, DistributedDataParallel) else nullcontext()

    def all_reduce_sum(self, *values: float | Tensor) -> list[float]:
        """The sum of each value over all processes."""
        total = torch.stack([torch.as_tensor(v, dtype=torch.float64, device="cpu") for v in values])
        if self.world_size > 1:
            total = total.to(self.device)
            dist.all_reduce(total)
        return total.tolist()

    def broadcast(self, text: str) -> str:
        """What the first process says, in all."""
        said = [text]
        if self.world_size > 1:
            dist.broadcast_object_list(said, device=self.device)
        return said[0]

    def full_model(self, model: Decoder) -> Decoder:
        """The whole model on the CPU, in the first process; in others it may hold anything."""
        if not self.sharded:
            return model.cpu()
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        weights = get_model_state_dict(model, options=options)
        whole = Decoder(model.size, model.vocab, model.preset)
        if self.is_main:
            whole.load_state_dict(weights)
        return whole


def device_of(name: str) -> torch.device:
    """The device that "auto", "cpu" or "cuda" means for this process.

    Raises:
        EqualInfoError: no such device here.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise EqualInfoError("this machine has no GPU that PyTorch can use; choose --device cpu")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def single_process() -> DistributedContext:
    """This process by itself, on a GPU where there is one."""
    return DistributedContext(device=device_of("auto"))


def launched_by_torchrun() -> bool:
    """Whether torchrun started this process beside others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def launched_first() -> bool:
    """Whether this process is the one that writes and reports; known before it has joined the others."""
    return dist.get_rank() == 0 if dist.is_initialized() else os.environ.get("RANK", "0") == "0"


@contextmanager
def distributed_context(strategy: str = "ddp", device: str = "auto") -> Iterator[DistributedContext]:
    """Joins the processes that torchrun started; outside of torchrun there is only this one.

    Raises:
        EqualInfoError: no such device here.
    """
    place = device_of(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if not launched_by_torchrun():
        yield DistributedContext(device=place, strategy=strategy)
        return
    # Groups made one after another can miss each other, so a caller's own is used and left as it is.
    joined_before = dist.is_initialized()
    if not joined_before:
        dist.init_process_group("nccl" if place.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield DistributedContext(dist.get_rank(), dist.get_world_size(), place, strategy)
    finally:
        if not joined_before:
            dist.destroy_process_group()
