"""M2 inside lm-evaluation-harness: importing this registers the model "equalinfo" (extra `interchange`).

    import lm_eval, equalinfo.generate.lm_eval
    lm_eval.simple_evaluate(model="equalinfo", model_args="m2=DIR", tasks=[...])

`python -m equalinfo.generate.lm_eval ARGUMENTS` is the harness's own command line with that model in it.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lm_eval.__main__ import cli_evaluate
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import normalize_gen_kwargs
from tqdm import tqdm

from equalinfo.errors import EqualInfoError
from equalinfo.generate.byte_scoring import ByteScorer
from equalinfo.generate.generator import GenerationConfig, Generator
from equalinfo.model.sampling import SamplingParams
from equalinfo.outputs import refuse_in_artifact

MOST_TOKENS = 256  # where a task names no limit


@register_model("equalinfo")
class EqualInfoLM(LM):
    """An M2 directory that scores text by bytes.

    Args:
        m2: directory that `equalinfo train-m2` made.
        batch_size: texts that are generated side by side; "auto" takes 16.
        max_batch_size: the harness passes it to every model; it says no more than `batch_size` here.
        device: as PyTorch names it ("cpu", "cuda:0").
        seed: of drawn samples; default: PyTorch's, which the harness sets from its `--seed`.
        max_gen_toks: the most ids of a continuation where a task names no limit.

    Raises:
        EqualInfoError: not an M2 directory, no such device, or another argument.
    """

    def __init__(
        self,
        m2: str,
        batch_size: int | str = 16,
        max_batch_size: int | None = None,
        device: str = "cpu",
        seed: int | None = None,
        max_gen_toks: int = MOST_TOKENS,
        **unknown: Any,
    ) -> None:
        super().__init__()
        if unknown:
            raise EqualInfoError(f"model equalinfo has no argument {', '.join(unknown)}; leave it out")
        self.seed, self.max_gen_toks = seed, int(max_gen_toks)
        self.generator = Generator.load(Path(m2))
        try:
            self.generator.model.to(torch.device(device))
        # Not a name; not in this PyTorch; not in this machine.
        except (RuntimeError, AssertionError) as error:
            raise EqualInfoError(f"no device {device!r} here; choose --device cpu") from error
        context = self.generator.context
        assert context is not None
        self.scorer = ByteScorer(self.generator.model, self.generator.tokenizer, context)
        self.rows = int(batch_size) if str(batch_size).isdecimal() else 16

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """For each (context, continuation): log P(continuation | context) in nats, both as UTF-8 bytes, and
        whether the likeliest token each time gives the continuation."""
        pairs = [tuple(part.encode() for part in request.args) for request in requests]
        scores = [self.scorer.continuation(*pair) for pair in _shown(pairs, "loglikelihood", disable_tqdm)]
        return list(zip(scores, self._are_greedy(pairs), strict=True))

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        """log P of each whole text in nats, from an empty context.

        Tasks divide by its bytes, as `byte_perplexity` and `bits_per_byte` do.
        """
        texts = [request.args[0].encode() for request in requests]
        return [self.scorer.whole(text) for text in _shown(texts, "loglikelihood_rolling", disable_tqdm)]

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """Continuations up to the first of the task's `until` strings.

        Options mean what `lm_eval.models.utils.normalize_gen_kwargs` says. The harness gives a request once for each of
        the task's `repeats`: they are samples of their own.

        Raises:
            EqualInfoError: an option that has no meaning here.
        """
        settings = [self._settings(request.args[1]) for request in requests]
        seed = torch.initial_seed() if self.seed is None else self.seed
        texts, drawn = [], Counter[tuple[str, GenerationConfig]]()
        for request, config in zip(_shown(requests, "generate_until", disable_tqdm), settings, strict=True):
            prompt = request.args[0]
            sample = replace(config, seed=seed + drawn[prompt, config])
            drawn[prompt, config] += 1
            (one,) = self.generator.continuations([prompt.encode()], sample)
            texts.append(one.text.decode("utf-8", "replace"))
        return texts

    def _settings(self, options: dict[str, Any]) -> GenerationConfig:
        """What a task's generation options ask for."""
        asked: dict[str, Any] = dict(normalize_gen_kwargs(options, self.max_gen_toks))
        stops, tokens = asked.pop("until"), asked.pop("max_gen_toks")
        asked.pop("do_sample")  # it has made the temperature 0 where it says no
        choice = SamplingParams(
            float(asked.pop("temperature", 0.0)),
            int(asked.pop("top_k", None) or 0),
            float(asked.pop("top_p", None) or 1.0),
        )
        if asked.get("num_beams") == 1:  # some tasks say so
            del asked["num_beams"]
        if asked:
            unknown = ", ".join(f"{name}={value!r}" for name, value in asked.items())
            raise EqualInfoError(
                f"model equalinfo cannot generate with {unknown}; leave that out (it knows until, max_gen_toks, "
                "do_sample, temperature, top_k and top_p)"
            )
        return GenerationConfig(tokens, choice=choice, stops=tuple(stop.encode() for stop in stops if stop))

    def _are_greedy(self, pairs: list[tuple[bytes, ...]]) -> list[bool]:
        """For each (context, continuation), whether decoding without chance begins with the continuation."""
        settings = GenerationConfig(choice=SamplingParams(0.0))
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
            continuations = self.generator.continuations(contexts, bounded)
            texts = {one.prompt: one.text for one in continuations}
            for index in group:
                context, continuation = pairs[index]
                greedy[index] = texts[context].startswith(continuation)
        return greedy


def _shown(items: list[Any], what: str, disable: bool) -> Iterable[Any]:
    return tqdm(items, desc=f"equalinfo {what}", disable=disable)


def check_output(words: list[str]) -> None:
    """Raises EqualInfoError if the harness would write its results into an artifact, such as the M2 it measures."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--output_path", "-o", type=Path)
    path = parser.parse_known_args(words)[0].output_path
    if path is not None:
        refuse_in_artifact(path)


if __name__ == "__main__":
    try:
        check_output(sys.argv[1:])
        cli_evaluate()
    except EqualInfoError as error:
        sys.exit(f"error: {error}")
