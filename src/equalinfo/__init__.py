"""equalinfo: tokenizers made by neural compression, and the language models trained on them.

from equalinfo import Tokenizer
tokenizer = Tokenizer.from_pretrained("english-65k")  # or a directory
ids = tokenizer.encode("some text")      # NumPy array
assert tokenizer.decode(ids) == b"some text"
"""

from typing import TYPE_CHECKING, Any

from equalinfo.errors import DamagedArtifact, EqualInfoError, UndecodableTokens

if TYPE_CHECKING:
    from equalinfo.tokens.tokenizer import Tokenizer

__all__ = ["DamagedArtifact", "EqualInfoError", "Tokenizer", "UndecodableTokens"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that `import equalinfo` stays quick.
    if name == "Tokenizer":
        from equalinfo.tokens.tokenizer import Tokenizer

        return Tokenizer
    raise AttributeError(f"module 'equalinfo' has no attribute {name!r}")
