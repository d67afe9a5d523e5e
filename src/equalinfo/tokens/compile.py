"""Making a tokenizer from a spec and saving it: what `equalinfo compile` does."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from equalinfo.outputs import reserved_directory
from equalinfo.progress import stages
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec
from equalinfo.tokens.tokenizer import KIND, Tokenizer

if TYPE_CHECKING:
    from rich.progress import Progress

    from equalinfo.corpus.corpus import Corpus
    from equalinfo.engines.base import Engine


def compile_tokenizer(
    spec: Spec,
    m1: Path | None,
    corpus: "Corpus | None",
    out: Path,
    progress: "Progress",
    device: str = "cpu",
    engine: "Engine | None" = None,
) -> Tokenizer:
    """Makes the tokenizer of `spec` from the corpus's training documents and saves it, with a bar for each stage.

    Wide windows need no corpus; where one is given, what its windows have in common is kept, so that M1 runs less.

    Interrupted while it counted the words of a large corpus? The same call goes on from there.

    Args:
        engine: counts those words, the same whatever it is; default: processes on this machine.

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
    from equalinfo.engines.local import LocalEngine
    from equalinfo.tokens.partitioned_corpus import STATE, PartitionedCorpus, clear, is_state

    inputs = [*([m1] if m1 else []), *(corpus.inputs if corpus else [])]
    with reserved_directory(out, KIND, inputs) as output, ExitStack() as stack:
        kept: list[Path] = []

        def folder() -> Path:
            kept.append(stack.enter_context(output.state(STATE, is_state)))
            return kept[0]

        documents = (lambda: corpus.documents("train")) if corpus else None
        partitioned = PartitionedCorpus(corpus, engine or LocalEngine(), folder) if corpus else None
        sources = Sources(m1, documents, stages(progress, str(spec)), device, partitioned=partitioned)
        tokenizer: Tokenizer = spec.build(sources)
        if documents and spec.needs_m1:
            tokenizer.remember(documents, sources.stage("remember windows"))
        tokenizer.write(output.new)
        output.put()
        for one in kept:
            clear(one)
    return tokenizer
