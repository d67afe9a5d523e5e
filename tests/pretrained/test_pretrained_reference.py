"""What really ships: sizes, hashes, cards, round trips. With nothing there, only that the page says so."""

import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo import Tokenizer
from equalinfo.files import sha256_bytes
from equalinfo.predict.exact_files import load_m1
from equalinfo.pretrained import card_of, shipped
from scripts.build_reference import SETS
from scripts.reference_page import PAGE, page

TOKENIZERS = shipped("tokenizer")
M1S = shipped("m1")
KEPT = {  # what commit b227427 gave, under the names of then: identities, and hashes of the ids of KEPT_TEXT
    "english-32k": ("e630bc0e6b96fe79", "20a61718a94c3e10"),
    "english-65k": ("4acc318bf9be965c", "47c9bbcc8be55cc0"),
}
# Where strings of a better M1 would change nothing, those of the first M1 stay, and so do the ids.
FIRST_M1 = "12a2c9ee8549218fd0ee2112d565087e7cdf691337aeeb9bc4d64faf1ef86c27"
TEXT = "The quick brown fox, naïve café: 東京 costs 12 %.\n\n  def f(x):\n\treturn x\r\n" * 3
KEPT_TEXT = (
    TEXT
    + "Of the windows in the council's long hall, the light that came through in the morning was the best; in 1984 "
    "they had to be taken out, one by one, and sold. 'Nobody knows,' she said, \"what it cost us -- or what it would "
    'have cost to keep them." See https://example.org/a_b?c=d#e, or git rebase --onto main topic~3 topic.\n'
    + "Ἀρχὴ σοφίας · Привет, мир · 你好世界 · 🙂👍🏽\n"
)
LARGEST = 12_000_000  # bytes on disk of all together
SECONDS = 2.0  # to import and load on a machine that is busy; 0.15 on one that is not

# The largest takes as long as all others; its method is that of multilingual-65k.
each = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name == "multilingual-128k"))
        for name in sorted(TOKENIZERS)
    ],
)


def test_the_page_is_what_the_cards_give() -> None:
    assert PAGE.read_text() == page({name: card_of(path) for name, path in shipped().items()})


def test_small_in_all() -> None:
    files = [file for path in shipped().values() for file in path.rglob("*")]
    assert sum(file.stat().st_size for file in files) < LARGEST


@each
def test_the_card_names_the_tokenizer(name: str) -> None:
    tokenizer, card = Tokenizer.from_pretrained(name), card_of(TOKENIZERS[name])
    assert (card["spec"], card["vocab"]) == (str(tokenizer.spec), tokenizer.vocab)
    assert card["identity"] == tokenizer.fingerprint
    made_of = card_of(M1S["english-m1"])["identity"] if name in SETS["english"] else None
    assert card["m1"] == (FIRST_M1 if made_of and "unigram" in card["spec"] else made_of)


@pytest.mark.parametrize("name", KEPT)
def test_new_names_of_flags_and_tokenizers_changed_no_id(name: str) -> None:
    tokenizer = Tokenizer.from_pretrained(name)
    ids = sha256_bytes(tokenizer.encode(KEPT_TEXT).astype("<u4").tobytes())
    assert (tokenizer.fingerprint[:16], ids[:16]) == KEPT[name]


def test_what_ships_is_what_the_script_builds() -> None:
    built = {name: spec for tokenizers in SETS.values() for name, spec in tokenizers.items()}
    assert {name: card_of(path)["spec"] for name, path in TOKENIZERS.items()} == built


@each
@settings(max_examples=60, deadline=None)
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=100).map(str.encode)))
def test_any_bytes_are_read_back(name: str, data: bytes) -> None:
    tokenizer = opened(name)
    assert tokenizer.decode(tokenizer.encode(data)) == data


@cache
def opened(name: str) -> Tokenizer:
    return Tokenizer.from_pretrained(name)


@each
def test_loads_quickly_and_without_libraries(name: str) -> None:
    code = (
        "import sys, time; started = time.perf_counter(); from equalinfo import Tokenizer;"
        f"Tokenizer.from_pretrained({name!r}); print(time.perf_counter() - started);"
        "assert not {'torch', 'numba', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < SECONDS


@each
def test_saved_it_is_the_full_directory(name: str, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_pretrained(name)
    tokenizer.save_pretrained(tmp_path / "tok")
    again = Tokenizer.from_pretrained(tmp_path / "tok")
    assert again.fingerprint == tokenizer.fingerprint
    assert not (tmp_path / "tok" / "compact.safetensors").exists()
    if not (tmp_path / "tok" / "tokenizer.json").exists():
        assert tokenizer.spec.get("b")  # windows end within characters
        return
    transformers = pytest.importorskip("transformers")
    opened = transformers.AutoTokenizer.from_pretrained(tmp_path / "tok")
    assert opened(TEXT)["input_ids"] == tokenizer.encode(TEXT).tolist()


@pytest.mark.parametrize("name", M1S)
def test_m1_loads_and_is_the_one_on_its_card(name: str) -> None:
    started = time.monotonic()
    model = load_m1(Path(name))
    assert time.monotonic() - started < 60  # kernels are compiled in the first process
    assert model.fingerprint == card_of(M1S[name])["identity"]
    assert not (M1S[name] / "model.safetensors").exists()
