"""Tokenizer directories: made from a spec, written whole, opened by their manifest."""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import as_written, read_manifest
from equalinfo.outputs import output_directory
from equalinfo.predict.base import Predictor
from equalinfo.tokens.compile import Report, check_spec, compile_equal_info, load_equal_info
from equalinfo.tokens.dictionaries import CompiledTokenizer
from equalinfo.tokens.hugging_face import FILES, TOKENIZER
from equalinfo.tokens.spec import Spec, renamed
from equalinfo.tokens.tokenizer import KIND, Tokenizer, fill_directory, finish_directory

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from equalinfo.corpus.corpus import Corpus

Documents = Callable[[], Iterable[bytes]]


def _deferred(module: str, name: str) -> Callable[..., Any]:
    """Makes a tokenizer of a class that is imported only then.

    Some bring in Numba or SentencePiece, which take longer than loading a compiled tokenizer does.
    """

    def make(*arguments: Any) -> Any:
        return getattr(import_module(f"equalinfo.tokens.{module}"), name)(*arguments)

    return make


PLAIN = {"Bytes": _deferred("baselines", "BytesTokenizer"), "GZip": _deferred("baselines", "GZipTokenizer")}
CODED = {
    "AC": _deferred("blocks", "ACTokenizer"),
    "StaticAC": _deferred("blocks", "ACTokenizer"),
    "Huffman": _deferred("huffman", "HuffmanTokenizer"),
    "StaticHuffman": _deferred("huffman", "HuffmanTokenizer"),
    "ANS": _deferred("ans", "ANSTokenizer"),
    "StaticANS": _deferred("ans", "ANSTokenizer"),
    "EqualText": _deferred("blocks", "ACTokenizer"),
    "EqualInfoAC": _deferred("windows", "EqualInfoACTokenizer"),
    "EqualInfoHuffman": _deferred("huffman", "EqualInfoHuffmanTokenizer"),
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

    Examples:
        >>> tokenizer = make_tokenizer(Spec.parse("GZip[v=256]"), None, None)
        >>> tokenizer.decode(tokenizer.encode("any text"))
        b'any text'
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
    coded = CODED[spec.method](spec, predictor)
    coded.list_windows((lambda done, total: report("list the windows", done, total)) if report else None)
    return coded


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
    from equalinfo.predict.exact_files import load_m1

    return load_m1(m1, device)


def _given(spec: Spec, documents: Documents | None) -> Documents:
    if documents is None:
        raise EqualInfoError(f"{spec} is made from text: give a corpus as --corpus")
    return documents


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
        finish_directory(tokenizer, directory, more or {})


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

        tokenizer = coded = CODED[spec.method](spec, load_predictor(path, device))
        coded.load_files(path)
    if tokenizer.fingerprint != manifest.get("identity"):
        raise DamagedArtifact(f"{path} does not give the ids its manifest promises; make it again")
    check_export(tokenizer, path, manifest)
    return tokenizer


def check_export(tokenizer: Tokenizer, directory: Path, manifest: dict[str, Any]) -> None:
    """Raises DamagedArtifact if the tokenizer.json in a directory is not as written, and another vocabulary."""
    if isinstance(tokenizer, CompiledTokenizer) and not as_written(directory, manifest, TOKENIZER):
        tokenizer.check_export(directory / TOKENIZER)


def compile_tokenizer(
    spec: Spec,
    m1: Path | None,
    corpus: "Corpus | None",
    out: Path,
    progress: "Progress",
    device: str = "cpu",
) -> Tokenizer:
    """Makes the tokenizer of `spec` from the corpus's training documents and saves it, with a bar for each stage.

    Wide windows need no corpus; where one is given, what its windows have in common is kept, so that M1 runs less.

    Raises:
        EqualInfoError: something the spec needs is missing, or `out` holds something else than a tokenizer.

    Examples:
        >>> from equalinfo.progress import progress_bar
        >>> spec = Spec.parse("EqualInfo[b=9,v=512]")
        >>> with progress_bar(quiet=True) as progress:
        ...     tokenizer = compile_tokenizer(spec, Path("english-m1"), None, Path("tok"), progress)
        >>> tokenizer.vocab, Tokenizer.from_pretrained("tok").fingerprint == tokenizer.fingerprint
        (512, True)
    """
    tasks: dict[str, TaskID] = {}

    def report(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = progress.add_task(f"{stage}: {spec}", total=None, note="")
        progress.update(tasks[stage], completed=done, total=total or None)

    inputs = [*([m1] if m1 else []), *(corpus.inputs if corpus else [])]
    with output_directory(out, KIND, inputs) as directory:
        documents = (lambda: corpus.documents("train")) if corpus else None
        made = make_tokenizer(spec, m1, documents, report, device)
        if documents and spec.needs_m1 and spec.method in CODED:
            made.remember(documents, lambda done, total: report("remember windows", done, total))  # type: ignore[attr-defined]
        fill_directory(made, directory)
    return made
