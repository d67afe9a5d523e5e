"""Special tokens: ids at the end of the vocabulary for markers, as <|user|>, that no text becomes by itself."""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from equalinfo.coding.bits import id_dtype
from equalinfo.errors import EqualInfoError
from equalinfo.files import json_bytes, sha256_bytes
from equalinfo.seeded import Bits
from equalinfo.tokens.gguf_form import GGUFVocabulary
from equalinfo.tokens.hugging_face import TOKENIZER, TOKENIZER_CONFIG
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.special_tokens import SpecialTokens
from equalinfo.tokens.texts import Flat
from equalinfo.tokens.tokenizer import Advance, Tokenizer, checked_ids


class SpecialTokenizer(Tokenizer):
    """A tokenizer of any method whose ids have text, with special tokens behind its ids.

    Args:
        spec: its `v` counts the special tokens too.
        base: makes the other ids.
        special: the special tokens, from id `base.vocab` on; default: those of `spec`.

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

    def __init__(self, spec: Spec, base: Tokenizer, special: SpecialTokens | None = None) -> None:
        super().__init__(spec.with_special(special or spec.special))
        self.base, self.special = base, self.spec.special
        self.special_tokens = {name: base.vocab + number for number, name in enumerate(self.special.names)}
        self.text_of_ids, self.eos, self.longest_match = base.text_of_ids, base.eos, base.longest_match
        self.bos, self.pad = (self.special_tokens.get(name) for name in (self.special.bos, self.special.pad))

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
                texts += [self.special.names[token - first].encode() for token in run]
            else:
                texts.append(self.base.decode(list(run), partial))
        return b"".join(texts)

    def _count(self, text: bytes) -> int:
        return self.base._count(text)

    def _segments(self, text: bytes) -> list[tuple[bytes, list[int]]]:
        return self.base._segments(text)

    def _offsets(self, text: bytes) -> np.ndarray:
        return self.base._offsets(text)

    def token_bytes(self, token: int) -> bytes:
        token = int(checked_ids([token], self.vocab)[0])
        first = self.base.vocab
        return self.special.names[token - first].encode() if token >= first else self.base.token_bytes(token)

    def vocab_entries(self) -> list[bytes]:
        return self.base.vocab_entries() + [name.encode() for name in self.special.names]

    def written(self, text: bytes) -> bytes:
        return self.base.written(text)

    def cut_entries(self) -> list[bytes] | None:
        entries = self.base.cut_entries()
        # No part of a text becomes a special token.
        return None if entries is None else entries + [b""] * len(self.special.names)

    def special_names(self) -> list[str]:
        return [*self.base.special_names(), *self.special.names]

    def save_files(self, directory: Path) -> None:
        self.base.save_files(directory)
        if (directory / TOKENIZER).exists():
            for name, content in self.export_files("huggingface").items():
                (directory / name).write_bytes(content)

    def save_compact(self, path: Path, more: Mapping[str, bytes] | None = None) -> None:
        raise EqualInfoError(f"{self!r} has special tokens, which the compact form does not hold")

    def export_files(self, form: str, special: Sequence[str] = ()) -> dict[str, bytes]:
        files = self.base.export_files(form, self.special.names)
        if TOKENIZER_CONFIG not in files:
            return files
        fields = {"bos_token": self.special.bos, "pad_token": self.special.pad}
        fields |= {"chat_template": self.special.chat_template}
        config = json.loads(files[TOKENIZER_CONFIG]) | {key: value for key, value in fields.items() if value}
        return {**files, TOKENIZER_CONFIG: json.dumps(config, indent=1, ensure_ascii=False).encode()}

    def gguf_vocabulary(self, special: Sequence[str] = ()) -> GGUFVocabulary:
        vocabulary = self.base.gguf_vocabulary(self.special.names)
        return vocabulary._replace(bos=self.bos or 0, pad=self.pad, chat_template=self.special.chat_template)

    def __repr__(self) -> str:
        return f"<{type(self.base).__name__} {self.spec} with {', '.join(self.special.names)}, {self.vocab:,} ids>"

    def _made_of(self) -> tuple[Any, ...]:
        return self.base, self.special

    def state_fingerprint(self) -> str:
        return sha256_bytes(json_bytes([self.base.fingerprint, self.special.names]))
