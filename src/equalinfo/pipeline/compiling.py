"""Making a tokenizer directory from a spec (`equalinfo compile`)."""

from pathlib import Path

from rich.progress import Progress, TaskID

from equalinfo.outputs import output_directory
from equalinfo.pipeline.corpora import Corpus
from equalinfo.tokens.base import Tokenizer
from equalinfo.tokens.directory import KIND, fill_directory, make_tokenizer
from equalinfo.tokens.spec import Spec


def compile_tokenizer(
    spec: Spec,
    m1: Path | None,
    corpus: Corpus | None,
    out: Path,
    progress: Progress,
    device: str = "cpu",
) -> Tokenizer:
    """Makes the tokenizer of `spec` from the corpus's training documents and saves it, with a bar for each stage.

    Raises:
        EqualInfoError: something the spec needs is missing, or `out` holds something else than a tokenizer.
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
        fill_directory(made, directory)
    return made
