"""Tokenizer directories: made from a spec, written whole, opened by their manifest."""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import as_written, read_manifest, write_manifest
from equalinfo.outputs import output_directory
from equalinfo.predict.base import Predictor
from equalinfo.tokens.base import Tokenizer
from equalinfo.tokens.compiled import CompiledTokenizer
from equalinfo.tokens.equal_info import Report, check_spec, compile_equal_info, load_equal_info
from equalinfo.tokens.hugging_face import FILES, TOKENIZER
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
    device: str = "cpu",
) -> Tokenizer:
    """The tokenizer that a spec describes.

    Args:
        m1: an M1 directory, for methods that need one.
        training_documents: opens the corpus, for methods made from one.
        report: called with what is being done, how much of it is done, and of how much (0: not known yet).
        device: what M1 computes on, "cpu" or "cuda"; decides nothing of the tokenizer.

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
    predictor = _predictor(spec, m1, training_documents, report, device)
    if spec.method == "EqualInfo":
        return compile_equal_info(spec, predictor, training_documents, report)
    return CODED[spec.method](spec, predictor)


def _predictor(
    spec: Spec, m1: Path | None, documents: Documents | None, report: Report | None, device: str
) -> Predictor:
    """What the spec says predicts bytes: M1 from its directory, or contexts counted on the corpus."""
    if spec.order is not None:
        from equalinfo.predict.context import check_order, count_contexts

        check_order(spec.order)
        stage = (lambda done, total: report("count contexts", done, total)) if report else None
        return count_contexts(spec.order, _given(spec, documents), stage)
    if m1 is None:
        raise EqualInfoError(f"{spec} needs an M1: train one with `equalinfo train-m1` and give it as --m1")
    from equalinfo.predict.exact import load_m1

    return load_m1(m1, device)


def _given(spec: Spec, documents: Documents | None) -> Documents:
    if documents is None:
        raise EqualInfoError(f"{spec} is made from text: give a corpus as --corpus")
    return documents


def save_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Writes a tokenizer directory, whole or not at all.

    Raises:
        EqualInfoError: `path` holds something that is not a tokenizer's, or cannot be written.
    """
    with output_directory(path, KIND) as directory:
        fill_directory(tokenizer, directory)


def fill_directory(tokenizer: Tokenizer, directory: Path) -> None:
    """Writes the files of a tokenizer directory into an empty one."""
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
    with output_directory(path, KIND) as directory:
        tokenizer.save_compact(directory)
        _finish(tokenizer, directory, more or {})


def _finish(tokenizer: Tokenizer, directory: Path, more: dict[str, bytes]) -> None:
    for name, content in more.items():
        (directory / name).write_bytes(content)
    write_manifest(
        directory, KIND, spec=str(tokenizer.spec), vocab=tokenizer.vocab, identity=tokenizer.identity
    )


def load_tokenizer(path: Path, device: str = "cpu") -> Tokenizer:
    """Opens a tokenizer directory after checking every file against its hash; M1, if any, computes on `device`.

    A Hugging Face library may have saved its own files anew; the vocabulary must still be the same.
    """
    manifest = read_manifest(path, KIND, shared=FILES)
    try:
        spec = Spec.parse(renamed(str(manifest.get("spec"))))
    except EqualInfoError as error:
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

        tokenizer = CODED[spec.method](spec, load_predictor(path, device))
    if tokenizer.identity != manifest.get("identity"):
        raise DamagedArtifact(f"{path} does not give the ids its manifest promises; make it again")
    check_export(tokenizer, path, manifest)
    return tokenizer


def check_export(tokenizer: Tokenizer, directory: Path, manifest: dict[str, Any]) -> None:
    """Raises DamagedArtifact if the tokenizer.json in a directory is not as written, and another vocabulary."""
    if isinstance(tokenizer, CompiledTokenizer) and not as_written(directory, manifest, TOKENIZER):
        tokenizer.check_export(directory / TOKENIZER)
