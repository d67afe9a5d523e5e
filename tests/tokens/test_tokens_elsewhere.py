"""Compiled tokenizers and token shards inside other libraries' pipelines, as their users would call them."""

from pathlib import Path

import pytest

from equalinfo import Tokenizer
from equalinfo.dictionary.trie.automaton import build
from equalinfo.tokens.dictionaries import FewestTokenizer
from equalinfo.tokens.spec import Spec

TEXTS = ["the window of text", "naïve café 12 %", "a model learns\nthe rooms", ""]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("elsewhere") / "tok"
    words = [
        f"{space}{word}".encode()
        for word in ("the", "text", "window", "model", "rooms")
        for space in ("", " ")
    ]
    numbered = [f"w{number}x".encode() for number in range(512 - 257 - len(words))]
    entries = [b"", *(bytes([byte]) for byte in range(256)), *words, *numbered]
    FewestTokenizer(Spec.parse("EqualInfo[v=512,fewest,words]"), build(entries)).save_pretrained(path)
    return path


def test_datasets_map(tokenizer: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="pip install datasets")
    opened = Tokenizer.from_pretrained(tokenizer)
    documents = datasets.Dataset.from_dict({"text": TEXTS})
    mapped = documents.map(lambda batch: {"ids": opened.encode_batch(batch["text"])}, batched=True)
    assert [opened.decode(ids).decode() for ids in mapped["ids"]] == TEXTS


def test_datatrove_opens_the_exported_file(tokenizer: Path) -> None:
    tokenization = pytest.importorskip(
        "datatrove.utils.tokenization", reason="pip install datatrove tokenizers"
    )
    theirs = tokenization.load_tokenizer(str(tokenizer / "tokenizer.json"))
    opened = Tokenizer.from_pretrained(tokenizer)
    for text in TEXTS:
        assert theirs.encode(text).ids == opened.encode(text).tolist()


def test_an_evaluation_harness_model_takes_the_exported_tokenizer(tokenizer: Path) -> None:
    harness = pytest.importorskip("lm_eval.models.huggingface", reason="pip install lm-eval accelerate")
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    from lm_eval.api.instance import Instance

    theirs = transformers.AutoTokenizer.from_pretrained(str(tokenizer))
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(theirs),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    model = transformers.LlamaForCausalLM(config)
    scorer = harness.HFLM(pretrained=model, tokenizer=theirs, batch_size=1, device="cpu", add_bos_token=False)
    request = Instance("loglikelihood", {}, ("the window of", " text"), 0)
    ((score, _),) = scorer.loglikelihood([request], disable_tqdm=True)

    # The same number from our ids: " text" is one entry, given all before it.
    ids = torch.tensor([Tokenizer.from_pretrained(tokenizer).encode("the window of text").astype("int64")])
    expected = torch.log_softmax(model(ids[:, :-1]).logits[0, -1], 0)[ids[0, -1]]
    assert score == pytest.approx(expected.item(), abs=1e-4)
