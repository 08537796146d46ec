# MessagePack in plain Python: what the worker speaks where neither msgspec nor msgpack is installed, and in its first
# milliseconds everywhere, because importing either of them takes longer than many calls.
from __future__ import annotations

from _struct import pack as struct_pack
from _struct import unpack_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Ext:
    """An extension value: its code and its payload."""

    __slots__ = ("code", "data")

    def __init__(self, code: int, data: bytes) -> None:
        self.code = code
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ext) and (self.code, self.data) == (other.code, other.data)

    def __hash__(self) -> int:
        return hash((self.code, self.data))


def pack(value: Any) -> bytes:
    """Encodes a tree of plain values and extension values."""
    out = bytearray()
    _pack(value, out)
    return bytes(out)


def _pack(value: Any, out: bytearray) -> None:
    kind = type(value)
    if kind is str:
        data = value.encode()
        size = len(data)
        if size < 32:
            out.append(0xA0 | size)
        else:
            out += _head(size, b"\xd9", b"\xda", b"\xdb")
        out += data
    elif kind is int:
        _pack_int(value, out)
    elif value is None:
        out.append(0xC0)
    elif kind is bool:
        out.append(0xC3 if value else 0xC2)
    elif kind is float:
        out += struct_pack(">Bd", 0xCB, value)
    elif kind is list:
        size = len(value)
        out += bytes((0x90 | size,)) if size < 16 else _head(size, None, b"\xdc", b"\xdd")
        for item in value:
            _pack(item, out)
    elif kind is dict:
        size = len(value)
        out += bytes((0x80 | size,)) if size < 16 else _head(size, None, b"\xde", b"\xdf")
        for key, item in value.items():
            _pack(key, out)
            _pack(item, out)
    elif kind is bytes or kind is bytearray or kind is memoryview:
        out += _head(len(value), b"\xc4", b"\xc5", b"\xc6")
        out += value
    else:
        _pack_ext(value.code, value.data, out)


def _head(size: int, small: bytes | None, middle: bytes, large: bytes) -> bytes:
    if small is not None and size < 256:
        return small + bytes((size,))
    if size < 65_536:
        return middle + size.to_bytes(2, "big")
    return large + size.to_bytes(4, "big")


def _pack_int(value: int, out: bytearray) -> None:
    if 0 <= value < 128:
        out.append(value)
    elif -32 <= value < 0:
        out.append(value & 0xFF)
    elif value >= 0:
        code, size = (
            (0xCC, 1) if value < 2**8 else (0xCD, 2) if value < 2**16 else (0xCE, 4) if value < 2**32 else (0xCF, 8)
        )
        out.append(code)
        out += value.to_bytes(size, "big")
    else:
        code, size = (
            (0xD0, 1) if value >= -(2**7) else (0xD1, 2) if value >= -(2**15) else (0xD2, 4)
            if value >= -(2**31) else (0xD3, 8)
        )  # fmt: skip
        out.append(code)
        out += value.to_bytes(size, "big", signed=True)


_FIXED_EXT = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}


def _pack_ext(code: int, data: bytes, out: bytearray) -> None:
    size = len(data)
    if size in _FIXED_EXT:
        out.append(_FIXED_EXT[size])
    else:
        out += _head(size, b"\xc7", b"\xc8", b"\xc9")
    out.append(code & 0xFF)
    out += data


class Unpacker:
    """Decodes one value from bytes, with every length checked against what is there."""

    __slots__ = ("_at", "_data", "_end", "_hook", "_max_depth")

    def __init__(self, data: bytes | bytearray | memoryview, hook: Callable[[int, memoryview], Any], max_depth: int):
        self._data = memoryview(data)
        self._end = len(data)
        self._at = 0
        self._hook = hook
        self._max_depth = max_depth

    def unpack(self) -> Any:
        value = self.read(0)
        if self._at != self._end:
            raise ValueError(f"{self._end - self._at} bytes follow the value")
        return value

    def read_head(self, wanted: int) -> list[Any]:
        """Reads only the first items of an array of scalars."""
        code = self._data[0] if self._end else 0
        if code & 0xF0 == 0x90:
            self._at = 1
        elif code == 0xDC:
            self._at = 3
        else:
            return []
        return [self.read(self._max_depth) for _ in range(wanted)]

    def _take(self, size: int) -> memoryview:
        start = self._at
        stop = start + size
        if stop > self._end:
            raise ValueError("data ends inside a value")
        self._at = stop
        return self._data[start:stop]

    def _size(self, width: int) -> int:
        return int.from_bytes(self._take(width), "big")

    def read(self, depth: int) -> Any:
        code = self._take(1)[0]
        if code < 0x80:
            return code
        if code >= 0xE0:
            return code - 256
        if code < 0x90:
            return self._map(code & 15, depth)
        if code < 0xA0:
            return self._array(code & 15, depth)
        if code < 0xC0:
            return str(self._take(code & 31), "utf-8")
        reader = _READERS.get(code)
        if reader is None:
            raise ValueError(f"byte 0x{code:02x} starts no value")
        return reader(self, depth)

    def _array(self, size: int, depth: int) -> list[Any]:
        if size > self._end - self._at:
            raise ValueError("data ends inside an array")
        if depth >= self._max_depth:
            raise RecursionError("arrays and maps are nested too deep")
        read = self.read
        return [read(depth + 1) for _ in range(size)]

    def _map(self, size: int, depth: int) -> dict[Any, Any]:
        if 2 * size > self._end - self._at:
            raise ValueError("data ends inside a map")
        if depth >= self._max_depth:
            raise RecursionError("arrays and maps are nested too deep")
        read = self.read
        value = {}
        for _ in range(size):
            key = read(depth + 1)
            item = read(depth + 1)
            try:
                value[key] = item
            except TypeError:
                raise ValueError(f"a map has a key that cannot be one: {type(key).__name__}") from None
        return value

    def _float(self, form: str, size: int) -> float:
        value: float = unpack_from(form, self._take(size))[0]
        return value

    def _int(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big", signed=True)

    def _ext(self, size: int) -> Any:
        code = self._take(1)[0]
        return self._hook(code - 256 if code > 127 else code, self._take(size))


_READERS: dict[int, Callable[[Unpacker, int], Any]] = {
    0xC0: lambda u, d: None,
    0xC2: lambda u, d: False,
    0xC3: lambda u, d: True,
    0xC4: lambda u, d: bytes(u._take(u._size(1))),
    0xC5: lambda u, d: bytes(u._take(u._size(2))),
    0xC6: lambda u, d: bytes(u._take(u._size(4))),
    0xC7: lambda u, d: u._ext(u._size(1)),
    0xC8: lambda u, d: u._ext(u._size(2)),
    0xC9: lambda u, d: u._ext(u._size(4)),
    0xCA: lambda u, d: u._float(">f", 4),
    0xCB: lambda u, d: u._float(">d", 8),
    0xCC: lambda u, d: u._size(1),
    0xCD: lambda u, d: u._size(2),
    0xCE: lambda u, d: u._size(4),
    0xCF: lambda u, d: u._size(8),
    0xD0: lambda u, d: u._int(1),
    0xD1: lambda u, d: u._int(2),
    0xD2: lambda u, d: u._int(4),
    0xD3: lambda u, d: u._int(8),
    0xD4: lambda u, d: u._ext(1),
    0xD5: lambda u, d: u._ext(2),
    0xD6: lambda u, d: u._ext(4),
    0xD7: lambda u, d: u._ext(8),
    0xD8: lambda u, d: u._ext(16),
    0xD9: lambda u, d: str(u._take(u._size(1)), "utf-8"),
    0xDA: lambda u, d: str(u._take(u._size(2)), "utf-8"),
    0xDB: lambda u, d: str(u._take(u._size(4)), "utf-8"),
    0xDC: lambda u, d: u._array(u._size(2), d),
    0xDD: lambda u, d: u._array(u._size(4), d),
    0xDE: lambda u, d: u._map(u._size(2), d),
    0xDF: lambda u, d: u._map(u._size(4), d),
}
