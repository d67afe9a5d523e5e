"""Memory by its address, as LLVM has it and Numba has no name for: unaligned, in order between threads, ahead of use.

Kernels that read eight bytes of text at any place, keep a few words on the stack or share a table between threads take
these. An address is a uint64; nothing checks it, and it does not keep an array: a kernel that makes one must use it, as
such, after the last access by its address. All is plain LLVM, which makes of it what a processor has.
"""

from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

# Of no type: a checker would have callers give the context, the first argument here.
intrinsic: Any = extending.intrinsic

BLOCK = 64  # bytes that `class_masks` looks at

_BYTE = ir.IntType(8)
_WORD = ir.IntType(64)


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _loading(kind: Any) -> Any:
    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        loaded = builder.load(_pointer(builder, arguments[0], kind))
        loaded.align = 1
        return loaded if kind is _WORD else builder.zext(loaded, _WORD)

    return generate


def _storing(kind: Any) -> Any:
    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        value = arguments[1] if kind is _WORD else builder.trunc(arguments[1], kind)
        builder.store(value, _pointer(builder, arguments[0], kind)).align = 1

    return generate


@intrinsic
def load64(_context: Any, _address: Any) -> Any:
    """load64(address): eight bytes, the first lowest on the processors that Numba has."""
    return types.uint64(types.uint64), _loading(_WORD)


@intrinsic
def load16(_context: Any, _address: Any) -> Any:
    return types.uint64(types.uint64), _loading(ir.IntType(16))


@intrinsic
def load8(_context: Any, _address: Any) -> Any:
    return types.uint64(types.uint64), _loading(_BYTE)


@intrinsic
def store64(_context: Any, _address: Any, _value: Any) -> Any:
    return types.void(types.uint64, types.uint64), _storing(_WORD)


@intrinsic
def store32(_context: Any, _address: Any, _value: Any) -> Any:
    return types.void(types.uint64, types.uint64), _storing(ir.IntType(32))


@intrinsic
def store16(_context: Any, _address: Any, _value: Any) -> Any:
    return types.void(types.uint64, types.uint64), _storing(ir.IntType(16))


@intrinsic
def load_acquire(_context: Any, _address: Any) -> Any:
    """load_acquire(address): a word; what its writer wrote before `store_release` of it is there for who sees it."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_pointer(builder, arguments[0], _WORD), "acquire", 8)

    return types.uint64(types.uint64), generate


@intrinsic
def store_release(_context: Any, _address: Any, _value: Any) -> Any:
    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[1], _pointer(builder, arguments[0], _WORD), "release", 8)

    return types.void(types.uint64, types.uint64), generate


@intrinsic
def claim(_context: Any, _address: Any, _value: Any) -> Any:
    """claim(address, value): writes `value` where 0 is; whether it did. One of several threads does."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        where = _pointer(builder, arguments[0], _WORD)
        result = builder.cmpxchg(where, ir.Constant(_WORD, 0), arguments[1], "acq_rel", "monotonic")
        return builder.extract_value(result, 1)

    return types.boolean(types.uint64, types.uint64), generate


@intrinsic
def add_to(_context: Any, _address: Any, _value: Any) -> Any:
    """add_to(address, value): adds to a word that other threads add to; what it was before."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.atomic_rmw("add", _pointer(builder, arguments[0], _WORD), arguments[1], "monotonic")

    return types.uint64(types.uint64, types.uint64), generate


@intrinsic
def prefetch(_context: Any, _address: Any) -> Any:
    """prefetch(address): asks for its cache line."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        constants = [ir.Constant(number, value) for value in (0, 3, 1)]  # to read, keep close, data
        builder.call(function, [_pointer(builder, arguments[0], _BYTE), *constants])

    return types.void(types.uint64), generate


@intrinsic
def copy_bytes(_context: Any, _target: Any, _source: Any, _count: Any) -> Any:
    """copy_bytes(target, source, count): places that do not overlap."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        target, source, count = arguments
        cgutils.raw_memcpy(
            builder, _pointer(builder, target, _BYTE), _pointer(builder, source, _BYTE), count, 1
        )

    return types.void(types.uint64, types.uint64, types.uint64), generate


@intrinsic
def ones(_context: Any, _word: Any) -> Any:
    """ones(word): how many bits are set."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


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
