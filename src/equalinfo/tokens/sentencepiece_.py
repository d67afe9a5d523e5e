"""SentencePiece Unigram (Kudo 2018), trained by the library, made exact on any bytes.

Nothing is normalised. What the library's model cannot give back (bytes that are not UTF-8, and U+2581,
which it uses for a space) is written as byte tokens.
"""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece

from equalinfo.coding.bits import id_dtype
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import sha256_bytes
from equalinfo.tokens.sentencepiece_form import MODEL, SPACE
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Options, Spec
from equalinfo.tokens.tokenizer import Advance, Tokenizer, checked_ids

LONGEST_SENTENCE = 4000  # the library drops longer ones
MODEL_FILE = "sentencepiece.model"
# Training splits its work by this number, so it is part of what decides the vocabulary.
THREADS = 2
TRAINED_WITH: dict[str, Any] = {
    "model_type": "unigram",
    "normalization_rule_name": "identity",
    "add_dummy_prefix": False,
    "remove_extra_whitespaces": False,
    "allow_whitespace_only_pieces": True,
    "byte_fallback": True,
    "minloglevel": 2,
}


class SentencePieceTokenizer(Tokenizer):
    """A Unigram vocabulary over pieces; byte tokens for whatever pieces cannot write."""

    columns = ("none", "Unigram vocabulary", "none", "one piece")
    options = Options({"v": None})
    version = 2
    needs_corpus = True
    longest_match = False
    text_of_ids = True

    def __init__(self, spec: Spec, model: bytes) -> None:
        self._model = model
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
            super().__init__(spec, self._processor.vocab_size())
            self._text_of_id, self._id_of_byte = self._read_vocabulary()
        except (RuntimeError, ValueError, KeyError) as error:
            raise DamagedArtifact(
                f"{MODEL_FILE} is not a SentencePiece model with a piece for every byte; compile the tokenizer again"
            ) from error

    def _read_vocabulary(self) -> tuple[list[bytes], np.ndarray]:
        """The text of each id; the id of each byte, [256] uint32."""
        processor = self._processor
        texts: list[bytes] = []
        id_of_byte: dict[int, int] = {}
        for index in range(self.vocab):
            if processor.is_byte(index):
                byte = int(processor.id_to_piece(index)[3:5], 16)
                id_of_byte[byte] = index
                texts.append(bytes([byte]))
            elif processor.is_control(index) or processor.is_unknown(index):
                texts.append(b"")
            else:
                texts.append(processor.id_to_piece(index).replace(SPACE, " ").encode())
        return texts, np.array([id_of_byte[byte] for byte in range(256)], np.uint32)

    @classmethod
    def build(cls, spec: Spec, sources: Sources) -> "SentencePieceTokenizer":
        return cls.trained_on(spec, sources.corpus(spec)())

    @classmethod
    def trained_on(cls, spec: Spec, documents: Iterable[bytes]) -> "SentencePieceTokenizer":
        """Trains the vocabulary on the UTF-8 parts of `documents`.

        Raises:
            EqualInfoError: the corpus is too small for the vocabulary.
        """
        sentencepiece.set_random_generator_seed(0)
        output = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=_sentences(documents),
                model_writer=output,
                vocab_size=spec["v"],
                num_threads=THREADS,
                **TRAINED_WITH,
            )
        except (RuntimeError, OSError) as error:
            if most := re.search(r"Please set it to a value <= (\d+)", str(error)):
                raise EqualInfoError(
                    f"{spec}: the corpus is too small for {spec['v']} ids; the largest v it supports is {most[1]}"
                ) from error
            reason = " ".join(str(error).split())[-160:]
            raise EqualInfoError(f"SentencePiece cannot train {spec} on this corpus: {reason}") from error
        return cls(spec, output.getvalue())

    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        streams = []
        for text in texts:
            ids = [part_ids for _, part_ids in self._parts(text)]
            streams.append(np.concatenate([np.empty(0, np.uint32), *ids]).astype(id_dtype(self.vocab)))
            if advance:
                advance(len(text))
        return streams

    def _parts(self, data: bytes) -> Iterator[tuple[bytes, np.ndarray]]:
        """Alternating runs that the library writes and runs that go through byte tokens."""
        # surrogateescape maps each byte that is not UTF-8 to one character of U+DC80 to U+DCFF.
        text = data.decode("utf-8", "surrogateescape")
        for run in re.findall(f"[^{SPACE}\udc80-\udcff]+|[{SPACE}\udc80-\udcff]+", text):
            part = run.encode("utf-8", "surrogateescape")
            if run[0] != SPACE and not "\udc80" <= run[0] <= "\udcff":
                ids = np.array(self._processor.encode(run), np.uint32)
                # Checked rather than trusted: a character the library treats in its own way goes by bytes.
                if b"".join(self._text_of_id[i] for i in ids.tolist()) == part:
                    yield part, ids
                    continue
            yield part, self._id_of_byte[np.frombuffer(part, np.uint8)]

    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        return [
            b"".join(self._text_of_id[i] for i in checked_ids(ids, self.vocab).tolist()) for ids in streams
        ]

    def token_bytes(self, token: int) -> bytes:
        return self._text_of_id[int(checked_ids([token], self.vocab)[0])]

    def _segments(self, text: bytes) -> list[tuple[bytes, list[int]]]:
        return [(self._text_of_id[i], [i]) for i in self._encode(text).tolist()]

    def page_form(self) -> dict[str, Any]:
        # Texts are empty where the search never takes an id: bytes, controls, unknown.
        processor = self._processor
        texts = [
            b"" if processor.is_byte(i) or processor.is_unused(i) else text
            for i, text in enumerate(self._text_of_id)
        ]
        scores = np.array([processor.get_score(i) for i in range(self.vocab)], "<f4")
        return {
            "kind": "sentencepiece",
            "entries": texts,
            "scores": scores,
            "idOfByte": self._id_of_byte.tolist(),
        }

    def export_files(self, form: str, special: Sequence[str] = ()) -> dict[str, bytes]:
        return super().export_files(form) if special or form != "sentencepiece" else {MODEL: self._model}

    def _made_of(self) -> tuple[Any, ...]:
        return (self._model,)

    def save_files(self, directory: Path) -> None:
        (directory / MODEL_FILE).write_bytes(self._model)

    @classmethod
    def load(cls, spec: Spec, directory: Path, device: str = "cpu") -> "SentencePieceTokenizer":
        try:
            model = (directory / MODEL_FILE).read_bytes()
        except OSError as error:
            raise DamagedArtifact(
                f"{directory / MODEL_FILE} is missing; compile the tokenizer again"
            ) from error
        return cls(spec, model)

    def state_fingerprint(self) -> str:
        return sha256_bytes(self._model)


def _sentences(documents: Iterable[bytes]) -> Iterator[str]:
    """The documents, cut where they are longer than the library accepts.

    Not cut into lines: the library learns pieces that hold line ends only from sentences that do.
    """
    for document in documents:
        text = document.decode("utf-8", "ignore").replace("\0", "")
        for start in range(0, len(text), LONGEST_SENTENCE // 4):  # at most 4 bytes a character
            yield text[start : start + LONGEST_SENTENCE // 4]
