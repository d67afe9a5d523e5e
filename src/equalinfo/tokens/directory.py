"""Tokenizer directories: made from a spec, written whole, opened by their manifest."""

from collections.abc import Callable, Iterable
from pathlib import Path

from equalinfo.errors import DamagedArtifact, EqualInfoError
from equalinfo.files import atomic_directory, read_manifest, write_manifest
from equalinfo.predict.base import Predictor
from equalinfo.predict.exact import load_exact
from equalinfo.predict.unigram import Unigram, count_bytes, quantise_counts
from equalinfo.tokens.base import Tokenizer
from equalinfo.tokens.blocks import BlockTokenizer
from equalinfo.tokens.bytes_ import BytesTokenizer
from equalinfo.tokens.coded import CodedTokenizer, load_predictor
from equalinfo.tokens.equal_info_ac import EqualInfoACTokenizer
from equalinfo.tokens.gzip_ import GZipTokenizer
from equalinfo.tokens.sentencepiece_ import SentencePieceTokenizer
from equalinfo.tokens.spec import Spec

KIND = "tokenizer"
PLAIN: dict[str, Callable[[Spec], Tokenizer]] = {"Bytes": BytesTokenizer, "GZip": GZipTokenizer}
CODED: dict[str, Callable[[Spec, Predictor], CodedTokenizer]] = {
    "AC": BlockTokenizer,
    "StaticAC": BlockTokenizer,
    "EqualText": BlockTokenizer,
    "EqualInfoAC": EqualInfoACTokenizer,
}


def make_tokenizer(
    spec: Spec, m1: Path | None, training_documents: Callable[[], Iterable[bytes]] | None
) -> Tokenizer:
    """The tokenizer that a spec describes.

    Args:
        m1: an M1 directory, for methods that need one.
        training_documents: opens the corpus, for methods made from one.

    Raises:
        EqualInfoError: the method needs an M1 or a corpus that was not given, or refuses the options.
    """
    if spec.method in PLAIN:
        return PLAIN[spec.method](spec)
    if spec.needs_m1:
        if m1 is None:
            raise EqualInfoError(
                f"{spec} needs an M1: train one with `equalinfo train-m1` and give it as --m1"
            )
        read_manifest(m1, "m1")
        return CODED[spec.method](spec, load_exact(m1))
    if training_documents is None:
        raise EqualInfoError(f"{spec} is made from text: give a corpus as --corpus")
    if spec.method == "SentencePiece":
        return SentencePieceTokenizer.train(spec, training_documents())
    return CODED[spec.method](spec, Unigram(quantise_counts(count_bytes(training_documents()))))


def save_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Writes a tokenizer directory, whole or not at all."""
    with atomic_directory(path) as directory:
        tokenizer.save_files(directory)
        write_manifest(
            directory, KIND, spec=str(tokenizer.spec), vocab=tokenizer.vocab, identity=tokenizer.identity
        )


def load_tokenizer(path: Path) -> Tokenizer:
    """Opens a tokenizer directory after checking every file against its hash."""
    manifest = read_manifest(path, KIND)
    try:
        spec = Spec.parse(manifest["spec"])
    except (KeyError, TypeError, EqualInfoError) as error:
        raise DamagedArtifact(f"{path} names no method this equalinfo knows; make it again") from error
    tokenizer: Tokenizer
    if spec.method in PLAIN:
        tokenizer = PLAIN[spec.method](spec)
    elif spec.method == "SentencePiece":
        tokenizer = SentencePieceTokenizer.load(spec, path)
    else:
        tokenizer = CODED[spec.method](spec, load_predictor(path))
    if tokenizer.identity != manifest.get("identity"):
        raise DamagedArtifact(f"{path} does not give the ids its manifest promises; make it again")
    return tokenizer
