"""Does M2 know the letters of its tokens? Fine-tuned for 200 steps to spell words (appendix A.3, figure 13)."""

from collections.abc import Iterator

import numpy as np

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding
from equalinfo.experiments.catalog.tokenizer_stability import common_words
from equalinfo.experiments.cell_tables import bars, line
from equalinfo.experiments.finetune import FinetuneConfig, Targeted, extended, score, shuffled, tune
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.statistics import mean_error
from equalinfo.experiments.verdicts import expect_less
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel
from equalinfo.score.measurements import Measurement
from equalinfo.seeded import permutation
from equalinfo.tokens.spec import Spec
from equalinfo.train.m2 import load_m2

STEPS = 200  # the paper's
LOOKS = (10, 25, 50, 100, 150, 200)
WORDS, HELD_OUT, BATCH = 4000, 800, 32
END = 256  # after the letters; both come after M2's own ids


def methods(scale: Scale) -> list[str]:
    wide = scale.wide
    window = "EqualInfo[b=12,v=4k]" if scale.small else "EqualInfoAC[b=16,v=65k]"
    return [
        scale.sentencepiece,
        window,
        f"EqualInfo[v={wide},fewest,words]",
        "EqualInfoAC[b=16,v=256]",
        "Bytes",
    ]


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for method in methods(work.scale):
        for seed in work.seeds:

            def measure(method: str = method, seed: int = seed) -> list[Measurement]:
                return trained(work, method, seed)

            yield Job(
                f"{Spec.parse(method).slug}-seed{seed}", (method, seed, STEPS, WORDS, HELD_OUT), measure
            )


def trained(work: ExperimentContext, method: str, seed: int) -> list[Measurement]:
    """Words are given as they stand in text, after a space; letters are ids of their own; words of the test are new."""
    text = b"\n".join(document for document in work.run.corpus.documents("train"))
    words = common_words(text, WORDS, 4)
    order = permutation(len(words), 0)
    model, tokenizer, _ = load_m2(work.cell(method, seed).path)
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
        whole = [100.0 * bool(h.all()) for h in hits]
        letters = [100.0 * float(h.mean()) for h in hits]
        for quantity, values in (("words_spelled_percent", whole), ("letters_right_percent", letters)):
            rows.append(
                work.row(method, quantity, float(np.mean(values)), mean_error(values), seed, step=step)
            )

    batch = shuffled(len(training), BATCH, seed)
    m2 = work.scale.recipe.m2
    plan = FinetuneConfig(STEPS, BATCH, m2.learning_rate or 0.01, seed, m2.threads)
    title = f"spell {method}"
    tune(larger, lambda step: [training[i] for i in batch(step)], plan, work.progress, title, look, LOOKS)
    return rows


def findings(rows: Rows) -> list[Finding]:
    names = rows.methods("words_spelled_percent")
    pieces, window, words, bits, plain = names
    return [
        expect_less(
            rows,
            "letters_right_percent",
            pieces,
            plain,
            "Bytes spell best: there a word is its letters (letters right after 200 steps)",
            step=STEPS,
        ),
        expect_less(
            rows,
            "letters_right_percent",
            pieces,
            bits,
            "Ours: short windows, whose tokens hold few letters, spell better than SentencePiece",
            step=STEPS,
        ),
        expect_less(
            rows,
            "letters_right_percent",
            pieces,
            window,
            f"Ours: {window} spells better than SentencePiece, whose tokens are longer words",
            step=STEPS,
        ),
        expect_less(
            rows,
            "letters_right_percent",
            words,
            window,
            f"Ours: and better than {words}, for the same reason",
            step=STEPS,
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    return [
        Compared(name, quantity, rows.estimate(quantity, name, step=STEPS))
        for quantity in ("words_spelled_percent", "letters_right_percent")
        for name in rows.methods(quantity)
    ]


def figure(rows: Rows) -> Figure:
    names = rows.methods("letters_right_percent")
    series = [line(rows, "letters_right_percent", name, "step") for name in names]
    whole = bars(rows, "words_spelled_percent", f"after {STEPS} steps", step=STEPS)
    return Figure(
        "Spelling words that were not seen in tuning (A.3, figure 13)",
        [
            Panel("", "steps of tuning", "letters right (%)", series),
            Panel("", "", "words spelled (%)", [whole]),
        ],
    )


EXPERIMENT = Experiment(
    name="spelling",
    paper="A.3, figure 13",
    measures="Letters and words spelled right by M2s tuned for 200 steps, on words not tuned on.",
    minutes=10,
    cost=Cost(cells={"25m": 5}, coded=2, also="and 200 steps each"),
    jobs=jobs,
    findings=findings,
    figure=figure,
    compared=compared,
    limits="What a large M2 knows of spelling: M2s of half a million parameters guess letters from few tokens.",
)
