"""A decoder of ids that is told something else at each position: what another model knows of the text so far."""

from torch import Tensor, nn

from equalinfo.model.decoder import LLAMA_EMBEDDING, Decoder
from equalinfo.model.layers import RMSNorm, normal_draws
from equalinfo.sizes import Size


class InformedDecoder(Decoder):
    """As `Decoder`, with a vector of `features` numbers at each position, added to its embedding.

    Examples:
        >>> import torch
        >>> from equalinfo.sizes import size_by_name
        >>> model = InformedDecoder(size_by_name("65k"), vocab=16, features=8)
        >>> model.init_weights(seed=0)
        >>> tuple(model.told(torch.zeros(1, 5, 8)).shape)
        (1, 5, 64)
    """

    def __init__(self, size: Size, vocab: int, features: int) -> None:
        super().__init__(size, vocab, "llama")
        self.features_norm = RMSNorm(features)
        self.inform = nn.Linear(features, size.d_model, bias=False)

    def init_weights(self, seed: int) -> None:
        """As `Decoder.init_weights`; what is told weighs as much as the embedding at first."""
        super().init_weights(seed)
        normal_draws(seed + 1)(self.inform.weight, LLAMA_EMBEDDING * self.inform.in_features**-0.5)

    def told(self, features_BTF: Tensor) -> Tensor:
        """What is added to the embeddings, [B, T, D]."""
        centred = features_BTF - features_BTF.mean(-1, keepdim=True)
        return self.inform(self.features_norm(centred))
