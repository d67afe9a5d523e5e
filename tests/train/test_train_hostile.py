"""M2 and tokens directories whose hashes fit and whose files do not fit each other: refused in one line."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.progress import Progress

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import MANIFEST, write_manifest
from equalinfo.model.decoder import Decoder
from equalinfo.shards.export import export_tokens
from equalinfo.shards.format import tokens_manifest, write_shard
from equalinfo.shards.tokenize_sample import tokenizer_of
from equalinfo.sizes import SIZES
from equalinfo.train.m2 import load_m2
from equalinfo.train.m2_directory import save_model
from tests.support import untrained


def m2_directory(path: Path, **changes: Any) -> Path:
    tokenizer = untrained.tokenizer("Bytes")
    tokenizer.save_pretrained(path / "tokenizer")
    plan = {"first_only": False, "training": {"seed": 0}}
    model = Decoder(SIZES["65k"], tokenizer.vocab)
    model.init_weights(0)
    save_model(path, model, tokenizer, {"size": "65k", "sequence_length": 16, "plan": plan})
    config = json.loads((path / "config.json").read_bytes())
    (path / "config.json").write_text(json.dumps({**config, **changes}))
    write_manifest(path, "m2", tokenizer=tokenizer.fingerprint)
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"size": "2b"},
        {"size": "1k"},
        {"size": []},
        {"preset": "llama"},
        {"preset": "other"},
        {"vocab": 10**12},
        {"vocab": 10**30},
        {"vocab": 256.0},
        {"sequence_length": 0},
        {"sequence_length": "16"},
        {"plan": None},
    ],
)
def test_an_m2_that_is_not_what_its_config_says(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(EqualInfoError) as error:
        load_m2(m2_directory(tmp_path / "m2", **changes))
    assert "\n" not in str(error.value)


def test_an_m2_with_another_tokenizer(tmp_path: Path) -> None:
    path = m2_directory(tmp_path / "m2")
    load_m2(path)
    shutil.rmtree(path / "tokenizer")
    (path / "tokenizer").mkdir()
    untrained.tokenizer("AC[v=256]").write(path / "tokenizer")
    write_manifest(path, "m2", tokenizer=untrained.tokenizer("Bytes").fingerprint)
    with pytest.raises(DamagedArtifact, match="not the tokenizer"):
        load_m2(path)


def tokens_directory(path: Path) -> Path:
    tokenizer = untrained.tokenizer("Bytes")
    tokenizer.save_pretrained(path / "tokenizer")
    counts = {"examples": 1, "tokens": 3, "bytes": 3, "source_bytes": 3, "text": ""}
    for split in ("train", "validation"):
        write_shard(path / f"{split}-00000.arrow", [(np.array([5, 6, 7], np.uint16), 3, 3)], 256)
    fields = {"spec": "Bytes", "vocab": 256, "tokenizer": tokenizer.fingerprint, "windows_changed": None}
    write_manifest(path, "tokens", splits={"train": counts, "validation": counts}, example_bytes=9, **fields)
    return path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("splits", {"../train": None}),
        ("splits", []),
        ("vocab", "256"),
        ("tokenizer", None),
        ("partitions", [{"partition": 0, "pieces": [], "shards": {}}]),
        ("partitions", [5]),
    ],
)
def test_a_tokens_manifest_that_says_something_else(name: str, value: object, tmp_path: Path) -> None:
    path = tokens_directory(tmp_path / "inner" / "tokens")
    manifest = json.loads((path / MANIFEST).read_bytes())
    export_tokens(path, "datatrove", tmp_path / "inner" / "good", Progress(disable=True))
    (path / MANIFEST).write_text(json.dumps({**manifest, name: value}))
    with pytest.raises(DamagedArtifact, match=name) as error:
        export_tokens(path, "datatrove", tmp_path / "inner" / "bad", Progress(disable=True))
    assert "\n" not in str(error.value)
    assert {entry.name for entry in (tmp_path / "inner").iterdir()} == {"tokens", "good"}


def test_tokens_of_another_tokenizer(tmp_path: Path) -> None:
    path = tokens_directory(tmp_path / "tokens")
    manifest = tokens_manifest(path)
    tokenizer_of(path, manifest)
    with pytest.raises(DamagedArtifact, match="not the tokenizer"):
        tokenizer_of(path, {**manifest, "vocab": 257})
