"""A tokenizer in the files that other libraries read (`equalinfo export`); which reads which: `docs/exports.md`.

huggingface:    tokenizer.json over the byte-level alphabet, tokenizer_config.json
sentencepiece:  tokenizer.model, the same model as tokenizer.json, tokenizer_config.json
gguf:           one file for llama.cpp, without a model
"""

from pathlib import Path

from equalinfo.files import write_manifest
from equalinfo.outputs import Inputs, output_directory
from equalinfo.tokens.gguf_form import add_vocabulary, gguf_file
from equalinfo.tokens.tokenizer import Tokenizer

KIND = "export"


def export_tokenizer(tokenizer: Tokenizer, form: str, out: Path, inputs: Inputs = ()) -> dict[str, int | str]:
    """Writes a tokenizer in another library's form, whole or not at all: a directory, or for "gguf" a file.

    Args:
        form: "huggingface", "sentencepiece" or "gguf".

    Returns:
        the form, and v; ids from v on, which some forms have, stand in no text.

    Raises:
        EqualInfoError: the method has no such form, `gguf` is not installed, or `out` cannot be written.
    """
    if form == "gguf":
        vocabulary = tokenizer.gguf_vocabulary()
        with gguf_file(out, str(tokenizer.spec), inputs) as writer:
            add_vocabulary(writer, vocabulary)
        return {"form": form, "vocab": tokenizer.vocab, "tokenizer_model": vocabulary.model}
    files = tokenizer.export_files(form)
    with output_directory(out, KIND, inputs) as directory:
        for name, content in files.items():
            (directory / name).write_bytes(content)
        write_manifest(
            directory,
            KIND,
            form=form,
            spec=str(tokenizer.spec),
            vocab=tokenizer.vocab,
            tokenizer=tokenizer.fingerprint,
        )
    return {"form": form, "vocab": tokenizer.vocab}
