"""Large containers of plain values are encoded at once; whatever else is in them must be found."""

from __future__ import annotations

import dataclasses
import enum
import random
import uuid
from collections import Counter, OrderedDict, defaultdict, namedtuple
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from snakebridge._internal.limits import Limits
from snakebridge._internal.plain_values import Tangled, measure
from snakebridge._internal.problems import LimitProblem
from support.codec_rig import CODECS, Rig

Point = namedtuple("Point", "x y")


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Items(list):  # type: ignore[type-arg]
    pass


@dataclasses.dataclass
class Record:
    a: int


class Struct(msgspec.Struct):
    a: int


OFFENDERS: list[Any] = [
    (1, 2), {1}, frozenset((1,)), Point(1, 2), Counter("a"), OrderedDict(a=1), defaultdict(int), Items([1]), Text("a"),
    Number(1), Color.RED, Level.LOW, Record(1), Struct(1), Decimal("1.5"), datetime(2024, 1, 1), date(2024, 1, 1),
    time(1), timedelta(1), uuid.UUID(int=1), b"bytes", bytearray(b"bytes"), memoryview(b"bytes"), 1j, slice(1), ...,
    object(), int, len, msgspec.Raw(b"\xc0"), msgspec.msgpack.Ext(5, b""), 2**64, -(2**63) - 1, {(1,): 2}, {b"k": 1},
    {Text("k"): 1}, {1j: 2},
]  # fmt: skip
PLACES: list[Callable[[Any], Any]] = [
    lambda x: [*range(20), x],
    lambda x: [[i, i] for i in range(20)] + [[x, 1]],
    lambda x: [{"a": i, "b": "x"} for i in range(20)] + [{"a": x, "b": "x"}],
    lambda x: [{"a": i, "b": [i, {"c": i}]} for i in range(20)] + [{"a": 1, "b": [1, {"c": x}]}],
    lambda x: {f"k{i}": [i] for i in range(20)} | {"last": [x]},
    lambda x: {"rows": [[1.5, None, "a"]] * 20 + [[1.5, x, "a"]]},
]


def rig_of(codec: str, **limits: int) -> Rig:
    given = Limits()
    given.update({"limits": limits})
    return Rig(codec, given)


@pytest.mark.parametrize("place", range(len(PLACES)))
@pytest.mark.parametrize("offender", OFFENDERS, ids=lambda value: type(value).__name__)
def test_what_is_not_plain_is_found_anywhere(offender: Any, place: int) -> None:
    value = PLACES[place](offender)
    slow, fast = rig_of("builtin"), rig_of("msgspec")
    assert fast.encode(value)[0] == slow.encode(value)[0]


def test_random_trees_are_the_same_either_way() -> None:
    rng = random.Random(7)
    atoms: list[Any] = [
        None,
        True,
        0,
        -1,
        2**53 - 1,
        -(2**53),
        2**63,
        0.5,
        float("inf"),
        -0.0,
        "",
        "text",
        "\u00e9" * 40,
    ]

    def tree(depth: int) -> Any:
        kind = rng.randrange(4 if depth else 2)
        if kind < 2:
            return rng.choice(atoms)
        size = rng.choice([0, 1, 3, 17])
        if kind == 2:
            return [tree(depth - 1) for _ in range(size)]
        return {rng.choice(["a", "b", "x1", "__proto__", "key"]) + str(i): tree(depth - 1) for i in range(size)}

    for _ in range(300):
        value = [tree(4) for _ in range(20)]
        fast = rig_of("msgspec")
        assert fast.decode(fast.encode(value)[0]) == value
        slow = rig_of("builtin")
        assert slow.decode(fast.encode(value)[0]) == value
        # Elements are counted the same, so that a limit does not depend on the library.
        slow.encode(value)
        fast.encode(value)
        assert slow.encoder.elements_left == fast.encoder.elements_left


def test_plain_trees_really_go_at_once() -> None:
    rows = [{"id": i, "name": f"n{i}", "tags": ["a", "b"], "x": {"y": i * 0.5}} for i in range(40)]
    encoder = rig_of("msgspec").encoder
    encoder.begin(0, "s", 0)
    assert isinstance(encoder.encode(rows), msgspec.Raw)
    assert measure(rows, 2, 1_000) is None
    assert measure(rows, 3, 1_000) == (40 + 160 + 40 * 3, 40 * 2 + sum(len(f"n{i}") for i in range(40)) + 40 * 12)
    with pytest.raises(Tangled):
        measure(rows, 3, 100)


@pytest.mark.parametrize("codec", CODECS)
def test_limits_hold_for_large_containers(codec: str) -> None:
    rows: Any = [[i] for i in range(100)]
    for value, limits, limit in [
        (rows, {"maxDepth": 2}, "maxDepth"),
        ([[[]]] * 100, {"maxDepth": 3}, "maxDepth"),
        (rows, {"maxElements": 150}, "maxElements"),
        # A thousand gigabytes, if it were written.
        ([["x" * 1_000_000] * 1_000] * 1_000, {}, "maxFrameBytes"),
        ([{"key": "x" * 10_000, "n": i} for i in range(100)], {"maxFrameBytes": 900_000}, "maxFrameBytes"),
    ]:
        with pytest.raises(LimitProblem) as raised:
            rig_of(codec, **limits).encode(value)
        assert raised.value.fields["limit"] == limit
    cyclic: list[Any] = [[i] for i in range(100)]
    cyclic.append(cyclic)
    with pytest.raises(LimitProblem) as raised:
        rig_of(codec).encode(cyclic, 1)
    assert raised.value.fields["limit"] == "cycle"


@pytest.mark.parametrize("codec", CODECS)
def test_decoding_checks_depth_and_elements(codec: str) -> None:
    flat = rig_of(codec).encode([[i, {"k": 0.5}] for i in range(1000)])[0]
    assert rig_of(codec, maxDepth=3).decode(flat)[999] == [999, {"k": 0.5}]
    for limits, limit in [({"maxDepth": 2}, "maxDepth"), ({"maxElements": 3_999}, "maxElements")]:
        with pytest.raises(LimitProblem) as raised:
            rig_of(codec, **limits).decode(flat)
        assert raised.value.fields["limit"] == limit
    assert len(rig_of(codec, maxElements=4_000).decode(flat)) == 1000
    # Empty containers at the bottom count as well.
    empty = rig_of(codec).encode([[[]] for _ in range(1000)])[0]
    assert len(rig_of(codec, maxDepth=3).decode(empty)) == 1000
    with pytest.raises(LimitProblem):
        rig_of(codec, maxDepth=2).decode(empty)


@pytest.mark.parametrize("codec", CODECS)
def test_the_timestamp_of_messagepack_is_a_datetime(codec: str) -> None:
    rig = rig_of(codec)
    texts = ["d6ff00000001", "d7ff0000000400000001", "c70cff000003e8ffffffffffffffff"]
    assert [rig.decode(bytes.fromhex(text)).isoformat() for text in texts] == [
        "1970-01-01T00:00:01+00:00",
        "1970-01-01T00:00:01+00:00",
        "1969-12-31T23:59:59.000001+00:00",
    ]
