"""torch's Adafactor for parameters that FSDP2 has cut into parts."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor, Replicate

OPTIONS = ("lr", "beta2_decay", "eps", "d", "weight_decay", "maximize")


class ShardedAdafactor(torch.optim.Adafactor):
    """Gathers one parameter at a time, lets torch's Adafactor step it whole, and keeps this process's part.

    torch's own works in place on row and column means, which parts of a tensor cannot have. The means are all the
    state there is, and small, so every process keeps them whole: a checkpoint is that of an unsharded run.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        assert closure is None
        for group in self.param_groups:
            options: dict[str, Any] = {name: group[name] for name in OPTIONS}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                whole = nn.Parameter(parameter.full_tensor())
                whole.grad = parameter.grad.full_tensor()
                optimizer = torch.optim.Adafactor([whole], **options)
                optimizer.state[whole] = self.state[parameter]
                optimizer.step()
                everywhere = DTensor.from_local(whole.detach(), parameter.device_mesh, [Replicate()])
                part = everywhere.redistribute(placements=parameter.placements).to_local()
                parameter.to_local().copy_(part)
