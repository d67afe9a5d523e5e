"""Artifacts from elsewhere: whatever stands in their files, they load and work, or are refused in one line.

    python fuzz/fuzz_artifacts.py -max_total_time=300

An input chooses an artifact, changes to its files (`_changes`), and whether hashes are then made to fit: a loader that
believes its hashes would otherwise be all that is tried. Besides other exceptions, these are defects: a write, a
connection, a pickle, memory beyond LIMIT, and an artifact that loads and does not work.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import atheris
import numpy as np
import torch
from _changes import FITS, change
from _running import COMPILED, run
from rich.progress import Progress

from equalinfo.predict import exact_files as predict_exact_files

TESTS = Path(__file__).parents[1] / "tests"
sys.path.append(str(TESTS.parent))

with atheris.instrument_imports(include=["equalinfo"], exclude=COMPILED):
    from equalinfo import files
    from equalinfo.model import storage
    from equalinfo.runs import recipe
    from equalinfo.score import results, table
    from equalinfo.shards import export, format, tokenize_sample, verify
    from equalinfo.tokens import dictionaries
    from equalinfo.tokens import tokenizer as tokens_tokenizer
    from equalinfo.train import m1, m2, m2_directory

from equalinfo.errors import EqualInfoError  # noqa: E402
from equalinfo.generate.generator import GenerationConfig, Generator  # noqa: E402
from equalinfo.model.decoder import Decoder  # noqa: E402
from equalinfo.predict.base import FREQUENCY_TOTAL  # noqa: E402
from equalinfo.predict.quantise import quantise  # noqa: E402
from equalinfo.sizes import SIZES  # noqa: E402
from equalinfo.tokens.spec import Spec  # noqa: E402
from tests.support import (  # noqa: E402
    methods,
    untrained,
)
from tests.support.rows_of import measurement  # noqa: E402

LIMIT = 1 << 30  # bytes of memory that an artifact may take
SIZE = "65k"
TEXT = b"to eat \xe6\x9d\xb1\xff in a seat"
SPECS = (
    "Bytes GZip[v=256] SentencePiece[v=320] StaticAC[v=256] AC[v=256] EqualText[n=3,v=256,order=2]".split()
)
SPECS += "EqualInfoAC[b=16,v=256] EqualInfoHuffman[b=9,v=512]".split()
COMPILED = "EqualInfo[v=600] EqualInfo[v=600,fewest,words] EqualInfo[b=9,v=8] EqualInfo[b=32,v=256]".split()
QUIET = Progress(disable=True)
MEMORY = Path("/dev/shm")  # files that are gone in a moment need no disk
tempfile.tempdir = str(MEMORY) if MEMORY.is_dir() else None


class Fits(str):
    """The hash that whoever writes an artifact could have computed."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


def loads(data: str) -> Any:
    def fitting(fields: dict[str, Any]) -> dict[str, Any]:
        return {name: Fits(value) if value == FITS else value for name, value in fields.items()}

    return json.loads(data, object_hook=fitting)


files.json = SimpleNamespace(loads=loads, dumps=json.dumps)


# --- artifacts, and what is done with them -------------------------------------------------------------------------


def tokenizers(folder: Path) -> Iterator[tuple[str, Path]]:
    made = [methods.tokenizer(spec) for spec in SPECS] + [untrained.tokenizer(spec) for spec in COMPILED]
    dictionary = untrained.tokenizer("EqualInfo[v=600,fewest,words]").automaton
    costs = np.arange(600, dtype=np.uint16) + 1
    likely = dictionaries.ScoredTokenizer(Spec.parse("EqualInfo[v=600,unigram,words]"), dictionary, costs)
    for tokenizer in [*made, likely]:
        path = folder / tokenizer.spec.slug
        tokenizer.save_pretrained(path)
        yield "tokenizer", path
    for tokenizer in (made[len(SPECS)], likely):
        path = folder / f"compact-{tokenizer.spec.slug}"
        tokenizer.save_compact(path)
        yield "tokenizer", path


def float_model(vocab: int, preset: str) -> Decoder:
    model = Decoder(SIZES[SIZE], vocab, preset)
    model.init_weights(0)
    return model


def models(folder: Path) -> Iterator[tuple[str, Path]]:
    path = folder / "m1"
    path.mkdir()
    model = float_model(256, "paper")
    storage.save_tensors(path / "model.safetensors", storage.file_tensors(model))
    quantised = quantise(
        SIZES[SIZE], {name: tensor.numpy() for name, tensor in storage.file_tensors(model).items()}
    )
    quantised.save(path)
    files.write_json(path / "config.json", {"size": SIZE, "figures": {"exact_over_float": 1.0}})
    files.write_manifest(path, m1.KIND, identity=quantised.fingerprint)
    yield "m1", path
    for preset, spec in (("paper", "EqualInfoAC[b=16,v=256]"), ("llama", "EqualInfo[v=600]")):
        path = folder / f"m2-{preset}"
        path.mkdir()
        tokenizer = (methods if preset == "paper" else untrained).tokenizer(spec)
        tokenizer.save_pretrained(path / "tokenizer")
        plan = {"first_only": False, "training": {"seed": 0}}
        m2_directory.save_model(
            path,
            float_model(tokenizer.vocab, preset),
            tokenizer,
            {"size": SIZE, "sequence_length": 16, "plan": plan},
        )
        files.write_manifest(path, m2.KIND, tokenizer=tokenizer.fingerprint, spec=spec)
        yield "m2", path


def tokens(folder: Path) -> Iterator[tuple[str, Path]]:
    for spec in ("Bytes", "EqualInfo[v=600]"):
        tokenizer = untrained.tokenizer(spec)
        path = folder / f"tokens-{tokenizer.spec.slug}"
        path.mkdir()
        tokenizer.save_pretrained(path / "tokenizer")
        counts, records = {}, {}
        for split in ("train", "validation"):
            rows = [(tokenizer.encode(text), len(text), len(text)) for text in (TEXT, b"", TEXT[3:])]
            format.write_shard(path / f"{split}-00000.arrow", rows, tokenizer.vocab)
            text = ""
            for ids, _, _ in rows:
                text = format.text_fingerprint(text, tokenizer.decode(ids))
            totals = {"examples": 3, "tokens": sum(len(row[0]) for row in rows), "text": text}
            counts[split] = totals | dict.fromkeys(("bytes", "source_bytes"), sum(row[1] for row in rows))
            records[split] = counts[split] | {"file": f"{split}-00000.arrow"}
        partition = {
            "partition": 0,
            "pieces": [{"source": "/nowhere.txt", "form": "text", "start": 0, "stop": None}],
        }
        more = {"partitions": [partition | {"shards": records}]} if spec == "Bytes" else {}
        fields = {
            "spec": spec,
            "vocab": tokenizer.vocab,
            "tokenizer": tokenizer.fingerprint,
            "windows_changed": None,
        }
        files.write_manifest(path, format.KIND, splits=counts, example_bytes=100, **fields, **more)
        yield "tokens", path


def single_files(folder: Path) -> Iterator[tuple[str, Path]]:
    for name in ("demo", "results-25m"):
        path = folder / f"recipe-{name}"
        path.mkdir()
        source = Path(recipe.__file__).parents[1] / "recipes" / f"{name}.toml"
        (path / "recipe.toml").write_bytes(source.read_bytes())
        yield "recipe", path
    path = folder / "rows"
    path.mkdir()
    lines = (TESTS.parent / "results" / "demo.jsonl").read_bytes().splitlines(keepends=True)[:3]
    results.append_rows(path / "results.jsonl", [measurement("Bytes", "bits", 1.0)])
    with open(path / "results.jsonl", "ab") as stream:
        stream.writelines(lines)
    yield "rows", path


def use_tokenizer(path: Path, out: Path) -> None:
    tokenizer = tokens_tokenizer.Tokenizer.from_pretrained(path)
    for text in (b"", TEXT):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text, tokenizer.spec
        tokenizer.decode(ids[: len(ids) // 2], partial=True)
        assert tokenizer.count(text) == len(ids)
        tokenizer.segments(text)
    if tokenizer.vocab <= 1 << 16:
        with contextlib.suppress(EqualInfoError):  # some methods' ids have no text of their own
            tokenizer.vocab_entries()


def use_m1(path: Path, out: Path) -> None:
    rows = predict_exact_files.load_m1(path).frequencies(TEXT)
    assert (rows >= 1).all()
    assert (rows.sum(1) == FREQUENCY_TOTAL).all()
    m1.load_float_m1(path)


def use_m2(path: Path, out: Path) -> None:
    model, tokenizer, config = m2.load_m2(path)
    Generator(model, tokenizer, config["sequence_length"]).continuations([TEXT[:6]], GenerationConfig(3))
    text = format.TokensInMemory([tokenizer.encode(TEXT)], len(TEXT))
    scoring = m2.Scoring(config["sequence_length"], config["plan"]["first_only"])
    m2.measure(model, tokenizer, text, scoring, QUIET)


def use_tokens(path: Path, out: Path) -> None:
    manifest = format.tokens_manifest(path)
    tokenizer = tokenize_sample.tokenizer_of(path, manifest)
    for split in manifest["splits"]:
        shards = format.read_split(path, split)
        shards.check(tokenizer.vocab)
        assert shards.counts(tokenizer.vocab).sum() == shards.tokens
        sequences = shards.sequences(4)
        assert all(len(sequences[number]) == 4 for number in range(len(sequences)))
    for form in export.FORMS:
        export.export_tokens(path, form, out / form, QUIET)
    verify.verify_tokens(path, verify.VerifyConfig(None, source=False), QUIET)


def use_recipe(path: Path, out: Path) -> None:
    read = recipe.load_recipe(str(path / "recipe.toml"))
    read.m2.config(read.m2.sizes[0], 0).plan()
    read.model_dump_json()


def use_rows(path: Path, out: Path) -> None:
    table.results_markdown(results.read_results(path / "results.jsonl"))
    results.read_measurements(path / "results.jsonl")


USES = {"tokenizer": use_tokenizer, "m1": use_m1, "m2": use_m2, "tokens": use_tokens, "recipe": use_recipe}
USES |= {"rows": use_rows}


# --- what must not happen ------------------------------------------------------------------------------------------

watched: list[Path] = []  # where files may be written, while an artifact is used
# What writes, and which of its arguments may be an open folder that the path is relative to.
WRITES = {
    "os.mkdir": 2,
    "os.rename": 2,
    "os.remove": 1,
    "os.rmdir": 1,
    "os.link": 2,
    "os.symlink": 2,
    "os.truncate": None,
    "os.chmod": 2,
}
NEVER = {
    "socket.connect",
    "pickle.find_class",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
    "marshal.loads",
}


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not watched:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = (
            any(letter in mode for letter in "wax+")
            if mode
            else flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        if not writes or isinstance(path, int):
            return
    elif event in WRITES:
        path = arguments[0]
        at = WRITES[event]
        if at is not None and arguments[at] != -1:
            # As shutil.rmtree removes the files of a folder.
            path = os.path.join(os.readlink(f"/proc/self/fd/{arguments[at]}"), os.fsdecode(path))
    elif event in NEVER:
        raise AssertionError(event)
    else:
        return
    path = Path(os.path.abspath(os.fsdecode(path)))
    # Numba keeps what it compiles for a kind of array that it has not met before.
    if not path.is_relative_to(watched[0]) and "__pycache__" not in path.parts:
        raise AssertionError(f"{event} of {path}")


def tree(folder: Path) -> list[tuple[str, int, int]]:
    return [(str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in sorted(folder.rglob("*"))]


def use(kind: str, path: Path) -> None:
    """Loads and uses an artifact while nothing but `out` may be written."""
    with tempfile.TemporaryDirectory() as out:
        before, message = tree(path), "used"
        watched.append(Path(out))
        try:
            USES[kind](path, Path(out))
        except EqualInfoError as error:
            message = str(error)
        finally:
            watched.clear()
        assert len(message.splitlines()) == 1, message
        assert tree(path) == before


# --- an input ------------------------------------------------------------------------------------------------------


def made() -> list[tuple[str, dict[str, bytes]]]:
    """Kind and files of every artifact, after each has been used as it is."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for make in (tokenizers, models, tokens, single_files):
            for kind, path in make(Path(folder)):
                with tempfile.TemporaryDirectory() as out:
                    USES[kind](path, Path(out))
                names = sorted(one for one in path.rglob("*") if one.is_file())
                found.append((kind, {str(one.relative_to(path)): one.read_bytes() for one in names}))
    return found


def seal(folder: Path, fit: bool) -> None:
    """Makes the hashes in all manifests those of the files as they are now; with `fit`, what they say of ids too."""
    for manifest in sorted(folder.rglob(files.MANIFEST), key=lambda path: -len(path.parts)):
        try:
            files.require_file(manifest)
            fields = json.loads(manifest.read_bytes())
            for name in fields["files"]:
                if (manifest.parent / name).is_file():
                    fields["files"][name] = files.sha256_file(manifest.parent / name)
        except (ValueError, LookupError, TypeError, OSError, RecursionError, EqualInfoError):
            continue  # the manifest itself was changed
        if fit:
            fields |= {name: FITS for name in ("identity", "tokenizer") if name in fields}
        manifest.write_text(json.dumps(fields))
    if fit and (folder / "exact.json").is_file():
        with contextlib.suppress(ValueError, LookupError, TypeError, RecursionError):
            fields = json.loads((folder / "exact.json").read_bytes())
            (folder / "exact.json").write_text(json.dumps(fields | {"identity": FITS}))


def one_input(data: bytes) -> None:
    source = atheris.FuzzedDataProvider(data)
    kind, contents = ARTIFACTS[source.ConsumeIntInRange(0, len(ARTIFACTS) - 1)]
    sealed = source.ConsumeIntInRange(0, 3)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "artifact"
        for name, content in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        for _ in range(source.ConsumeIntInRange(1, 3)):
            change(source, folder)
        if sealed:
            seal(folder, sealed > 1)
        # Anew for each, since the fuzzer itself and the allocator hold more and more.
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + LIMIT, -1))
        use(kind, folder)


if __name__ == "__main__":
    ARTIFACTS = made()
    torch.set_num_threads(1)
    sys.addaudithook(watch)
    run(one_input, "artifacts", "-max_len=300", "-len_control=0")
