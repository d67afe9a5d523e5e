"""SentencePiece Unigram (Kudo 2018), trained by the library, made exact on any bytes.

Nothing is normalised. What the library's model cannot give back (bytes that are not UTF-8, and U+2581,
which it uses for a space) is written as byte tokens.
"""

import io
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import sentencepiece

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import sha256_bytes
from equalinfo.tokens.foreign import SentencePieceModel
from equalinfo.tokens.sentencepiece_form import SPACE
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Options, Spec
from equalinfo.tokens.tokenizer import Advance

LONGEST_SENTENCE = 4000  # the library drops longer ones
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


class SentencePieceTokenizer(SentencePieceModel):
    """A Unigram vocabulary over pieces; byte tokens for whatever pieces cannot write."""

    columns = ("none", "Unigram vocabulary", "none", "one piece")
    options = Options({"v": None})
    version = 2
    needs_corpus = True
    names = ("sentencepiece.model",)

    def _open(self) -> list[bytes]:
        entries = super()._open()
        self.eos, self._special = None, []
        indices = range(len(entries))
        if len({entries[index] for index in indices if self._library.is_byte(index)}) < 256:
            raise DamagedArtifact(f"{self.names[0]} has no piece for some byte; compile the tokenizer again")
        return [b"" if self._library.is_unknown(index) else entries[index] for index in indices]

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
        return cls(spec, {cls.names[0]: output.getvalue()})

    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        streams = []
        for text in texts:  # exact as they are
            streams += self.encode_unchecked([text])
            if advance:
                advance(len(text))
        return streams

    def _ids_of_bytes(self, text: bytes) -> list[int]:
        ids: list[int] = []
        # surrogateescape maps each byte that is not UTF-8 to one character of U+DC80 to U+DCFF.
        decoded = text.decode("utf-8", "surrogateescape")
        for run in re.findall(f"[^{SPACE}\udc80-\udcff]+|[{SPACE}\udc80-\udcff]+", decoded):
            part = run.encode("utf-8", "surrogateescape")
            pieces = [] if run[0] == SPACE or "\udc80" <= run[0] <= "\udcff" else self._ids(run)
            # Checked rather than trusted: a character the library treats in its own way goes by bytes.
            ids += pieces if self._joined(pieces) == part else (self._byte_ids[byte] for byte in part)
        return ids

    def page_form(self) -> dict[str, Any]:
        # Texts are empty where the search never takes an id: bytes, controls, unknown.
        library = self._library
        texts = [
            b"" if library.is_byte(i) or library.is_unused(i) else text
            for i, text in enumerate(self._entries)
        ]
        scores = np.array([library.get_score(i) for i in range(self.vocab)], "<f4")
        return {
            "kind": "sentencepiece",
            "entries": texts,
            "scores": scores,
            "idOfByte": self._byte_ids,
        }

    def state_fingerprint(self) -> str:
        return sha256_bytes(self._files[self.names[0]])


def _sentences(documents: Iterable[bytes]) -> Iterator[str]:
    """The documents, cut where they are longer than the library accepts.

    Not cut into lines: the library learns pieces that hold line ends only from sentences that do.
    """
    for document in documents:
        text = document.decode("utf-8", "ignore").replace("\0", "")
        for start in range(0, len(text), LONGEST_SENTENCE // 4):  # at most 4 bytes a character
            yield text[start : start + LONGEST_SENTENCE // 4]
