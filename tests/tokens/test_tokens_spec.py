import pytest
from hypothesis import given
from hypothesis import strategies as st

from equalinfo.coding.equal_info_windows import WindowRule
from equalinfo.errors import EqualInfoError
from equalinfo.tokens.dictionary_options import RENAMED, first_spelling
from equalinfo.tokens.methods import METHODS
from equalinfo.tokens.spec import Spec
from tests.support import methods
from tests.support.building import built


@pytest.mark.parametrize(
    "text", [*methods.SPECS, "SentencePiece[v=32k]", "EqualInfoAC[b=128,v=65k,reset=never]"]
)
def test_canonical_specs_print_back(text):
    assert str(Spec.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("AC", "AC[v=256]"),
        ("AC[]", "AC[v=256]"),
        ("GZip[bare]", "GZip[v=256,bare]"),
        ("GZip[bare,v=65536]", "GZip[v=65k,bare]"),
        (" EqualInfoAC [ v = 65K , b=16, ]", "EqualInfoAC[b=16,v=65k]"),
        ("EqualInfoAC[delay,reset=2,b=016]", "EqualInfoAC[b=16,v=256,reset=2,delay]"),
        ("EqualInfoAC[b=16,reset=1]", "EqualInfoAC[b=16,v=256]"),
        ("EqualInfoAC[b=16,reset=never]", "EqualInfoAC[b=16,v=256,reset=never]"),
        ("EqualText", "EqualText[n=8,v=256]"),
        ("SentencePiece[v=32000]", "SentencePiece[v=32k]"),
        ("AC[order=0]", "StaticAC[v=256]"),
        ("Huffman[v=65k,order=0]", "StaticHuffman[v=65k]"),
        ("ANS[order=00]", "StaticANS[v=256]"),
        ("Huffman[order=3]", "Huffman[v=256,order=3]"),
        ("EqualInfoAC[order=2,reset=2,b=16]", "EqualInfoAC[b=16,v=256,order=2,reset=2]"),
        ("EqualInfo[words,fewest,order=3,v=4k]", "EqualInfo[v=4k,order=3,fewest,words]"),
        ("EqualInfo[phrases,v=64K,unigram]", "EqualInfo[v=65k,unigram,phrases]"),
    ],
)
def test_other_spellings(text, canonical):
    spec = Spec.parse(text)
    assert str(spec) == canonical
    assert Spec.parse(canonical) == spec


TOGETHER = [[], ["fewest"], ["fewest", "words"], ["unigram", "words"], ["unigram", "phrases"]]


@given(st.sampled_from(sorted(METHODS)), st.data())
def test_any_spec_prints_back(name, data):
    method = METHODS[name].options
    numbers = {key: data.draw(st.integers(1, 10**9 - 1)) for key in method.numbers}
    flags = [flag for flag in method.flags if data.draw(st.booleans())]
    if name == "EqualInfo" and data.draw(st.booleans()):
        del numbers["b"]
        flags = data.draw(st.sampled_from(TOGETHER))
    options = data.draw(st.permutations([f"{key}={number}" for key, number in numbers.items()] + flags))
    spec = Spec.parse(f"{name}[{','.join(options)}]")
    assert dict(spec.numbers) == numbers
    assert [flag for flag in method.flags if flag in spec] == flags
    assert Spec.parse(str(spec)) == spec
    assert hash(Spec.parse(str(spec))) == hash(spec)
    assert spec.slug.replace("-", "").isalnum()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ac",
        "AC[",
        "AC]",
        "AC[v=256",
        "AC[[v=256]]",
        "AC[v=256]x",
        "AC[v=]",
        "AC[v]",
        "AC[=256]",
        "AC[v=0]",
        "AC[v=-1]",
        "AC[v=1.5]",
        "AC[v=33k]",
        "AC[v=\u0663]",
        "AC[v=1e3]",
        "AC[v=12345678901]",
        "AC[v=256,v=256]",
        "AC[delay]",
        "AC[b=16]",
        "AC[order]",
        "AC[order=-1]",
        "AC[order=M1]",
        "StaticAC[order=0]",
        "Huffman[b=16]",
        "ANS[b=64]",
        "EqualInfoHuffman",
        "Bytes[v=256]",
        "GZip[bare,bare]",
        "GZip[bare=1]",
        "SentencePiece",
        "EqualInfoAC",
        "EqualInfoAC[v=256]",
        "EqualInfoAC[b=16k]",
        "EqualInfoAC[b=16,reset=0]",
        "EqualInfoAC[b=16,reset=always]",
        "EqualInfoAC[b=never]",
        "AC[v=2\n56]",
        "AC[x\ny]",
        "A\nC",
    ],
)
def test_malformed_specs(text):
    with pytest.raises(EqualInfoError) as error:
        Spec.parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("order", ["", ",order=3"])
@pytest.mark.parametrize("former", RENAMED)
def test_a_flag_that_was_renamed_names_the_new_spec(former, order):
    now = f"EqualInfo[v=4k{order},{RENAMED[former]}]"
    with pytest.raises(EqualInfoError) as error:
        Spec.parse(f"EqualInfo[{former},v=4096{order}]")
    assert str(error.value) == f"EqualInfo[v=4k{order},{former}] is now {now}"
    assert str(Spec.parse(f"EqualInfo[v=4k{order},{former}]", saved=True)) == now
    assert first_spelling(Spec.parse(now)) == f"EqualInfo[v=4k{order},{former}]"


@pytest.mark.parametrize("text", [*methods.SPECS, "EqualInfo[v=4k]", "EqualInfo[v=4k,fewest,words]"])
def test_other_specs_are_read_as_they_were_saved(text):
    assert str(Spec.parse(text, saved=True)) == text


@pytest.mark.parametrize(
    ("flags", "instead"),
    [
        ("unigram", "unigram,words"),
        ("phrases", "unigram,phrases"),
        ("fewest,phrases", "fewest"),
        ("fewest,unigram", "fewest"),
        ("fewest,unigram,words", "fewest,words"),
        ("unigram,words,phrases", "unigram,words"),
        ("words,phrases", "fewest,words"),
        ("refined,words", "fewest,words"),
    ],
)
def test_flags_that_do_not_go_together_name_some_that_do(flags, instead):
    with pytest.raises(EqualInfoError) as error:
        Spec.parse(f"EqualInfo[v=4k,{flags}]")
    assert str(error.value).endswith(f"write EqualInfo[v=4k,{instead}]")
    assert "\n" not in str(error.value)
    assert str(Spec.parse(f"EqualInfo[v=4k,{instead}]")) == f"EqualInfo[v=4k,{instead}]"


@pytest.mark.parametrize("options", ["v=4k", "v=4k,fewest", "b=16,v=4k"])
def test_digits_are_counted_only_within_words(options):
    with pytest.raises(EqualInfoError, match=r"write EqualInfo\[v=...,unigram,words,digits=3\]$"):
        _ = Spec.parse(f"EqualInfo[{options},digits=3]").tokenizer_class
    assert (
        str(Spec.parse("EqualInfo[v=4k,unigram,words,digits=3]")) == "EqualInfo[v=4k,digits=3,unigram,words]"
    )
    with pytest.raises(EqualInfoError, match="from 1 on"):
        Spec.parse("EqualInfo[v=4k,unigram,words,digits=0]")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("EqualInfo[v=4k,unigarm,words]", "unigram"),
        ("EqualInfo[v=4k,fewset]", "fewest"),
        ("EqualInf[v=4k]", "EqualInfo"),
        ("Huffmann", "Huffman"),
    ],
)
def test_what_was_meant(text, meant):
    with pytest.raises(EqualInfoError, match=rf"\(did you mean {meant}\?\)"):
        Spec.parse(text)


@given(st.text(max_size=30) | st.text("ACEqualInfoGZip[]=,bv0123456789 \n", max_size=30))
def test_any_text_is_a_spec_or_an_error(text):
    try:
        spec = Spec.parse(text)
    except EqualInfoError as error:
        message = str(error)
    else:
        message = ""
        assert Spec.parse(str(spec)) == spec
    assert "\n" not in message


@pytest.mark.parametrize(
    "text",
    [
        "AC[v=1]",
        "AC[v=300]",
        "AC[v=128k]",
        "StaticAC[v=32k]",
        "EqualText[n=8,v=3]",
        "GZip[v=2]",
        "GZip[v=4k]",
        "EqualInfoAC[b=13,v=256]",
        "EqualInfoAC[b=15,v=65k]",
        "EqualInfoAC[b=1025,v=256]",
        "EqualInfoAC[b=16,v=100]",
        "EqualInfoAC[b=16,v=256,reset=3]",
        "Huffman[v=300]",
        "ANS[v=3]",
        "EqualInfoHuffman[b=8,v=256]",
        "EqualInfoHuffman[b=15,v=65k]",
        "EqualInfoHuffman[b=1025,v=256]",
    ],
)
def test_options_that_a_method_refuses(text):
    spec = Spec.parse(text)
    with pytest.raises(EqualInfoError) as error:
        built(spec, methods.model(False))
    assert "\n" not in str(error.value)


SMALLEST = [
    (
        name,
        ",".join(
            f"{key}=16"
            for key, default in method.options.numbers.items()
            if default is None and key not in ("order", "digits")
        ),
    )
    for name, method in METHODS.items()
]


def test_columns_and_rule():
    assert Spec.parse("EqualInfoAC[b=16]").needs_m1
    assert Spec.parse("AC").needs_m1
    assert not Spec.parse("StaticAC").needs_m1
    assert not Spec.parse("Bytes").needs_m1
    assert Spec.parse("Huffman[order=3]").columns == ("order-3 contexts", "Huffman", "none", "log2 v bits")
    assert Spec.parse("AC[order=0]").columns == Spec.parse("StaticAC").columns
    assert Spec.parse("EqualInfo[v=4k,order=0]").columns[0] == "byte unigram"
    # Predictor, coder and windows are chosen apart: no two methods agree in all three.
    columns = [(*Spec.parse(s).columns[:3], name) for s, name in ((f"{n}[{o}]", n) for n, o in SMALLEST)]
    assert len({row[:3] for row in columns}) == len(columns)
    tokenizer = methods.tokenizer("EqualInfoAC[b=16,v=256,reset=2,delay]")
    assert tokenizer.rule == WindowRule(16, True, 2)
    assert methods.tokenizer("EqualInfoAC[b=16,v=256,reset=never]").rule == WindowRule(16, False, 0)
