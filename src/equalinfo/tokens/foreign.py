"""Tokenizers of other libraries, as `hf:`, `tiktoken:` and `sentencepiece:` and a file, directory or name.

Ids are the library's own. It is asked without what it would add (BOS), and no text becomes a special token. Text that
is not UTF-8 goes by byte tokens where the vocabulary has all 256. What does not read back exactly is refused: nothing
is scored for text that it lost. `equalinfo compare` tells how many documents those are.
"""

import base64
import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar

import numpy as np

from equalinfo.coding.bits import id_dtype
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.extras import needed
from equalinfo.files import sha256_bytes
from equalinfo.tokens.hugging_face import TOKENIZER, TOKENIZER_CONFIG, byte_alphabet
from equalinfo.tokens.sentencepiece_form import BYTE_NAMES, MODEL, SPACE
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.texts import Text, as_texts, common_start
from equalinfo.tokens.tokenizer import Advance, Tokenizer, checked_ids

Files = Mapping[str, bytes]
# Texts that show whether the bytes of ids, joined, are what the library decodes.
PROBES = ("a", " a", "a  b", "\n a", "naïve 漢字")
# Of files that hold a vocabulary's entries, and not how text is cut.
TIKTOKEN_NAMES = ("r50k_base", "p50k_base", "cl100k_base", "o200k_base")
RANKS, TIKTOKEN_JSON = "vocabulary.tiktoken", "tiktoken.json"


class ForeignTokenizer(Tokenizer):
    """Ids as another library gives them.

    Args:
        files: what its directory holds, by name; all that decides the ids.

    Raises:
        DamagedArtifact: they are not what the library opens.
    """

    columns = ("none", "of another library", "none", "one token each")
    longest_match = False
    names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, spec: Spec, files: Files) -> None:
        self._files = dict(files)
        try:
            entries = self._open()
        except EqualInfoError:
            raise
        except Exception as error:  # of many kinds, by library
            raise DamagedArtifact(f"{spec} cannot be opened: {_one_line(error)}") from error
        super().__init__(spec, len(entries))
        self._entries = entries
        probes = [self._ids(probe) for probe in PROBES]
        self.text_of_ids = all(self._joined(ids) == self._text(ids).encode() for ids in probes)
        byte_ids = {entry[0]: index for index, entry in reversed([*enumerate(entries)]) if len(entry) == 1}
        has_all = self.text_of_ids and len(byte_ids) == 256
        self._byte_ids = [byte_ids[byte] for byte in range(256)] if has_all else []

    @abstractmethod
    def _open(self) -> list[bytes]:
        """Opens the library's object; the bytes of each id, as far as ids have their own, empty for `eos`."""

    @abstractmethod
    def _ids(self, text: str) -> list[int]:
        """The library's ids, without special ones."""

    @abstractmethod
    def _text(self, ids: list[int]) -> str:
        """The text that the library decodes."""

    @classmethod
    @abstractmethod
    def read(cls, source: str) -> dict[str, bytes]:
        """The files of a vocabulary that a user names; EqualInfoError if there are none."""

    @classmethod
    def build(cls, spec: Spec, sources: Sources) -> "ForeignTokenizer":
        return cls(spec, cls.read(spec.source))

    @classmethod
    def load(cls, spec: Spec, directory: Path, device: str = "cpu") -> "ForeignTokenizer":
        return cls(spec, cls._files_in(directory))

    @classmethod
    def _files_in(cls, directory: Path) -> dict[str, bytes]:
        paths = (directory / name for name in cls.names)
        return {path.name: path.read_bytes() for path in paths if path.is_file()}

    @classmethod
    def source_fingerprint(cls, spec: Spec) -> str:
        """Hash of the files that a spec names."""
        return _fingerprint(cls.read(spec.source))

    def save_files(self, directory: Path) -> None:
        for name, content in self._files.items():
            (directory / name).write_bytes(content)

    def state_fingerprint(self) -> str:
        return _fingerprint(self._files)

    def _made_of(self) -> tuple[Any, ...]:
        return (self._files,)

    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        streams = self.encode_unchecked(texts)
        for number, (ids, text) in enumerate(zip(streams, texts, strict=True)):
            if not self.reads_back(ids, text):
                raise EqualInfoError(
                    f"{self.spec} does not read back text {number}, {_difference(self.decode(ids), text)}; "
                    "`equalinfo compare` says how many documents it reads back"
                )
            if advance:
                advance(len(text))
        return streams

    def encode_unchecked(self, texts: Iterable[Text]) -> list[np.ndarray]:
        return [np.array(ids, id_dtype(self.vocab)) for ids in self._batch(as_texts(texts))]

    def _batch(self, texts: list[bytes]) -> list[list[int]]:
        return [self._ids_of_bytes(text) for text in texts]

    def _ids_of_bytes(self, text: bytes) -> list[int]:
        try:
            return self._ids(text.decode())
        except UnicodeDecodeError:
            if not self._byte_ids:
                return self._ids(text.decode("utf-8", "replace"))
        ids: list[int] = []
        for run in re.findall("[^\udc80-\udcff]+|[\udc80-\udcff]+", text.decode("utf-8", "surrogateescape")):
            if "\udc80" <= run[0] <= "\udcff":
                ids += (self._byte_ids[byte] for byte in run.encode("utf-8", "surrogateescape"))
            else:
                ids += self._ids(run)
        return ids

    def _joined(self, ids: Sequence[int]) -> bytes:
        return b"".join(self._entries[index] for index in ids)

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        texts = []
        for ids in streams:
            checked = checked_ids(ids, self.vocab).tolist()
            if self.text_of_ids:
                texts.append(self._joined(checked))
            else:
                # A character of which bytes are missing is none yet.
                text = self._text(checked)
                texts.append((text.rstrip("\ufffd") if partial else text).encode())
        return texts

    def token_bytes(self, token: int) -> bytes:
        if not self.text_of_ids:
            return super().token_bytes(token)
        return self._entries[int(checked_ids([token], self.vocab)[0])]

    def vocab_entries(self) -> list[bytes]:
        return list(self._entries) if self.text_of_ids else super().vocab_entries()

    def _segments(self, text: bytes) -> list[tuple[bytes, list[int]]]:
        ids = self._encode(text).tolist()
        entries = [self._entries[index] for index in ids]
        # What the library puts before a text, a space, and takes away when it decodes.
        before = sum(map(len, entries)) - len(text)
        if b"".join(entries)[max(before, 0) :] != text:
            return [(text, ids)] if ids else []
        segments: list[tuple[bytes, list[int]]] = []
        for index, entry in zip(ids, entries, strict=True):
            segments.append((entry[before:], [index]))
            before = max(before - len(entry), 0)
        return segments


class HuggingFaceTokenizer(ForeignTokenizer):
    """A tokenizer.json: `hf:` and that file, a directory that holds it, or a name on Hugging Face's hub."""

    names = (TOKENIZER, TOKENIZER_CONFIG)

    @classmethod
    def read(cls, source: str) -> dict[str, bytes]:
        path = Path(source)
        if path.is_file():
            return {TOKENIZER: path.read_bytes()}
        if path.is_dir():
            if not (path / TOKENIZER).is_file():
                raise EqualInfoError(
                    f"{path} has no {TOKENIZER}; a SentencePiece .model is opened as sentencepiece:FILE"
                )
            return cls._files_in(path)
        if path.is_absolute() or source.startswith(".") or source.count("/") > 1:
            raise EqualInfoError(f"{source}: no such file or directory")
        return cls._from_hub(source)

    @classmethod
    def _from_hub(cls, name: str) -> dict[str, bytes]:
        with needed("a tokenizer of Hugging Face's hub"):
            from huggingface_hub import hf_hub_download
        try:
            files = {TOKENIZER: Path(hf_hub_download(name, TOKENIZER)).read_bytes()}
        except Exception as error:  # of many kinds: no such name, no network
            raise EqualInfoError(
                f"{name}: no such file or directory, and not on Hugging Face's hub: {_one_line(error)}"
            ) from error
        with suppress(Exception):  # it may have none
            files[TOKENIZER_CONFIG] = Path(hf_hub_download(name, TOKENIZER_CONFIG)).read_bytes()
        return files

    def _open(self) -> list[bytes]:
        with needed("a tokenizer.json"):
            import tokenizers
        definition: dict[str, Any] = json.loads(self._files[TOKENIZER])
        self._library = tokenizers.Tokenizer.from_str(self._files[TOKENIZER].decode())
        self._library.encode_special_tokens = True
        self._library.no_truncation()
        self._library.no_padding()
        added = {token["id"]: token for token in definition.get("added_tokens") or ()}
        self._special = {index: token["content"] for index, token in added.items() if token["special"]}
        self.eos = self._end(self._special)
        names = {index: name for name, index in self._library.get_vocab(True).items()}
        spell = _spelling(json.dumps(definition.get("decoder")))
        entries = [b""] * (max(names) + 1)
        for index, name in names.items():
            if index != self.eos:
                entries[index] = added[index]["content"].encode() if index in added else spell(name)
        return entries

    def _end(self, special: Mapping[int, str]) -> int | None:
        """The id that ends a text: what the configuration says, or the one special token of a usual name."""
        config = json.loads(self._files.get(TOKENIZER_CONFIG, b"{}"))
        name = config.get("eos_token")
        name = name.get("content") if isinstance(name, dict) else name
        wanted = [name] if name else ["<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>"]
        ends = [index for index, content in special.items() if content in wanted]
        return ends[0] if len(ends) == 1 else None

    def _ids(self, text: str) -> list[int]:
        return self._library.encode(text, add_special_tokens=False).ids

    def _batch(self, texts: list[bytes]) -> list[list[int]]:
        try:
            decoded = [text.decode() for text in texts]
        except UnicodeDecodeError:
            return super()._batch(texts)
        return [encoding.ids for encoding in self._library.encode_batch(decoded, add_special_tokens=False)]

    def _text(self, ids: list[int]) -> str:
        return self._library.decode(ids, skip_special_tokens=False)

    def special_names(self) -> list[str]:
        return list(self._special.values())

    def export_files(self, form: str, special: Sequence[str] = ()) -> dict[str, bytes]:
        return super().export_files(form) if special or form != "huggingface" else dict(self._files)


def _spelling(decoder: str) -> Callable[[str], bytes]:
    """The bytes of an ordinary token, by the decoder's steps."""
    if '"ByteLevel"' in decoder:
        byte_of = {character: byte for byte, character in enumerate(byte_alphabet())}
        return lambda name: bytes(byte_of.get(character, ord("?")) for character in name)
    by_name = (
        {name: bytes([byte]) for byte, name in enumerate(BYTE_NAMES)} if "ByteFallback" in decoder else {}
    )
    return lambda name: by_name.get(name) or name.replace(SPACE, " ").encode()


class TiktokenTokenizer(ForeignTokenizer):
    """A vocabulary of tiktoken: `tiktoken:` and its name, or a file called so, as cl100k_base.tiktoken."""

    names = (RANKS, TIKTOKEN_JSON)

    @classmethod
    def read(cls, source: str) -> dict[str, bytes]:
        path = Path(source)
        if not path.is_file():
            return cls._by_name(source)
        name = next((name for name in TIKTOKEN_NAMES if path.name.startswith(name)), None)
        if name is None:
            raise EqualInfoError(
                f"{path} does not say how text is cut; name the file as one of {', '.join(TIKTOKEN_NAMES)}"
            )
        return {RANKS: path.read_bytes(), TIKTOKEN_JSON: _definition_of(name)}

    @classmethod
    def _by_name(cls, name: str) -> dict[str, bytes]:
        with needed("a vocabulary of tiktoken"):
            import tiktoken
        try:
            library = tiktoken.get_encoding(name)
        except Exception as error:  # of many kinds: no such name, no network
            raise EqualInfoError(
                f"{name}: no such file, and not one that tiktoken has: {_one_line(error)}"
            ) from error
        ranks = sorted(library._mergeable_ranks.items(), key=lambda item: item[1])
        lines = b"".join(base64.b64encode(entry) + b" %d\n" % rank for entry, rank in ranks)
        return {RANKS: lines, TIKTOKEN_JSON: _definition(library._pat_str, library._special_tokens)}

    def _open(self) -> list[bytes]:
        with needed("a vocabulary of tiktoken"):
            import tiktoken
        fields = json.loads(self._files[TIKTOKEN_JSON])
        lines = [line.split() for line in self._files[RANKS].splitlines() if line]
        ranks = {base64.b64decode(entry): int(rank) for entry, rank in lines}
        self._special: dict[str, int] = fields["special_tokens"]
        self._library = tiktoken.Encoding(
            "of a file", pat_str=fields["pattern"], mergeable_ranks=ranks, special_tokens=self._special
        )
        self.eos = self._special.get("<|endoftext|>")
        entries = [b""] * (max([*ranks.values(), *self._special.values()]) + 1)
        for entry, rank in ranks.items():
            entries[rank] = entry
        for name, index in self._special.items():
            entries[index] = b"" if index == self.eos else name.encode()
        return entries

    def _ids(self, text: str) -> list[int]:
        return self._library.encode_ordinary(text)

    def _text(self, ids: list[int]) -> str:
        return self._library.decode(ids)

    def special_names(self) -> list[str]:
        return list(self._special)


def _definition(pattern: str, special: Mapping[str, int]) -> bytes:
    return json.dumps({"pattern": pattern, "special_tokens": dict(special)}, indent=1).encode()


def _definition_of(name: str) -> bytes:
    """How a vocabulary whose file has only its entries cuts text, and its special tokens: what tiktoken says."""
    with needed("a vocabulary of tiktoken"):
        from tiktoken_ext.openai_public import ENCODING_CONSTRUCTORS
    constructor = ENCODING_CONSTRUCTORS[name]
    # It would fetch the file that is here already.
    without_file = {**constructor.__globals__, "load_tiktoken_bpe": lambda *_, **__: {}}
    fields = FunctionType(constructor.__code__, without_file)()
    return _definition(fields["pat_str"], fields["special_tokens"])


class SentencePieceModel(ForeignTokenizer):
    """Any model of SentencePiece: `sentencepiece:` and its file."""

    names = (MODEL,)

    @classmethod
    def read(cls, source: str) -> dict[str, bytes]:
        try:
            return {MODEL: Path(source).read_bytes()}
        except OSError as error:
            raise EqualInfoError(f"cannot read {source}: {error.strerror}") from error

    def _open(self) -> list[bytes]:
        with needed("a SentencePiece model"):
            import sentencepiece
        library = self._library = sentencepiece.SentencePieceProcessor(model_proto=self._files[self.names[0]])
        self.eos = library.eos_id() if library.eos_id() >= 0 else None
        indices = range(library.vocab_size())
        self._special = [library.id_to_piece(index) for index in indices if library.is_control(index)]
        byte_of = {name: bytes([byte]) for byte, name in enumerate(BYTE_NAMES)}
        return [
            b""
            if library.is_control(index)
            else byte_of[library.id_to_piece(index)]
            if library.is_byte(index)
            else library.id_to_piece(index).replace(SPACE, " ").encode()
            for index in indices
        ]

    def _ids(self, text: str) -> list[int]:
        return self._library.encode(text)

    def _text(self, ids: list[int]) -> str:
        return self._library.decode(ids)

    def special_names(self) -> list[str]:
        return self._special

    def export_files(self, form: str, special: Sequence[str] = ()) -> dict[str, bytes]:
        return (
            super().export_files(form)
            if special or form != "sentencepiece"
            else {MODEL: self._files[self.names[0]]}
        )


def _fingerprint(files: Files) -> str:
    return sha256_bytes(b"".join(f"{name}:{sha256_bytes(files[name])}\n".encode() for name in sorted(files)))


def _difference(back: bytes, text: bytes) -> str:
    at = len(common_start(back, text))
    return f"from byte {at} on ({text[at : at + 12]!r} became {back[at : at + 12]!r})"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160]
