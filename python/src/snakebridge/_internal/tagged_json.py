# Values as tagged JSON (proto/PROTOCOL.md 5): the encoding of carriers that frame text. Same model as the extension
# types, same limits; no buffers, so bytes are base64.
from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from math import copysign, isfinite

from snakebridge._internal import array_values, cycles, table_values, time_values
from snakebridge._internal.limits import SAFE_INT, Limits
from snakebridge._internal.problems import LimitProblem, ValueProblem
from snakebridge._internal.refs import type_name
from snakebridge._internal.wire_decode import bad_value, check_distinct, parse_decimal
from snakebridge.atoms import Atom, decodes_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")


class Opaque:
    """A tag this version does not know, kept so that it can be sent back."""

    __slots__ = ("fields",)

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and self.fields == other.fields

    __hash__ = None  # type: ignore[assignment]


def refuse_leaf(value: Any) -> list[Any]:
    """Makes no ref of an object, but the failure that says so."""
    name = type_name(type(value))
    raise ValueProblem(f"Cannot encode value: {name} has no encoding", name)


def dumps(
    value: Any,
    limits: Limits,
    leaf: Callable[[Any], list[Any]] = refuse_leaf,
    atoms: frozenset[str] = frozenset(),
) -> str:
    """Encodes a value as JSON text.

    Args:
        value: The value.
        limits: What it may be at most.
        leaf: Gives `[id, type, repr, traits]` for an object that has no encoding, and for a container in which a
            cycle closes. Objects met twice are given to it once.
        atoms: The names of an `Atom` that are written as an atom; others are text.

    Raises:
        ValueProblem: If something in it has no encoding.
        LimitProblem: If it is too deep or too large, or cyclic where there are no refs.
    """
    try:
        return _run(limits, _dump, value, limits, leaf, atoms)
    except LimitProblem:
        if leaf is refuse_leaf:
            if cycles.has_cycle(value):
                raise LimitProblem("cycle", None, None) from None
            raise
        finite = cycles.cut(value, limits.max_elements)
        if finite is value:
            raise
    return _run(limits, _dump, finite, limits, leaf, atoms)


def _run(limits: Limits, function: Callable[..., T], *args: Any) -> T:
    """Runs code that recurses, deeper than Python's usual limit where that is what it takes."""
    try:
        return function(*args)
    except RecursionError:
        pass
    try:
        return limits.run_deep(function, *args)
    except RecursionError:
        raise LimitProblem("maxDepth", None, limits.max_depth) from None


def _dump(value: Any, limits: Limits, leaf: Callable[[Any], list[Any]], atoms: frozenset[str]) -> str:
    tree = _Encoder(limits, leaf, atoms).walk(value, 1)
    text = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        from snakebridge._internal.surrogates import surrogate_problem

        raise surrogate_problem(value) from None
    if size > limits.max_frame_bytes:
        raise LimitProblem("maxFrameBytes", size, limits.max_frame_bytes)
    return text


def loads(text: str | bytes, limits: Limits, find_ref: Callable[[int], Any]) -> Any:
    """Decodes JSON text.

    Raises:
        ValueProblem: If it is no JSON, or a tag has the wrong fields.
        LimitProblem: If it is too deep or too large.
    """
    if len(text) > limits.max_frame_bytes:
        raise LimitProblem("maxFrameBytes", len(text), limits.max_frame_bytes)
    try:
        return _run(limits, _load, text, limits, find_ref)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise bad_value(str(error)) from None


def _load(text: str | bytes, limits: Limits, find_ref: Callable[[int], Any]) -> Any:
    return _Decoder(limits, find_ref).walk(json.loads(text, parse_constant=_refuse_constant), 1)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _tag(name: str, **fields: Any) -> dict[str, Any]:
    return {"__type__": name, "__schema__": 1, **fields}


class _Encoder:
    def __init__(self, limits: Limits, leaf: Callable[[Any], list[Any]], atoms: frozenset[str]) -> None:
        self._limits = limits
        self._leaf = leaf
        self._atoms = atoms
        self._left = limits.max_elements - 4
        self._made: dict[int, tuple[Any, dict[str, Any]]] = {}

    def _enter(self, size: int, depth: int) -> int:
        if depth >= self._limits.max_depth:
            raise LimitProblem("maxDepth", depth + 1, self._limits.max_depth)
        self._left -= size
        if self._left < 0:
            limit = self._limits.max_elements
            raise LimitProblem("maxElements", limit - self._left, limit)
        return depth + 1

    def _items(self, values: Any, depth: int) -> list[Any]:
        inside = self._enter(len(values), depth)
        out: list[Any] = []
        try:
            for value in values:
                out.append(self.walk(value, inside))
        except ValueProblem as problem:
            problem.steps.append(f"[{len(out)}]")
            raise
        return out

    def _data(self, data: Any) -> str:
        if len(data) > self._limits.max_frame_bytes:
            raise LimitProblem("maxFrameBytes", len(data), self._limits.max_frame_bytes)
        return b64encode(data).decode()

    def walk(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if -SAFE_INT <= value <= SAFE_INT else _tag("int", value=decimal_text(value))
        if kind is float:
            return value if isfinite(value) and (value or copysign(1, value) > 0) else _special(value)
        if kind is list:
            return self._items(value, depth)
        if kind is dict:
            return self._dict(value, depth)
        if kind is tuple:
            return _tag("tuple", items=self._items(value, depth))
        if kind is set or kind is frozenset:
            return _tag(kind.__name__, items=self._items(list(value), depth))
        if kind is bytes or kind is bytearray:
            return _tag("bytes", data=self._data(value))
        if kind is memoryview:
            return _tag("bytes", data=self._data(value.tobytes()))
        if kind is complex:
            return _tag("complex", real=self.walk(value.real, depth), imag=self.walk(value.imag, depth))
        if kind is slice:
            start, stop, step = self._items([value.start, value.stop, value.step], depth)
            return _tag("slice", start=start, stop=stop, step=step)
        if value is ...:
            return _tag("ellipsis")
        if kind is Opaque:
            return value.fields
        return self._rich(value, kind, depth)

    def _dict(self, value: dict[Any, Any], depth: int) -> Any:
        if all(type(key) is str for key in value) and "__type__" not in value and not has_reordered_key(value):
            return dict(zip(value, self._items(value.values(), depth)))  # noqa: B905 - both are of the same dict
        inside = self._enter(2 * len(value), depth)
        return _tag("dict", pairs=[[self.walk(key, inside), self.walk(item, inside)] for key, item in value.items()])

    def _rich(self, value: Any, kind: type, depth: int) -> Any:
        root = type_name(kind).partition(".")[0]
        if root in ("datetime", "pandas"):
            tag = time_values.tagged(value, kind)
            if tag is not None:
                return _tag(*tag[:1], **tag[1])
        elif root == "decimal" and kind is sys.modules["decimal"].Decimal:
            return _tag("decimal", value=str(value))
        elif root == "numpy":
            plain = array_values.plain(value, kind)
            if type(plain) is tuple:
                dtype, shape, order, data = plain
                return _tag("ndarray", dtype=dtype, shape=shape, order=order, data=self._data(data))
            if plain is not value:
                return self.walk(plain, depth)
        elif kind is Atom:
            text = str.__str__(value)
            return _tag("atom", value=text) if text in self._atoms else text
        elif kind is table_values.ArrowTable:
            return _tag("arrow", library=value.library, data=self._data(table_values.stream(value)))
        return self._ref(value.target if kind is cycles.Closing else value)

    def _ref(self, value: Any) -> dict[str, Any]:
        made = self._made.get(id(value))
        if made is None:
            fields = zip(("id", "type", "repr", "traits"), self._leaf(value), strict=True)
            made = self._made[id(value)] = (value, _tag("ref", **dict(fields)))
        return made[1]


def has_reordered_key(value: dict[str, Any]) -> bool:
    from snakebridge._internal.wire_encode import is_reordered_key

    return any(map(is_reordered_key, value))


def _special(value: float) -> dict[str, Any]:
    return _tag("special_float", value=str(value))


def decimal_text(value: int) -> str:
    """Decimal digits of an int of any size; Python limits `str` to 4,300 of them."""
    try:
        return str(value)
    except ValueError:
        from decimal import MAX_EMAX, MAX_PREC, Context, Decimal

        return format(Context(prec=MAX_PREC, Emax=MAX_EMAX).create_decimal(Decimal(value)), "f")


_SPECIAL = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf"), "-0.0": -0.0}


class _Decoder:
    def __init__(self, limits: Limits, find_ref: Callable[[int], Any]) -> None:
        self._limits = limits
        self._find_ref = find_ref
        self._left = limits.max_elements
        self.atom = decodes_to()

    def _enter(self, size: int, depth: int) -> int:
        if depth >= self._limits.max_depth:
            raise LimitProblem("maxDepth", depth + 1, self._limits.max_depth)
        self._left -= size
        if self._left < 0:
            raise LimitProblem("maxElements", self._limits.max_elements - self._left, self._limits.max_elements)
        return depth + 1

    def walk(self, tree: Any, depth: int) -> Any:
        if type(tree) is str:
            tree.encode()
            return tree
        if type(tree) is list:
            return self._items(tree, depth)
        if type(tree) is not dict:
            return tree
        name = tree.get("__type__")
        if name is not None:
            return self._tagged(name, tree, depth)
        inside = self._enter(len(tree), depth)
        return {key: self.walk(value, inside) for key, value in tree.items()}

    def _items(self, tree: Any, depth: int) -> list[Any]:
        if type(tree) is not list:
            raise ValueError("its items are no list")
        inside = self._enter(len(tree), depth)
        return [self.walk(item, inside) for item in tree]

    def _tagged(self, name: Any, tree: dict[str, Any], depth: int) -> Any:
        reader = _TAGS.get(name) if type(name) is str else None
        return Opaque(tree) if reader is None else reader(self, tree, depth)

    def dict_of(self, tree: dict[str, Any], depth: int) -> dict[Any, Any]:
        pairs = tree["pairs"]
        inside = self._enter(2 * len(pairs), depth)
        found = {self.walk(key, inside): self.walk(value, inside) for key, value in pairs}
        check_distinct("keys", len(found), len(pairs))
        return found

    def slice_of(self, tree: dict[str, Any], depth: int) -> slice:
        return slice(*self._items([tree["start"], tree["stop"], tree["step"]], depth))

    def ref_of(self, tree: dict[str, Any], depth: int) -> Any:
        if type(tree["id"]) is not int:
            raise ValueError("a ref's id is no integer")
        return self._find_ref(tree["id"])


def _text(tree: dict[str, Any]) -> str:
    value = tree["value"]
    if type(value) is not str:
        raise ValueError("its value is no text")
    value.encode()
    return value


def _bytes(tree: dict[str, Any]) -> bytes:
    return b64decode(tree["data"], validate=True)


def _int(text: str) -> int:
    if not text.removeprefix("-").isdecimal() or not text.isascii():
        raise ValueError(f"{text:.40} is no integer")
    try:
        return int(text)
    except ValueError:
        from decimal import Decimal

        return int(Decimal(text))


def _set(decoder: _Decoder, tree: dict[str, Any], depth: int) -> set[Any]:
    items = decoder._items(tree["items"], depth)
    value = set(items)
    check_distinct("items", len(value), len(items))
    return value


def _number(decoder: _Decoder, tree: Any, depth: int) -> float:
    value = decoder.walk(tree, depth)
    if type(value) is not float and type(value) is not int:
        raise ValueError("a part of a complex is no number")
    return value


_TAGS: dict[str, Callable[[_Decoder, dict[str, Any], int], Any]] = {
    "int": lambda decoder, tree, depth: _int(_text(tree)),
    "float": lambda decoder, tree, depth: float(_text(tree)),
    "special_float": lambda decoder, tree, depth: _SPECIAL[_text(tree)],
    "atom": lambda decoder, tree, depth: decoder.atom(_text(tree)),
    "bytes": lambda decoder, tree, depth: _bytes(tree),
    "tuple": lambda decoder, tree, depth: tuple(decoder._items(tree["items"], depth)),
    "set": _set,
    "frozenset": lambda decoder, tree, depth: frozenset(_set(decoder, tree, depth)),
    "dict": _Decoder.dict_of,
    "complex": lambda decoder, tree, depth: complex(
        _number(decoder, tree["real"], depth), _number(decoder, tree["imag"], depth)
    ),
    "datetime": lambda decoder, tree, depth: time_values.parse_datetime(_text(tree)),
    "date": lambda decoder, tree, depth: time_values.parse_date(_text(tree)),
    "time": lambda decoder, tree, depth: time_values.parse_time(_text(tree)),
    "timedelta": lambda decoder, tree, depth: time_values.make_timedelta(
        tree["days"], tree["seconds"], tree["microseconds"]
    ),
    "decimal": lambda decoder, tree, depth: parse_decimal(_text(tree)),
    "ndarray": lambda decoder, tree, depth: array_values.make_array(
        tree["dtype"], tree["shape"], tree["order"], memoryview(bytearray(_bytes(tree)))
    ),
    "ref": _Decoder.ref_of,
    "slice": _Decoder.slice_of,
    "ellipsis": lambda decoder, tree, depth: ...,
    "arrow": lambda decoder, tree, depth: table_values.make_table(tree["library"], memoryview(_bytes(tree))),
}
