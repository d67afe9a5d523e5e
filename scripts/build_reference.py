"""Builds what ships with the package: trains M1 unless there is one, compiles, measures, installs, writes the page.

python -m scripts.build_reference CORPUS --m1 runs/reference/m1 --steps 20000
python -m scripts.build_reference MULTILINGUAL --set multilingual
python -m scripts.build_reference CODE --set code

CORPUS is a folder with a list of its sources (`reference_sources.py`); it takes `equalinfo train-m1 CORPUS/text ...` as
well as this script to train the M1. Only the english set has one: the others are made of counted strings. Interrupted?
The same command resumes: what was made from the same corpus and M1 is kept.
"""

import argparse
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import Progress

from equalinfo.cli.options import flag
from equalinfo.corpus.corpus import Corpus
from equalinfo.errors import EqualInfoError
from equalinfo.fields import validated
from equalinfo.files import json_bytes, read_json, write_manifest
from equalinfo.model.config import Config, RuntimeConfig
from equalinfo.outputs import output_directory
from equalinfo.predict.exact_files import load_m1
from equalinfo.pretrained import CARD, card_of, reference_folder
from equalinfo.progress import progress_bar
from equalinfo.runs.run import done, fingerprint_of
from equalinfo.tokens.compile import compile_tokenizer
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import Tokenizer
from equalinfo.train.config import M1Config
from equalinfo.train.m1 import KIND as M1_KIND
from equalinfo.train.m1 import train_m1
from scripts.reference_cards import m1_card, tokenizer_card
from scripts.reference_languages import WEIGHTS, LevelledCorpus, surveys_by_language
from scripts.reference_page import PAGE, write_page
from scripts.reference_sources import OpenCorpus, Survey, sources_of, survey

M1_NAME = "english-m1"
TOKENIZERS = {
    "english-4k-exact": "EqualInfo[b=12,v=4k]",
    "english-32k-greedy": "EqualInfo[v=32k]",
    "english-32k-fewest": "EqualInfo[v=32k,fewest]",
    "english-32k": "EqualInfo[v=32k,unigram,words]",
    "english-65k-greedy": "EqualInfo[v=65k]",
    "english-65k-fewest": "EqualInfo[v=65k,fewest]",
    "english-65k": "EqualInfo[v=65k,unigram,words]",
    "english-32k-phrases": "EqualInfo[v=32k,unigram,phrases]",
    "english-65k-phrases": "EqualInfo[v=65k,unigram,phrases]",
}
SETS = {
    "english": TOKENIZERS,
    "multilingual": {
        "multilingual-65k": "EqualInfo[v=65k,unigram,words]",
        "multilingual-128k": "EqualInfo[v=128k,unigram,words]",
    },
    "code": {"code-32k": "EqualInfo[v=32k,unigram,words]"},
}
VALIDATE_EVERY = 1000  # steps
HELD_OUT_BYTES = 200_000  # enough for the third digit


@dataclass(frozen=True)
class ReferenceConfig:
    """What to build and where.

    Args:
        corpus: folder with a list of sources.
        m1: M1 directory; None where strings are counted instead.
        training: how to make it if there is none; None refuses.
        runtime: how that training runs.
        work: keeps the compiled tokenizers in their full form.
        out: gets a folder for each artifact.
        page: gets the model card.
        tokenizers: specs by name.
        held_out_bytes: about how much validation text of each source to measure on.
        only: names of what to make; empty for all.
        set: of SETS. Of the multilingual one languages count as `reference_languages.json` says.
    """

    corpus: Path
    m1: Path | None
    training: M1Config | None
    work: Path
    out: Path
    page: Path
    tokenizers: dict[str, str]
    held_out_bytes: int = HELD_OUT_BYTES
    only: frozenset[str] = frozenset()
    runtime: RuntimeConfig = field(default_factory=lambda: RuntimeConfig(validate_every=VALIDATE_EVERY))
    set: str = "english"

    @property
    def command(self) -> str:
        """What repeats the build, paths left out."""
        words = ["python", "-m", "scripts.build_reference", "CORPUS"]
        words += ["--m1", "M1"] if self.m1 else ["--set", self.set]
        if self.held_out_bytes != HELD_OUT_BYTES:
            words += ["--held-out-bytes", str(self.held_out_bytes)]
        if self.tokenizers != SETS[self.set]:
            words += ["--tokenizers", *(f"{name}={spec}" for name, spec in self.tokenizers.items())]
        return shlex.join(words)


def build(plan: ReferenceConfig, progress: Progress) -> None:
    """Does all that is not done yet.

    Raises:
        EqualInfoError: no such corpus, no M1 and no steps to train one, or a tokenizer that does not read a text back.
    """
    specs = {name: Spec.parse(spec) for name, spec in plan.tokenizers.items()}
    sources = sources_of(plan.corpus)
    corpus: Corpus = OpenCorpus(sources, plan.corpus.name)
    m1 = None
    if plan.m1:
        _train(plan, plan.m1, corpus, progress)
        m1 = load_m1(plan.m1).fingerprint
    task = progress.add_task("read the sources", total=len(sources), note="")
    surveys: list[Survey] = []
    for source in sources:
        surveys.append(survey(source, plan.held_out_bytes))
        progress.advance(task)
    made_from: list[Any] = [m1, [(one.source.name, one.fingerprint) for one in surveys], plan.command]
    held_out = surveys
    if plan.set == "multilingual":
        weights = read_json(WEIGHTS)
        made_from.append(weights)
        corpus = LevelledCorpus(sources, plan.corpus.name, weights)
        held_out = surveys_by_language(sources, plan.held_out_bytes)
    if plan.m1 and M1_NAME in (plan.only or {M1_NAME}):
        _install_m1(plan, plan.m1, surveys, fingerprint_of(M1_NAME, *made_from), progress)
    for name, spec in specs.items():
        if name in (plan.only or specs):
            key = fingerprint_of(str(spec), *made_from)
            _install_tokenizer(plan, name, spec, corpus, (surveys, held_out), key, progress)
    write_page(plan.out, plan.page)


def _train(plan: ReferenceConfig, m1: Path, corpus: Corpus, progress: Progress) -> None:
    if done(m1):
        return
    if plan.training is None:
        raise EqualInfoError(f"{m1}: no such M1; give --steps to train it, or a trained one as --m1")
    train_m1(corpus, plan.training, m1, progress, plan.runtime)


def _install_m1(plan: ReferenceConfig, m1: Path, surveys: list[Survey], key: str, progress: Progress) -> None:
    path = plan.out / M1_NAME
    if _installed(path, key):
        return
    task = progress.add_task(f"measure {M1_NAME}", total=len(surveys), note="")
    card = m1_card(m1, surveys, plan.command, lambda: progress.advance(task))
    exact = load_m1(m1)
    with output_directory(path, M1_KIND) as directory:
        exact.save(directory)
        (directory / CARD).write_bytes(json_bytes({**card, "made_from": key}))
        write_manifest(directory, M1_KIND, identity=exact.fingerprint)


def _install_tokenizer(
    plan: ReferenceConfig,
    name: str,
    spec: Spec,
    corpus: Corpus,
    surveys: tuple[list[Survey], list[Survey]],
    key: str,
    progress: Progress,
) -> None:
    path, full = plan.out / name, plan.work / f"{name}-{key}"
    if _installed(path, key):
        return
    if not done(full):
        compile_tokenizer(spec, plan.m1, corpus, full, progress)
    tokenizer = Tokenizer.from_pretrained(full)
    sources, held_out = surveys
    task = progress.add_task(f"measure {name}", total=len(held_out), note="")
    m1 = load_m1(plan.m1).fingerprint if plan.m1 else None
    card = tokenizer_card(tokenizer, m1, sources, held_out, plan.command, lambda: progress.advance(task))
    tokenizer.save_compact(path, {CARD: json_bytes({**card, "made_from": key})})


def _installed(path: Path, key: str) -> bool:
    return done(path) and card_of(path).get("made_from") == key


def config_of(words: list[str] | None = None) -> ReferenceConfig:
    """The plan that a command line describes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path, help="folder with a list of sources")
    parser.add_argument(
        "--m1", type=Path, default=Path("runs/reference/m1"), help="M1 directory, made if missing"
    )
    parser.add_argument("--set", choices=SETS, default="english", help="which of what ships to make")
    training = parser.add_argument_group("training of M1, where there is none")
    for schema in (M1Config, RuntimeConfig):
        for name, info in schema.model_fields.items():
            training.add_argument(flag(name), dest=name, default=argparse.SUPPRESS, help=info.description)
    parser.add_argument("--work", type=Path, default=Path("runs/reference"), help="keeps the full tokenizers")
    parser.add_argument("--out", type=Path, default=reference_folder(), help="where artifacts are installed")
    parser.add_argument("--page", type=Path, default=PAGE, help="the model card")
    parser.add_argument(
        "--held-out-bytes", type=int, default=HELD_OUT_BYTES, help="measured on, of each source"
    )
    parser.add_argument("--tokenizers", nargs="+", metavar="NAME=SPEC", help="instead of those that ship")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="make these, leave the others")
    given = parser.parse_args(words)
    words_of = vars(given)
    runtime = {"validate_every": VALIDATE_EVERY} | _fields(RuntimeConfig, words_of)
    config = validated(M1Config, _fields(M1Config, words_of)) if "steps" in words_of else None
    tokenizers = SETS[given.set]
    if given.tokenizers:
        tokenizers = dict(pair.split("=", 1) for pair in given.tokenizers)
    return ReferenceConfig(
        given.corpus,
        given.m1 if given.set == "english" else None,
        config,
        given.work,
        given.out,
        given.page,
        tokenizers,
        given.held_out_bytes,
        frozenset(given.only),
        validated(RuntimeConfig, runtime),
        given.set,
    )


def _fields(schema: type[Config], given: dict[str, Any]) -> dict[str, Any]:
    """What was given of a config's fields."""
    return {name: given[name] for name in schema.model_fields if name in given}


if __name__ == "__main__":
    try:
        with progress_bar() as bars:
            build(config_of(), bars)
    except EqualInfoError as error:
        sys.exit(f"error: {error}")
