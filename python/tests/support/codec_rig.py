"""An encoder and a decoder without a process around them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from snakebridge._internal import codecs
from snakebridge._internal.limits import Limits
from snakebridge._internal.progress import Progress
from snakebridge._internal.refs import RefTable
from snakebridge._internal.wire_decode import WireDecoder
from snakebridge._internal.wire_encode import WireEncoder

CODECS = ["builtin", "msgspec", "msgpack"]


class Rig:
    """An encoder and a decoder over one codec."""

    def __init__(self, name: str, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.refs = RefTable(Progress())
        self.decoder = WireDecoder(self.limits, self.refs)
        self.codec = codecs.load(name, self.decoder.hook)
        self.codec.max_depth = self.limits.max_depth + 8
        self.decoder.codec = self.codec
        self.encoder = WireEncoder(self.codec, self.limits, self.refs)

    def encode(self, value: Any, mode: int = 0) -> tuple[bytes, list[bytes]]:
        self.encoder.begin(0, "s", mode)
        return self.codec.pack(self.encoder.encode(value)), [bytes(view) for view in self.encoder.buffers]

    def decode(self, data: bytes, buffers: list[bytes] | None = None) -> Any:
        value = self.decoder.decode(bytearray(data), [BytesIO(buffer) for buffer in buffers or []])
        if self.decoder.problem is not None:
            raise self.decoder.problem
        return value
