"""LLVM's instructions that Numba has no name for; nothing here depends on a processor."""

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any

from llvmlite import ir
from numba import extending, types

# Of no type: a checker would have callers give the context, the first argument here.
intrinsic: Any = extending.intrinsic


def instruction(result: Any, kinds: tuple[Any, ...], emitted: Callable[..., Any]) -> Any:
    """What a kernel calls with arguments of these types; `emitted` writes it, given a builder and their values."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return emitted(builder, *arguments)

    def typed(_context: Any, *_: Any) -> Any:
        return result(*kinds), generate

    # Numba asks how many there are.
    names = ["context", *(f"argument{number}" for number in range(len(kinds)))]
    typed.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_ONLY) for name in names])  # type: ignore[attr-defined]
    return intrinsic(typed)


def _choose(builder: Any, condition: Any, first: Any, second: Any) -> Any:
    selected = builder.select(builder.trunc(condition, ir.IntType(1)), first, second)
    if isinstance(selected, ir.Instruction):
        selected.set_metadata("unpredictable", builder.module.add_metadata([]))
    return selected


# choose(condition, first, second): `first` if `condition` else `second`, both uint64, without a branch.
#
# An ordinary conditional becomes a branch wherever LLVM finds that one side is a load it could save. On text it is
# taken at random, once per token: measured on one stream, four interleaved and eight, 204, 278 and 300 MB/s with the
# branch, 232, 749 and 943 with the select marked unpredictable.
choose = instruction(types.uint64, (types.boolean, types.uint64, types.uint64), _choose)
# trailing_zeros(word): zero bits below the lowest set one; both uint64, `word` not 0.
trailing_zeros = instruction(
    types.uint64, (types.uint64,), lambda builder, word: builder.cttz(word, ir.Constant(ir.IntType(1), 1))
)
# leading_zeros(word): zero bits above the highest set one; as `trailing_zeros`.
leading_zeros = instruction(
    types.uint64, (types.uint64,), lambda builder, word: builder.ctlz(word, ir.Constant(ir.IntType(1), 1))
)
