# numpy arrays and scalars (proto/PROTOCOL.md 5.3), both ways. Encoding uses numpy only where it is loaded already.
from __future__ import annotations

import re
import sys
from math import prod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snakebridge._internal.wire_encode import Handler, WireEncoder

# Codes of `array.array`, which stands in where there is no numpy.
_ARRAY_CODES = {
    "|i1": "b", "|u1": "B", "<i2": "h", "<u2": "H", "<i4": "i", "<u4": "I",
    "<i8": "q", "<u8": "Q", "<f4": "f", "<f8": "d",
}  # fmt: skip
_KINDS = frozenset("biufcSUmM")
_DTYPE = re.compile(
    r"[<>|=]?(?:b1|[iu][1248]|f(?:2|4|8|12|16)|c(?:8|16|24|32)|[Mm]8(?:\[[^\]]{1,24}\])?|[US]\d{1,9})", re.ASCII
)


def handler_of(kind: type) -> Handler | None:
    """The handler of an exact type of numpy: the array and its scalars."""
    np: Any = sys.modules.get("numpy")
    if np is None:
        return None
    if kind is np.ndarray:
        return _ndarray
    if not issubclass(kind, np.generic):
        return None
    if issubclass(kind, (np.datetime64, np.timedelta64, np.longdouble, np.clongdouble)):
        # On some platforms a long double is a double; it has its own type all the same.
        return _long_scalar
    return next((_scalar_handler(to) for base, to in _scalar_bases(np) if issubclass(kind, base)), None)


def _scalar_bases(np: Any) -> tuple[tuple[type, type], ...]:
    return (
        (np.bool_, bool), (np.integer, int), (np.floating, float), (np.complexfloating, complex),
        (np.str_, str), (np.bytes_, bytes),
    )  # fmt: skip


def _scalar_handler(to: type) -> Handler:
    return lambda encoder, value, depth: encoder.walk(to(value), depth)


def subclass_handler(kind: type) -> Handler | None:
    """For `returns: "value"`: sends a matrix or a memory map as the array it is; a mask would be lost."""
    np: Any = sys.modules["numpy"]
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", ())
    if issubclass(kind, masked):
        return None
    return lambda encoder, value, depth: _ndarray(encoder, np.asarray(value), depth)


def _long_scalar(encoder: WireEncoder, value: Any, depth: int) -> Any:
    np: Any = sys.modules["numpy"]
    return _ndarray(encoder, np.asarray(value), depth)


def _ndarray(encoder: WireEncoder, value: Any, depth: int) -> Any:
    if not has_encoding(value.dtype):
        return encoder.leaf(value, depth)
    encoder.enter(value.ndim, depth + 1)
    encoder.check_bytes(value.nbytes)
    dtype, shape, order, data = fields_of(value)
    return encoder.fields(14, [dtype, shape, order, encoder.data(data)], depth)


def has_encoding(dtype: Any) -> bool:
    """Whether arrays of this dtype are values: no objects and no structures."""
    return dtype.kind in _KINDS and dtype.fields is None


def fields_of(value: Any) -> tuple[str, list[int], str, memoryview]:
    """Dtype, shape, order and bytes of an array; the bytes are copied only when they lie in neither order."""
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    data = memoryview(b"")
    if value.nbytes:
        # The buffer protocol knows no datetime64 and no byte order, so the bytes are viewed as what they are.
        flat = (value.T if order == "F" else value).reshape(-1)
        data = memoryview((flat if flat.flags.c_contiguous else flat.copy()).view("u1"))
    return value.dtype.str, list(value.shape), order, data


def plain(value: Any, kind: type) -> Any:
    """For tagged JSON: the fields of an array as a tuple, the plain value of a scalar, or the object itself."""
    np: Any = sys.modules["numpy"]
    if kind is np.ndarray or handler_of(kind) is _long_scalar:
        array = np.asarray(value)
        return fields_of(array) if has_encoding(array.dtype) else value
    return next((to(value) for base, to in _scalar_bases(np) if issubclass(kind, base)), value)


def make_array(dtype: Any, shape: Any, order: Any, data: memoryview) -> Any:
    """Builds a writable array on received bytes, without copying them."""
    if type(dtype) is not str or type(shape) is not list or order not in ("C", "F"):
        raise ValueError("its dtype, shape or order has the wrong type")
    if not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"its shape is {shape!r:.80}")
    try:
        import numpy as np
    except ModuleNotFoundError:
        return _plain_array(dtype, shape, data)
    # numpy itself reads much more than dtypes, down to Python literals.
    if _DTYPE.fullmatch(dtype) is None:
        raise ValueError(f"its dtype is {dtype!r:.80}")
    kind = np.dtype(dtype)
    if kind.kind not in _KINDS or kind.fields is not None:
        raise ValueError(f"its dtype is {dtype!r:.80}")
    if prod(shape) * kind.itemsize != len(data):
        raise ValueError(f"it has {len(data)} bytes, its shape {shape!r:.80} needs {prod(shape) * kind.itemsize}")
    if not len(data):
        return np.empty(shape, kind, order)
    return np.ndarray(shape, kind, data, order=order)


def _plain_array(dtype: str, shape: list[int], data: memoryview) -> Any:
    from array import array

    code = _ARRAY_CODES.get(dtype)
    if code is None or len(shape) != 1 or sys.byteorder != "little":
        raise ValueError(f"an array of {dtype:.20} and {len(shape)} dimensions needs the package numpy")
    value = array(code)
    if shape[0] * value.itemsize != len(data):
        raise ValueError(f"it has {len(data)} bytes, its shape needs {shape[0] * value.itemsize}")
    value.frombytes(data)
    return value
