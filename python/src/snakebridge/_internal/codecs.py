# One interface over three MessagePack libraries. They get plain trees only (see wire_encode.py), because msgspec and
# msgpack would encode tuples, sets, subclasses and datetimes silently, each in its own way.
from __future__ import annotations

import sys

from snakebridge._internal import packing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Hook = Callable[[int, memoryview], Any]

is_cpython = sys.implementation.name == "cpython"


class Codec:
    """MessagePack in plain Python; the base of the faster ones."""

    name = "builtin"
    is_slow = True
    # Whether it refuses subclasses and unknown objects, so that trees of lists, dicts and plain values may go to it as
    # they are once those are known to be nothing else.
    takes_trees = False
    # How many extension values inside each other it decodes on the C stack that the main thread has.
    max_nesting = 1 << 30

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.pack: Callable[[Any], bytes] = packing.pack
        self.ext: Callable[[int, bytes], Any] = packing.Ext
        # Marks bytes as encoded already; only where `takes_trees`.
        self.encoded: Callable[[bytes], Any] = bytes
        self.max_depth = 512

    def unpack(self, body: bytes | bytearray) -> Any:
        """Decodes one value; the hook gets its extension values."""
        return packing.Unpacker(body, self.hook, self.max_depth).unpack()

    def unpack_nested(self, body: bytes | bytearray, depth: int) -> Any:
        """Decodes the payload of an extension value inside `depth` of them."""
        return self.unpack(body) if depth <= self.max_nesting else Codec.unpack(self, body)

    def unpack_raw(self, body: bytes | bytearray | memoryview) -> Any:
        """Decodes a small payload with its extension values left as they are."""
        return packing.Unpacker(body, raw_ext, self.max_depth).unpack()


def raw_ext(code: int, data: memoryview) -> packing.Ext:
    return packing.Ext(code, bytes(data))


class MsgspecCodec(Codec):
    """MessagePack by msgspec."""

    name = "msgspec"
    is_slow = False
    takes_trees = is_cpython  # `plain_values` relies on what its collector sees

    def __init__(self, hook: Hook) -> None:
        from msgspec import Raw, msgpack

        super().__init__(hook)
        self.encoded = Raw
        self.pack = msgpack.Encoder().encode
        self.ext = msgpack.Ext
        self.unpack = msgpack.Decoder(ext_hook=hook).decode  # type: ignore[method-assign, assignment]


class MsgpackCodec(Codec):
    """MessagePack by msgpack."""

    name = "msgpack"
    is_slow = False
    max_nesting = 32  # each level takes some 40 kB of stack

    def __init__(self, hook: Hook) -> None:
        import msgpack

        super().__init__(hook)
        self._pack = msgpack.Packer(use_bin_type=True, strict_types=True).pack
        self._unpack = msgpack.unpackb
        self._too_deep = msgpack.exceptions.StackError
        self._ext_type = msgpack.ExtType
        self.pack = self._pack_tree
        self.ext = self._make_ext

    def _pack_tree(self, value: Any) -> bytes:
        try:
            data: bytes = self._pack(value)
        except (TypeError, ValueError, OverflowError):
            # A negative extension code, or nesting beyond the library's own 511.
            return packing.pack(value)
        return data

    def _make_ext(self, code: int, data: bytes) -> Any:
        return self._ext_type(code, data) if code >= 0 else packing.Ext(code, data)

    def unpack(self, body: bytes | bytearray) -> Any:
        try:
            return self._unpack(body, ext_hook=self.hook, raw=False, strict_map_key=False, timestamp=3)
        except self._too_deep:
            raise RecursionError from None
        except TypeError as error:
            raise ValueError(f"a map has a bad key: {error}") from None


def best_name(find_spec: Callable[[str], object]) -> str:
    """Names the fastest codec there is, without the cost of importing it."""
    return next((name for name in ("msgspec", "msgpack") if find_spec(name) is not None), "builtin")


def load(name: str, hook: Hook) -> Codec:
    """Makes the codec of that name.

    Raises:
        ImportError: If its library is not there or broken.
    """
    if name == "msgspec":
        return MsgspecCodec(hook)
    if name == "msgpack":
        return MsgpackCodec(hook)
    return Codec(hook)
