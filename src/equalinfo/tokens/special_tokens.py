"""Which special tokens a vocabulary has, what they are for, and the chat template that goes with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from equalinfo.errors import EqualInfoError


@dataclass(frozen=True)
class SpecialTokens:
    """Special tokens and their roles; `SpecialTokens.of` checks them.

    Args:
        names: by id; they take the last ids of the vocabulary.
        bos: the one that begins a text, "" for none.
        pad: the one that fills up a batch, "" for none.
        chat_template: in Jinja, as transformers' `apply_chat_template` takes it, "" for none.
    """

    names: tuple[str, ...] = ()
    bos: str = ""
    pad: str = ""
    chat_template: str = ""

    @classmethod
    def of(
        cls,
        names: Sequence[str] = (),
        bos: str | None = None,
        pad: str | None = None,
        chat_template: str | None = None,
    ) -> "SpecialTokens":
        """The special tokens of these names; BOS and PAD come last, where they are not among the others.

        Raises:
            EqualInfoError: a name that is empty, given twice or not printable.

        Examples:
            >>> SpecialTokens.of(["<|user|>"], pad="<|pad|>").names
            ('<|user|>', '<|pad|>')
        """
        roles = [name for name in (bos, pad) if name is not None]
        for name in (*names, *roles):
            if not name or not name.isprintable():
                raise EqualInfoError(f"special token {name!a} must be printable text, as <|user|>")
        if len(set(names)) < len(names):
            raise EqualInfoError("a special token is given twice; give each once")
        return cls(tuple(dict.fromkeys([*names, *roles])), bos or "", pad or "", chat_template or "")

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> "SpecialTokens":
        """Those that `record` wrote."""
        names = [str(name) for name in manifest.get("special", [])]
        bos, pad, template = (manifest.get(key) for key in ("bos", "pad", "chat_template"))
        return cls.of(names, *(None if one is None else str(one) for one in (bos, pad, template)))

    def record(self) -> dict[str, Any]:
        """For a manifest; nothing where there are none."""
        if not self:
            return {}
        roles = {"bos": self.bos, "pad": self.pad, "chat_template": self.chat_template}
        return {"special": list(self.names)} | {role: value for role, value in roles.items() if value}

    def __bool__(self) -> bool:
        return self != NO_SPECIAL


NO_SPECIAL = SpecialTokens()
