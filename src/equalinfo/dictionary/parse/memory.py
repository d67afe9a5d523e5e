"""Memory by its address, as LLVM has it and Numba has no name for: unaligned, in order between threads, ahead of use.

Kernels that read eight bytes of text at any place, keep a few words on the stack or share a table between threads take
these. An address is a uint64; nothing checks it, and it does not keep an array: a kernel that makes one must use it, as
such, after the last access by its address. All is plain LLVM, which makes of it what a processor has.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from equalinfo.dictionary.trie.intrinsics import instruction, intrinsic

BLOCK = 64  # bytes that `class_masks` looks at

_BYTE, _HALF, _INT, _WORD = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_ONE = (types.uint64,)
_TWO = (types.uint64, types.uint64)


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _load(kind: Any) -> Any:
    def emitted(builder: Any, address: Any) -> Any:
        loaded = builder.load(_pointer(builder, address, kind))
        loaded.align = 1
        return loaded if kind is _WORD else builder.zext(loaded, _WORD)

    return instruction(types.uint64, _ONE, emitted)


def _store(kind: Any) -> Any:
    def emitted(builder: Any, address: Any, value: Any) -> None:
        value = value if kind is _WORD else builder.trunc(value, kind)
        builder.store(value, _pointer(builder, address, kind)).align = 1

    return instruction(types.void, _TWO, emitted)


# load64(address): eight bytes, the first lowest on the processors that Numba has; store64(address, value); and so on.
load8, load16, load64 = map(_load, (_BYTE, _HALF, _WORD))
store16, store32, store64 = map(_store, (_HALF, _INT, _WORD))


def _claim(builder: Any, address: Any, value: Any) -> Any:
    where = _pointer(builder, address, _WORD)
    result = builder.cmpxchg(where, ir.Constant(_WORD, 0), value, "acq_rel", "monotonic")
    return builder.extract_value(result, 1)


def _prefetch(builder: Any, address: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _INT, _INT, _INT])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    constants = [ir.Constant(_INT, value) for value in (0, 3, 1)]  # to read, keep close, data
    builder.call(function, [_pointer(builder, address, _BYTE), *constants])


def _copy_bytes(builder: Any, target: Any, source: Any, count: Any) -> None:
    cgutils.raw_memcpy(builder, _pointer(builder, target, _BYTE), _pointer(builder, source, _BYTE), count, 1)


# load_acquire(address): a word; what its writer wrote before `store_release` of it is there for who sees it.
load_acquire = instruction(
    types.uint64, _ONE, lambda builder, at: builder.load_atomic(_pointer(builder, at, _WORD), "acquire", 8)
)
# store_release(address, value)
store_release = instruction(
    types.void,
    _TWO,
    lambda builder, at, value: builder.store_atomic(value, _pointer(builder, at, _WORD), "release", 8),
)
# claim(address, value): writes `value` where 0 is; whether it did. One of several threads does.
claim = instruction(types.boolean, _TWO, _claim)
# add_to(address, value): adds to a word that other threads add to; what it was before.
add_to = instruction(
    types.uint64,
    _TWO,
    lambda builder, at, value: builder.atomic_rmw("add", _pointer(builder, at, _WORD), value, "monotonic"),
)
# prefetch(address): asks for its cache line.
prefetch = instruction(types.void, _ONE, _prefetch)
# copy_bytes(target, source, count): places that do not overlap.
copy_bytes = instruction(types.void, (*_TWO, types.uint64), _copy_bytes)
# ones(word): how many bits are set.
ones = instruction(types.uint64, _ONE, lambda builder, word: builder.ctpop(word))


@intrinsic(prefer_literal=True)
def stack(_context: Any, size: Any) -> Any:
    """stack(size): the address of `size` bytes, a constant, that are there until the kernel returns."""
    if not isinstance(size, types.IntegerLiteral):
        raise TypeError("the size of a place on the stack is a constant")
    count = size.literal_value

    def generate(_target: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        place = cgutils.alloca_once(builder, ir.ArrayType(_WORD, (count + 7) // 8))
        return builder.ptrtoint(place, _WORD)

    return types.uint64(size), generate


@intrinsic
def address_of(_context: Any, array: Any) -> Any:
    """address_of(array): of its first element."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.ptrtoint(data, _WORD)

    return types.uint64(array), generate


@intrinsic
def class_masks(_context: Any, _address: Any) -> Any:
    """class_masks(address): of BLOCK bytes, which are spaces, other white space of ASCII, its letters, its digits, and
    which are not ASCII; each a word whose bit i is for byte i. Bytes are looked at in vectors.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(_BYTE, BLOCK)
        text = builder.load(_pointer(builder, arguments[0], vector))
        text.align = 1

        def every(value: int) -> Any:
            return ir.Constant(vector, [value] * BLOCK)

        def within(values: Any, low: int, count: int) -> Any:
            return builder.icmp_unsigned("<", builder.sub(values, every(low)), every(count))

        masks = [
            builder.icmp_unsigned("==", text, every(0x20)),
            within(text, 0x09, 5),
            within(builder.or_(text, every(0x20)), 0x61, 26),
            within(text, 0x30, 10),
            within(text, 0x80, 0x80),
        ]
        words = [builder.bitcast(mask, _WORD) for mask in masks]
        return context.make_tuple(builder, signature.return_type, words)

    return types.UniTuple(types.uint64, 5)(types.uint64), generate
