"""Making a tokenizer directory from a spec (`equalinfo compile`)."""

from pathlib import Path

from rich.progress import Progress, TaskID

from equalinfo.files import refuse_foreign_directory
from equalinfo.pipeline.corpora import Corpus
from equalinfo.tokens.base import Tokenizer
from equalinfo.tokens.directory import make_tokenizer
from equalinfo.tokens.spec import Spec


def compile_tokenizer(
    spec: Spec,
    m1: Path | None,
    corpus: Corpus | None,
    out: Path,
    progress: Progress,
    device: str = "cpu",
) -> Tokenizer:
    """Makes the tokenizer of `spec` from the corpus's training documents and saves it, with a bar for each stage."""
    refuse_foreign_directory(out)
    tasks: dict[str, TaskID] = {}

    def report(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = progress.add_task(f"{stage}: {spec}", total=None, note="")
        progress.update(tasks[stage], completed=done, total=total or None)

    made = make_tokenizer(spec, m1, (lambda: corpus.documents("train")) if corpus else None, report, device)
    made.save_pretrained(out)
    return made
