"""What healing a prompt's end is worth, in bits/byte of the true continuation: results/healing.json.

    make demo
    python -m benchmarks.healing --run runs/demo

Held-out text is cut inside words, at random places. For each cut, the M2 is asked how likely the next bytes of the
text are: `plain`, after the tokens of the prompt as they are; `healed`, after the prompt's settled tokens, among all
ways to go on that agree with the bytes taken back. Both add up the likely ways to write the bytes in tokens, so
neither is at a disadvantage for how the tokenizer would have cut them. The same is done where words start, for
comparison.
"""

import argparse
import math
import random
from pathlib import Path
from typing import Any

from benchmarks._common import machine, training_and_held_out
from equalinfo.errors import EqualInfoError
from equalinfo.files import read_json, write_json
from equalinfo.generate.generator import Generator
from equalinfo.generate.token_healing import completions, split_unsettled
from equalinfo.model.continuations import Branches
from equalinfo.score.metrics import mean_and_deviation

PROMPT_BYTES, NEXT_BYTES = 200, 20
SHARE, WIDEST = 1e-4, 16  # ways that are followed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, default=Path("runs/demo"), help="directory of `equalinfo run`")
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("results/healing.json"))
    given = parser.parse_args()
    found = sorted(path.parent for path in (given.run / "m2").glob("*/equalinfo.json"))
    if not found:
        raise EqualInfoError(f"no M2 in {given.run / 'm2'}: run `make demo` first")
    _, held_out = training_and_held_out()
    rows = []
    for path in found:
        generator = Generator.load(path)
        # Without strings nothing is taken back, and bytes depend on nothing.
        if generator.strings is not None and str(generator.tokenizer.spec) != "Bytes":
            trained = read_json(path / "config.json")["measured"]
            made = {name: trained[name] for name in ("size", "steps", "seed", "bits_per_byte")}
            rows.append({**measure(generator, held_out, given.cuts), "m2": made})
            print(rows[-1], flush=True)
    settings = {"cuts": given.cuts, "prompt_bytes": PROMPT_BYTES, "next_bytes": NEXT_BYTES}
    write_json(given.out, {"machine": machine(), **settings, "methods": rows})


def measure(generator: Generator, documents: list[bytes], cuts: int) -> dict[str, Any]:
    """Bits/byte of the next bytes by method, cut inside words and where words start, with standard errors."""
    row: dict[str, Any] = {"method": str(generator.tokenizer.spec)}
    for name, inside in (("inside_words", True), ("word_starts", False)):
        pairs = [bits(generator, prompt, text) for prompt, text in places(documents, cuts, inside)]
        plain, healed = ([pair[index] / NEXT_BYTES for pair in pairs] for index in (0, 1))
        gains = [one - other for one, other in zip(plain, healed, strict=True)]
        gain, deviation = mean_and_deviation(gains)
        row[name] = {
            "plain_bits_per_byte": mean_and_deviation(plain)[0],
            "healed_bits_per_byte": mean_and_deviation(healed)[0],
            "gain": gain,
            "gain_standard_error": (deviation or 0.0) / math.sqrt(cuts),
        }
    return row


def places(documents: list[bytes], count: int, inside: bool) -> list[tuple[bytes, bytes]]:
    """Prompts and what follows them, cut between two letters of a word or before a space; the same every time."""
    chance = random.Random(0)
    long = [document for document in documents if len(document) > 4 * (PROMPT_BYTES + NEXT_BYTES)]
    found: list[tuple[bytes, bytes]] = []
    while len(found) < count:
        document = chance.choice(long)
        at = chance.randrange(PROMPT_BYTES, len(document) - NEXT_BYTES)
        before, after = document[at - 1 : at], document[at : at + 1]
        if (before.isalpha() and after.isalpha()) if inside else (before.isalpha() and after == b" "):
            found.append((document[at - PROMPT_BYTES : at], document[at : at + NEXT_BYTES]))
    return found


def bits(generator: Generator, prompt: bytes, text: bytes) -> tuple[float, float]:
    """-log2 P(text | prompt), without and with healing."""
    strings = generator.strings
    assert strings is not None

    def nats(ids: list[int], *texts: bytes) -> list[float]:
        branches = Branches(generator.model, ids, generator.context, generator.never)
        return [
            -completions(strings, branches, one, SHARE, WIDEST).log_probability if one else 0.0
            for one in texts
        ]

    ids = generator.tokenizer.encode_prompt(prompt).tolist()
    kept, rest = split_unsettled(strings, prompt, ids)
    (plain,) = nats(ids, text)
    dropped, whole = nats(kept, rest, rest + text)
    return plain / math.log(2), (whole - dropped) / math.log(2)


if __name__ == "__main__":
    main()
