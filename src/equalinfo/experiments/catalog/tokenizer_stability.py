"""How stable the mapping from text to tokens is: another first word, one word in many places (figure 8)."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import bars, listed
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.verdicts import less, rising
from equalinfo.experiments.workspace import ExperimentContext, Job, slug
from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.score.measurements import Measurement
from equalinfo.score.metrics import entropy_bits
from equalinfo.tokens.tokenizer import Tokenizer

# A sentence of our own of about the length of a short paragraph; only its first word changes.
SENTENCE = (
    " people who live near the river have asked the council to build a new bridge before the winter, because "
    "the old one was closed after the flood and the way to the school is now an hour longer than it was."
)
FIRST_WORDS = 500
DISTANCE, SEQUENCES = "normalised_edit_distance", "token_sequences_per_place"
WORDS, PLACES = 150, 30
QUANTILES = (10, 50, 90)
WORD = re.compile(rb"[A-Za-z]+")


def methods(scale: Scale) -> list[str]:
    windows = [scale.windows(bits) for bits in (32, 64, 128)]
    return list(dict.fromkeys([*scale.recipe.methods, *windows]))


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for method in methods(work.scale):
        about = (method, SENTENCE, FIRST_WORDS, WORDS, PLACES)
        yield Job(slug(method), about, partial(stability, work, method))


def stability(work: ExperimentContext, method: str) -> list[Measurement]:
    """How stable a method's mapping is, by both measures."""
    tokenizer = work.tokenizer(method)
    texts = [example.data for example in work.validation]
    return [*first_words(work, method, tokenizer, texts), *words(work, method, tokenizer, texts)]


def common_words(text: bytes, count: int, shortest: int) -> list[bytes]:
    """The most frequent words of a text, as they stand there; ties by alphabet."""
    counted = Counter(word for word in WORD.findall(text) if len(word) >= shortest)
    return [word for word, _ in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:count]]


def first_words(
    work: ExperimentContext, method: str, tokenizer: Tokenizer, texts: list[bytes]
) -> list[Measurement]:
    """Edit distances of the sentence under each first word to that under the first of them, per token of the longer."""
    starts = [word[:1].upper() + word[1:] for word in common_words(b"\n".join(texts), FIRST_WORDS, 2)]
    streams = [
        ids.tolist() for ids in tokenizer.encode_batch([start + SENTENCE.encode() for start in starts])
    ]
    distances = [
        Levenshtein.distance(streams[0], other) / max(len(streams[0]), len(other)) for other in streams[1:]
    ]
    rows = [work.mean_row(method, DISTANCE, distances)]
    for quantile in QUANTILES:
        value = float(np.percentile(distances, quantile))
        rows.append(work.row(method, f"{DISTANCE}_percentile", value, percentile=quantile))
    return rows


def words(
    work: ExperimentContext, method: str, tokenizer: Tokenizer, texts: list[bytes]
) -> list[Measurement]:
    """How many token sequences cover a word, over places where it stands in held-out text.

    A word's tokens are those of all pieces that hold a byte of it. No rows for methods whose ids have no place in the
    text (codes that run through the whole).
    """
    if not tokenizer.places_in_text:
        return []
    wanted = set(common_words(b"\n".join(texts), WORDS, 4))
    sequences: dict[bytes, list[tuple[int, ...]]] = defaultdict(list)
    for text, pieces in zip(texts, tokenizer.segments_batch(texts), strict=True):
        ends = np.cumsum([len(piece) for piece, _ in pieces])
        for match in WORD.finditer(text):
            if match[0] in wanted and len(sequences[match[0]]) < PLACES:
                first, last = np.searchsorted(ends, [match.start(), match.end() - 1], "right")
                covering = [token for _, ids in pieces[first : last + 1] for token in ids]
                sequences[match[0]].append(tuple(covering))
    distinct, entropies = [], []
    for written in sequences.values():
        if len(written) < PLACES:
            continue
        counts = np.array(list(Counter(written).values()))
        distinct.append(len(counts) / len(written))
        entropies.append(entropy_bits(counts))
    if not distinct:
        return []
    where: dict[str, Any] = {"places": PLACES, "words": len(distinct)}
    return [
        work.mean_row(method, SEQUENCES, distinct, **where),
        work.mean_row(method, "token_sequence_entropy_bits", entropies, **where),
    ]


def findings(rows: Rows) -> list[Finding]:
    short = "EqualInfoAC[b=16,v=256]"
    pieces = rows.method("SentencePiece", quantity=DISTANCE)
    order = [pieces, short, "AC[v=256]"]
    claims = [
        rising([(method, rows.estimate(DISTANCE, method)) for method in order]).on(
            "A changed first word moves SentencePiece's tokens least, AC's most, EqualInfoAC's between",
            "the same order in figure 8",
        ),
        less(rows, SEQUENCES, pieces, short).on(
            "A word has fewer different token sequences under SentencePiece than under EqualInfoAC"
        ),
    ]
    if bounded := next((m for m in rows.methods(DISTANCE) if m.endswith(",fewest,words]")), None):
        claims.append(
            less(rows, SEQUENCES, bounded, short).on(
                "Ours: with word bounds a word has fewer token sequences than in windows"
            )
        )
    windows = [f"EqualInfoAC[b={bits},v=256]" for bits in (16, 32, 64, 128)]
    reach = rising([(method, rows.estimate(DISTANCE, method)) for method in windows])
    return [*claims, reach.on("The longer the window, the further a change reaches")]


def compared(rows: Rows) -> list[Compared]:
    return listed(rows, DISTANCE, SEQUENCES, "token_sequence_entropy_bits")


def figure(rows: Rows) -> Figure:
    names, quantity = rows.methods(DISTANCE), f"{DISTANCE}_percentile"
    low, mid, high = ([rows.mean(quantity, name, percentile=p) for name in names] for p in QUANTILES)
    first = Series("edit distance", names, mid, low, high, kind="bars")
    second = bars(rows, SEQUENCES, "token sequences of a word")
    shown = "500 first words: median, 10th to 90th percentile"
    panels = [
        Panel(shown, "", "edit distance / tokens of the sentence", [first]),
        Panel(
            f"{PLACES} places of a word, mean ± 2 standard errors",
            "",
            "different token sequences / places",
            [second],
        ),
    ]
    return Figure("Stability of the mapping from text to tokens (figure 8, and words in many places)", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="figure 8; words in many places are ours",
    measures="Edit distance of a sentence's tokens under 500 first words; how many token sequences one word gets.",
    minutes=11,
    cost=Cost(also="minutes on a CPU, once M1 is trained"),
    version=2,
    limits="Codes that run through a whole text (AC, StaticAC, GZip) have no tokens of a word, only edit distances.",
)
