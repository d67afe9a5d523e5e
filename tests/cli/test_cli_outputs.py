"""Where output goes: nothing else is lost, pipes stay pipes, private stays private, one run at a time, no litter."""

import ctypes
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from equalinfo import Tokenizer
from equalinfo.cli.signals import Ended, ended_by_signals
from equalinfo.errors import EqualInfoError
from equalinfo.outputs import output_directory, output_file, output_folder
from tests.support.command import Run
from tests.support.devices import FULL, NULL, make_device

TEXT = b"precious \xff text\n" * 9
MODULE = [sys.executable, "-m", "equalinfo"]


@pytest.fixture(scope="module")
def made(kinds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with something of every kind, and what must not be lost."""
    folder = tmp_path_factory.mktemp("made") / "made"
    shutil.copytree(kinds, folder)
    shutil.copytree(folder / "tok", folder / "more-than-tok")
    for name in ("more-than-tok/notes.txt", "foreign.training/notes.txt", "foreign.tokenizing/notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(TEXT)
    (folder / "damaged").mkdir()
    (folder / "damaged" / "equalinfo.json").write_bytes(b"{")
    (folder / "recipe.toml").write_text(RECIPE)
    return folder


RECIPE = """
title = "tiny"
corpus = "corpus"
methods = ["Bytes"]
[m1]
path = "english-m1"
[m2]
sizes = ["65k"]
seeds = [0]
steps = 1
batch_size = 2
sequence_length = 32
"""


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, and the working directory."""
    shutil.copytree(made, tmp_path / "here", symlinks=True)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Types, modes and contents of all that is below a folder."""
    found = {}
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        content = b""
        if stat.S_ISLNK(mode):
            content = os.fsencode(os.readlink(path))
        elif stat.S_ISREG(mode):
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = (mode, content)
    return found


def refused(run: Run, here: Path, *arguments: object) -> str:
    """The one line in which a command is refused that changes nothing."""
    before = snapshot(here)
    status, printed, errors = run(*arguments)
    assert status == 1
    assert printed == ""
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert snapshot(here) == before
    return errors


REFUSED = [
    # An input, by any name.
    ("encode tok a.txt --out a.txt", "the file to be read"),
    ("encode tok a.txt --out corpus/../a.txt", "the file to be read"),
    ("encode tok a.txt --out soft", "the file to be read"),
    ("encode tok a.txt --out hard", "the file to be read"),
    ("decode tok ids.npy --out ids.npy", "the file to be read"),
    ("show tok --file a.txt --html a.txt", "the file to be read"),
    ("report rows --out rows/results.jsonl", "the file to be read"),
    ("report rows --out r.html --markdown rows/results.jsonl", "the file to be read"),
    ("experiment --out rows --summary rows/results.jsonl", "the file to be read"),
    # In an input, or around one.
    ("tokenize tok corpus --out corpus/tokens", "lies in corpus"),
    ("train-m1 corpus --out corpus/m1 --steps 1", "lies in corpus"),
    ("compile Huffman[order=0] --corpus corpus --out corpus/tok", "lies in corpus"),
    ("run recipe.toml --out corpus/run", "corpus, which is to be read"),
    ("tokenize tokens/tokenizer corpus --out tokens", "holds tokens/tokenizer"),
    # In an artifact, whose files would no longer be its own.
    ("encode tok a.txt --out m1/ids.npy", "is in the artifact"),
    ("encode tok a.txt --out m1/config.json", "is in the artifact"),
    ("compile Bytes --out m1/tok", "is in the artifact"),
    ("experiment gzip_headers --out m1", "is in the artifact"),
    ("run recipe.toml --out m1/run", "is in the artifact"),
    ("report rows --out r.html --figures m1", "is in the artifact"),
    # An artifact of another kind.
    ("compile Bytes --out m1", "another kind (m1, not tokenizer)"),
    ("compile Bytes --out toklink", "another kind (tokens, not tokenizer)"),
    ("tokenize tok corpus --out tok", "the folder to be read"),
    ("tokenize tok corpus --out export", "another kind (export, not tokens)"),
    ("tokenize tok corpus --max-tokens 10 --out m1", "another kind (m1, not tokens)"),
    ("train-m1 corpus --steps 1 --out tok", "another kind (tokenizer, not m1)"),
    ("train-m2 tokens --steps 1 --out m1", "another kind (m1, not m2)"),
    ("export tokens --format megatron --out m1", "another kind (m1, not export)"),
    # Files that no manifest lists.
    ("compile Bytes --out more-than-tok", "holds notes.txt, which is not a part of the tokenizer"),
    ("compile Bytes --out damaged", "cannot be read as JSON"),
    ("compile Bytes --out corpus", "not an equalinfo artifact"),
    ("compile Bytes --out rows", "not an equalinfo artifact"),
    ("train-m1 corpus --steps 1 --out foreign", "foreign.training exists and is not"),
    ("tokenize tok corpus --out foreign", "foreign.tokenizing exists and is not"),
    ("run recipe.toml --out foreign.training", "exists and is not the folder of a run"),
    ("experiment gzip_headers --out foreign.training", "exists and is not the folder of a run"),
    # What cannot be a file, or a directory.
    ("encode tok a.txt --out corpus", "is a directory"),
    ("encode tok a.txt --out a.txt/ids.npy", "is not a folder"),
    ("encode tok a.txt --out /proc/nothing/ids.npy", "cannot write"),
    ("encode tok a.txt --out loop", "cannot write"),
    ("compile Bytes --out a.txt", "not an equalinfo artifact"),
    ("compile Bytes --out a.txt/tok", "is not a folder"),
    ("compile Bytes --out pipe", "not an equalinfo artifact"),
    ("compile Bytes --out .", "not an equalinfo artifact"),
    *((f"{command} --out -", "- takes a file") for command in (
        "compile Bytes", "tokenize tok corpus", "export tokens --format megatron", "train-m1 corpus --steps 1",
        "train-m2 tokens --steps 1", "run recipe.toml", "demo", "experiment gzip_headers",
    )),
    ("report rows --out r.html --figures -", "- takes a file"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "words"), REFUSED, ids=[command for command, _ in REFUSED])
def test_what_would_be_lost_is_refused_before_any_work(
    command: str, words: str, here: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo("pipe")
    (here / "soft").symlink_to("a.txt")
    (here / "loop").symlink_to("loop")
    (here / "toklink").symlink_to("tokens")
    os.link("a.txt", "hard")
    if not command.startswith("tokenize"):  # its tokenizer is opened a moment before

        def worked(*_: object) -> None:
            raise AssertionError("it began to work")

        monkeypatch.setattr(Tokenizer, "from_pretrained", worked)
    assert words in refused(run, here, *command.split())


def test_what_may_be_replaced_is_replaced(here: Path, run: Run) -> None:
    (here / "new.npy").write_bytes(b"old")
    (here / "empty").mkdir()
    (here / "tok" / "equalinfo.json").write_bytes((here / "tok" / "equalinfo.json").read_bytes() + b"\n")
    assert run("encode", "tok", "a.txt", "--out", "new.npy")[0] == 0
    assert bytes(np.load("new.npy").astype(np.uint8)) == TEXT
    for out in ("tok", "empty", "deep/er/tok"):
        assert run("compile", "GZip[v=256]", "--out", out)[0] == 0
        assert str(Tokenizer.from_pretrained(out).spec) == "GZip[v=256]"
    export = ("export", "tokens", "--format", "megatron", "--out", "export", "--quiet")
    before = snapshot(here / "export")
    assert run(*export)[0] == 0
    assert snapshot(here / "export") == before


def test_save_pretrained_has_the_same_guard(here: Path) -> None:
    before = snapshot(here)
    tokenizer = Tokenizer.from_pretrained("tok")
    for out in ("m1", "more-than-tok", "a.txt", "corpus", "-", "tokens/tok"):
        with pytest.raises(EqualInfoError):
            tokenizer.save_pretrained(out)
    tokenizer.save_pretrained("tok")
    assert snapshot(here) == before


def test_a_torn_replacement_is_mended(here: Path, run: Run) -> None:
    """A kill between two renames leaves the old directory aside; the next run puts it back before it looks."""
    before = snapshot(here)
    (here / ".m1.equalinfo").mkdir()
    os.rename("m1", ".m1.equalinfo/old")
    assert "another kind" in run("compile", "Bytes", "--out", "m1")[2]
    assert snapshot(here) == before


def test_pipes_and_devices_stay_what_they_are(here: Path, run: Run) -> None:
    os.mkfifo("pipe")
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(Path("pipe").read_bytes()))
    reader.start()
    assert run("decode", "tok", "ids.npy", "--out", "pipe")[0] == 0
    reader.join(20)
    assert heard == [TEXT]
    assert Path("pipe").is_fifo()
    if make_device(here / "null", NULL) and make_device(here / "full", FULL):
        assert run("encode", "tok", "a.txt", "--out", "null")[0] == 0
        assert Path("null").is_char_device()
        for command in ("encode tok a.txt", "decode tok ids.npy", "decompress a.eqi --m1 m1 --quiet"):
            assert "No space left" in refused(run, here, *command.split(), "--out", "full")
        assert "not an equalinfo artifact" in refused(run, here, "compile", "Bytes", "--out", "null")
    # The other end of a pipe that is an input never comes.
    assert "the file to be read" in refused(run, here, "encode", "tok", "pipe", "--out", "pipe")


def test_links_are_followed(here: Path, run: Run) -> None:
    (here / "elsewhere").mkdir()
    for link, target in (("file", "elsewhere/old.npy"), ("dangling", "elsewhere/new.npy"), ("dir", "tok")):
        Path(link).symlink_to(target)
    Path("elsewhere/old.npy").write_bytes(b"old")
    for link in ("file", "dangling"):
        assert run("encode", "tok", "a.txt", "--out", link)[0] == 0
        assert Path(link).is_symlink()
        assert len(np.load(os.readlink(link))) == len(TEXT)
    assert run("compile", "GZip[v=256]", "--out", "dir")[0] == 0
    assert os.readlink("dir") == "tok"
    assert str(Tokenizer.from_pretrained("tok").spec) == "GZip[v=256]"


def test_a_name_for_standard_output_is_standard_output(here: Path) -> None:
    """What is there is kept: an ordinary open of /dev/stdout would cut it off."""
    with open("log", "ab") as log:
        log.write(b"before ")
        log.flush()
        for out in ("/dev/stdout", "/dev/fd/1", "-"):
            command = [*MODULE, "decode", "tok", "ids.npy", "--out", out]
            assert subprocess.run(command, stdout=log).returncode == 0
    assert Path("log").read_bytes() == b"before " + 3 * TEXT


@pytest.mark.parametrize("umask", [0o077, 0o022, 0o002])
def test_modes_of_new_files_are_those_of_the_umask(umask: int, here: Path, run: Run) -> None:
    before = os.umask(umask)
    try:
        assert run("encode", "tok", "a.txt", "--out", "new.npy")[0] == 0
        assert run("compile", "GZip[v=256]", "--out", "new/tok")[0] == 0
        (here / "corpus.txt").write_bytes((here / "corpus" / "corpus.text").read_bytes())
        tokenize = ("tokenize", "tok", "corpus", "--out", "new/tokens", "--workers", 1, "--quiet")
        assert run(*tokenize)[0] == 0
    finally:
        os.umask(before)
    for path in (here / "new.npy", *(here / "new").rglob("*"), here / "new"):
        expected = (0o777 if path.is_dir() else 0o666) & ~umask
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_what_replaces_has_the_mode_of_what_it_replaces(here: Path, run: Run) -> None:
    Path("private.npy").write_bytes(b"old")
    os.chmod("private.npy", 0o640)
    os.chmod("tok", 0o700)
    os.chmod("tok/equalinfo.json", 0o600)
    seen = set()
    with output_file(Path("private.npy")) as stream:
        stream.write(b"secret")
        stream.flush()
        seen |= {stat.S_IMODE(path.stat().st_mode) for path in here.glob(".private*")}
    assert seen == {0o700}  # nobody else gets at what is being written
    assert run("encode", "tok", "a.txt", "--out", "private.npy")[0] == 0
    assert run("compile", "GZip[v=256]", "--out", "tok")[0] == 0
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in ("private.npy", "tok", "tok/equalinfo.json")]
    assert modes == [0o640, 0o700, 0o600]


@pytest.fixture
def mounted(here: Path) -> Iterator[Path]:
    """A mount point within one file system, as a volume of a container may be."""
    for name in ("volume", "behind"):
        (here / name).mkdir()
    if subprocess.run(["mount", "--bind", "behind", "volume"], capture_output=True).returncode:
        pytest.skip("this user may not mount")
    yield here / "volume"
    subprocess.run(["umount", here / "volume"], check=True)


def test_a_mount_point_is_refused_at_once(mounted: Path, here: Path, run: Run) -> None:
    for command in ("compile Bytes", "tokenize tok corpus", "train-m1 corpus --steps 1"):
        words = "is a mount point, which cannot be replaced; choose a folder inside it"
        assert words in refused(run, here, *command.split(), "--out", "volume")
    assert run("compile", "Bytes", "--out", "volume/tok")[0] == 0
    assert run("encode", "tok", "a.txt", "--out", "volume/ids.npy")[0] == 0
    shutil.rmtree("volume/tok")
    os.unlink("volume/ids.npy")
    # What only grows may be one.
    assert run("run", "recipe.toml", "--out", "volume", "--quiet")[0] == 0
    assert sorted(path.name for path in mounted.iterdir()) == [
        "m2", "report.html", "results.jsonl", "tokenizers", "tokens"
    ]  # fmt: skip


def test_the_working_directory_is_not_replaced(here: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell would go on in a directory that is no more."""
    (here / "empty").mkdir()
    monkeypatch.chdir(here / "empty")
    assert "working directory" in refused(run, here, "compile", "Bytes", "--out", ".")


def test_a_place_where_nothing_can_be_written_is_refused_at_once(here: Path) -> None:
    """Tried by a user who is not root, to whom no mode says no."""
    for name in ("closed", "closed/tok"):
        (here / name).mkdir()
    shutil.copy("tok/equalinfo.json", "closed/tok")
    Path("mine.npy").write_bytes(b"kept")
    Path("mine.npy").chmod(0o444)
    (here / "closed").chmod(0o555)
    program = (
        "import os, sys\nfrom equalinfo.cli import main\nout = sys.argv.pop()\n"
        "def call(out):\n"
        "    sys.argv = ['equalinfo', 'encode', 'tok', 'a.txt', '--out', out]\n"
        "    try: main()\n"
        "    except SystemExit as end: return end.code\n"
        "call('before.npy')\n"  # imports what that user may not be able to read
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "sys.exit(call(out))"
    )
    for path in (here, *here.parents):
        if path.stat().st_uid == os.geteuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o005)
    before = snapshot(here)
    for out in ("closed/ids.npy", "mine.npy"):
        done = subprocess.run([sys.executable, "-c", program, out], capture_output=True, text=True)
        assert done.returncode == 1, done.stderr
        assert done.stderr.startswith(f"error: cannot write {out}: ")
        assert done.stderr.count("\n") == 1
        os.unlink("before.npy")
    assert snapshot(here) == before
    (here / "closed").chmod(0o755)


def test_one_dash_is_standard_output_for_every_file(here: Path, run: Run) -> None:
    def call(*arguments: str, given: bytes = b"") -> tuple[bytes, bytes]:
        done = subprocess.run([*MODULE, *arguments], input=given, capture_output=True, check=True)
        return done.stdout, done.stderr

    ids, figures = call("encode", "tok", "-", "--out", "-", "--json", given=TEXT)
    assert json.loads(figures)["tokens"] == len(TEXT)
    assert ids == Path("ids.npy").read_bytes()
    assert call("decode", "tok", "-", "--out", "-", given=ids)[0] == TEXT
    status, page, _ = run("show", "tok", "--text", "x", "--html", "-")
    assert (status, page[:9]) == (0, "<!DOCTYPE")
    status, summary, _ = run("experiment", "--summary", "-", "--out", "rows")
    assert (status, summary[:9]) == (0, "# Results")
    before = set(os.listdir())
    for number, command in enumerate((["encode", "tok", "a.txt"], ["decode", "tok", "ids.npy"])):
        assert run(*command, "--out", "./-")[0] == 0
        assert set(os.listdir()) - before == {"-"}
        assert run("encode", "tok", "./-", "--out", f"of-dash{number}")[0] == 0
        os.unlink("-")
        before.add(f"of-dash{number}")


def test_a_report_goes_to_standard_output_whole(here: Path, run: Run) -> None:
    status, page, table = run("report", "rows", "--out", "-")
    assert (status, page[:15].lower()) == (0, "<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert "SentencePiece" in table
    status, table, _ = run("report", "rows", "--out", "r.html", "--markdown", "-")
    assert status == 0
    assert "| method |" in table
    assert "another process is writing" in run("report", "rows", "--out", "x", "--markdown", "x")[2]


WAITING = [
    ("encode tok - --out out", TEXT),
    ("compile Huffman[order=0] --corpus - --out out", None),
    ("train-m1 - --out out --size 65k --context 16 --batch 2 --steps 1 --quiet", None),
    ("tokenize tok - --out out --quiet", None),
    ("compress - --m1 m1 --out out --quiet", TEXT),
]


def waiting(command: str, here: Path) -> subprocess.Popen:
    """A command that has begun and waits for its standard input."""
    process = subprocess.Popen([*MODULE, *command.split()], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    while not (here / ".out.equalinfo" / "lock").exists() or not reads_standard_input(process.pid):
        assert process.poll() is None
        time.sleep(0.02)
    return process


def reads_standard_input(process: int) -> bool:
    """Whether it waits there: the system call is `read` (0 or 63, by the processor) of descriptor 0."""
    try:
        call = Path(f"/proc/{process}/syscall").read_text().split()
    except OSError:
        time.sleep(3)
        return True
    return call[0] in ("0", "63") and call[1] == "0x0"


@pytest.mark.parametrize(("command", "text"), WAITING, ids=[command for command, _ in WAITING])
def test_a_second_run_is_refused_at_once(command: str, text: bytes | None, here: Path, run: Run) -> None:
    before = set(os.listdir())
    process = waiting(command, here)
    status, _, errors = run(*command.replace(" - ", " a.txt ").split())
    assert status == 1
    assert errors == "error: another process is writing out; wait for it or choose another --out\n"
    if command.startswith("train"):  # which takes a while
        process.terminate()
        process.communicate()
        assert set(os.listdir()) == before
        return
    _, errors = process.communicate(text or (here / "corpus" / "corpus.text").read_bytes(), timeout=120)
    assert process.returncode == 0, errors
    assert set(os.listdir()) - before == {"out"}  # no lock is left


def test_folders_that_grow_have_one_run_at_a_time(here: Path, run: Run) -> None:
    with output_folder(Path("run"), "a folder", Path.is_dir):
        before = snapshot(here)
        for command in ("run recipe.toml", "experiment gzip_headers"):
            assert "another process is writing run" in run(*command.split(), "--out", "run")[2]
        assert snapshot(here) == before
    assert not Path("run").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_signals_leave_no_litter(number: int, here: Path, run: Run) -> None:
    before = snapshot(here)
    command = "compress - --m1 m1 --out out --quiet"
    process = waiting(command, here)
    process.send_signal(number)
    process.send_signal(number)  # `timeout` sends two
    _, errors = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        # Nothing can be done at once; the next run clears it away.
        assert run(*command.replace(" - ", " a.txt ").split())[0] == 0
        os.unlink("out")
    else:
        assert process.returncode == 128 + number
        assert errors == b"error: terminated; the same command resumes where it can\n"
    assert snapshot(here) == before


def test_a_signal_that_python_drops_comes_again() -> None:
    """As where LLVM calls Python while it compiles."""
    callback = ctypes.CFUNCTYPE(None)(lambda: os.kill(os.getpid(), signal.SIGTERM))

    @ended_by_signals()
    def work() -> None:
        callback()
        for _ in range(200):
            time.sleep(0.05)

    with pytest.raises(Ended):
        work()


def test_a_forked_child_does_not_keep_the_lock(here: Path, run: Run) -> None:
    """Readers of training data outlive a killed run for seconds, and the same command must go on at once."""
    program = (
        "import os, signal, time\nfrom pathlib import Path\nfrom equalinfo.outputs import output_directory\n"
        "with output_directory(Path('out'), 'tokenizer'):\n"
        "    child = os.fork()\n    if not child: time.sleep(30); os._exit(0)\n"
        "    print(child, flush=True)\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    child = int(process.stdout.readline())
    process.wait()
    try:
        assert run("compile", "Bytes", "--out", "out")[0] == 0
    finally:
        os.kill(child, signal.SIGKILL)
    assert not list(here.glob(".out*"))


def test_an_error_leaves_no_folders(here: Path) -> None:
    before = snapshot(here)
    for opened in (output_file(Path("new/er/file")), output_directory(Path("new/er/directory"), "tokenizer")):
        with pytest.raises(KeyboardInterrupt), opened:
            raise KeyboardInterrupt
    assert snapshot(here) == before
