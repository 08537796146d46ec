"""Damage: bits flipped, cut short, lengths that lie, pieces of others in between, nesting without end."""

from __future__ import annotations

import random
from typing import Any

SHARP = bytes([
    0x00, 0x01, 0x7F, 0x80, 0x8F, 0x90, 0x91, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA,
    0xCB, 0xCF, 0xD3, 0xD4, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xE0, 0xFF,
])  # fmt: skip
LENGTHS = [0, 1, 2, 0xFF, 0x100, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 2**63, 2**64 - 1]
NESTS = [b"\x91", b"\x81\xa1a", b"\xd4\x03", b"\xd5\x06\x91", b"\xc7\xff\x03"]


def mutate(rng: random.Random, original: bytes, others: list[bytes]) -> bytes:
    """Damages bytes in one to four ways; `others` lend what is spliced in."""
    data = bytearray(original)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data) + 1)
        until = min(len(data), at + rng.randrange(1, 65 if rng.random() < 0.25 else 5))
        way = rng.randrange(9)
        if way == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif way <= 2 and at < len(data):
            data[at] = rng.choice(SHARP)
        elif way == 3:
            del data[at:]
        elif way == 4:
            del data[at:until]
        elif way == 5:
            data[until:until] = data[at:until]
        elif way == 6:
            width = rng.choice((1, 2, 4, 8))
            length = rng.choice(LENGTHS) & ((1 << 8 * width) - 1)
            data[at : at + width] = length.to_bytes(width, rng.choice(("little", "big")))
        elif way == 7:
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1)
            data[at : rng.choice((at, until))] = other[start : start + rng.randrange(64)]
        elif way == 8:
            data[at:at] = rng.choice(NESTS) * rng.choice((1, 3, 40, 600))
    return bytes(data)


ODD_JSON: list[Any] = [
    None, True, 0, -1, 1.5, 1e300, 2**60, 10**400, "", "x", "1", "-0.0", "nan", [], [[]], {}, "AAAA", "AA==", "\ud800",
    [1, 2], {"__type__": "int"}, {"__type__": 5}, {"__type__": "atom", "value": "ok"},
    "2024-02-30", "99999-01-01T00:00:00",
]  # fmt: skip
FIELDS = ["__type__", "__schema__", "value", "items", "pairs", "data", "shape", "dtype", "id", "start", "days"]


def mutate_json(rng: random.Random, original: Any, others: list[Any]) -> Any:
    """Damages a structure of JSON in one to three places; what it does not touch is shared with the original."""
    for _ in range(rng.randrange(1, 4)):
        original = _damage(rng, original, others, rng.randrange(8))
    return original


def _damage(rng: random.Random, value: Any, others: list[Any], depth: int) -> Any:
    if depth and isinstance(value, list) and value:
        at = rng.randrange(len(value))
        return [*value[:at], _damage(rng, value[at], others, depth - 1), *value[at + 1 :]]
    if depth and isinstance(value, dict) and value:
        key = rng.choice(list(value))
        return {**value, key: _damage(rng, value[key], others, depth - 1)}
    way = rng.randrange(6)
    if way == 0:
        return rng.choice(ODD_JSON)
    if way == 1:
        return rng.choice(others)
    if way == 2 and isinstance(value, dict) and value:
        gone = rng.choice(list(value))
        return {key: item for key, item in value.items() if key != gone}
    if way == 3 and isinstance(value, str):
        at = rng.randrange(len(value) + 1)
        return value[:at] + rng.choice(["", "0", "-", "é", "\ud800", "=", "Z"]) + value[at + rng.randrange(2) :]
    if way == 4 and isinstance(value, dict):
        return {**value, rng.choice(FIELDS): rng.choice(ODD_JSON)}
    for _ in range(rng.choice((1, 3, 150))):
        value = [value]
    return value
