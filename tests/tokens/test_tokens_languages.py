"""Exported dictionaries on more than 1 MB in a hundred languages, and under transformers' own tests."""

import os
from pathlib import Path

import pytest

from benchmarks._languages import texts_by_language
from benchmarks.export_equality import compare, joined
from benchmarks.transformers_tests import run_tests
from equalinfo import Tokenizer
from equalinfo.errors import EqualInfoError
from equalinfo.tokens.spec import Spec
from tests.tokens.test_tokens_hugging_face import SPECS, entries_of, tokenizer_of

pytest.importorskip("transformers", reason="pip install 'equalinfo[hf]'")
pytestmark = pytest.mark.slow

# Why each does not apply: docs/dictionaries.md.
NOT_PASSED = {
    "EqualInfo[v=1k]": {"backend.test_alignment_methods"},
    "EqualInfo[v=1k,fewest]": {
        "backend.test_alignment_methods",
        "backend.test_rust_tokenizer_add_prefix_space_0",
        "backend.test_training_new_tokenizer",
        "backend.test_training_new_tokenizer_with_special_tokens_change",
    },
    "EqualInfo[v=1k,fewest,words]": {
        "backend.test_training_new_tokenizer",
        "backend.test_training_new_tokenizer_with_special_tokens_change",
    },
    "EqualInfo[v=1k,unigram,phrases]": {
        "backend.test_alignment_methods",
        "backend.test_rust_tokenizer_add_prefix_space_0",
        "backend.test_training_new_tokenizer",
        "backend.test_training_new_tokenizer_with_special_tokens_change",
    },
    "EqualInfo[v=1k,unigram,words]": {
        "backend.test_training_new_tokenizer",
        "backend.test_training_new_tokenizer_with_special_tokens_change",
    },
}


@pytest.fixture(scope="module")
def texts() -> dict[str, list[str]]:
    try:
        return texts_by_language()
    except EqualInfoError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=SPECS)
def exported(
    request: pytest.FixtureRequest, texts: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    # Entries from all languages, so that long ones are used in all of them.
    path = tmp_path_factory.mktemp(request.param) / "tok"
    sample = (
        "\n".join("\n".join(own)[2_000:2_400] for own in texts.values()) + "\n".join(texts["en"])[:20_000]
    )
    spec = Spec.parse(request.param)
    tokenizer_of(spec, entries_of(sample, "words" in spec)).save_pretrained(path)
    return path


@pytest.mark.parametrize("whole", [False, True])
def test_same_ids_in_all_languages(exported: Path, texts: dict[str, list[str]], whole: bool) -> None:
    tokenizer = Tokenizer.from_pretrained(exported)
    found = compare(tokenizer, "transformers", exported, joined(texts) if whole else texts)
    assert found["languages"] > 90
    assert found["bytes"] > 3_000_000
    assert found["unlike"] == {}
    assert found["exact_decoding"] == found["same_count"] == found["same_ids"] == found["texts"]


def test_by_their_own_tests(exported: Path, request: pytest.FixtureRequest) -> None:
    repository = os.environ.get("TRANSFORMERS_REPO")
    if repository is None:
        pytest.skip("TRANSFORMERS_REPO does not name a checkout of transformers")
    outcomes = run_tests(Path(repository), exported)["tests"]
    assert len(outcomes) > 50
    failed = {name: why for name, (outcome, why) in outcomes.items() if outcome == "failed"}
    assert failed.keys() == NOT_PASSED[request.node.callspec.params["exported"]], failed
