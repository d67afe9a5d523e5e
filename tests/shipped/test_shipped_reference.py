"""What really ships: sizes, hashes, cards, round trips. With nothing there, only that the page says so."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equalinfo import Tokenizer
from equalinfo.predict.exact import load_m1
from equalinfo.shipped import card_of, shipped
from scripts.reference_page import PAGE, page

TOKENIZERS = shipped("tokenizer")
M1S = shipped("m1")
TEXT = "The quick brown fox, naïve café: 東京 costs 12 %.\n\n  def f(x):\n\treturn x\r\n" * 3
LARGEST = 13_000_000  # bytes on disk of all together
SECONDS = 2.0  # to import and load on a machine that is busy; 0.15 on one that is not

each = pytest.mark.parametrize("name", TOKENIZERS)


def test_the_page_is_what_the_cards_give() -> None:
    assert PAGE.read_text() == page({name: card_of(path) for name, path in shipped().items()})


def test_small_in_all() -> None:
    files = [file for path in shipped().values() for file in path.rglob("*")]
    assert sum(file.stat().st_size for file in files) < LARGEST


@each
def test_the_card_names_the_tokenizer(name: str) -> None:
    tokenizer, card = Tokenizer.from_pretrained(name), card_of(TOKENIZERS[name])
    assert (card["spec"], card["vocab"]) == (str(tokenizer.spec), tokenizer.vocab)
    assert card["identity"] == tokenizer.identity
    assert card["m1"] in {card_of(path)["identity"] for path in M1S.values()}


@each
@settings(max_examples=200, deadline=None)
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=100).map(str.encode)))
def test_any_bytes_are_read_back(name: str, data: bytes) -> None:
    tokenizer = OPENED.setdefault(name, Tokenizer.from_pretrained(name))
    assert tokenizer.decode(tokenizer.encode(data)) == data


OPENED: dict[str, Tokenizer] = {}


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
    assert again.identity == tokenizer.identity
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
    assert model.identity == card_of(M1S[name])["identity"]
    assert not (M1S[name] / "model.safetensors").exists()
