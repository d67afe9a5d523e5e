"""The mix from packages that the test makes; the network is never asked."""

import json
import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from equalinfo.corpus.readers import read_documents
from equalinfo.errors import EqualInfoError
from equalinfo.files import sha256_file
from equalinfo.progress import progress_bar
from scripts.corpus_mix import packages
from scripts.corpus_mix.fetch import fetch_mix
from scripts.corpus_mix.plain import text_files
from scripts.corpus_mix.sources import SOURCES, Source, chosen
from tests.support.packages import Registries, laid_out, sentences, tarball, wheel

SHARED = "A paragraph that two of the packages have, word for word."
MUSIC = Source(
    "music", "prose", "PyPI", "music-texts", "1.0", "MIT", True, partial(text_files, "music/*.txt")
)
TREES = Source(
    "trees", "prose", "npm", "@texts/trees", None, "MIT", True, partial(text_files, "package/*.txt")
)
LETTERS = Source("letters", "e-mail", "PyPI", "letters", None, "none", False, partial(text_files, "*/*.txt"))
DEBIAN = Source("texts", "manual", "Debian", "texts", None, "x", True, partial(text_files, "usr/**/*.txt"))
THREE = [MUSIC, TREES, LETTERS]


@pytest.fixture
def registries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registries:
    made = Registries(monkeypatch)
    (tmp_path / "registries").mkdir()
    made.files = {
        "music-texts==1.0": wheel(
            tmp_path / "registries" / "music_texts-1.0-py3-none-any.whl",
            {"music/a.txt": f"{sentences('music')}\n\n{SHARED}", "music/b.py": "raise SystemExit"},
        ),
        "@texts/trees@latest": tarball(
            tmp_path / "registries" / "texts-trees-2.1.0-rc.1.tgz",
            {"package/a.txt": f"{SHARED}\n\n{sentences('trees')}", "package/b.txt": sentences("leaves")},
        ),
        "letters": tarball(
            tmp_path / "registries" / "letters-0.3.tar.gz", {"letters-0.3/a.txt": sentences("letters")}
        ),
    }
    return made


def fetch(sources: list[Source], out: Path, **options: bool) -> list[dict[str, object]]:
    with progress_bar(quiet=True) as progress:
        return fetch_mix(sources, out, progress, **options)


def contents(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*.*"))
        if path.is_file()
    }


def test_a_folder_that_every_command_reads(registries: Registries, tmp_path: Path) -> None:
    out = tmp_path / "mix"
    entries = fetch(THREE, out)
    documents = list(read_documents(out / "text"))
    assert sum(entry["documents"] for entry in entries) == len(documents) == 4
    assert sum(entry["bytes"] for entry in entries) == sum(map(len, documents))
    assert b"\n".join(documents).count(SHARED.encode()) == 1
    assert [entry["version"] for entry in entries] == ["1.0", "2.1.0-rc.1", "0.3"]
    assert [entry["repeated_bytes"] for entry in entries] == [0, len(SHARED), 0]
    for entry in entries:
        assert entry["sha256"] == sha256_file(out / "text" / f"{entry['name']}.parquet")
    assert json.loads((out / "sources.json").read_bytes()) == {"kind": "corpus mix", "sources": entries}
    assert not (out / ".packages").exists()


def test_the_same_packages_give_the_same_bytes(registries: Registries, tmp_path: Path) -> None:
    fetch(THREE, tmp_path / "one")
    fetch(THREE, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_what_is_finished_is_not_fetched_again(registries: Registries, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "mix"
    fetch(THREE, whole)
    del registries.files["letters"]
    with pytest.raises(EqualInfoError):
        fetch(THREE, out)
    assert sorted(path.name for path in (out / "text").iterdir()) == ["music.parquet", "trees.parquet"]
    registries.files["letters"] = tmp_path / "registries" / "letters-0.3.tar.gz"
    registries.calls.clear()
    fetch(THREE, out)
    assert registries.calls == ["pip letters"]
    assert contents(out) == contents(whole)
    registries.calls.clear()
    fetch(THREE, out)
    assert registries.calls == []


def test_a_run_killed_before_its_first_entry_goes_on(registries: Registries, tmp_path: Path) -> None:
    left = ("text/music.parquet", "text/.trees.parquet.x.part", ".packages/music.part/x")
    out = laid_out(tmp_path / "mix", dict.fromkeys(left, "left"))
    fetch(THREE, out)
    fetch(THREE, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_a_damaged_file_is_made_again(registries: Registries, tmp_path: Path) -> None:
    fetch(THREE, tmp_path / "whole")
    fetch(THREE, tmp_path / "mix")
    (tmp_path / "mix" / "text" / "trees.parquet").write_bytes(b"damaged")
    registries.calls.clear()
    fetch(THREE, tmp_path / "mix")
    assert registries.calls == ["npm @texts/trees@latest"]
    assert contents(tmp_path / "mix") == contents(tmp_path / "whole")


def test_a_source_that_comes_later_is_read_again_after_another_joins(
    registries: Registries, tmp_path: Path
) -> None:
    out = tmp_path / "mix"
    (alone,) = fetch([TREES], out, keep_packages=True)
    assert alone["repeated_bytes"] == 0
    registries.calls.clear()
    fetch(THREE, out)
    assert registries.calls == ["pip music-texts==1.0", "pip letters"]  # the package was kept
    fetch(THREE, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_a_missing_package_is_one_line_or_left_out(registries: Registries, tmp_path: Path) -> None:
    del registries.files["@texts/trees@latest"]
    with pytest.raises(
        EqualInfoError, match=r"^@texts/trees \(npm\), the source trees, .*no such package.*--without trees"
    ):
        fetch(THREE, tmp_path / "mix")
    entries = fetch(THREE, tmp_path / "mix", skip_missing=True)
    assert ["missing" in entry for entry in entries] == [False, True, False]
    assert (
        "no such package"
        in json.loads((tmp_path / "mix" / "sources.json").read_bytes())["sources"][1]["missing"]
    )
    assert len(list(read_documents(tmp_path / "mix" / "text"))) == 2


@pytest.mark.parametrize(("source", "tool"), [(TREES, "npm"), (DEBIAN, "apt-get")])
def test_a_missing_tool_is_named(registries: Registries, tmp_path: Path, source: Source, tool: str) -> None:
    registries.missing.add(tool)
    with pytest.raises(
        EqualInfoError,
        match=f"{source.package}.* cannot be fetched without {tool}; .*--without {source.name}",
    ):
        fetch([source], tmp_path / "mix")


def test_a_damaged_package_is_named(registries: Registries, tmp_path: Path) -> None:
    registries.files["letters"].write_bytes(b"damaged")
    with pytest.raises(
        EqualInfoError, match=r"letters-0\.3\.tar\.gz, the source letters, is damaged; remove "
    ):
        fetch([LETTERS], tmp_path / "mix")


def test_a_package_that_has_changed_is_named(registries: Registries, tmp_path: Path) -> None:
    wheel(registries.files["music-texts==1.0"], {"elsewhere/a.txt": "x"})
    with pytest.raises(EqualInfoError, match=r"^music: its package holds no music/\*\.txt; "):
        fetch([MUSIC], tmp_path / "mix")
    wheel(registries.files["music-texts==1.0"], {"music/a.txt": "x"})
    with pytest.raises(EqualInfoError, match=r"^music: its package holds no text; "):
        fetch([MUSIC], tmp_path / "other")
    assert not list((tmp_path / "other" / "text").iterdir())


def test_other_folders_are_left_alone(registries: Registries, tmp_path: Path) -> None:
    for name in ("notes", "text/notes.parquet"):
        precious = laid_out(tmp_path / name.replace("/", "-"), {name: "mine"})
        with pytest.raises(EqualInfoError, match="is not a corpus mix; choose another --out"):
            fetch([MUSIC], precious)
        assert (precious / name).read_text() == "mine"
    artifact = laid_out(tmp_path / "m1", {"equalinfo.json": "{}"})
    with pytest.raises(EqualInfoError, match="is in the artifact"):
        fetch([MUSIC], artifact)
    with pytest.raises(EqualInfoError, match="- takes a file"):
        fetch([MUSIC], Path("-"))
    fetch(THREE, tmp_path / "mix")
    with pytest.raises(EqualInfoError, match=r"holds sources that are not asked for now \(trees, letters\)"):
        fetch([MUSIC], tmp_path / "mix")
    assert len(list((tmp_path / "mix" / "text").iterdir())) == 3
    (tmp_path / "mix" / "sources.json").write_text("[]")
    with pytest.raises(EqualInfoError, match="is not the list of a corpus mix"):
        fetch(THREE, tmp_path / "mix")


def test_a_tarball_cannot_write_outside(registries: Registries, tmp_path: Path) -> None:
    tarball(registries.files["letters"], {"../../../escaped.txt": "x", "a/b.txt": sentences("letters")})
    with pytest.raises(EqualInfoError, match="is damaged"):
        fetch([LETTERS], tmp_path / "mix")
    assert not list(tmp_path.rglob("escaped.txt"))


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_a_debian_package(registries: Registries, tmp_path: Path) -> None:
    control = "Package: texts\nVersion: 1:2.0-1\nArchitecture: all\nMaintainer: A <a@b>\nDescription: x\n"
    root = laid_out(
        tmp_path / "root", {"DEBIAN/control": control, "usr/share/doc/texts/a.txt": sentences("debian")}
    )
    os.chmod(root / "DEBIAN", 0o755)
    made = tmp_path / "registries" / "texts_1%3a2.0-1_all.deb"
    packages.subprocess.run(["dpkg-deb", "--build", str(root), str(made)], check=True, capture_output=True)
    registries.files["texts"] = made
    source = Source(
        "texts", "manual", "Debian", "texts", None, "x", True, partial(text_files, "usr/**/*.txt")
    )
    (entry,) = fetch([source], tmp_path / "mix")
    assert entry["version"] == "1:2.0-1"
    assert list(read_documents(tmp_path / "mix" / "text")) == [sentences("debian").encode()]


def test_a_tool_that_hangs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str], **options: object) -> None:
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(packages.subprocess, "run", hang)
    with pytest.raises(EqualInfoError, match="did not come within"):
        fetch([MUSIC], tmp_path / "mix")


def test_sources_are_chosen_by_name_and_licence() -> None:
    closed = {source.name for source in SOURCES if not source.open}
    assert closed == {"webnews", "bbc", "mail", "recipes"}
    assert chosen(licence="all") == list(SOURCES)
    assert chosen() == [source for source in SOURCES if source.name not in closed]
    assert [source.name for source in chosen(["vim", "wikipedia"])] == ["wikipedia", "vim"]
    assert len(chosen(without=["vim"])) == len(chosen()) - 1
    for arguments, complaint in (
        ((["nonsense"],), "no source is called 'nonsense'; choose from wikipedia"),
        ((["mail"],), "mail has no open licence .* --licence all"),
        ((["vim"], ["vim"]), "no source is left"),
        (([], [], "free"), "choose open or all"),
    ):
        with pytest.raises(EqualInfoError, match=complaint):
            chosen(*arguments)


def test_names_of_sources_are_unlike_and_the_open_ones_come_first() -> None:
    names = [source.name for source in SOURCES]
    assert len(set(names)) == len(names)
    # So the open part is the same with and without the others.
    assert sorted(SOURCES, key=lambda source: not source.open) == list(SOURCES)
