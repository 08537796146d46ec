"""Values of the whole model (proto/PROTOCOL.md 5.1 to 5.3), drawn by chance; the same for the same seed."""

from __future__ import annotations

import os
import random
import struct
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from snakebridge._internal.packing import Ext
from snakebridge._internal.tagged_json import Opaque

# A value, and what it comes back as.
Case = tuple[Any, Any]


def setting(name: str, otherwise: int) -> int:
    """A positive integer of an environment variable, or what holds without it."""
    text = os.environ.get(name)
    value = int(text) if text else otherwise
    if value < 1:
        raise ValueError(f"{name} is {value}, expected a positive integer")
    return value


SEED = setting("SNAKEBRIDGE_TEST_SEED", 20_240_701)

ODD_TEXTS = [
    "\ufffd",
    "\ufeff",
    "\u2028",
    "\0",
    '"',
    "\\",
    "\x7f",
    "ß",
    "漢",
    "🐍",
    "👩‍👩‍👧",
    "\U0010ffff",
    "\r\n",
    "é",
]
ODD_KEYS = ["", "__proto__", "constructor", "__type__", "__schema__", "0", "7", "01", "4294967294", "4294967295", "1.5"]
EDGES = [0, 1, 31, 32, 33, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 2**31, 2**32, 2**53 - 1, 2**53, 2**63,
         2**64, 2**127, 10**300]  # fmt: skip
DECIMALS = ["0", "-0", "1.10", "-123456789012345678901234567890.5", "1E+3", "1E-30", "NaN", "sNaN12", "-Infinity"]
DTYPES = ["?", "b", "B", "<i2", ">i2", "<u4", ">i8", "<u8", "<f2", ">f2", "<f4", ">f8", "<f8", "g", "<c8", ">c16",
          "<M8[ns]", ">M8[D]", "<M8[25us]", "<m8[ms]", "<m8", "<U3", ">U2", "S5"]  # fmt: skip
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"]


class Generator:
    """Draws values."""

    def __init__(self, seed: int, encoding: str) -> None:
        self.rng = random.Random(seed)
        self.encoding = encoding

    def one_in(self, n: int) -> bool:
        return self.rng.randrange(n) == 0

    def any(self, depth: int = 4) -> Case:
        if depth > 0 and not self.one_in(3):
            return self.container(depth - 1)
        return self.rich() if self.one_in(3) else self.plain()

    def container(self, depth: int) -> Case:
        count = self.rng.randrange(15, 40) if self.one_in(12) else self.rng.randrange(5)
        kind = self.rng.choice([list, list, tuple, set, frozenset, slice, dict, dict, dict])
        if kind is slice:
            made = [self.any(depth) for _ in range(3)]
            return slice(*(value for value, _ in made)), slice(*(back for _, back in made))
        if kind is set or kind is frozenset:
            made_set = kind(self.key(2) for _ in range(count))
            return made_set, made_set
        items = [self.any(depth) for _ in range(count)]
        if kind is dict:
            keys = [self.text_key() if self.one_in(2) else self.key(2) for _ in items]
            if self.one_in(2):
                keys = [self.text_key() for _ in items]
            return (
                {key: value for key, (value, _) in zip(keys, items, strict=True)},
                {key: back for key, (_, back) in zip(keys, items, strict=True)},
            )
        return kind(value for value, _ in items), kind(back for _, back in items)

    def text_key(self) -> str:
        return self.rng.choice(ODD_KEYS) if self.one_in(3) else self.text()

    def key(self, depth: int) -> Any:
        rng = self.rng
        # A key that equals another of a different type is that other, in a set as in a dict: all are fine here.
        drawn = rng.randrange(10 if depth else 8)
        if drawn == 0:
            return None
        if drawn == 1:
            return rng.randrange(20) + 0.5
        if drawn == 2:
            return rng.randbytes(rng.randrange(6))
        if drawn == 3:
            return self.date()
        if drawn == 4:
            return self.integer()
        if drawn == 5:
            return rng.choice([True, Decimal("2.5"), 1j, ..., 7.0])
        if drawn == 6:
            return self.aware()
        if drawn == 7:
            return self.text()
        if drawn == 8:
            return tuple(self.key(depth - 1) for _ in range(rng.randrange(3)))
        return frozenset(self.key(depth - 1) for _ in range(rng.randrange(3)))

    def text(self) -> str:
        rng = self.rng
        count = rng.choice([31, 32, 255, 256, 300, 65_536]) if self.one_in(40) else rng.randrange(14)
        odd = self.one_in(3)
        pieces = (
            rng.choice(ODD_TEXTS) if odd and self.one_in(2) else chr(rng.randrange(0x20, 0x7F)) for _ in range(count)
        )
        return "".join(pieces)

    def integer(self) -> int:
        value = self.rng.choice(EDGES) + self.rng.randrange(-1, 2)
        return -value if self.one_in(2) else value

    def float(self) -> float:
        if self.one_in(3):
            return self.rng.choice([float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 5e-324, 1e21, 2.0**53, 1.0])
        return float(struct.unpack("<d", self.rng.randbytes(8))[0])

    def plain(self) -> Case:
        rng = self.rng
        drawn = rng.randrange(10)
        value: Any
        if drawn == 0:
            value = None
        elif drawn == 1:
            value = self.one_in(2)
        elif drawn <= 3:
            value = self.integer()
        elif drawn <= 5:
            value = self.float()
        elif drawn == 6:
            data = rng.randbytes(rng.choice([4_095, 4_096, 4_097, 9_000]) if self.one_in(8) else rng.randrange(40))
            value = rng.choice([bytes, bytearray, memoryview])(data)
            return value, data
        else:
            value = self.text()
        return value, value

    def date(self) -> date:
        return date(self.rng.randrange(1, 10_000), self.rng.randrange(1, 13), self.rng.randrange(1, 29))

    def time(self) -> time:
        rng = self.rng
        micros = rng.choice([0, rng.randrange(1_000_000)])
        return time(rng.randrange(24), rng.randrange(60), rng.randrange(60), micros)

    def aware(self) -> datetime:
        naive = datetime.combine(self.date().replace(year=self.rng.randrange(1971, 2037)), self.time())
        if self.one_in(2):
            return naive.replace(tzinfo=timezone(timedelta(minutes=self.rng.randrange(-1_439, 1_440))))
        zone = ZoneInfo(self.rng.choice(ZONES))
        # From UTC, so that it is a time that was; hours that clocks show twice among them.
        if self.one_in(3):
            naive = datetime(2024, 11, 3, 5, 30) + timedelta(minutes=self.rng.randrange(180))
            zone = ZoneInfo("America/New_York")
        return naive.replace(tzinfo=timezone.utc).astimezone(zone)

    def rich(self) -> Case:
        rng = self.rng
        drawn = rng.randrange(13)
        value: Any
        if drawn == 0:
            value = complex(self.float(), self.float())
        elif drawn == 1:
            value = Decimal(rng.choice(DECIMALS))
        elif drawn == 2:
            value = datetime.combine(self.date(), self.time())
        elif drawn == 3:
            value = self.aware()
        elif drawn == 4:
            value = self.date()
        elif drawn == 5:
            value = self.time()
        elif drawn == 6:
            value = timedelta(rng.randrange(-10_000, 10_000), rng.randrange(86_400), rng.randrange(1_000_000))
        elif drawn == 7:
            value = ...
        elif drawn == 8:
            if self.encoding == "json":
                value = Opaque({"__type__": "of a later version", "__schema__": 1, "any": [1, {"a": []}]})
            else:
                value = Ext(
                    rng.choice([-2, -128, 0, 20, 99, 127]), rng.randbytes(rng.choice([0, 1, 2, 4, 8, 12, 16, 20]))
                )
        elif drawn == 9:
            return self.scalar()
        else:
            return self.array()
        return value, value

    def scalar(self) -> Case:
        made: list[Case] = [
            (np.float64(1.5), 1.5), (np.float32(0.5), 0.5), (np.int8(-7), -7), (np.uint64(2**64 - 1), 2**64 - 1),
            (np.bool_(True), True), (np.complex64(1 + 2j), 1 + 2j), (np.str_("text"), "text"), (np.bytes_(b"x"), b"x"),
        ]  # fmt: skip
        for item in (np.datetime64("2024-02-29T12:00", "ns"), np.timedelta64(5, "D"), np.longdouble("1.25")):
            made.append((item, np.asarray(item)))
        return self.rng.choice(made)

    def array(self) -> Case:
        rng = self.rng
        dtype = np.dtype(rng.choice(DTYPES))
        shape = [rng.randrange(5) for _ in range(rng.randrange(4))]
        if self.one_in(20):
            shape.append(600)
        count = int(np.prod(shape))
        data = rng.randbytes(count * dtype.itemsize)
        if dtype.kind == "U":
            data = bytes(len(data))
        if dtype.kind == "b":
            data = bytes(byte & 1 for byte in data)
        value: Any = np.frombuffer(bytearray(data), dtype).reshape(shape) if data else np.empty(shape, dtype)
        layout = rng.randrange(5)
        if layout == 1:
            value = np.asfortranarray(value) if shape else value
        elif layout == 2 and shape:
            value = value[::-1]
        elif layout == 3 and shape:
            value = value[..., ::2]
        elif layout == 4:
            value = value.T
        return value, value
