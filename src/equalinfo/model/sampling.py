"""Continuing a sequence of ids, one sampled id at a time, with cached keys and values."""

from collections.abc import Iterator, Sequence

import torch

from equalinfo.model.decoder import Decoder, LayerCache


@torch.no_grad()
def sample(
    model: Decoder, prompt: Sequence[int], count: int, temperature: float, top_k: int, seed: int
) -> Iterator[int]:
    """Yields `count` ids that continue `prompt`.

    Args:
        temperature: divides the logits; 0 takes the likeliest id each time.
        top_k: sample among the k likeliest ids; 0 means among all.
        seed: of the draws.
    """
    model.eval()
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    caches = [LayerCache() for _ in model.layers]
    inputs = torch.tensor([[model.vocab, *prompt]], device=device)
    for _ in range(count):
        logits_V = model.logits(model.hidden(inputs, caches)[0, -1]).float().cpu()
        if temperature == 0:
            choice = int(logits_V.argmax())
        else:
            if 0 < top_k < model.vocab:
                smallest = logits_V.topk(top_k).values[-1]
                logits_V = logits_V.masked_fill(logits_V < smallest, float("-inf"))
            choice = int(torch.multinomial(torch.softmax(logits_V / temperature, 0), 1, generator=generator))
        yield choice
        inputs = torch.tensor([[choice]], device=device)
