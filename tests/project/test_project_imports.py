"""What importing costs: tokenizing needs no torch, and `import equalinfo` loads almost nothing."""

import subprocess
import sys


def loaded(statement: str, module: str) -> bool:
    code = f"{statement}; import sys; print({module!r} in sys.modules)"
    return (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "True\n"
    )


def test_tokenizers_load_without_torch() -> None:
    assert not loaded("from equalinfo import Tokenizer; import equalinfo.tokens.compile", "torch")


def test_the_command_line_starts_without_heavy_imports() -> None:
    for module in ("torch", "numba", "pyarrow", "plotly", "sentencepiece"):
        assert not loaded("import equalinfo.cli", module)
