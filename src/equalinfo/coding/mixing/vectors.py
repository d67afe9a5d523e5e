"""Sums and steps over a row of 32 weights, as vectors of LLVM: Numba's own loops over int32 become int64."""

from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

# Of no type: a checker would have callers give the context, the first argument here.
intrinsic: Any = extending.intrinsic

WIDTH = 32
LARGEST_WEIGHT = (1 << 19) - 1  # a weight of 1 is 2^16

_INT32 = ir.IntType(32)
_VECTOR = ir.VectorType(_INT32, WIDTH)


def _constant(value: int) -> Any:
    return ir.Constant(_VECTOR, [value] * WIDTH)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, start: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [start]), _VECTOR.as_pointer())


def _load(builder: Any, pointer: Any) -> Any:
    loaded = builder.load(pointer)
    loaded.align = 4
    return loaded


@intrinsic
def dot(_context: Any, weights: Any, start: Any, inputs: Any) -> Any:
    """dot(weights, start, inputs): the sum of weights[start + i] * inputs[i] >> 8, int32 arrays."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(ir.IntType(64), 0)
        row = _load(builder, _pointer(context, builder, signature.args[0], arguments[0], arguments[1]))
        inputs = _load(builder, _pointer(context, builder, signature.args[2], arguments[2], zero))
        products = builder.ashr(builder.mul(row, inputs), _constant(8))
        name = f"llvm.vector.reduce.add.v{WIDTH}i32"
        add = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_INT32, [_VECTOR]), name)
        return builder.sext(builder.call(add, [products]), ir.IntType(64))

    return types.int64(weights, types.int64, inputs), generate


@intrinsic
def train(_context: Any, weights: Any, start: Any, inputs: Any, error: Any) -> Any:
    """train(weights, start, inputs, error): weights[start + i] += inputs[i] * error >> 15, rounded and bounded."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(ir.IntType(64), 0)
        pointer = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        inputs = _load(builder, _pointer(context, builder, signature.args[2], arguments[2], zero))
        first = ir.Constant(_INT32, 0)
        alone = builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), builder.trunc(arguments[3], _INT32), first
        )
        error = builder.shuffle_vector(alone, ir.Constant(_VECTOR, ir.Undefined), _constant(0))
        step = builder.ashr(builder.add(builder.mul(inputs, error), _constant(1 << 14)), _constant(15))
        row = builder.add(_load(builder, pointer), step)
        for sign, bound in ((">", LARGEST_WEIGHT), ("<", -LARGEST_WEIGHT)):
            row = builder.select(builder.icmp_signed(sign, row, _constant(bound)), _constant(bound), row)
        builder.store(row, pointer).align = 4
        return context.get_dummy_value()

    return types.void(weights, types.int64, inputs, types.int64), generate


@intrinsic
def prefetch(_context: Any, array: Any, index: Any) -> Any:
    """prefetch(array, index): fetches what will be needed from memory; changes nothing."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        kind = ir.FunctionType(ir.VoidType(), [byte, _INT32, _INT32, _INT32])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        options = [ir.Constant(_INT32, value) for value in (1, 3, 1)]  # to write, to keep, data
        builder.call(fetch, [builder.bitcast(builder.gep(data, [arguments[1]]), byte), *options])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate
