"""What every tokenizer does."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from equalinfo.coding.chunking import id_dtype
from equalinfo.errors import EqualInfoError, UndecodableTokens
from equalinfo.files import json_bytes, sha256_bytes
from equalinfo.tokens.spec import Spec

Advance = Callable[[int], None]


def as_bytes(text: str | bytes) -> bytes:
    """UTF-8 of a str, bytes as they are; EqualInfoError for a str with lone surrogates."""
    if isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise EqualInfoError(
            f"the text holds a lone surrogate at character {error.start}, not Unicode text; give bytes instead"
        ) from error


def checked_ids(ids: Any, vocab: int) -> np.ndarray:
    """Token ids as a one-dimensional array within the vocabulary; UndecodableTokens otherwise."""
    try:
        array = np.asarray(ids)
    except ValueError as error:  # lists of different lengths
        raise UndecodableTokens("token ids must be one list of integers, not lists in a list") from error
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise UndecodableTokens(
            f"token ids must be a list of integers, not {array.dtype} of {array.ndim} dimensions"
        )
    if array.size and (int(array.min()) < 0 or int(array.max()) >= vocab):
        position = int(np.argmax((array < 0) | (array >= vocab)))
        raise UndecodableTokens(
            f"id {array[position]} at position {position} is outside the vocabulary of {vocab}"
        )
    return array.astype(id_dtype(vocab))


class Tokenizer(ABC):
    """Bytes to token ids and back, without loss.

    Attributes:
        spec: the method and its options.
        vocab: number of ids; every id is below it.
        windows_changed: of the windows encoded so far by this object, how many could not take the paper's
            bits, and of how many; (0, 0) for methods without such windows.
        eos: the id that no text encodes to and that stands for no bytes; None where there is none.
    """

    eos: int | None = None

    def __init__(self, spec: Spec, vocab: int) -> None:
        self.spec, self.vocab = spec, vocab
        self.windows_changed = (0, 0)

    @staticmethod
    def from_pretrained(path: str | Path) -> "Tokenizer":
        """The tokenizer in a directory that `equalinfo compile` or `save_pretrained` made, of any method.

        Args:
            path: the directory, or else the name of a tokenizer that ships with the package, as `english-65k`
                (`equalinfo tokenizers` lists them).

        Raises:
            EqualInfoError: neither such a directory nor such a name, or not a tokenizer.
            DamagedArtifact: its files are not what was written.
        """
        # Here because it imports the methods, which import this module.
        from equalinfo.shipped import located
        from equalinfo.tokens.directory import KIND, load_tokenizer

        return load_tokenizer(located(path, KIND))

    def save_pretrained(self, path: str | Path) -> None:
        """Writes the tokenizer as a directory, whole or not at all."""
        from equalinfo.tokens.directory import save_tokenizer

        save_tokenizer(self, Path(path))

    @abstractmethod
    def encode_batch(self, texts: Sequence[str | bytes], advance: Advance | None = None) -> list[np.ndarray]:
        """Token ids of each text, uint16 (uint32 above 65,536 ids); `advance(bytes)` reports progress."""

    @abstractmethod
    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        """The text of each list of ids.

        Args:
            partial: the ids may stop anywhere and may come from a model; give the text they determine.

        Raises:
            UndecodableTokens: ids that no text encodes to (unless `partial`), or outside the vocabulary.
        """

    def encode(self, text: str | bytes) -> np.ndarray:
        """Token ids of a text; `decode` gives back its bytes exactly."""
        return self.encode_batch([text])[0]

    def decode(self, ids: Any, partial: bool = False) -> bytes:
        """The bytes that `encode` turned into `ids`."""
        return self.decode_batch([ids], partial)[0]

    def encode_prompt(self, text: str | bytes) -> np.ndarray:
        """Ids that a model continues: as `encode`, without what marks the end of the text."""
        return self.encode(text)

    def pieces(self, text: str | bytes) -> list[tuple[bytes, list[int]]]:
        """The text cut into windows (or tokens) with the ids that each contributes.

        Where tokens and windows do not line up, a token belongs to the window its first bit stands in.
        """
        data, ids = as_bytes(text), self.encode(text)
        return [(data, ids.tolist())] if data else []

    def pieces_batch(self, texts: Sequence[str | bytes]) -> list[list[tuple[bytes, list[int]]]]:
        """`pieces` of each text; side by side where that is faster."""
        return [self.pieces(text) for text in texts]

    def count(self, text: str | bytes) -> int:
        """How many ids `encode` gives."""
        return len(self.encode(text))

    def offsets(self, text: str | bytes) -> np.ndarray:
        """Where in the text (in bytes) the piece that each id belongs to begins and ends; [ids, 2] int64."""
        rows, position = [], 0
        for piece, ids in self.pieces(text):
            rows += [(position, position + len(piece))] * len(ids)
            position += len(piece)
        return np.array(rows, np.int64).reshape(-1, 2)

    def token_bytes(self, token: int) -> bytes:
        """The bytes that one id stands for, wherever it occurs.

        Raises:
            UndecodableTokens: `token` is outside the vocabulary.
            EqualInfoError: ids of this method have no text of their own.
        """
        raise EqualInfoError(f"an id of {self.spec} has no text of its own; use decode")

    def vocab_entries(self) -> list[bytes]:
        """`token_bytes` of every id in order; EqualInfoError where ids have no text of their own."""
        return [self.token_bytes(token) for token in range(self.vocab)]

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Text as soon as it is certain, without incomplete characters; U+FFFD for what is not UTF-8.

        Methods whose ids have no text of their own give it in one piece, at the end.
        """
        if text := self.decode(list(ids), partial=True).decode("utf-8", "replace"):
            yield text

    @property
    def m1_parameters(self) -> int:
        """Parameters of the model that runs for every byte, embeddings excluded; 0 without one."""
        return 0

    @abstractmethod
    def save_files(self, directory: Path) -> None:
        """Writes what `load` needs besides the spec."""

    @abstractmethod
    def state_identity(self) -> str:
        """Hash of what the ids depend on besides the spec."""

    @property
    def identity(self) -> str:
        """Hash of everything the ids depend on."""
        return sha256_bytes(json_bytes([self.spec.first_spelling, self.vocab, self.state_identity()]))
