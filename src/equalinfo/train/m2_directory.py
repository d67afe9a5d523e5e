"""The files of an M2 directory that hold the model: ours for preset `paper`, Hugging Face's for `llama`.

A `llama` directory is itself what `AutoModelForCausalLM` opens, and `AutoTokenizer` where the method has an exported
tokenizer: config.json holds Hugging Face's keys beside ours, model.safetensors has Hugging Face's names. Both may save
into it again: the weights must stay, and ours in config.json, which the manifest holds too.
"""

import json
from pathlib import Path
from typing import Any

from equalinfo.errors import DamagedArtifact
from equalinfo.files import as_written, json_bytes, read_json
from equalinfo.model import hf_llama
from equalinfo.model.decoder import Decoder
from equalinfo.model.storage import file_tensors, load_decoder, save_tensors
from equalinfo.sizes import size_by_name
from equalinfo.tokens.hugging_face import FILES, TOKENIZER, TOKENIZER_CONFIG
from equalinfo.tokens.tokenizer import Tokenizer

WEIGHTS, CONFIG = "model.safetensors", "config.json"
SHARED = (*FILES, CONFIG)


def save_model(directory: Path, model: Decoder, tokenizer: Tokenizer, ours: dict[str, Any]) -> dict[str, Any]:
    """Writes config.json and the weights into an M2 directory that has its `tokenizer/` already.

    Args:
        ours: what config.json says besides the model's preset, size by name ("size") and vocabulary among it,
            and the "sequence_length" it was trained on.

    Returns:
        for the manifest: what config.json says, less Hugging Face's keys.
    """
    ours = {**ours, "preset": model.preset, "vocab": model.vocab}
    config = ours
    if model.preset != "llama":
        save_tensors(directory / WEIGHTS, file_tensors(model))
    else:
        save_tensors(directory / WEIGHTS, hf_llama.to_hugging_face(model), hf_llama.METADATA)
        config = ours | hf_llama.config(model, ours["sequence_length"], ours.get("eos"))
        if tokenizer.pad is not None:
            config["pad_token_id"] = tokenizer.pad
        if tokenizer.eos == model.bos_id and (directory / "tokenizer" / TOKENIZER).is_file():
            _save_tokenizer(directory, ours["sequence_length"])
    (directory / CONFIG).write_bytes(json_bytes(config))
    return ours


def read_config(directory: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """config.json of an M2 directory whose other files are those of `manifest`.

    Raises:
        DamagedArtifact: it was changed, and not only in Hugging Face's keys.
    """
    config: dict[str, Any] = read_json(directory / CONFIG)
    if not as_written(directory, manifest, CONFIG):
        ours = manifest.get("config", {})
        if not ours or ours != {key: config.get(key) for key in ours}:
            raise DamagedArtifact(f"{directory / CONFIG} is damaged (its SHA-256 differs); train M2 again")
    return config


def load_model(directory: Path, config: dict[str, Any]) -> Decoder:
    """The model of an M2 directory whose config.json says `config`.

    Raises:
        EqualInfoError: no such size or preset.
        DamagedArtifact: the weights do not fit it.
    """
    # Directories from before there were presets name none.
    size, preset = size_by_name(config["size"]), config.get("preset", "paper")
    names = hf_llama.names(size.n_layers) if preset == "llama" else None
    return load_decoder(directory / WEIGHTS, size, config["vocab"], preset, names)


def _save_tokenizer(directory: Path, sequence_length: int) -> None:
    """The exported tokenizer beside the model, made to begin each text with the start symbol and know M2's context.

    The one in `tokenizer/` does not: there ids are the text's alone. `add_special_tokens=False` gives those here.
    """
    fields = json.loads((directory / "tokenizer" / TOKENIZER).read_bytes())
    start = next(token for token in fields["added_tokens"] if token["id"] == 0)["content"]
    text, begin = {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": start, "type_id": 0}}
    second = {"Sequence": {"id": "B", "type_id": 1}}
    fields["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [begin, text],
        "pair": [begin, text, second],
        "special_tokens": {start: {"id": start, "ids": [0], "tokens": [start]}},
    }
    (directory / TOKENIZER).write_bytes(json.dumps(fields, ensure_ascii=False).encode())
    config = json.loads((directory / "tokenizer" / TOKENIZER_CONFIG).read_bytes())
    config |= {"bos_token": start, "model_max_length": sequence_length}
    (directory / TOKENIZER_CONFIG).write_bytes(json_bytes(config))
