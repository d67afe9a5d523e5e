"""Commands, outputs and what stands there, drawn: the right result, or one line and everything as it was."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from equalinfo.cli import main
from equalinfo.files import read_manifest
from tests.support.command import run_quietly
from tests.support.devices import NULL, make_device

# Relative to the folder that each example makes: what is drawn as output, and what some of it is.
NAMES = [
    *"a.txt hard ids.npy a.eqi notes.txt corpus corpus/corpus.text tok tok/equalinfo.json m1 m1/config.json".split(),
    *"tokens tokens/tokenizer m2 m2/tokenizer export export/train.bin rows rows/results.jsonl rows/sub".split(),
    *"foreign foreign/x empty busy pipe volume new new/deep new.npy . .. -".split(),
]
WAYS = [
    "{}",
    "{}",
    "{}",
    "./{}",
    "{}/",
    "corpus/../{}",
    "empty/.././{}",
    "{here}/{}",
    "{}/inside",
    "{}/in/side",
]
ARTIFACTS = ["tok", "m1", "tokens", "m2", "export"]
EXTRAS = ["file", "hidden", "deep", "folder", "link"]
CAN_MOUNT = not subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode


TIMED = ("config.json", "log.jsonl", "equalinfo.json")


@dataclass(frozen=True)
class Command:
    """A command line without its output.

    Args:
        kind: of the directory that it writes; "" for a file.
        inputs: what it reads.
    """

    words: str
    kind: str
    inputs: tuple[str, ...]
    option: str = "--out"


COMMANDS = [
    Command("encode tok a.txt", "", ("tok", "a.txt")),
    Command("decode tok ids.npy", "", ("tok", "ids.npy")),
    Command("show tok --file a.txt", "", ("tok", "a.txt"), "--html"),
    Command("compress a.txt --m1 m1 --block 500 --context 50 --quiet", "", ("a.txt", "m1")),
    Command("decompress a.eqi --m1 m1 --quiet", "", ("a.eqi", "m1")),
    Command("report rows --out page.html", "", ("rows/results.jsonl",), "--markdown"),
    Command("experiment --out rows", "", ("rows/results.jsonl",), "--summary"),
    Command("compile Bytes", "tokenizer", ()),
    Command("compile Huffman[order=0] --corpus corpus", "tokenizer", ("corpus",)),
    Command("tokenize tok corpus --workers 1 --quiet", "tokens", ("tok", "corpus")),
    Command("tokenize tokens/tokenizer corpus --max-tokens 100 --quiet", "tokens", ("tokens/tokenizer", "corpus")),
    Command("export tokens --format megatron --quiet", "export", ("tokens",)),
]  # fmt: skip
TRAIN = "--size 65k --batch 2 --steps 1 --quiet"
SLOW_COMMANDS = [
    Command(f"train-m1 corpus --context 16 {TRAIN}", "m1", ("corpus",)),
    Command(f"train-m2 tokens --sequence 16 {TRAIN}", "m2", ("tokens",)),
]


@pytest.fixture(scope="module")
def world(kinds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each example gets a copy of."""
    folder = tmp_path_factory.mktemp("world") / "here"
    shutil.copytree(kinds, folder)
    for name in ("foreign", "empty", "rows/sub", "volume", "behind"):
        (folder / name).mkdir()
    for name in ("notes.txt", "foreign/x", "busy.tokenizing/x", "busy.training/x"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"precious")
    return folder


class Results(dict[str, object]):
    """What each command gives in a new place: a file's bytes, or those of a directory's files."""

    def __init__(self, world: Path, folder: Path) -> None:
        self.world, self.folder = world, folder

    def __missing__(self, words: str) -> object:
        (command,) = (one for one in [*COMMANDS, *SLOW_COMMANDS] if one.words == words)
        with changed_to(copied(self.world, self.folder / f"{len(self)}")):
            run_quietly(*words.split(), command.option, "result")
            self[words] = result(Path("result"))
        return self[words]

    def __repr__(self) -> str:
        return "Results()"  # a failing example is shown with it


@pytest.fixture(scope="module")
def results(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return Results(world, tmp_path_factory.mktemp("results"))


def copied(world: Path, folder: Path) -> Path:
    here = folder / "here"
    shutil.copytree(world, here)
    os.link(here / "a.txt", here / "hard")
    os.mkfifo(here / "pipe")
    make_device(here / "null", NULL)
    return here


@contextmanager
def changed_to(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def result(path: Path) -> object:
    """Contents, but for what a clock has measured."""
    if path.is_file():
        return path.read_bytes()
    files = {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}
    return {name: content for name, content in files.items() if name not in TIMED}


def snapshot(folder: Path) -> dict[Path, tuple[int, int, bytes]]:
    """Types, modes, owners and contents of all that is below a folder."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        facts = path.lstat()
        content = b""
        if stat.S_ISLNK(facts.st_mode):
            content = os.fsencode(os.readlink(path))
        elif stat.S_ISREG(facts.st_mode):
            content = path.read_bytes()
        found[path] = (facts.st_mode, facts.st_uid, content)
    return found


def is_allowed(command: Command, out: str, mounted: bool) -> bool:
    """Whether output may go there: the rules, once more and in other words."""
    if out in ("-", "/dev/stdout"):
        return not command.kind
    place = Path(out).resolve()
    inputs = [Path(name).resolve() for name in command.inputs]
    if any(place == one or one in place.parents for one in inputs):
        return False
    if any((folder / "equalinfo.json").exists() for folder in place.parents):
        return False
    if not next(folder for folder in place.parents if folder.exists()).is_dir():
        return False
    if command.kind and any(place in one.parents for one in inputs):
        return False
    if not place.exists():
        state = {"tokens": ".tokenizing", "m1": ".training", "m2": ".training"}.get(command.kind, "")
        sampled = "--max-tokens" in command.words
        return not (state and not sampled and place.with_name(place.name + state).exists())
    if not command.kind:
        return (place.is_file() or place.is_fifo() or place.is_char_device()) and not (
            place.is_file() and any(place.samefile(one) for one in inputs)
        )
    if not place.is_dir() or place == Path.cwd() or place in Path.cwd().parents:
        return False
    if mounted and place.name == "volume":
        return False
    below = [one.relative_to(place) for one in place.rglob("*")]
    if not below:
        return True
    if Path("equalinfo.json") not in below:
        return False
    manifest = json.loads((place / "equalinfo.json").read_bytes())
    listed = {Path(name) for name in manifest["files"]}
    listed |= {folder for name in listed for folder in name.parents}
    unlisted = [one for one in below if one not in listed and one.name != "equalinfo.json"]
    return manifest["kind"] == command.kind and not unlisted


def add_extra(artifact: str, extra: str) -> None:
    """Something in an artifact that is not its own."""
    place = Path(artifact, ".hidden" if extra == "hidden" else "extra")
    if extra in ("folder", "deep"):
        place.mkdir()
        place = place / "file"
    if extra == "link":
        place.symlink_to("../notes.txt")
    elif extra != "folder":
        place.write_bytes(b"precious")


def check(
    command: Command,
    out: str,
    mount: bool,
    expected: object,
    capture: pytest.CaptureFixture[bytes],
) -> None:
    here = Path.cwd()
    allowed = is_allowed(command, out, mount)
    before = snapshot(here)
    capture.readouterr()
    # Open for both, so that the writer needs no reader.
    pipe = os.open("pipe", os.O_RDWR | os.O_NONBLOCK)
    try:
        sys.argv = ["equalinfo", *command.words.split(), command.option, out]
        with pytest.raises(SystemExit) as end:
            main()
        printed, errors = capture.readouterr()
        heard = b""
        with suppress(BlockingIOError):
            heard = os.read(pipe, 1 << 16)
    finally:
        os.close(pipe)
    after = snapshot(here)
    complaints = [line for line in errors.splitlines() if line.startswith(b"error: ")]
    assert b"Traceback" not in errors
    assert (end.value.code == 0) == allowed, (sys.argv, errors)
    if not allowed:
        assert (len(complaints), printed, heard) == (1, b"", b"")
        assert after == before
        return
    assert not complaints
    place = Path(out).resolve() if out not in ("-", "/dev/stdout") else Path("/dev/stdout")
    page = {here / "page.html"}
    places = [place]
    if mount and here / "volume" in place.parents:  # what is mounted there is seen twice
        places.append(here / "behind" / place.relative_to(here / "volume"))
    rest = {path for path in before.keys() | after.keys() if not {path, *path.parents} & set(places)}
    changed = {path for path in rest - page if before.get(path) != after.get(path)}
    made = {folder for one in places for folder in one.parents}
    assert changed == {folder for folder in made if folder not in before and here in folder.parents}
    if out in ("-", "/dev/stdout"):
        assert printed == expected
    elif place.is_fifo():
        assert heard == expected
    elif not place.is_char_device():
        assert result(place) == expected
        if command.kind:
            read_manifest(place, command.kind)
        if place in before:
            assert after[place][:2] == before[place][:2]


def example(commands: list[Command]) -> st.SearchStrategy:
    special = st.sampled_from(["-", "./-", "null", "/dev/stdout", "link", "dangling", "busy"])
    names = st.builds(str.format, st.sampled_from(WAYS), st.sampled_from(NAMES), here=st.just("{here}"))
    return st.fixed_dictionaries(
        {
            "command": st.sampled_from(commands),
            "out": names | names | names | special,
            "link": st.sampled_from(NAMES),
            "artifact": st.sampled_from(ARTIFACTS),
            "extra": st.none() | st.sampled_from(EXTRAS),
            "mount": st.booleans() if CAN_MOUNT else st.just(False),
        }
    )


def try_one(drawn: dict, world: Path, results: Results, folder: Path, capture: pytest.CaptureFixture) -> None:
    command: Command = drawn["command"]
    expected = results[command.words]
    here = copied(world, folder)
    out = drawn["out"].replace("{here}", str(here))
    mount = drawn["mount"] and "volume" in (out + drawn["link"])
    try:
        with changed_to(here):
            if drawn["extra"]:
                add_extra(drawn["artifact"], drawn["extra"])
            Path("link").symlink_to(drawn["link"])
            Path("dangling").symlink_to("new/by-link")
            if (
                mount
                and subprocess.run(["mount", "--bind", "behind", "volume"], capture_output=True).returncode
            ):
                return
            check(command, out, mount, expected, capture)
    finally:
        if mount:
            subprocess.run(["umount", here / "volume"], capture_output=True)
        shutil.rmtree(here)


PHASES = [Phase.generate]  # what is drawn is small, and shrinking it takes minutes
CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=60, deadline=None, derandomize=True, phases=PHASES, suppress_health_check=CHECKS)
@given(drawn=example(COMMANDS))
def test_nothing_is_ever_destroyed(
    drawn: dict, world: Path, results: Results, tmp_path: Path, capfdbinary: pytest.CaptureFixture
) -> None:
    try_one(drawn, world, results, tmp_path, capfdbinary)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None, phases=PHASES, suppress_health_check=CHECKS)
@given(drawn=example(COMMANDS + SLOW_COMMANDS))
def test_nothing_is_ever_destroyed_in_many_ways(
    drawn: dict, world: Path, results: Results, tmp_path: Path, capfdbinary: pytest.CaptureFixture
) -> None:
    try_one(drawn, world, results, tmp_path, capfdbinary)
