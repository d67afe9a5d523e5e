"""An M2 of preset `llama`, with its tokenizer, as the GGUF file that llama.cpp opens."""

from pathlib import Path

import numpy as np

from equalinfo.errors import EqualInfoError
from equalinfo.model.decoder import Decoder
from equalinfo.model.layers import NORM_EPSILON
from equalinfo.model.llama import ROPE_THETA
from equalinfo.outputs import Inputs
from equalinfo.tokens.gguf_form import add_vocabulary, gguf_file
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.m2 import load_m2

# llama.cpp's names of tensors, by ours.
_OUTER = {
    "embedding.weight": "token_embd.weight",
    "final_norm.gain": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
_IN_LAYER = {
    "attention_norm.gain": "attn_norm.weight",
    "query.weight": "attn_q.weight",
    "key.weight": "attn_k.weight",
    "value.weight": "attn_v.weight",
    "attention_out.weight": "attn_output.weight",
    "feed_forward_norm.gain": "ffn_norm.weight",
    "gate.weight": "ffn_gate.weight",
    "up.weight": "ffn_up.weight",
    "down.weight": "ffn_down.weight",
}


def export_m2(m2: Path, out: Path) -> dict[str, int | str]:
    """Writes an M2 directory as one GGUF file with float32 weights, whole or not at all.

    Raises:
        EqualInfoError: `m2` is no M2 directory, or as for `write_gguf`.
    """
    model, tokenizer, config = load_m2(m2)
    return write_gguf(model, tokenizer, config["sequence_length"], out, [m2])


def write_gguf(
    model: Decoder, tokenizer: Tokenizer, sequence_length: int, out: Path, inputs: Inputs = ()
) -> dict[str, int | str]:
    """Writes a decoder and its tokenizer.

    Args:
        sequence_length: positions it was trained on.

    Raises:
        EqualInfoError: the model is not of preset `llama`, llama.cpp cannot parse as the tokenizer's method does,
            `gguf` is not installed, or `out` cannot be written.
    """
    if model.preset != "llama":
        raise EqualInfoError(
            f"the layers of preset {model.preset} are not in llama.cpp, which has those of llama"
        )
    vocabulary = tokenizer.gguf_vocabulary()._replace(bos=model.bos_id)  # with which it was trained
    size, more = model.size, len(vocabulary.pieces) - vocabulary.vocab
    with gguf_file(out, str(tokenizer.spec), inputs) as writer:
        writer.add_context_length(sequence_length)
        writer.add_embedding_length(size.d_model)
        writer.add_block_count(size.n_layers)
        writer.add_feed_forward_length(size.d_ff)
        writer.add_head_count(size.n_heads)
        writer.add_head_count_kv(size.n_heads)
        writer.add_key_length(size.d_head)
        writer.add_value_length(size.d_head)
        writer.add_layer_norm_rms_eps(NORM_EPSILON)
        writer.add_rope_freq_base(ROPE_THETA)
        writer.add_rope_dimension_count(size.d_head)
        add_vocabulary(writer, vocabulary)
        names = _OUTER | {
            f"layers.{layer}.{ours}": f"blk.{layer}.{theirs}"
            for layer in range(size.n_layers)
            for ours, theirs in _IN_LAYER.items()
        }
        state = model.state_dict()
        for ours, theirs in names.items():
            array = state[ours].float().numpy()
            if ours in _OUTER and more and array.ndim == 2:
                # Rows of ids that are no M2's: those of the zero byte, which no document holds.
                array = np.concatenate([array, np.repeat(array[1:2], more, axis=0)])
            if ours.endswith((".query.weight", ".key.weight")):
                array = _pairs_side_by_side(array, size.n_heads)
            writer.add_tensor(theirs, array)
    return {"vocab": vocabulary.vocab, "tokenizer_model": vocabulary.model, "parameters": size.parameters}


def _pairs_side_by_side(weight: np.ndarray, n_heads: int) -> np.ndarray:
    """Rows of queries or keys so that the two that turn together are neighbours, as llama.cpp turns them."""
    rows, columns = weight.shape
    halves = weight.reshape(n_heads, 2, rows // n_heads // 2, columns)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows, columns))
