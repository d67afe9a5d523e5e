"""Decoders of preset `llama` as Hugging Face's `LlamaForCausalLM`: the same tensors under its names."""

from typing import Any

from torch import Tensor

from equalinfo.model.decoder import Decoder
from equalinfo.model.layers import NORM_EPSILON
from equalinfo.model.llama import ROPE_THETA

METADATA = {"format": "pt"}  # Hugging Face reads no safetensors file without it
_OUTER = {
    "embedding.weight": "model.embed_tokens.weight",
    "final_norm.gain": "model.norm.weight",
    "lm_head.weight": "lm_head.weight",
}
_IN_LAYER = {
    "attention_norm.gain": "input_layernorm.weight",
    "query.weight": "self_attn.q_proj.weight",
    "key.weight": "self_attn.k_proj.weight",
    "value.weight": "self_attn.v_proj.weight",
    "attention_out.weight": "self_attn.o_proj.weight",
    "feed_forward_norm.gain": "post_attention_layernorm.weight",
    "gate.weight": "mlp.gate_proj.weight",
    "up.weight": "mlp.up_proj.weight",
    "down.weight": "mlp.down_proj.weight",
}


def names(n_layers: int) -> dict[str, str]:
    """Hugging Face's name of every tensor of a decoder with so many layers, by ours."""
    layers = {
        f"layers.{index}.{ours}": f"model.layers.{index}.{theirs}"
        for index in range(n_layers)
        for ours, theirs in _IN_LAYER.items()
    }
    return _OUTER | layers


def to_hugging_face(model: Decoder) -> dict[str, Tensor]:
    """The model's tensors under Hugging Face's names."""
    state = model.state_dict()
    return {theirs: state[ours] for ours, theirs in names(model.size.n_layers).items()}


def config(model: Decoder, sequence_length: int, eos: int | None) -> dict[str, Any]:
    """What Hugging Face's config.json says of a decoder of preset `llama`.

    Args:
        sequence_length: positions it was trained on.
        eos: the id that ends a text, None where there is none.
    """
    size = model.size
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "float32",
        "vocab_size": model.vocab,
        "hidden_size": size.d_model,
        "intermediate_size": size.d_ff,
        "num_hidden_layers": size.n_layers,
        "num_attention_heads": size.n_heads,
        "num_key_value_heads": size.n_heads,
        "head_dim": size.d_head,
        "hidden_act": "silu",
        "rms_norm_eps": NORM_EPSILON,
        "rope_theta": ROPE_THETA,  # read by transformers 4, the next by transformers 5
        "rope_parameters": {"rope_type": "default", "rope_theta": ROPE_THETA},
        "max_position_embeddings": sequence_length,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "bos_token_id": model.bos_id,
        "eos_token_id": eos,
    }
