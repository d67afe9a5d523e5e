"""EqualInfo with windows of few bits: all of them are listed when it is compiled, and no model runs afterwards."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from equalinfo.coding.bits import id_dtype
from equalinfo.dictionary.trie.automaton import Automaton, build
from equalinfo.errors import DamagedArtifact, EqualInfoError, UndecodableTokens
from equalinfo.tokens.dictionaries import CompiledTokenizer
from equalinfo.tokens.gguf_form import GGUFVocabulary, trie_vocabulary
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.texts import common_start
from equalinfo.tokens.tokenizer import Tokenizer, checked_ids


class CompiledWindows(CompiledTokenizer):
    """Windows of b bits by interval splitting, all of them listed; each is b / log2 v ids.

    The greedy parse finds what a walk down the divided intervals would: every string on the way to a longer one
    has a code of its own, so the walk goes on exactly as long as there is a longer entry. Where a window
    is one id, id 0 is EOS (not at b = 8, whose 256 codes are the 256 bytes). There is no
    tokenizer.json: windows end within characters, which its entries cannot.
    """

    columns = ("M1", "interval splitting", "b bits, exact", "log2 v bits")
    parse = None

    def __init__(self, spec: Spec, automaton: Automaton) -> None:
        # Entry 0 of an automaton is empty; at b = 8 no code is, so entries are codes + 1.
        self.window_bits = spec["b"]
        self._shift = np.uint32(self.window_bits == 8)
        self.width = (spec["v"] - 1).bit_length()
        self.per_window = self.ids_per_window = self.window_bits // self.width
        self.text_of_ids = self.per_window == 1
        # The first id of a window holds its highest bits.
        self._places = np.arange(self.per_window - 1, -1, -1, dtype=np.uint32) * np.uint32(self.width)
        super().__init__(spec, automaton)
        if automaton.rows != 1:
            raise DamagedArtifact(f"the table of windows of {spec} has gaps; compile it again")
        if self.per_window > 1 or self._shift:
            self.eos = None

    @classmethod
    def build(cls, spec: Spec, sources: Sources) -> Tokenizer:
        from equalinfo.coding.interval_table import list_windows  # brings in Numba

        stage = sources.stage("list the windows")
        listed = list_windows(sources.predictor(spec), spec["b"], sources.cores, stage)
        return cls(spec, build(listed if spec["b"] > 8 else [b"", *listed]))

    @property
    def _entries_expected(self) -> int:
        return (1 << self.window_bits) + int(self._shift)

    def _ids(self, entries: np.ndarray) -> np.ndarray:
        parts = ((entries - self._shift)[:, None] >> self._places) & np.uint32(self.vocab - 1)
        return parts.astype(id_dtype(self.vocab)).reshape(-1)

    def _entries(self, ids: Any, partial: bool) -> tuple[np.ndarray, bytes]:
        array = checked_ids(ids, self.vocab).astype(np.uint32)
        left = len(array) % self.per_window
        if left and not partial:
            raise UndecodableTokens("the ids end in the middle of a window; are they truncated?")
        windows = array[: len(array) - left].reshape(-1, self.per_window)
        entries = (windows << self._places).sum(axis=1, dtype=np.uint32) + self._shift
        if not left:
            return entries, b""
        # Codes lie in the order of a walk, so all between two begin with what those two have in common.
        low = int((array[len(array) - left :] << self._places[:left]).sum() + self._shift)
        high = low + (1 << int(self._places[left - 1])) - 1
        return entries, common_start(self.automaton[low], self.automaton[high])

    def token_bytes(self, token: int) -> bytes:
        self._require_single()
        return self.automaton[int(checked_ids([token], self.vocab)[0]) + int(self._shift)]

    def vocab_entries(self) -> list[bytes]:
        self._require_single()
        return self.automaton.entries()[int(self._shift) :]

    def _require_single(self) -> None:
        if self.per_window > 1:
            raise EqualInfoError(
                f"an id of {self.spec} is part of a window and has no text of its own; use decode"
            )

    def gguf_vocabulary(self, special: Sequence[str] = ()) -> GGUFVocabulary:
        return trie_vocabulary(self.vocab_entries()) if self.eos is not None else super().gguf_vocabulary()

    def page_form(self) -> dict[str, Any]:
        return {
            "kind": "dictionary",
            "entries": self.automaton.entries(),
            "parse": "greedy",
            "first": int(self._shift),
            "perWindow": self.per_window,
            "width": self.width,
        }
