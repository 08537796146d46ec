"""Values of the whole model, drawn by chance: encoded, decoded and compared, and through a worker.

A failure names the seed; SNAKEBRIDGE_TEST_SEED repeats it, SNAKEBRIDGE_TEST_VALUES draws more.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest

from snakebridge._internal import tagged_json
from snakebridge._internal.limits import Limits
from support.codec_rig import CODECS, Rig
from support.generate import SEED, Case, Generator, setting
from support.host import Host, read_exactly
from test_vectors import same

COUNT = setting("SNAKEBRIDGE_TEST_VALUES", 300)


def equal(left: Any, right: Any) -> bool:
    """Like `same`, also inside slices; one NaN is like another."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float) and left != left:
        return bool(right != right)
    if isinstance(left, complex):
        return equal(left.real, right.real) and equal(left.imag, right.imag)
    if isinstance(left, (set, frozenset)):
        # One that holds a NaN is not even equal to itself.
        return len(left) == len(right) and (left == right or all(any(equal(a, b) for b in right) for a in left))
    if isinstance(left, slice):
        return all(equal(getattr(left, part), getattr(right, part)) for part in ("start", "stop", "step"))
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict):
        pairs = zip(left.items(), right.items(), strict=True)
        return len(left) == len(right) and all(equal(a, b) and equal(x, y) for (a, x), (b, y) in pairs)
    return same(left, right)


def draw(encoding: str, count: int = COUNT) -> Iterator[tuple[str, Case]]:
    for seed in range(SEED, SEED + count):
        yield f"drawn with SNAKEBRIDGE_TEST_SEED={seed}", Generator(seed, encoding).any()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("mode", [0, 1])
def test_any_value_survives_messagepack(codec: str, mode: int) -> None:
    rig = Rig(codec)
    for seed, (value, back) in draw("msgpack"):
        data, buffers = rig.encode(value, mode)
        found = rig.decode(data, buffers)
        assert equal(found, back), (seed, value, found)


def test_any_value_is_the_same_bytes_in_every_codec() -> None:
    rigs = [Rig(name) for name in CODECS]
    for seed, (value, _) in draw("msgpack"):
        made = [rig.encode(value) for rig in rigs]
        assert made[0] == made[1] == made[2], (seed, value)


def test_any_value_survives_tagged_json() -> None:
    limits = Limits()
    for seed, (value, back) in draw("json"):
        text = tagged_json.dumps(value, limits)
        found = tagged_json.loads(text, limits, lambda ref: None)
        assert equal(found, back), (seed, value, text)


def test_any_value_survives_a_worker() -> None:
    rig = Rig("msgspec")
    with Host() as host:
        host.run("def same(value): return value")
        for flags in (0, 1):
            for seed, (value, back) in draw("msgpack", COUNT // 3):
                host.last += 1
                rig.encoder.begin(0, "s", 0)
                tree = rig.encoder.encode(value)
                body = rig.codec.pack([1, 1, host.last, "s", 0, "__main__", "same", [tree], None, flags])
                views = rig.encoder.buffers
                head = struct.pack(f"<II{len(views)}Q", len(body), len(views), *map(len, views))
                host.data.sendall(b"".join([head, body, *views]))
                length, count = struct.unpack("<II", read_exactly(host.data, 8))
                sizes = struct.unpack(f"<{count}Q", read_exactly(host.data, 8 * count))
                answer = read_exactly(host.data, length)
                kind, call, found = rig.decode(bytes(answer), [bytes(read_exactly(host.data, size)) for size in sizes])
                assert (kind, call) == (16, host.last), (seed, found)
                assert equal(found, back), (seed, value, found)
