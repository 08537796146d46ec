# From extension values to Python values (proto/PROTOCOL.md 5.2). Codecs call the hook while they decode, so arguments
# need no second walk. The hook cannot raise without losing the id of the call, so it notes the first problem instead.
from __future__ import annotations

from _struct import unpack as struct_unpack
from gc import get_referents

from snakebridge._internal.codecs import is_cpython
from snakebridge._internal.packing import Ext
from snakebridge._internal.problems import LimitProblem, Problem, ValueProblem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import BytesIO
    from typing import Any

    from snakebridge._internal.codecs import Codec
    from snakebridge._internal.limits import Limits
    from snakebridge._internal.refs import RefTable

    Reader = Callable[["WireDecoder", memoryview], Any]

# Bytes that start an array or a map. A body holds no more containers than such bytes, which C counts.
_CONTAINER_HEADS = bytes((*range(0x80, 0xA0), *range(0xDC, 0xE0)))


class WireDecoder:
    """Decodes bodies; one for each conversation."""

    def __init__(self, limits: Limits, refs: RefTable) -> None:
        self.codec: Codec
        self.limits = limits
        self.refs = refs
        self.buffers: Sequence[BytesIO] = ()
        self.problem: Problem | None = None
        self.used: list[int] = []
        # Ids of containers in the tree that are not of its own: what refs stand for, which may be cyclic, and dicts
        # made of pairs, whose keys may be anything.
        self.foreign: set[int] = set()
        self._inside = 0
        self._is_large = False
        self._count = 0
        # Whether an extension value was met since the state above was reset.
        self._touched = False
        # Makes the callable that stands for a function of the host.
        self.functions: Callable[[list[Any]], Any] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an extension value is being decoded right now."""
        return self._inside > 0

    def decode(self, body: bytearray, buffers: Sequence[BytesIO]) -> Any:
        """Decodes one message; what went wrong inside a value is left in `problem`, refs it names in `used`.

        Raises:
            LimitProblem: If it is nested too deep or has too many values.
            Exception: Whatever the codec raises for bytes that are no MessagePack.
        """
        self.buffers = buffers
        if self._touched:
            self._reset()
        try:
            # A short message can be neither too deep nor too large.
            if len(body) <= self.limits.small_body:
                self._is_large = False
                return self.codec.unpack(body)
            return self._decode(body)
        except RecursionError:
            pass
        self.problem = None
        self.used = []
        self._inside = 0
        try:
            return self.limits.run_deep(self._decode, body)
        except RecursionError:
            raise LimitProblem("maxDepth", None, self.limits.max_depth) from None

    def decode_short(self, count: int, frames: bytes | bytearray) -> list[Any] | None:
        """Decodes frames of `FrameReader.take_short` in one go; None where one of them needs a closer look.

        An extension value may name the result of a call in front of it, which has not run, so it must wait.
        """
        if self.codec.is_slow:
            return None
        if self._touched:
            self._reset()
        try:
            items: list[Any] = self.codec.unpack(_ARRAY32 + (9 * count).to_bytes(4, "big") + frames)
        except Exception:
            # Each is answered, or refused, on its own.
            return None
        return None if self._touched else items[8::9]

    def _reset(self) -> None:
        self._touched = False
        self.problem = None
        self.used = []
        self._inside = 0
        self.foreign = set()

    def _decode(self, body: bytearray) -> Any:
        limits = self.limits
        size = len(body)
        # No message has more values than bytes, or more containers than bytes that start one: small ones need no look.
        self._is_large = size > limits.max_elements or (
            size > limits.max_depth and size - len(body.translate(None, _CONTAINER_HEADS)) > limits.max_depth
        )
        self._count = 0
        message = self._unpack(body)
        if self._is_large:
            if self._touched or not is_cpython:
                self._check_size(message, 0)
            else:
                self._check_plain(message)
        return message

    def _check_plain(self, message: Any) -> None:
        """Checks a tree of lists, dicts and plain values, level by level: the collector gives those without a loop."""
        limits = self.limits
        level = [message]
        depth = count = 0
        while level:
            if depth >= limits.max_depth and not _CONTAINERS.isdisjoint(map(type, level)):
                raise LimitProblem("maxDepth", depth + 1, limits.max_depth)
            level = get_referents(*level)
            depth += 1
            count += len(level)
            if count > limits.max_elements:
                raise LimitProblem("maxElements", count, limits.max_elements)

    def _check_size(self, root: Any, depth: int) -> None:
        limits = self.limits
        level = [root] if type(root) in _CONTAINERS and id(root) not in self.foreign else []
        while level:
            depth += 1
            if depth > limits.max_depth:
                raise LimitProblem("maxDepth", depth, limits.max_depth)
            self._count += sum(map(len, level))
            if self._count > limits.max_elements:
                raise LimitProblem("maxElements", self._count, limits.max_elements)
            level = [
                item
                for parent in level
                for item in (parent.values() if type(parent) is dict else parent)
                if type(item) in _CONTAINERS and id(item) not in self.foreign
            ]

    def hook(self, code: int, data: memoryview) -> Any:
        """Turns one extension value into what it stands for."""
        self._touched = True
        reader = READERS.get(code)
        if reader is None:
            return Ext(code, bytes(data))
        self._inside += 1
        try:
            if self._inside > self.limits.max_depth:
                raise LimitProblem("maxDepth", self._inside, self.limits.max_depth)
            return reader(self, data)
        except Problem as problem:
            self._note(problem)
        except RecursionError:
            raise
        except Exception as error:
            self._note(bad_value(f"no {NAMES.get(code, 'value')} can be made of it: {error}"))
        finally:
            self._inside -= 1
        return None

    def _note(self, problem: Problem) -> None:
        if self.problem is None:
            self.problem = problem

    def unpack(self, data: memoryview) -> Any:
        """Decodes the MessagePack inside an extension value."""
        body = bytes(data)
        value = self._unpack(body)
        if self._is_large:
            self._check_size(value, self._inside)
        return value

    def _unpack(self, body: bytes | bytearray) -> Any:
        return self.codec.unpack_nested(body, self._inside) if self._inside else self.codec.unpack(body)

    def array(self, data: memoryview, size: int | None = None) -> list[Any]:
        """Decodes a payload that must be an array, of that many items."""
        items = self.unpack(data)
        if type(items) is not list or (size is not None and len(items) < size):
            raise ValueError("its payload has another shape")
        return items if size is None else items[:size]


NAMES = {
    3: "tuple",
    4: "set",
    5: "frozenset",
    6: "dict",
    8: "datetime",
    9: "date",
    10: "time",
    11: "timedelta",
    12: "Decimal",
    14: "array",
    16: "function",
    17: "slice",
    19: "table",
}
_CONTAINERS = frozenset((list, dict))
_ARRAY32 = b"\xdd"


def bad_value(text: str) -> ValueProblem:
    return ValueProblem(f"Cannot decode value: {text:.200}", "")


def _int(decoder: WireDecoder, data: memoryview) -> int:
    if not len(data):
        raise ValueError("no bytes")
    return int.from_bytes(data, "big", signed=True)


def _timestamp(decoder: WireDecoder, data: memoryview) -> Any:
    """MessagePack's own time, which fast libraries decode before they ask anybody."""
    from datetime import datetime, timedelta, timezone

    size = len(data)
    if size == 12:
        nanoseconds, seconds = struct_unpack(">Iq", data)
    elif size == 8:
        word = int.from_bytes(data, "big")
        nanoseconds, seconds = word >> 34, word & (1 << 34) - 1
    elif size == 4:
        nanoseconds, seconds = 0, int.from_bytes(data, "big")
    else:
        raise ValueError("a timestamp has 4, 8 or 12 bytes")
    if nanoseconds > 999_999_999:
        raise ValueError("the nanoseconds of a timestamp are less than a second")
    start = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return start + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)


def _complex(decoder: WireDecoder, data: memoryview) -> complex:
    return complex(*struct_unpack(">dd", data))


def _pairs(decoder: WireDecoder, data: memoryview) -> dict[Any, Any]:
    pairs = decoder.array(data)
    value = {key: item for key, item in pairs}  # noqa: C416 - a pair of another length must fail
    check_distinct("keys", len(value), len(pairs))
    decoder.foreign.add(id(value))
    return value


def _set(decoder: WireDecoder, data: memoryview) -> set[Any]:
    items = decoder.array(data)
    value = set(items)
    check_distinct("items", len(value), len(items))
    return value


def check_distinct(what: str, count: int, given: int) -> None:
    """Refuses what would lose a part in silence: to Python 1, 1.0 and True are one, and so are equal tuples.

    Raises:
        ValueError: If there are fewer than were given.
    """
    if count != given:
        raise ValueError(f"of its {given} {what} {given - count} equal others in Python, as true equals 1")


def _buffer(decoder: WireDecoder, data: memoryview) -> bytes:
    return buffer_at(decoder, decoder.unpack(data)).getvalue()


def buffer_at(decoder: WireDecoder, index: object) -> BytesIO:
    """The frame buffer of that index."""
    if type(index) is not int or not 0 <= index < len(decoder.buffers):
        raise ValueError("the frame has no such buffer")
    return decoder.buffers[index]


def _ref(decoder: WireDecoder, data: memoryview) -> Any:
    ref = decoder.array(data)[0]
    if type(ref) is not int:
        raise ValueError("its id is no integer")
    decoder.used.append(ref)
    # The session stands in the same message, which is not decoded yet: the caller checks it for all in `used`.
    entry = decoder.refs.entries.get(ref)
    if entry is None:
        return None
    decoder.foreign.add(id(entry[1]))
    return entry[1]


def _function(decoder: WireDecoder, data: memoryview) -> Any:
    if decoder.functions is None:
        raise ValueError("functions of the host cannot be used here")
    return decoder.functions(decoder.array(data, 4))


def _datetime(decoder: WireDecoder, data: memoryview) -> Any:
    from snakebridge._internal import time_values

    return time_values.parse_datetime(str(data, "utf-8"))


def _date(decoder: WireDecoder, data: memoryview) -> Any:
    from snakebridge._internal import time_values

    return time_values.parse_date(str(data, "utf-8"))


def _time(decoder: WireDecoder, data: memoryview) -> Any:
    from snakebridge._internal import time_values

    return time_values.parse_time(str(data, "utf-8"))


def _timedelta(decoder: WireDecoder, data: memoryview) -> Any:
    from snakebridge._internal import time_values

    return time_values.make_timedelta(*decoder.array(data, 3))


def _decimal(decoder: WireDecoder, data: memoryview) -> Any:
    return parse_decimal(str(data, "utf-8"))


def parse_decimal(text: str) -> Any:
    """Reads a decimal number; Python would also take spaces, underscores and other digits."""
    from decimal import Decimal, InvalidOperation

    try:
        if text.isascii() and "_" not in text and text.strip() == text:
            return Decimal(text)
    except InvalidOperation:
        pass
    raise ValueError(f"{text:.80} is no decimal number")


def _ndarray(decoder: WireDecoder, data: memoryview) -> Any:
    from snakebridge._internal import array_values

    dtype, shape, order, content = _with_data(decoder, data, 4)
    return array_values.make_array(dtype, shape, order, content)


def _table(decoder: WireDecoder, data: memoryview) -> Any:
    from snakebridge._internal import table_values

    library, content = _with_data(decoder, data, 2)
    return table_values.make_table(library, content)


def _with_data(decoder: WireDecoder, data: memoryview, size: int) -> list[Any]:
    """The fields of a payload whose last one is raw data, which stays in its frame buffer: as a writable view."""
    items = decoder.codec.unpack_raw(data)
    if type(items) is not list or len(items) < size:
        raise ValueError("its payload has another shape")
    del items[size:]
    content = items[-1]
    if type(content) is Ext and content.code == 13:
        items[-1] = buffer_at(decoder, decoder.unpack(memoryview(content.data))).getbuffer()
    elif type(content) is bytes:
        items[-1] = memoryview(bytearray(content))
    else:
        raise ValueError("its data are no bytes")
    return items


def _slice(decoder: WireDecoder, data: memoryview) -> slice:
    return slice(*decoder.array(data, 3))


def _ellipsis(decoder: WireDecoder, data: memoryview) -> Any:
    if len(data):
        raise ValueError("an ellipsis has no payload")
    return ...


READERS: dict[int, Reader] = {
    -1: _timestamp,
    1: _int,
    2: lambda decoder, data: struct_unpack(">d", data)[0],
    3: lambda decoder, data: tuple(decoder.array(data)),
    4: _set,
    5: lambda decoder, data: frozenset(_set(decoder, data)),
    6: _pairs,
    7: _complex,
    8: _datetime,
    9: _date,
    10: _time,
    11: _timedelta,
    12: _decimal,
    13: _buffer,
    14: _ndarray,
    15: _ref,
    16: _function,
    17: _slice,
    18: _ellipsis,
    19: _table,
}
