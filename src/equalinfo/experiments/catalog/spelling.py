"""Does M2 know the letters of its tokens? Fine-tuned for 200 steps to spell words (appendix A.3, figure 13)."""

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.catalog.tokenizer_stability import common_words
from equalinfo.experiments.finetune import Targeted, extended, score, tune
from equalinfo.experiments.m2_tables import bars, line, listed
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.verdicts import less
from equalinfo.experiments.workspace import ExperimentContext, Job, slug
from equalinfo.figures.figure import Figure, Panel
from equalinfo.score.measurements import Measurement
from equalinfo.seeded import permutation
from equalinfo.train.m2 import load_m2

STEPS = 200  # the paper's
LOOKS = (10, 25, 50, 100, 150, 200)
WORDS, HELD_OUT, BATCH = 4000, 800, 32
END = 256  # after the letters; both come after M2's own ids
WHOLE, LETTERS = "words_spelled_percent", "letters_right_percent"


def methods(scale: Scale) -> list[str]:
    words = f"EqualInfo[v={scale.wide},fewest,words]"
    return [scale.sentencepiece, scale.one_token, words, "EqualInfoAC[b=16,v=256]", "Bytes"]


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for method, seed in product(methods(work.scale), work.seeds):
        about = (method, seed, STEPS, WORDS, HELD_OUT)
        yield Job(f"{slug(method)}-seed{seed}", about, partial(trained, work, method, seed))


def trained(work: ExperimentContext, method: str, seed: int) -> list[Measurement]:
    """Words are given as they stand in text, after a space; letters are ids of their own; words of the test are new."""
    text = b"\n".join(document for document in work.run.corpus.documents("train"))
    words = common_words(text, WORDS, 4)
    order = permutation(len(words), 0)
    model, tokenizer, _ = load_m2(work.m2(method, seed).path)
    base = model.vocab
    streams = tokenizer.encode_batch([b" " + word for word in words])
    spelled = []
    for word, ids in zip(words, streams, strict=True):
        letters = np.concatenate([np.frombuffer(word, np.uint8), [END]]).astype(np.int64) + base
        spelled.append(Targeted(np.concatenate([ids.astype(np.int64), letters]), len(ids)))
    held_out = min(HELD_OUT, len(words) // 4)
    testing = [spelled[int(i)] for i in order[:held_out]]
    training = [spelled[int(i)] for i in order[held_out:]]
    larger = extended(model, END + 1, seed)
    rows: list[Measurement] = []

    def look(step: int) -> None:
        hits = score(larger, testing, base).hits
        rows.append(work.mean_row(method, WHOLE, [100.0 * bool(h.all()) for h in hits], seed, step=step))
        rows.append(work.mean_row(method, LETTERS, [100.0 * float(h.mean()) for h in hits], seed, step=step))

    config = work.finetuning(STEPS, BATCH, seed)
    tune(larger, training, config, work.progress, f"spell {method}", look, LOOKS)
    return rows


def findings(rows: Rows) -> list[Finding]:
    pieces, window, words, bits, plain = rows.methods(WHOLE)
    return [
        less(rows, LETTERS, pieces, plain, step=STEPS).on(
            "Bytes spell best: there a word is its letters (letters right after 200 steps)"
        ),
        less(rows, LETTERS, pieces, bits, step=STEPS).on(
            "Ours: short windows, whose tokens hold few letters, spell better than SentencePiece"
        ),
        less(rows, LETTERS, pieces, window, step=STEPS).on(
            f"Ours: {window} spells better than SentencePiece, whose tokens are longer words"
        ),
        less(rows, LETTERS, words, window, step=STEPS).on(
            f"Ours: and better than {words}, for the same reason"
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    return listed(rows, WHOLE, LETTERS, step=STEPS)


def figure(rows: Rows) -> Figure:
    series = [line(rows, LETTERS, name, "step") for name in rows.methods(LETTERS)]
    whole = bars(rows, WHOLE, f"after {STEPS} steps", step=STEPS)
    panels = [
        Panel("", "steps of tuning", "letters right (%)", series),
        Panel("", "", "words spelled (%)", [whole]),
    ]
    return Figure("Spelling words that were not seen in tuning (A.3, figure 13)", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="A.3, figure 13",
    measures="Letters and words spelled right by M2s tuned for 200 steps, on words not tuned on.",
    minutes=10,
    cost=Cost(m2s={"25m": 5}, coded=2, also="and 200 steps each"),
    limits="What a large M2 knows of spelling: M2s of half a million parameters guess letters from few tokens.",
)
