"""The decoder that is M1 and M2: ids in, logits out, with the layers of a preset in between.

Shape suffixes as in `layers.py`.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from equalinfo.errors import EqualInfoError
from equalinfo.model.config import PRESETS
from equalinfo.model.layers import Layer, LayerCache, RMSNorm, normal_draws
from equalinfo.model.llama import LlamaLayer
from equalinfo.model.paper import PaperLayer
from equalinfo.sizes import Size

LAYERS: dict[str, type[Layer]] = {"paper": PaperLayer, "llama": LlamaLayer}
LLAMA_EMBEDDING = 0.02  # as Hugging Face and Llama init_weights


def file_name(name: str) -> str:
    """A tensor's name in files, which call the output table as the first models did."""
    return "logits.weight" if name == "lm_head.weight" else name


class Decoder(nn.Module):
    """Predicts each id from the ids before it; the first from a start symbol.

    Input and output tables are separate in both presets, as in T5 1.1: then presets differ in their layers alone.

    Args:
        size: dimensions.
        vocab: number of ids.
        preset: "paper", whose start symbol is one more row of the input table; or "llama", whose start
            symbol is id 0, so that input and output have `vocab` rows each, as Hugging Face wants. Methods with an
            exported tokenizer keep id 0 free; with others, id 0 is read as the start where nothing stands before it.

    Raises:
        EqualInfoError: no such preset.

    Examples:
        >>> import torch
        >>> from equalinfo.sizes import size_by_name
        >>> model = Decoder(size_by_name("65k"), vocab=256)
        >>> model.init_weights(seed=0)
        >>> tuple(model(torch.zeros(2, 5, dtype=torch.int64)).shape)
        (2, 5, 256)
    """

    def __init__(self, size: Size, vocab: int, preset: str = "paper") -> None:
        super().__init__()
        if preset not in LAYERS:
            raise EqualInfoError(f"no preset {preset!r}; choose one of {', '.join(PRESETS)}")
        self.size, self.vocab, self.preset = size, vocab, preset
        self.bos_id = vocab if preset == "paper" else 0
        self.embedding = nn.Embedding(max(vocab, self.bos_id + 1), size.d_model)
        self.layers = nn.ModuleList(LAYERS[preset](size) for _ in range(size.n_layers))
        self.final_norm = RMSNorm(size.d_model)
        self.lm_head = nn.Linear(size.d_model, vocab, bias=False)

    def init_weights(self, seed: int) -> None:
        """Draws the weights, from `seed` alone; each preset's layers say how wide."""
        normal = normal_draws(seed)
        normal(self.embedding.weight, 1.0 if self.preset == "paper" else LLAMA_EMBEDDING)
        for layer in self.layers:
            assert isinstance(layer, Layer)
            layer.init_weights(normal)
        normal(self.lm_head.weight, self.size.d_model**-0.5)
        RMSNorm.reset_all(self)

    def hidden(
        self, inputs_BT: Tensor, caches: list[LayerCache] | None = None, added_BTD: Tensor | None = None
    ) -> Tensor:
        """Final hidden states [B, T, D] of input ids (start symbol: `bos_id`), after any cached positions.

        Args:
            added_BTD: what else is known at each position, added to the embeddings.
        """
        past = 0 if caches is None or caches[0].k is None else caches[0].k.shape[2]
        positions = LAYERS[self.preset].positions(self.size, past, inputs_BT.shape[1], inputs_BT.device)
        x_BTD = self.embedding(inputs_BT)
        if added_BTD is not None:
            x_BTD = x_BTD + added_BTD
        for index, layer in enumerate(self.layers):
            x_BTD = layer(x_BTD, positions, caches[index] if caches else None)
        return self.final_norm(x_BTD)

    def forward(self, ids_BT: Tensor) -> Tensor:
        """Logits [B, T, V]; row t predicts ids[:, t] from ids[:, :t]."""
        return self.lm_head(self.hidden(self.shifted(ids_BT)))

    def shifted(self, ids_BT: Tensor) -> Tensor:
        """The inputs that predict `ids_BT`: the start symbol, then all but the last id."""
        return F.pad(ids_BT[:, :-1], (1, 0), value=self.bos_id)
