"""The options that choose an engine, for verbs that go through a whole corpus."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from equalinfo.limits import MOST_WORKERS
from equalinfo.model.config import Config, one_of

if TYPE_CHECKING:
    from equalinfo.engines.base import Engine


class EngineSettings(Config):
    """Who goes through the partitions of a corpus; the result is the same."""

    engine: Annotated[str, one_of("engine", ("local", "ray"))] = Field(
        "local", description="local: processes here; ray: the cluster that ray.init finds."
    )
    workers: int = Field(
        0,
        ge=0,
        le=MOST_WORKERS,
        description="Processes that share a corpus, same result; 0: one per core, or per GPU.",
    )

    def opened(self, device: str = "cpu") -> "Engine":
        """The engine for work on a device; EqualInfoError if Ray is not installed."""
        on_gpu = device != "cpu"
        if self.engine == "local":
            from equalinfo.engines.local import LocalEngine

            return LocalEngine(self.workers or int(on_gpu))
        from equalinfo.engines.ray_data import RayEngine

        return RayEngine(self.workers, gpus=int(on_gpu))
