"""The model class that lm-evaluation-harness calls; all it adds to `pipeline` is the harness's form of requests."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from tqdm import tqdm

from equalinfo.model.sampling import Choice
from equalinfo.pipeline.byte_scoring import ByteScorer
from equalinfo.pipeline.generating import END_OF_DOCUMENT, Generator, Settings

MOST_TOKENS = 256  # where a task names no limit


@register_model("equalinfo")
class EqualInfoLM(LM):
    """An M2 directory that scores text by bytes.

    Args:
        m2: directory that `equalinfo train-m2` made.
        batch_size: texts that are generated side by side.

    Other arguments, which the harness passes to every model, are ignored.

    Raises:
        EqualInfoError: not an M2 directory.
    """

    def __init__(self, m2: str, batch_size: int | str = 16, **_: Any) -> None:
        super().__init__()
        self.generator = Generator.load(Path(m2))
        context = self.generator.context
        assert context is not None
        self.scorer = ByteScorer(self.generator.model, self.generator.tokenizer, context)
        self.rows = int(batch_size) if str(batch_size).isdecimal() else 16

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """For each (context, continuation): log P(continuation | context) in nats, both as UTF-8 bytes, and
        whether the likeliest token each time gives the continuation."""
        pairs = [tuple(part.encode() for part in request.args) for request in requests]
        scores = [self.scorer.continuation(*pair) for pair in _shown(pairs, "loglikelihood", disable_tqdm)]
        return [(score, greedy) for score, greedy in zip(scores, self._are_greedy(pairs), strict=True)]

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        """log P of each whole text in nats, from an empty context.

        Tasks divide by its bytes, as `byte_perplexity` and `bits_per_byte` do.
        """
        texts = [request.args[0].encode() for request in requests]
        return [self.scorer.whole(text) for text in _shown(texts, "loglikelihood_rolling", disable_tqdm)]

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """Continuations up to the first of the task's `until` strings."""
        found = []
        for request in _shown(requests, "generate_until", disable_tqdm):
            prompt, options = request.args
            until = options.get("until") or []
            stops = [text.encode() for text in ([until] if isinstance(until, str) else until)]
            temperature = float(options.get("temperature") or 0.0) if options.get("do_sample") else 0.0
            settings = Settings(
                int(options.get("max_gen_toks", MOST_TOKENS)),
                choice=Choice(
                    temperature, int(options.get("top_k") or 0), float(options.get("top_p") or 1.0)
                ),
                stops=(*stops, END_OF_DOCUMENT),
            )
            (one,) = self.generator.continuations([prompt.encode()], settings)
            found.append(one.text.decode("utf-8", "replace"))
        return found

    def _are_greedy(self, pairs: list[tuple[bytes, ...]]) -> list[bool]:
        """For each (context, continuation), whether decoding without chance begins with the continuation."""
        settings = Settings(choice=Choice(0.0), stops=())
        greedy = [False] * len(pairs)
        if not self.generator.tokenizer.continues_prompts:
            return greedy
        # Texts of like length together, so that few rows run for the sake of others.
        order = sorted(range(len(pairs)), key=lambda index: (len(pairs[index][1]), pairs[index][0]))
        for start in range(0, len(order), self.rows):
            group = order[start : start + self.rows]
            longest = max(len(pairs[index][1]) for index in group)
            bounded = replace(settings, tokens=max(8 * longest, 1), max_bytes=max(longest, 1))
            contexts = sorted({pairs[index][0] for index in group})
            made = self.generator.continuations(contexts, bounded)
            texts = {one.prompt: one.text for one in made}
            for index in group:
                context, continuation = pairs[index]
                greedy[index] = texts[context].startswith(continuation)
        return greedy


def _shown(items: list[Any], what: str, disable: bool) -> Iterable[Any]:
    return tqdm(items, desc=f"equalinfo {what}", disable=disable)
