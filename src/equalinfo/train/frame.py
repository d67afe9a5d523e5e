"""The frame of training M1 and M2: processes that train together, a state to go on from, a directory written whole."""

import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from rich.progress import Progress

from equalinfo.model.checkpoint import training_output
from equalinfo.model.config import RuntimeConfig, TrainingConfig
from equalinfo.model.decoder import Decoder
from equalinfo.model.distributed import device_of, distributed_context
from equalinfo.model.train_loop import Trainer, TrainingData
from equalinfo.outputs import Inputs

Figures = TypeVar("Figures")


class Training(ABC, Generic[Figures]):
    """One model to train: `prepare` reads what it learns from, `finish` measures it and writes its directory.

    Args:
        inputs: what is read; OUT may be none of it.
    """

    kind: ClassVar[str]
    title: str

    def __init__(self, config: TrainingConfig, runtime: RuntimeConfig | None, inputs: Inputs) -> None:
        self.config, self.runtime, self.inputs = config, runtime or RuntimeConfig(), inputs

    @abstractmethod
    def prepare(self, is_main: bool) -> tuple[Decoder, TrainingData]:
        """The model and its data; in the first of several processes, with all that is checked."""

    @abstractmethod
    def finish(self, model: Decoder, seconds: float, directory: Path, progress: Progress) -> Figures:
        """Measures the trained model, which is on the CPU, and writes all files but the log."""

    def run(self, out: Path, progress: Progress) -> Figures | None:
        """Trains, or resumes an interrupted training, and writes OUT.

        Returns:
            what `finish` gives; None in other processes than the first.

        Raises:
            EqualInfoError: no such device, OUT holds something else, or training diverges.
        """
        device_of(self.runtime.device)
        with training_output(out, self.kind, self.inputs) as (output, state):
            with distributed_context(self.runtime.strategy, self.runtime.device) as context:
                model, data = self.prepare(context.is_main)
                trainer = Trainer(model, data, self.config, state, self.runtime, context, self.title)
                seconds = trainer.run(progress)
                model = context.full_model(model)
            if not output:
                return None
            trainer.write_log(output.new / "log.jsonl")
            figures = self.finish(model, seconds, output.new, progress)
            output.put()
            shutil.rmtree(state, ignore_errors=True)
            return figures
