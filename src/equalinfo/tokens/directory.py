"""Tokenizer directories: made from a spec, written whole, opened by their manifest."""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import atomic_directory, read_manifest, write_manifest
from equalinfo.predict.base import Predictor
from equalinfo.tokens.base import Tokenizer
from equalinfo.tokens.compiled import CompiledTokenizer
from equalinfo.tokens.equal_info import Report, check_spec, compile_equal_info, load_equal_info
from equalinfo.tokens.spec import Spec, renamed

KIND = "tokenizer"
Documents = Callable[[], Iterable[bytes]]


def _deferred(module: str, name: str) -> Callable[..., Tokenizer]:
    """Makes a tokenizer of a class that is imported only then.

    Some bring in Numba or SentencePiece, which take longer than loading a compiled tokenizer does.
    """

    def make(*arguments: Any) -> Tokenizer:
        tokenizer: Tokenizer = getattr(import_module(f"equalinfo.tokens.{module}"), name)(*arguments)
        return tokenizer

    return make


PLAIN = {"Bytes": _deferred("bytes_", "BytesTokenizer"), "GZip": _deferred("gzip_", "GZipTokenizer")}
CODED = {
    "AC": _deferred("ac", "ACTokenizer"),
    "StaticAC": _deferred("ac", "ACTokenizer"),
    "Huffman": _deferred("huffman", "HuffmanTokenizer"),
    "StaticHuffman": _deferred("huffman", "HuffmanTokenizer"),
    "ANS": _deferred("ans", "ANSTokenizer"),
    "StaticANS": _deferred("ans", "ANSTokenizer"),
    "EqualText": _deferred("ac", "ACTokenizer"),
    "EqualInfoAC": _deferred("equal_info_ac", "EqualInfoACTokenizer"),
    "EqualInfoHuffman": _deferred("equal_info_huffman", "EqualInfoHuffmanTokenizer"),
}


def make_tokenizer(
    spec: Spec,
    m1: Path | None,
    training_documents: Documents | None,
    report: Report | None = None,
) -> Tokenizer:
    """The tokenizer that a spec describes.

    Args:
        m1: an M1 directory, for methods that need one.
        training_documents: opens the corpus, for methods made from one.
        report: called with what is being done, how much of it is done, and of how much (0: not known yet).

    Raises:
        EqualInfoError: the method needs an M1 or a corpus that was not given, or refuses the options.
    """
    if spec.method in PLAIN:
        return PLAIN[spec.method](spec)
    if spec.method == "EqualInfo":
        check_spec(spec)
    if spec.method == "SentencePiece":
        from equalinfo.tokens.sentencepiece_ import SentencePieceTokenizer

        return SentencePieceTokenizer.train(spec, _given(spec, training_documents)())
    predictor = _predictor(spec, m1, training_documents, report)
    if spec.method == "EqualInfo":
        return compile_equal_info(spec, predictor, training_documents, report)
    return CODED[spec.method](spec, predictor)


def _predictor(spec: Spec, m1: Path | None, documents: Documents | None, report: Report | None) -> Predictor:
    """What the spec says predicts bytes: M1 from its directory, or contexts counted on the corpus."""
    if spec.order is not None:
        from equalinfo.predict.context import check_order, count_contexts

        check_order(spec.order)
        stage = (lambda done, total: report("count contexts", done, total)) if report else None
        return count_contexts(spec.order, _given(spec, documents), stage)
    if m1 is None:
        raise EqualInfoError(f"{spec} needs an M1: train one with `equalinfo train-m1` and give it as --m1")
    from equalinfo.predict.exact import load_m1

    return load_m1(m1)


def _given(spec: Spec, documents: Documents | None) -> Documents:
    if documents is None:
        raise EqualInfoError(f"{spec} is made from text: give a corpus as --corpus")
    return documents


def save_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Writes a tokenizer directory, whole or not at all."""
    with atomic_directory(path) as directory:
        tokenizer.save_files(directory)
        _finish(tokenizer, directory, {})


def save_compact(tokenizer: Tokenizer, path: Path, more: dict[str, bytes] | None = None) -> None:
    """Writes a small tokenizer directory that `load_tokenizer` opens and other libraries do not.

    Args:
        more: further files by name.

    Raises:
        EqualInfoError: the method has no compact form.
    """
    if not isinstance(tokenizer, CompiledTokenizer):
        raise EqualInfoError(f"{tokenizer.spec} has no compact form; only compiled dictionaries do")
    with atomic_directory(path) as directory:
        tokenizer.save_compact(directory)
        _finish(tokenizer, directory, more or {})


def _finish(tokenizer: Tokenizer, directory: Path, more: dict[str, bytes]) -> None:
    for name, content in more.items():
        (directory / name).write_bytes(content)
    write_manifest(
        directory, KIND, spec=str(tokenizer.spec), vocab=tokenizer.vocab, identity=tokenizer.identity
    )


def load_tokenizer(path: Path) -> Tokenizer:
    """Opens a tokenizer directory after checking every file against its hash."""
    manifest = read_manifest(path, KIND)
    try:
        spec = Spec.parse(renamed(manifest["spec"]))
    except (KeyError, TypeError, EqualInfoError) as error:
        raise DamagedArtifact(f"{path} names no method this equalinfo knows; make it again") from error
    tokenizer: Tokenizer
    if spec.method in PLAIN:
        tokenizer = PLAIN[spec.method](spec)
    elif spec.method == "SentencePiece":
        from equalinfo.tokens.sentencepiece_ import SentencePieceTokenizer

        tokenizer = SentencePieceTokenizer.load(spec, path)
    elif spec.method == "EqualInfo":
        tokenizer = load_equal_info(spec, path)
    else:
        from equalinfo.tokens.coded import load_predictor

        tokenizer = CODED[spec.method](spec, load_predictor(path))
    if tokenizer.identity != manifest.get("identity"):
        raise DamagedArtifact(f"{path} does not give the ids its manifest promises; make it again")
    return tokenizer
