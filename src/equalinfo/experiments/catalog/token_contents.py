"""What windows and tokens contain: their readings, the words they cross, the commonest (tables 7, 8, 14, figure 9)."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import listed
from equalinfo.experiments.rows import Estimate, Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.statistics import mean_error
from equalinfo.experiments.verdicts import near, positive
from equalinfo.experiments.workspace import ExperimentContext, Job, slug
from equalinfo.figures.figure import Figure, Panel, Series
from equalinfo.score.measurements import Measurement
from equalinfo.score.metrics import entropy_bits
from equalinfo.tokens.show import visible
from equalinfo.tokens.tokenizer import Tokenizer

COMMONEST = 10
LEAST_SEEN = 5  # occurrences of an id below which its readings say nothing


def methods(scale: Scale) -> list[str]:
    """Windows of one and of several tokens, ours, and SentencePiece beside them."""
    wide = scale.wide
    ours = [f"EqualInfo[v={wide}]", f"EqualInfo[v={wide},fewest]", f"EqualInfo[v={wide},fewest,words]"]
    windows = [scale.windows(bits) for bits in (16, 32, 64)]
    several = scale.windows(2 * scale.wide_bits, wide)
    return list(dict.fromkeys([scale.one_token, several, *windows, *ours, scale.sentencepiece]))


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for method in methods(work.scale):
        yield Job(slug(method), (method, COMMONEST, LEAST_SEEN), partial(measured, work, method))


def measured(work: ExperimentContext, method: str) -> list[Measurement]:
    tokenizer = work.tokenizer(method)
    examples = tokenizer.segments_batch([example.data for example in work.validation])
    segments = [segment for cut in examples for segment in cut]
    return [*contents(work, method, segments), *readings(work, method, tokenizer, segments)]


Segments = list[tuple[bytes, list[int]]]


def contents(work: ExperimentContext, method: str, segments: Segments) -> list[Measurement]:
    """Lengths, words and characters crossed, and the commonest windows."""
    texts = [text for text, _ in segments]
    lengths = [len(text) for text in texts]
    follows = [b"", *texts[:-1]]
    crossing = [crosses_word_start(text) for text in texts]
    begins = [begins_word(before, text) for before, text in zip(follows, texts, strict=True)]
    whole = [is_text(text) for text in texts]
    rows = [
        work.mean_row(method, "bytes_per_window", lengths),
        work.mean_row(method, "windows_across_words_share", crossing),
        work.mean_row(method, "windows_at_word_start_share", begins),
        work.mean_row(method, "windows_valid_utf8_share", whole),
    ]
    for percentile in (5, 25, 50, 75, 95):
        value = float(np.percentile(lengths, percentile))
        rows.append(work.row(method, "bytes_per_window_percentile", value, percentile=percentile))
    common = sorted(Counter(texts).items(), key=lambda pair: (-pair[1], pair[0]))[:COMMONEST]
    for rank, (text, count) in enumerate(common, start=1):
        share = count / len(texts)
        rows.append(work.row(method, "share_of_windows", share, rank=rank, text=visible(text)))
    return rows


def crosses_word_start(text: bytes) -> bool:
    """Whether a letter follows a space inside, after something other than that first space."""
    return any(text[i : i + 1] == b" " and text[i + 1 : i + 2].isalpha() for i in range(1, len(text) - 1))


def begins_word(before: bytes, text: bytes) -> bool:
    """Whether a window starts where a word does, its space included or before it."""
    return (not before[-1:].isalnum() and (text[:1].isalnum() or text[:1] == b" ")) or text[:1] == b" "


def is_text(text: bytes) -> bool:
    """Whether bytes are whole UTF-8 characters."""
    return text.decode("utf-8", "ignore").encode() == text


def readings(
    work: ExperimentContext, method: str, tokenizer: Tokenizer, segments: Segments
) -> list[Measurement]:
    """How many texts an id stands for at each place of its window.

    The reading of a token is the text that becomes certain with it, given the tokens before it in the window
    (`token_contents`). Of each id that was seen often enough: the share of its commonest reading and the
    entropy of its readings, averaged by how often it was seen.
    """
    places = tokenizer.ids_per_window or 1
    seen: list[dict[int, Counter[bytes]]] = [defaultdict(Counter) for _ in range(places)]
    known: dict[tuple[bytes, tuple[int, ...]], list[int]] = {}
    for text, ids in segments:
        window = (text, tuple(ids))
        if window not in known:
            known[window] = tokenizer.settled_lengths(text, ids)
        start = 0
        for place, (token, end) in enumerate(zip(ids, known[window], strict=True)):
            seen[place][token][text[start:end]] += 1
            start = end
    rows = []
    for place, tokens in enumerate(seen, start=1):
        often = [texts for texts in tokens.values() if texts.total() >= LEAST_SEEN]
        if not often:
            continue
        weights = np.array([texts.total() for texts in often], np.float64)
        shares = np.array([texts.most_common(1)[0][1] / texts.total() for texts in often])
        entropies = np.array([entropy_bits(np.array(list(texts.values()))) for texts in often])
        for name, values in (("commonest_reading_share", shares), ("reading_entropy_bits", entropies)):
            value = float(np.average(values, weights=weights))
            rows.append(work.row(method, name, value, mean_error(values.tolist()), position=place))
    return rows


def findings(rows: Rows) -> list[Finding]:
    share = "commonest_reading_share"
    one = rows.methods(share)[0]
    claims = [
        near(rows.estimate(share, one, position=1), 1.0, 1e-9).on(
            f"One token per window: every id of {one} has one reading", "a fixed mapping"
        )
    ]
    for bits in (16, 32, 64):
        method = f"EqualInfoAC[b={bits},v=256]"
        first, second = (rows.estimate(share, method, position=p) for p in (1, 2))
        stabler = replace(first - second, source="standard errors over ids")
        claims.append(
            positive(stabler).on(
                f"In {method} the first token's reading is stabler than the second's (share of the commonest)",
                "only the first is stable",
            )
        )
    if words := next((m for m in rows.methods(share) if m.endswith(",fewest,words]")), None):
        across = rows.estimate("windows_across_words_share", words)
        claims.append(near(across, 0.0, 1e-9).on(f"Ours: no token of {words} crosses the start of a word"))
    return claims


def compared(rows: Rows) -> list[Compared]:
    quantities = ("bytes_per_window", "windows_across_words_share", "windows_at_word_start_share")
    lines = listed(rows, *quantities)
    for row in rows.where("share_of_windows"):
        if int(row.at["rank"]) <= 3:
            text = str(row.at["text"]).replace("\n", "")
            what = f"{row.method} no. {row.at['rank']}: '{text}'"
            lines.append(Compared(what, row.quantity, Estimate(row.value)))
    return lines


def figure(rows: Rows) -> Figure:
    series = []
    for method in rows.methods("commonest_reading_share"):
        by_rank = rows.where("commonest_reading_share", method)
        places = by_rank.coordinates("position")
        if len(places) > 1:
            values = [by_rank.mean("commonest_reading_share", position=p) for p in places]
            series.append(Series(method, places, values))
    names = rows.methods("bytes_per_window")
    low, mid, high = (
        [rows.mean("bytes_per_window_percentile", name, percentile=p) for name in names] for p in (5, 50, 95)
    )
    lengths = Series("bytes per window", names, mid, low, high, kind="bars")
    shares = [
        Series(label, names, [rows.mean(quantity, name) for name in names], kind="bars")
        for label, quantity in (
            ("crosses the start of a word", "windows_across_words_share"),
            ("begins a word", "windows_at_word_start_share"),
        )
    ]
    panels = [
        Panel("", "token in its window", "share of the commonest reading", series),
        Panel("median, 5th to 95th percentile", "", "bytes per window", [lengths]),
        Panel("", "", "share of windows", shares),
    ]
    return Figure("What windows and tokens contain (tables 7, 8, 14, figure 9)", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="tables 7, 8, 14, figure 9",
    measures="Which texts ids stand for by place in the window, which words windows cross, the commonest windows.",
    minutes=9,
    cost=Cost(also="an hour on a CPU, once M1 is trained"),
    version=2,
)
