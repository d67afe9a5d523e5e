"""Can a Transformer learn the coder? Compressing and decompressing as sequence to sequence (section 6.1, table 5)."""

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.finetune import Targeted, score, tune
from equalinfo.experiments.m2_tables import bars
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.scales import Scale
from equalinfo.experiments.statistics import mean_error
from equalinfo.experiments.verdicts import less
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure, Panel
from equalinfo.model.decoder import Decoder
from equalinfo.score.measurements import Measurement
from equalinfo.score.paper import paper_tables
from equalinfo.seeded import permutation
from equalinfo.sizes import size_by_name

METHODS = ("AC[v=256]", "EqualInfoAC[b=16,v=256]")
DECOMPRESS, LM, COMPRESS = "decompress", "byte LM", "compress"
VOCAB = 256  # of the input and of the target, whose ids come after the input's


def sizes(scale: Scale) -> tuple[int, int, int, int]:
    """Bytes of a text, steps, batch size and how many texts are held out."""
    return (48, 1200, 16, 1000) if scale.small else (512, scale.recipe.m2.steps, 256, 5_000)


def tasks() -> list[tuple[str, str]]:
    return [*product(METHODS, (DECOMPRESS, COMPRESS)), (METHODS[0], LM)]


def jobs(work: ExperimentContext) -> Iterator[Job]:
    for (method, task), seed in product(tasks(), work.seeds):
        name = f"{method.split('[')[0]}-{task.replace(' ', '-')}-seed{seed}"
        about = (method, task, seed, sizes(work.scale))
        yield Job(name, about, partial(trained, work, method, task, seed))


def texts(work: ExperimentContext, split: str, length: int, count: int) -> list[bytes]:
    """Texts of equal length from different places of a split, the documents' ends left out."""
    pieces: list[bytes] = []
    documents = work.run.corpus.documents("train" if split == "train" else "validation")
    for document in documents:
        pieces += [document[i : i + length] for i in range(0, len(document) - length + 1, length)]
        if len(pieces) > 20 * count:
            break
    order = permutation(len(pieces), 0)[:count]
    return [pieces[int(i)] for i in order]


def sequences(work: ExperimentContext, method: str, task: str, texts: list[bytes]) -> list[Targeted]:
    """Source ids, then target ids shifted by the source's vocabulary; only targets are scored."""
    codes = work.tokenizer(method).encode_batch(texts)
    result = []
    for text, ids in zip(texts, codes, strict=True):
        data = np.frombuffer(text, np.uint8).astype(np.int64)
        source, target = (data, ids) if task == COMPRESS else (ids, data)
        if task == LM:
            source = source[:0]
        joined = np.concatenate([source.astype(np.int64), target.astype(np.int64) + VOCAB])
        result.append(Targeted(joined, len(source)))
    return result


def trained(work: ExperimentContext, method: str, task: str, seed: int) -> list[Measurement]:
    length, steps, batch, held_out = sizes(work.scale)
    training = sequences(work, method, task, texts(work, "train", length, steps * batch))
    testing = sequences(work, method, task, texts(work, "validation", length, held_out))
    model = Decoder(size_by_name(work.scale.size), 2 * VOCAB)
    model.init_weights(seed)
    config = work.finetuning(steps, batch, seed)
    tune(model, training, config, work.progress, f"{task} {method}")
    scores = score(model, testing, VOCAB)
    hits, nats = [float(h.mean()) for h in scores.hits], [float(n.mean()) for n in scores.nats]
    name = LM if task == LM else f"{method} {task}"
    weights = [len(n) for n in scores.nats]
    accuracy = 100 * float(np.average(hits, weights=weights))
    entropy = float(np.average(nats, weights=weights))
    return [
        work.row(name, "accuracy_percent", accuracy, 100 * (mean_error(hits) or 0.0), seed),
        work.row(name, "cross_entropy_nats", entropy, mean_error(nats), seed),
    ]


def findings(rows: Rows) -> list[Finding]:
    table = paper_tables()["table5_seq2seq"]
    ac, windows = METHODS
    quantity = "accuracy_percent"

    def paper(method: str) -> str:
        pair = (table[f"{method} decompress"], table[f"{method} byte LM"])
        return " against ".join(f"{one['accuracy']} %" for one in pair)

    read = rows.difference(quantity, f"{windows} {DECOMPRESS}", LM)
    ignored = rows.difference(quantity, f"{ac} {DECOMPRESS}", LM)
    near = abs(ignored.mean) < 1.0 and abs(ignored.mean) < abs(read.mean) / 3
    return [
        less(rows, quantity, LM, f"{windows} {DECOMPRESS}", 2).on(
            "Decompressing windows beats a byte LM that sees no code: windows can be read", paper(windows)
        ),
        Finding(
            "Decompressing AC is no better than the byte LM: the code is not read (within 1 %)",
            paper(ac),
            f"{rows.mean(quantity, f'{ac} {DECOMPRESS}'):.2f} against {rows.mean(quantity, LM):.2f} %",
            f"{ignored.text(2)}, {ignored.uncertainty()}",
            "yes" if near else "no",
        ),
        less(rows, quantity, f"{ac} {COMPRESS}", f"{windows} {COMPRESS}", 2).on(
            "Compressing is harder to learn with AC than in windows",
            f"AC {table['AC[v=256] compress']['accuracy']} %",
        ),
    ]


def compared(rows: Rows) -> list[Compared]:
    table = paper_tables()["table5_seq2seq"]
    lines = []
    for name in rows.methods("accuracy_percent"):
        theirs = table.get("AC[v=256] byte LM" if name == LM else name, {})
        for quantity, key in (("accuracy_percent", "accuracy"), ("cross_entropy_nats", "cross_entropy")):
            lines.append(Compared(name, quantity, rows.estimate(quantity, name), theirs.get(key), name))
    return lines


def figure(rows: Rows) -> Figure:
    panels = [
        Panel("", "", "accuracy on targets (%)", [bars(rows, "accuracy_percent", "accuracy")]),
        Panel("", "", "cross-entropy on targets (nats)", [bars(rows, "cross_entropy_nats", "cross-entropy")]),
    ]
    return Figure("Coding as sequence to sequence (table 5)", panels)


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="section 6.1, table 5",
    measures="Accuracy and cross-entropy of a Transformer that compresses or decompresses, beside a byte LM.",
    minutes=14,
    cost=Cost(m2s={"25m": 5}, coded=2),
    limits="Texts of 48 bytes, so that codes are short; in 1,200 steps each of 65,536 windows comes a few times.",
)
