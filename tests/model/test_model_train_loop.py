import errno
import json
import math
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from rich.progress import Progress
from safetensors.torch import load_file

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.model import train_loop
from equalinfo.model.batches import SequenceBatches
from equalinfo.model.config import OPTIMIZERS, RuntimeConfig, TrainingConfig
from equalinfo.model.decoder import Decoder
from equalinfo.model.scoring import cut_sequences, total_nats
from equalinfo.model.storage import file_tensors, load_decoder, save_tensors
from equalinfo.model.train_loop import Trainer, TrainingData, resolved_precision
from equalinfo.sizes import SIZES, Size

ALWAYS = RuntimeConfig(checkpoint_seconds=0.0)

SIZE, VOCAB, STEPS = Size(32, 2, 1, 16, 64, 1), 16, 7
SEQUENCES = np.random.default_rng(0).integers(0, VOCAB, (11, 9)).astype(np.uint16)


class Killed(BaseException):
    """Not an Exception: nothing in the loop may catch it."""


class KilledAt(SequenceBatches):
    """Raises when batch `step` is read for the first time."""

    kill_at = -1

    def numbers(self, batch: int) -> list[int]:
        if batch == self.kill_at:
            raise Killed
        return super().numbers(batch)


@pytest.fixture(autouse=True)
def threads_as_before():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=OPTIMIZERS)
def plan(request) -> TrainingConfig:
    return TrainingConfig(
        steps=STEPS, batch_size=4, seed=5, optimizer=request.param, precision="float32", threads=1
    )


def run(
    plan: TrainingConfig,
    folder,
    kill_at: int = -1,
    model: Decoder | None = None,
    data: str = "data",
    execution: RuntimeConfig | None = None,
) -> Decoder:
    execution = execution or (ALWAYS if kill_at >= 0 else RuntimeConfig())
    model = model or Decoder(SIZE, VOCAB)
    batches = KilledAt(SEQUENCES, plan.batch_size, plan.seed)
    batches.kill_at = kill_at
    with Progress(disable=True) as progress:
        trainer = Trainer(model, TrainingData(batches, data, float), plan, folder / "state", execution)
        trainer.run(progress)
        trainer.write_log(folder / "log.jsonl")
    return model


def kept(folder) -> dict:
    """What the one checkpoint in `folder` says."""
    (path,) = (folder / "state").iterdir()
    return json.loads((path / "training.json").read_bytes())


def weights(model: Decoder) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


def test_the_same_plan_gives_the_same_weights(plan, tmp_path):
    assert weights(run(plan, tmp_path)) == weights(run(plan, tmp_path))
    assert weights(run(plan.model_copy(update={"seed": 6}), tmp_path)) != weights(run(plan, tmp_path))


@pytest.mark.parametrize("kills", [[step] for step in range(STEPS)] + [[2, 2, 5], [1, 2, 3, 4, 5, 6]])
def test_resuming_after_a_kill(plan, tmp_path, monkeypatch, kills):
    """Bit for bit the weights of an uninterrupted run, wherever it was stopped and however often."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    expected = weights(run(plan, tmp_path / "whole"))
    for kill_at in kills:
        with pytest.raises(Killed):
            run(plan, tmp_path / "killed", kill_at)
    model = Decoder(SIZE, VOCAB)
    seen = []
    read = KilledAt.numbers
    monkeypatch.setattr(KilledAt, "numbers", lambda self, batch: seen.append(batch) or read(self, batch))
    assert weights(run(plan, tmp_path / "killed", model=model)) == expected
    assert seen == list(range(kills[-1], STEPS))  # it did go on from where it was


def test_resuming_from_an_old_checkpoint(plan, tmp_path, monkeypatch):
    """Steps after the last checkpoint are lost and done again."""
    (tmp_path / "whole").mkdir()
    expected = weights(run(plan, tmp_path / "whole"))
    with pytest.raises(Killed):
        run(plan, tmp_path, 2)
    with pytest.raises(Killed):
        run(plan, tmp_path, 5, execution=RuntimeConfig(checkpoint_seconds=1e9))
    assert kept(tmp_path)["step"] == 2
    assert weights(run(plan, tmp_path)) == expected


def test_the_log_and_time_of_a_resumed_run(tmp_path, monkeypatch):
    plan = TrainingConfig(steps=STEPS, batch_size=2, precision="float32", threads=1)
    monkeypatch.setattr(train_loop, "LOG_EVERY", 2)
    with pytest.raises(Killed):
        run(plan, tmp_path, 5)
    run(plan, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4, 6, 7]
    seconds = [row["seconds"] for row in rows]
    assert seconds == sorted(seconds)
    assert all(0 < row["loss_nats"] < 20 for row in rows)


def test_a_state_of_another_run_is_refused(plan, tmp_path, monkeypatch):
    with pytest.raises(Killed):
        run(plan, tmp_path, 3)
    state = {path: path.read_bytes() for path in (tmp_path / "state").rglob("*.*")}
    others = [
        plan.model_copy(update={"seed": 6}),
        plan.model_copy(update={"steps": 8}),
        plan.model_copy(update={"batch_size": 5}),
        plan.model_copy(update={"threads": 2}),
    ]
    for other in [*others, plan.model_copy(update={"learning_rate": 0.5})]:
        with pytest.raises(EqualInfoError, match="other settings or data"):
            run(other, tmp_path)
    with pytest.raises(EqualInfoError, match="other settings or data"):
        run(plan, tmp_path, data="other data")
    with pytest.raises(EqualInfoError):
        run(
            plan.model_copy(update={"optimizer": "adamw" if plan.optimizer == "adafactor" else "adafactor"}),
            tmp_path,
        )
    with pytest.raises(EqualInfoError):
        run(plan, tmp_path, model=Decoder(replace(SIZE, d_ff=48), VOCAB))
    monkeypatch.setattr(TrainingConfig, "version", 1)  # an older release, whose order of the data was another
    with pytest.raises(EqualInfoError, match="other settings or data"):
        run(plan, tmp_path)
    assert {path: path.read_bytes() for path in (tmp_path / "state").rglob("*.*")} == state


def test_a_damaged_state(plan, tmp_path):
    with pytest.raises(Killed):
        run(plan, tmp_path, 3)
    (checkpoint,) = (tmp_path / "state").iterdir()
    (tensors,) = checkpoint.glob("*.safetensors")
    for path in (tensors, checkpoint / "training.json"):
        whole = path.read_bytes()
        for content in (b"", b"\x00" * 40, b"\x02\x00\x00\x00\x00\x00\x00\x00{}", whole[:-3]):
            path.write_bytes(content)
            with pytest.raises(DamagedArtifact, match="state") as error:
                run(plan, tmp_path)
            assert "\n" not in str(error.value)
        path.write_bytes(whole)
    run(plan, tmp_path)
    shutil.rmtree(tmp_path / "state")
    (tmp_path / "state").write_bytes(b"of an earlier version")
    with pytest.raises(EqualInfoError, match="delete it"):
        run(plan, tmp_path)


def test_what_a_kill_left_unfinished_is_no_checkpoint(plan, tmp_path):
    (tmp_path / "whole").mkdir()
    expected = weights(run(plan, tmp_path / "whole"))
    with pytest.raises(Killed):
        run(plan, tmp_path, 3)
    (checkpoint,) = (tmp_path / "state").iterdir()
    unfinished = checkpoint.with_name("step-00000004.part")
    shutil.copytree(checkpoint, unfinished)
    (unfinished / "training.json").unlink()
    assert weights(run(plan, tmp_path)) == expected
    assert not unfinished.exists()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number(plan, tmp_path, monkeypatch, value):
    real, calls = train_loop.next_id_loss, []

    def broken(*arguments):
        calls.append(1)
        total, nats = real(*arguments)
        return total, nats * value if len(calls) == 4 else nats

    monkeypatch.setattr(train_loop, "next_id_loss", broken)
    with pytest.raises(EqualInfoError, match="at step 3") as error:
        run(plan, tmp_path, execution=ALWAYS)
    assert "\n" not in str(error.value)
    assert kept(tmp_path)["step"] == 3


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_gradient_or_weight_that_is_no_number(tmp_path, monkeypatch, optimizer):
    """The loss is still finite where these are not; no state that holds them is ever kept."""
    plan = TrainingConfig(steps=STEPS, batch_size=4, optimizer=optimizer, precision="float32", threads=1)
    real, calls = train_loop.next_id_loss, []

    def infinite_gradient(*arguments):
        calls.append(1)
        total, nats = real(*arguments)
        return (total * math.inf if len(calls) == 3 else total), nats

    monkeypatch.setattr(train_loop, "next_id_loss", infinite_gradient)
    with pytest.raises(EqualInfoError, match=r"gradient's norm is (nan|inf) at step 2"):
        run(plan, tmp_path, execution=ALWAYS)
    monkeypatch.setattr(train_loop, "next_id_loss", real)
    assert kept(tmp_path)["step"] == 2

    model = Decoder(SIZE, VOCAB)

    def overflow(name, step, steps):
        if step == 4:
            model.layers[0].up.weight.data[0, 0] = math.inf
            model.layers[0].gate.weight.data[0] = 0.0  # what hides it from the loss
        return 1e-3

    monkeypatch.setattr(train_loop, "learning_rate_factor", overflow)
    with pytest.raises(EqualInfoError, match=r"at step [45]"):
        run(plan, tmp_path, model=model, execution=ALWAYS)
    assert kept(tmp_path)["step"] == 4
    tensors = load_file(next((tmp_path / "state").glob("*/*.safetensors")))
    assert all(bool(torch.isfinite(t).all()) for n, t in tensors.items() if n.startswith("model."))


# A checkpoint is put on disk in four steps: tensors, training.json, the folder's names, its own name.
@pytest.mark.parametrize("fails_at", [9, 10, 11])
def test_a_full_disk(tmp_path, monkeypatch, fails_at):
    """One line, and the state before it stays: training goes on from there once there is room."""
    plan = TrainingConfig(steps=STEPS, batch_size=4, precision="float32", threads=1)
    (tmp_path / "whole").mkdir()
    expected = weights(run(plan, tmp_path / "whole"))
    fsync, calls = os.fsync, []

    def full(handle):
        calls.append(1)
        if len(calls) == fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EqualInfoError, match="No space left on device") as error:
        run(plan, tmp_path, execution=ALWAYS)
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state", "whole"]
    assert kept(tmp_path)["step"] == 2
    monkeypatch.setattr(os, "fsync", fsync)
    assert weights(run(plan, tmp_path)) == expected


@pytest.mark.parametrize("preset", ["paper", "llama"])
def test_accumulated_batches_are_one_larger_batch(tmp_path, preset):
    """Weights differ by rounding alone; Adafactor and AdamW divide by gradients, so SGD-like steps tell best."""
    made = {}
    for batch_size, accumulate in [(8, 1), (4, 2), (2, 4)]:
        plan = TrainingConfig(
            steps=4, batch_size=batch_size, seed=3, optimizer="adamw", learning_rate=1e-3,
            precision="float32", threads=1, accumulate=accumulate, clip=0.5,
        )  # fmt: skip
        assert plan.sequences_per_step == 8
        made[accumulate] = run(plan, tmp_path, model=Decoder(SIZE, VOCAB, preset))
    for accumulate in (2, 4):
        for (name, a), b in zip(made[1].named_parameters(), made[accumulate].parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-4, msg=name)
    logs = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(logs[-1])["step"] == 4


def test_clipping(tmp_path, monkeypatch):
    norms = []
    real = torch.nn.utils.clip_grad_norm_

    def measured(parameters, largest):
        parameters = list(parameters)
        real(parameters, largest)
        norms.append(float(torch.nn.utils.get_total_norm([p.grad for p in parameters])))
        return torch.tensor(0.0)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", measured)
    for clip in (0.01, 0.0):
        run(TrainingConfig(steps=2, batch_size=4, precision="float32", threads=1, clip=clip), tmp_path)
    assert norms[:2] == pytest.approx([0.01, 0.01], rel=1e-3)
    assert min(norms[2:]) > 0.05


def test_training_learns(tmp_path):
    sequences = np.tile(np.arange(8, dtype=np.uint16), (6, 1))
    model = Decoder(SIZE, VOCAB)
    plan = TrainingConfig(steps=60, batch_size=6, optimizer="adamw", precision="float32", threads=1)
    with Progress(disable=True) as progress:
        data = TrainingData(SequenceBatches(sequences, 6, 0), "", float)
        seconds = Trainer(model, data, plan, tmp_path / "state").run(progress)
    assert seconds > 0
    assert total_nats(model, list(sequences)) / sequences.size < 0.2


def test_precision():
    assert resolved_precision("float32") == "float32"
    assert resolved_precision("auto") in ("float32", "bfloat16")
    with pytest.raises(ValidationError, match="choose"):
        TrainingConfig(steps=1, batch_size=1, precision="float16")


def test_scoring_sequences_of_different_lengths():
    model = Decoder(SIZE, VOCAB)
    model.init_weights(0)
    generator = np.random.default_rng(1)
    sequences = [generator.integers(0, VOCAB, length).astype(np.uint16) for length in [3, 9, 1, 5] * 10]
    expected, done = 0.0, []
    with torch.no_grad():
        for ids in sequences:
            tensor = torch.from_numpy(ids.astype(np.int64))[None]
            expected += float(torch.nn.functional.cross_entropy(model(tensor)[0], tensor[0], reduction="sum"))
    assert total_nats(model, sequences, done.append) == pytest.approx(expected, rel=1e-5)
    assert sum(done) == len(sequences)
    assert total_nats(model, []) == 0.0


def test_cutting_sequences():
    parts = cut_sequences(np.arange(7), 3)
    assert [part.tolist() for part in parts] == [[0, 1, 2], [3, 4, 5], [6]]
    assert cut_sequences(np.arange(0), 3) == []


def test_weights_on_disk(tmp_path):
    model, path = Decoder(SIZE, VOCAB), tmp_path / "model.safetensors"
    model.init_weights(1)
    save_tensors(path, file_tensors(model))
    assert weights(load_decoder(path, SIZE, VOCAB)) == weights(model)
    for size, vocab in ((SIZE, VOCAB + 1), (SIZE, 1 << 40), (SIZES["2b"], VOCAB)):
        with pytest.raises(DamagedArtifact) as error:
            load_decoder(path, size, vocab)
        assert "\n" not in str(error.value)
    with pytest.raises(DamagedArtifact, match="missing"):
        load_decoder(tmp_path / "none.safetensors", SIZE, VOCAB)
    data = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(data[:-1])
    with pytest.raises(DamagedArtifact):
        load_decoder(path, SIZE, VOCAB)
