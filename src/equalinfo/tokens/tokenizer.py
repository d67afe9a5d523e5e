"""What every tokenizer does."""

import codecs
import json
import re
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from equalinfo.coding.bits import bounds_from, checked_ids, concatenated, id_dtype
from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.extras import needed
from equalinfo.files import as_written, json_bytes, read_manifest, sha256_bytes, write_manifest
from equalinfo.outputs import output_directory
from equalinfo.predict.base import OnProgress
from equalinfo.pretrained import located
from equalinfo.seeded import Bits, bits
from equalinfo.tokens.hugging_face import FILES, TOKENIZER, TOKENIZER_CONFIG, same_vocabulary
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Method, Spec, named_source
from equalinfo.tokens.special_tokens import SpecialTokens
from equalinfo.tokens.texts import Flat, Text, as_bytes, as_lists, as_texts, end_to_end

if TYPE_CHECKING:
    from equalinfo.tokens.gguf_form import GGUFVocabulary

KIND = "tokenizer"

Advance = Callable[[int], None]


class Tokenizer(Method):
    """Bytes to token ids and back, without loss.

    A method is a class of this kind and its name in `methods.METHODS`. It declares what its spec may say and what it
    can do; nothing else asks which class a tokenizer is of.

    Attributes:
        longest_match: whether a parse never takes back what it has cut once more bytes are known than the longest
            window or entry has, so that only the last one can depend on what follows.
        places_in_text: whether a text is cut into windows or entries: codes that run through it have none.
        continues_prompts: whether ids can go on from any text; not where those of a block depend on its end.
        spec: the method and its options.
        vocab: number of ids; every id is below it.
        eos: the id that no text encodes to and that stands for no bytes; None where there is none.
        window_bits: bits of a window; 0 without windows.
        ids_per_window: how many ids a window is; None without windows, or where they share ids or depend on each other.
        special_tokens: ids of special tokens by name; `encode` makes them only where it is told to.
        bos, pad: those that begin a text and fill up a batch in other libraries; None where there are none.
        windows_changed: of the windows encoded so far by this object, how many could not take the paper's
            bits, and of how many; (0, 0) for methods without such windows.

    Examples:
        >>> from equalinfo import Tokenizer
        >>> tokenizer = Tokenizer.from_pretrained("english-65k")
        >>> ids = tokenizer.encode("Windows of equal information.")
        >>> ids.tolist()
        [17300, 298, 8314, 11852, 47]
        >>> tokenizer.decode(ids)
        b'Windows of equal information.'
        >>> tokenizer.spec.flags, tokenizer.vocab
        (('unigram', 'words'), 65536)
    """

    longest_match: bool = True
    places_in_text: ClassVar[bool] = True
    continues_prompts: ClassVar[bool] = True
    eos: int | None = None
    window_bits: int = 0
    ids_per_window: int | None = None
    special_tokens: Mapping[str, int] = MappingProxyType({})
    bos: int | None = None
    pad: int | None = None

    def __init__(self, spec: Spec, vocab: int | None = None) -> None:
        self.spec, self.vocab = spec, self.vocab_of(spec) if vocab is None else vocab
        self.windows_changed = (0, 0)

    @classmethod
    def build(cls, spec: Spec, sources: Sources) -> "Tokenizer":
        """The tokenizer that a spec describes; here, one that is made from its spec alone.

        Raises:
            EqualInfoError: what it is made from is not there or too small, or the method refuses the options.
        """
        return cls(spec)

    @classmethod
    def load(cls, spec: Spec, directory: Path, device: str = "cpu") -> "Tokenizer":
        """The tokenizer that `save_files` wrote.

        Args:
            device: what M1 computes on, "cpu" or "cuda"; the ids are the same.

        Raises:
            DamagedArtifact: its files are not what `spec` needs.
        """
        return cls(spec)

    def remember(
        self, documents: Callable[[], Iterable[bytes]], on_progress: OnProgress | None = None
    ) -> None:
        """Keeps what the documents of a corpus have in common, where that spares the predictor later."""
        return None

    @staticmethod
    def from_pretrained(path: str | Path, device: str = "cpu") -> "Tokenizer":
        """The tokenizer in a directory that `equalinfo compile` or `save_pretrained` made, of any method.

        Every file is checked against its hash. A Hugging Face library may have saved its own files anew; the vocabulary
        must still be the same.

        Args:
            path: the directory, or else the name of a tokenizer that ships with the package, as `english-65k`
                (`equalinfo tokenizers` lists them); or one of another library, as `hf:DIRECTORY` (`tokens.foreign`).
            device: "cpu", or "cuda" for a method that runs M1 for every byte; the ids are the same.

        Raises:
            EqualInfoError: neither such a directory nor such a name, or not a tokenizer.
            DamagedArtifact: its files are not what was written.
        """
        if named_source(str(path)) and not Path(path).is_dir():
            return Spec.parse(str(path)).build(Sources())
        directory = located(path, KIND)
        manifest = read_manifest(directory, KIND, shared=FILES)
        try:
            spec = Spec.parse(str(manifest.get("spec")), saved=True)
            spec = spec.with_special(SpecialTokens.from_manifest(manifest))
        except EqualInfoError as error:
            raise DamagedArtifact(
                f"{directory} names no method this equalinfo knows; make it again"
            ) from error
        tokenizer: Tokenizer = spec.tokenizer_class.load(spec, directory, device)
        if tokenizer.fingerprint != manifest.get("identity"):
            raise DamagedArtifact(f"{directory} does not give the ids its manifest promises; make it again")
        tokenizer.check_export(directory, manifest)
        return tokenizer

    @staticmethod
    def train(
        spec: str | Spec,
        texts: str | Path | Iterable[Text],
        m1: str | Path | None = None,
        special: Sequence[str] = (),
        bos: str | None = None,
        pad: str | None = None,
        chat_template: str | None = None,
        quiet: bool = False,
    ) -> "Tokenizer":
        """A tokenizer made from text of yours; `save_pretrained` keeps it.

        As `equalinfo compile`: the same spec, corpus and M1 give the same ids, bit for bit, whatever the threads.

        Args:
            spec: the method, as "EqualInfo[v=16k,unigram,words]".
            texts: a corpus as commands take it (a file or folder of text, JSON Lines or Parquet; of these, the nine
                documents in ten of the training split), or the texts themselves, all of which are used.
            m1: an M1 directory or the name of one that ships, for methods that need one. Dictionaries within words
                do without: they choose from the strings that the corpus repeats.
            special: names of special tokens, as "<|user|>", which take the last ids of the vocabulary in this order.
            bos, pad: names of those that begin a text and fill up a batch, for the libraries that read an export; they
                come last, where they are not among `special`.
            chat_template: in Jinja; it goes with the tokenizer into exports.
            quiet: no progress bars.

        Raises:
            EqualInfoError: no such corpus or method, an M1 is missing, or the corpus is too small (it says for which v
                it is large enough).

        Examples:
            >>> from pydoc_data.topics import topics
            >>> tokenizer = Tokenizer.train("EqualInfo[v=512,unigram,words]", topics.values(), quiet=True)
            >>> tokenizer.decode(tokenizer.encode("a statement")), tokenizer.vocab
            (b'a statement', 512)
        """
        from tempfile import TemporaryDirectory

        from equalinfo.corpus.corpus import Corpus
        from equalinfo.engines.local import LocalEngine
        from equalinfo.progress import progress_bar, stages
        from equalinfo.tokens.partitioned_corpus import PartitionedCorpus

        parsed = Spec.parse(spec) if isinstance(spec, str) else spec
        parsed = parsed.with_special(SpecialTokens.of(special, bos, pad, chat_template))
        partitioned = None
        with progress_bar(quiet) as progress, ExitStack() as stack:
            if isinstance(texts, (str, Path)):
                corpus = Corpus(str(texts))
                documents: Callable[[], Iterable[bytes]] = partial(corpus.documents, "train")

                def folder() -> Path:
                    return Path(stack.enter_context(TemporaryDirectory(prefix="equalinfo-counts-")))

                partitioned = PartitionedCorpus(corpus, LocalEngine(), folder)
            else:
                documents = partial(list, as_texts(texts))
            on_progress, path = stages(progress, str(parsed)), None if m1 is None else Path(m1)
            return parsed.build(Sources(path, documents, on_progress, partitioned=partitioned))

    def check_export(self, directory: Path, manifest: dict[str, Any]) -> None:
        """DamagedArtifact if a file for other libraries is not as written, and says something else than this."""
        path = directory / TOKENIZER
        if not as_written(directory, manifest, TOKENIZER) and not same_vocabulary(
            path.read_bytes(), self.export_files("huggingface")[TOKENIZER]
        ):
            raise DamagedArtifact(
                f"{path} is damaged, or another library changed its vocabulary; save the tokenizer again"
            )

    def save_pretrained(self, path: str | Path) -> None:
        """Writes the tokenizer as a directory, whole or not at all; a tokenizer that is there already is replaced.

        Raises:
            EqualInfoError: `path` holds anything else, or cannot be written.

        Examples:
            >>> tokenizer = Tokenizer.from_pretrained("english-4k-exact")
            >>> tokenizer.save_pretrained("tok")
            >>> Tokenizer.from_pretrained("tok").fingerprint == tokenizer.fingerprint
            True
        """
        with output_directory(Path(path), KIND) as directory:
            self.write(directory)

    def write(self, directory: Path) -> None:
        """Writes all files into an empty directory, the manifest last."""
        self.save_files(directory)
        self._write_manifest(directory)

    def save_compact(self, path: Path, more: Mapping[str, bytes] | None = None) -> None:
        """Writes a small directory that `from_pretrained` opens and other libraries do not.

        Args:
            more: further files by name.

        Raises:
            EqualInfoError: the method has no compact form.
        """
        raise EqualInfoError(f"{self.spec} has no compact form; only compiled dictionaries do")

    def _write_manifest(self, directory: Path) -> None:
        fields: dict[str, Any] = {"spec": str(self.spec), "vocab": self.vocab, "identity": self.fingerprint}
        write_manifest(directory, KIND, **fields, **self.spec.special.record())

    def page_form(self) -> dict[str, Any] | None:
        """What a script without this package tokenizes with: `kind`, entries, arrays; None where it cannot."""
        return None

    @abstractmethod
    def _encode_batch(self, texts: list[bytes], advance: Advance | None) -> list[np.ndarray]:
        """Token ids of each text, uint16 (uint32 above 65,536 ids); `advance(bytes)` reports progress."""

    @abstractmethod
    def decode_batch(self, streams: Sequence[Any], partial: bool = False) -> list[bytes]:
        """The text of each list of ids.

        Args:
            partial: as in `decode`.

        Raises:
            UndecodableTokens: ids that no text encodes to (unless `partial`), or outside the vocabulary.
        """

    def encode_batch(
        self,
        texts: Iterable[Text],
        advance: Advance | None = None,
        dtype: Any = None,
        form: Literal["arrays", "flat", "arrow"] = "arrays",
    ) -> Any:
        """Token ids of each text: `encode` of many, side by side on all cores where that is faster.

        Strings or binary of Arrow's are read where they lie for the forms "flat" and "arrow":

            table.append_column("ids", tokenizer.encode_batch(table["text"], form="arrow"))

        Args:
            texts: a list, tuple, array, iterator or column (NumPy, pandas, pyarrow) of texts.
            advance: called with numbers of bytes as they are done.
            dtype: as in `encode`.
            form: "arrays", a list of an array for each text; "flat", all ids end to end, [ids], and where those of each
                text begin and the last end, int64 [texts + 1]; "arrow", a column of lists (a chunked one of a chunked
                one).

        Raises:
            EqualInfoError: a single text, or something in `texts` that is none; another form.

        Examples:
            >>> tokenizer = Tokenizer.from_pretrained("english-65k")
            >>> [ids.tolist() for ids in tokenizer.encode_batch(["two texts", b"or bytes"])]
            [[676, 8885], [272, 17678]]
            >>> ids, bounds = tokenizer.encode_batch(["two texts", b"or bytes"], form="flat")
            >>> ids.tolist(), bounds.tolist()
            ([676, 8885, 272, 17678], [0, 2, 4])
        """
        if form == "arrays":
            arrays = self._encode_batch(as_texts(texts), advance)
            return arrays if dtype is None else [self._typed(ids, dtype) for ids in arrays]
        if form not in ("flat", "arrow"):
            raise EqualInfoError(f"no form {form!r}; choose arrays, flat or arrow")
        flats = []
        for text, bounds in end_to_end(texts):
            ids, id_bounds = self._encode_flat(text, bounds, advance)
            flats.append((self._typed(ids, dtype), id_bounds))
        if form == "arrow":
            return as_lists(flats)
        return concatenated(flats, self._typed(np.empty(0, id_dtype(self.vocab)), dtype))

    def _encode_flat(self, text: np.ndarray, bounds: np.ndarray, advance: Advance | None) -> Flat:
        """Token ids of texts that lie end to end, and where those of each begin."""
        arrays = self._encode_batch([text[a:b].tobytes() for a, b in pairwise(bounds.tolist())], advance)
        id_bounds = bounds_from([len(ids) for ids in arrays])
        return np.concatenate([np.empty(0, id_dtype(self.vocab)), *arrays]), id_bounds

    def encode(
        self,
        text: Text,
        dtype: Any = None,
        allowed_special: Literal["all"] | Collection[str] = (),
        sample: float | None = None,
        seed: int = 0,
    ) -> np.ndarray:
        """Token ids of a text, [ids]; `decode` gives back its bytes exactly.

        Ids are of the smallest type that holds the vocabulary: uint16, or uint32 above 65,536 ids. So `+` of two arrays
        adds ids and wraps around; `np.concatenate` joins them. torch's layers take int64 only:

            torch.nn.Embedding(tokenizer.vocab, 64)(torch.from_numpy(tokenizer.encode(text, dtype=np.int64)))

        Args:
            text: str or bytes; also bytearray, memoryview, an array of uint8, a scalar of NumPy or pyarrow.
            dtype: an integer type that holds every id.
            allowed_special: names of special tokens that may stand in the text, or "all"; others are text like any.
            sample: draws a segmentation at random instead of the likeliest, for subword regularisation in training:
                with a probability in proportion to that of its tokens to the power of `sample` (Kudo 2018; usual are
                0.1 to 0.5). Only a dictionary with the flag unigram can.
            seed: decides the draw, with `text`.

        Raises:
            EqualInfoError: `text` is none of these or holds lone surrogates, ids do not fit into `dtype`, there is no
                such special token, or segmentations of this method have no probabilities.

        Examples:
            >>> tokenizer = Tokenizer.from_pretrained("english-65k")
            >>> tokenizer.encode("naïve text").tolist()
            [436, 12191, 348, 2404]
            >>> tokenizer.encode(b"or bytes", dtype=np.int64).dtype
            dtype('int64')
            >>> drawn = tokenizer.encode("naïve text", sample=0.2, seed=1)
            >>> len(drawn) > 4, tokenizer.decode_text(drawn)
            (True, 'naïve text')
        """
        encode = self._encode if sample is None else partial(self._sampled, alpha=sample, source=bits(seed))
        if allowed_special:
            ids = self._encode_with_special(as_bytes(text), allowed_special, encode)
        else:
            ids = encode(as_bytes(text))
        return ids if dtype is None else self._typed(ids, dtype)

    def _encode(self, text: bytes) -> np.ndarray:
        return self._encode_batch([text], None)[0]

    def _sampled(self, text: bytes, alpha: float, source: Bits) -> np.ndarray:
        """Ids of a random segmentation."""
        raise EqualInfoError(
            f"segmentations of {self.spec} have no probabilities to draw by; take a dictionary with the flag unigram"
        )

    def _encode_with_special(
        self, text: bytes, allowed: Literal["all"] | Collection[str], encode: Callable[[bytes], np.ndarray]
    ) -> np.ndarray:
        names = list(self.special_tokens) if allowed == "all" else list(allowed)
        for name in names:
            if name not in self.special_tokens:
                known = ", ".join(self.special_tokens) or "there are none"
                raise EqualInfoError(f"no special token {name!a}; allow some of these: {known}")
        named = {name.encode(): self.special_tokens[name] for name in names}
        # The longest first: one name may begin another.
        pattern = b"|".join(re.escape(name) for name in sorted(named, key=len, reverse=True))
        segments = re.split(b"(" + pattern + b")", text) if pattern else [text]
        ids = [np.array([named[one]]) if one in named else encode(one) for one in segments if one]
        return np.concatenate([np.empty(0, np.int64), *ids]).astype(id_dtype(self.vocab))

    def __call__(self, text: Text | Iterable[Text]) -> Any:
        """`encode` of one text, `encode_batch` of several.

        Examples:
            >>> tokenizer = Tokenizer.from_pretrained("english-65k")
            >>> tokenizer("two texts").tolist(), len(tokenizer(["two", "texts"]))
            ([676, 8885], 2)
        """
        single = isinstance(text, (str, bytes, bytearray, memoryview))
        return self.encode(text) if single else self.encode_batch(text)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return self.vocab

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.spec}, {self.vocab:,} ids>"

    @property
    def vocab_size(self) -> int:
        """`vocab`, as other libraries call it."""
        return self.vocab

    def get_vocab(self) -> dict[bytes, int]:
        r"""The id of each entry, by its bytes; EqualInfoError where ids have no text of their own.

        Examples:
            >>> Tokenizer.from_pretrained("english-65k").get_vocab()[b"The"]
            1092
        """
        return {entry: token for token, entry in enumerate(self.vocab_entries())}

    def decode_text(self, ids: Any, errors: str = "replace") -> str:
        """`decode` as str.

        Args:
            ids: as `decode` takes them.
            errors: what happens to bytes that are not UTF-8, as in `bytes.decode`: "replace" writes U+FFFD.

        Raises:
            UndecodableTokens: as `decode`.
            UnicodeDecodeError: bytes that are not UTF-8, with errors="strict".

        Examples:
            >>> tokenizer = Tokenizer.from_pretrained("english-65k")
            >>> tokenizer.decode_text(tokenizer.encode("naïve"))
            'naïve'
        """
        return self.decode(ids).decode("utf-8", errors)

    def to_hugging_face(self) -> Any:
        """This tokenizer as transformers' PreTrainedTokenizerFast, in memory; nothing is written.

        Raises:
            EqualInfoError: transformers is not installed, or cannot parse text as this method does.

        Examples:
            >>> tokenizer = Tokenizer.from_pretrained("english-65k")
            >>> fast = tokenizer.to_hugging_face()  # doctest: +SKIP
            >>> fast("two texts")["input_ids"]  # doctest: +SKIP
            [676, 8885]
        """
        files = self.export_files("huggingface")
        with needed():
            from tokenizers import Tokenizer as Backend
            from transformers import PreTrainedTokenizerFast
        backend = Backend.from_str(files[TOKENIZER].decode())
        options = json.loads(files[TOKENIZER_CONFIG])
        options.pop("tokenizer_class", None)
        return PreTrainedTokenizerFast(tokenizer_object=backend, **options)

    def encode_unchecked(self, texts: Iterable[Text]) -> list[np.ndarray]:
        """As `encode_batch`, without its promise: tokenizers of other libraries give what they give."""
        return self.encode_batch(texts)

    def reads_back(self, ids: np.ndarray, text: bytes) -> bool:
        """Whether ids decode to a text."""
        return self.decode(ids) == text

    def special_names(self) -> list[str]:
        """Names of the ids that no text encodes to."""
        return [] if self.eos is None else ["EOS"]

    def _typed(self, ids: np.ndarray, dtype: Any) -> np.ndarray:
        if dtype is None:
            return ids
        try:
            kind = np.dtype(dtype)
        except TypeError as error:
            raise EqualInfoError(f"{dtype!r} is no type of NumPy's; write dtype=np.int64") from error
        if kind.kind not in "iu" or np.iinfo(kind).max < self.vocab - 1:
            raise EqualInfoError(f"ids up to {self.vocab - 1} do not fit into {kind}; write dtype=np.int64")
        return ids.astype(kind)

    def decode(self, ids: Any, partial: bool = False, skip_special: bool = False) -> bytes:
        r"""The bytes that `encode` turned into `ids`.

        Args:
            ids: a list, or a one-dimensional array of NumPy, torch or pyarrow.
            partial: the ids may stop anywhere and may come from a model; give the bytes that they settle, whatever
                ids follow. More ids never take a byte back.
            skip_special: leave special tokens out; otherwise they stand for their names.

        Raises:
            UndecodableTokens: as `decode_batch`.

        Examples:
            >>> tokenizer = Tokenizer.from_pretrained("english-65k")
            >>> tokenizer.decode(tokenizer.encode("naïve"))
            b'na\xc3\xafve'
        """
        if skip_special and self.special_tokens:
            kept = checked_ids(ids, self.vocab)
            ids = kept[~np.isin(kept, list(self.special_tokens.values()))]
        return self.decode_batch([ids], partial)[0]

    def encode_prompt(self, text: Text) -> np.ndarray:
        """Ids that a model continues: as `encode`, without those that depend on what follows the text."""
        return self.prompt_range(text)[0]

    def prompt_range(self, text: Text) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which ids stand for texts that begin with `text`: those of `encode_prompt`, and in a range after them others.

        Codes that run through a text have an open end there, which the range narrows down: all texts that begin
        so are in it. Windows and entries are ended there, though other texts may have them longer.

        Returns:
            the ids of `encode_prompt`; the lowest that may follow these, and the highest, of one length and in the
            order of lists. Any ids may follow those. Where `continues_prompts` is False they are not narrowed down.
        """
        lowest, highest = self._prompt_bounds(as_bytes(text))
        differ = np.append(lowest != highest, True).argmax()
        return lowest[:differ], lowest[differ:], highest[differ:]

    def _prompt_bounds(self, text: bytes) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest ids of such texts, as far as they matter; of one length."""
        ids = self._encode(text)
        return ids, ids

    def segments(self, text: Text) -> list[tuple[bytes, list[int]]]:
        """The text cut into windows (or tokens) with the ids that each contributes.

        Where tokens and windows do not line up, a token belongs to the window its first bit stands in.

        Examples:
            >>> Tokenizer.from_pretrained("english-65k").segments("equal windows")
            [(b'equal', [7349]), (b' windows', [19963])]
        """
        return self._segments_batch([as_bytes(text)])[0]

    def segments_batch(self, texts: Iterable[Text]) -> list[list[tuple[bytes, list[int]]]]:
        """`segments` of each text; side by side where that is faster."""
        return self._segments_batch(as_texts(texts))

    def _segments_batch(self, texts: list[bytes]) -> list[list[tuple[bytes, list[int]]]]:
        return [self._segments(text) for text in texts]

    def _segments(self, text: bytes) -> list[tuple[bytes, list[int]]]:
        return [(text, self._encode(text).tolist())] if text else []

    def settled_lengths(self, text: bytes, ids: Sequence[int]) -> list[int]:
        """How many bytes of a window (or entry) are certain after each of its ids."""
        return [*[0] * (len(ids) - 1), len(text)]

    def count(self, text: Text) -> int:
        """How many ids `encode` gives.

        Examples:
            >>> Tokenizer.from_pretrained("english-65k").count("equal windows")
            2
        """
        return self._count(as_bytes(text))

    def _count(self, text: bytes) -> int:
        return len(self._encode(text))

    def offsets(self, text: Text, unit: Literal["bytes", "characters"] = "bytes") -> np.ndarray:
        """Where in the text the segment that each id belongs to begins and ends; [ids, 2] int64.

        Args:
            unit: "bytes", of the UTF-8 of a str too; or "characters", as a str is indexed: a segment that ends within a
                character then covers all of it.

        Raises:
            EqualInfoError: another unit, or characters of bytes that are not UTF-8.

        Examples:
            >>> Tokenizer.from_pretrained("english-65k").offsets("equal windows").tolist()
            [[0, 5], [5, 13]]
        """
        data = as_bytes(text)
        bounds = self._offsets(data)
        if unit == "bytes":
            return bounds
        if unit != "characters":
            raise EqualInfoError(f"no unit {unit!r}; choose bytes or characters")
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise EqualInfoError(
                "bytes that are not UTF-8 have no characters; take offsets in bytes"
            ) from error
        begins = (np.frombuffer(data, np.uint8) & 0xC0) != 0x80
        begun = np.concatenate([[0], np.cumsum(begins)])  # characters that begin before each byte
        return np.column_stack([begun[bounds[:, 0] + 1] - 1, begun[bounds[:, 1]]])

    def _offsets(self, text: bytes) -> np.ndarray:
        rows, position = [], 0
        for segment, ids in self._segments(text):
            rows += [(position, position + len(segment))] * len(ids)
            position += len(segment)
        return np.array(rows, np.int64).reshape(-1, 2)

    def token_bytes(self, token: int) -> bytes:
        """The bytes that one id stands for, wherever it occurs.

        Raises:
            UndecodableTokens: `token` is outside the vocabulary.
            EqualInfoError: ids of this method have no text of their own.

        Examples:
            >>> Tokenizer.from_pretrained("english-65k").token_bytes(1092)
            b'The'
        """
        raise EqualInfoError(f"an id of {self.spec} has no text of its own; use decode")

    def vocab_entries(self) -> list[bytes]:
        r"""`token_bytes` of every id in order; EqualInfoError where ids have no text of their own.

        Examples:
            >>> Tokenizer.from_pretrained("english-4k-exact").vocab_entries()[:3]
            [b'', b'\x00', b'\x00A']
        """
        return [self.token_bytes(token) for token in range(self.vocab)]

    def written(self, text: bytes) -> bytes:
        """What is cut into entries: the text, as it is or with marks."""
        return text

    def cut_entries(self) -> list[bytes] | None:
        """What each id stands for in texts as they are cut, `written`; None where ids have no bytes of their own."""
        return self.vocab_entries() if self.text_of_ids else None

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Text as soon as it is certain, without incomplete characters; U+FFFD for what is not UTF-8.

        Methods whose ids (or windows) have no text of their own give it whole, at the end.
        """
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for part in self._settled(iter(ids)):
            if text := decoder.decode(part):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    def _settled(self, ids: Iterator[int]) -> Iterator[bytes]:
        """The bytes that ids settle, as they come."""
        size = self.ids_per_window or (1 if self.text_of_ids else None)
        while unit := list(islice(ids, size)):
            yield self.decode(unit, partial=True)

    def export_files(self, form: str, special: Sequence[str] = ()) -> dict[str, bytes]:
        """The files, by name, in which other libraries read this tokenizer (`tokens.export`).

        Args:
            special: names of special tokens behind its ids.

        Raises:
            EqualInfoError: there is no such form, or none of this method.
        """
        raise EqualInfoError(
            f"{self.spec} has no form {form!a} that other libraries read: see docs/exports.md"
        )

    def gguf_vocabulary(self, special: Sequence[str] = ()) -> "GGUFVocabulary":
        """What llama.cpp needs to give the same ids, with `special` tokens behind them; EqualInfoError if it cannot."""
        raise EqualInfoError(f"llama.cpp cannot parse text as {self.spec} does: see docs/exports.md")

    @property
    def m1_parameters(self) -> int:
        """Parameters of the model that runs for every byte, embeddings excluded; 0 without one."""
        return 0

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as what it is made of, so that what was derived while it was used takes no room and changes no hash.

        That is for passing tokenizers between processes, and for `datasets`, which names results by such a hash.
        """
        return _made, (type(self), str(self.spec), *self._made_of())

    def _made_of(self) -> tuple[Any, ...]:
        """What the constructor takes besides the spec."""
        return ()

    def save_files(self, directory: Path) -> None:
        """Writes what `load` needs besides the spec."""
        return None

    def state_fingerprint(self) -> str:
        """Hash of what the ids depend on besides the spec."""
        return ""

    def _fingerprinted_spec(self) -> str:
        return str(self.spec)

    @property
    def fingerprint(self) -> str:
        """Hash of everything the ids depend on."""
        return sha256_bytes(json_bytes([self._fingerprinted_spec(), self.vocab, self.state_fingerprint()]))


def _made(kind: Callable[..., Tokenizer], spec: str, *parts: Any) -> Tokenizer:
    # The spec as text: equal strings inside of it and of the parts would be pickled by which objects they are.
    return kind(Spec.parse(spec), *parts)
