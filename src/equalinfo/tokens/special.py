"""Special tokens: ids at the end of the vocabulary for markers, as <|user|>, that no text becomes by itself."""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from equalinfo.coding.bits import id_dtype
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import as_written, json_bytes, sha256_bytes, write_manifest
from equalinfo.seeded import Bits
from equalinfo.tokens.hugging_face import TOKENIZER, same_vocabulary
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.texts import Flat
from equalinfo.tokens.tokenizer import KIND, Advance, Tokenizer, checked_ids


class SpecialTokenizer(Tokenizer):
    """A tokenizer of any method whose ids have text, with special tokens behind its ids.

    Args:
        spec: its `v` counts the special tokens too.
        base: makes the other ids.
        special: names of the special tokens by id, from `base.vocab` on; default: those of `spec`.

    Examples:
        >>> from pydoc_data.topics import topics
        >>> texts = topics.values()
        >>> tokenizer = Tokenizer.train("EqualInfo[v=520,unigram,words]", texts, special=["<|user|>"], quiet=True)
        >>> tokenizer.special_tokens
        {'<|user|>': 519}
        >>> 519 in tokenizer.encode("<|user|> a statement")
        False
        >>> tokenizer.encode("<|user|>", allowed_special="all").tolist()
        [519]
    """

    def __init__(self, spec: Spec, base: Tokenizer, special: Sequence[str] = ()) -> None:
        super().__init__(spec.with_special(special or spec.special))
        self.base, self.special = base, self.spec.special
        self.special_tokens = {name: base.vocab + number for number, name in enumerate(self.special)}
        self.text_of_ids, self.eos = base.text_of_ids, base.eos

    @classmethod
    def build(cls, spec: Spec, sources: Sources) -> Tokenizer:
        return cls(spec, spec.without_special.build(sources))

    @classmethod
    def load(cls, spec: Spec, directory: Path, device: str = "cpu") -> Tokenizer:
        plain = spec.without_special
        return cls(spec, plain.tokenizer_class.load(plain, directory, device))

    def __getattr__(self, name: str) -> Any:
        if name == "base":  # not there yet, while an object is made
            raise AttributeError(name)
        return getattr(self.base, name)

    def _encode(self, text: bytes) -> np.ndarray:
        return self.base._encode(text).astype(id_dtype(self.vocab), copy=False)

    def _sampled(self, text: bytes, alpha: float, source: Bits) -> np.ndarray:
        return self.base._sampled(text, alpha, source).astype(id_dtype(self.vocab), copy=False)

    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        kind = id_dtype(self.vocab)
        return [ids.astype(kind, copy=False) for ids in self.base._encode_batch(texts, advance)]

    def _encode_flat(self, text: np.ndarray, bounds: np.ndarray, advance: Advance | None) -> Flat:
        ids, id_bounds = self.base._encode_flat(text, bounds, advance)
        return ids.astype(id_dtype(self.vocab), copy=False), id_bounds

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        return [self._decode(checked_ids(ids, self.vocab), partial) for ids in streams]

    def _decode(self, ids: np.ndarray, partial: bool) -> bytes:
        first, texts = self.base.vocab, []
        for is_special, run in groupby(ids.tolist(), key=lambda token: token >= first):
            if is_special:
                texts += [self.special[token - first].encode() for token in run]
            else:
                texts.append(self.base.decode(list(run), partial))
        return b"".join(texts)

    def _count(self, text: bytes) -> int:
        return self.base._count(text)

    def _pieces(self, text: bytes) -> list[tuple[bytes, list[int]]]:
        return self.base._pieces(text)

    def _offsets(self, text: bytes) -> np.ndarray:
        return self.base._offsets(text)

    def token_bytes(self, token: int) -> bytes:
        token = int(checked_ids([token], self.vocab)[0])
        first = self.base.vocab
        return self.special[token - first].encode() if token >= first else self.base.token_bytes(token)

    def vocab_entries(self) -> list[bytes]:
        return self.base.vocab_entries() + [name.encode() for name in self.special]

    def special_names(self) -> list[str]:
        return [*self.base.special_names(), *self.special]

    def save_files(self, directory: Path) -> None:
        self.base.save_files(directory)
        if (directory / TOKENIZER).exists():
            (directory / TOKENIZER).write_bytes(self._export()[TOKENIZER])

    def save_compact(self, path: Path, more: Mapping[str, bytes] | None = None) -> None:
        raise EqualInfoError(f"{self!r} has special tokens, which the compact form does not hold")

    def _finish(self, directory: Path, more: Mapping[str, bytes]) -> None:
        for name, content in more.items():
            (directory / name).write_bytes(content)
        write_manifest(
            directory,
            KIND,
            spec=str(self.spec),
            vocab=self.vocab,
            identity=self.fingerprint,
            special=list(self.special),
        )

    def _export(self) -> dict[str, bytes]:
        files = self.base.export_files("huggingface")
        told = json.loads(files[TOKENIZER])
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        told["added_tokens"] += [
            {"id": token, "content": name, **flags} for name, token in self.special_tokens.items()
        ]
        return {**files, TOKENIZER: json.dumps(told, ensure_ascii=False).encode()}

    def export_files(self, form: str) -> dict[str, bytes]:
        if form == "huggingface":
            return self._export()
        raise EqualInfoError(f"special tokens are exported to huggingface only, not to {form}")

    def check_export(self, directory: Path, manifest: dict[str, Any]) -> None:
        path = directory / TOKENIZER
        if not path.exists() or as_written(directory, manifest, TOKENIZER):
            return
        if not same_vocabulary(path.read_bytes(), self._export()[TOKENIZER]):
            raise DamagedArtifact(f"{path} has another vocabulary; save the tokenizer again")

    def _made_of(self) -> tuple[Any, ...]:
        return self.base, self.special

    def state_fingerprint(self) -> str:
        return sha256_bytes(json_bytes([self.base.fingerprint, self.special]))
