"""Values that have no encoding in whole or in part, for the tests of graceful results and of serialization."""

from __future__ import annotations

import gc
import weakref
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

_living: weakref.WeakSet[Plain] = weakref.WeakSet()


class Plain:
    """An object without an encoding, which is counted while it lives."""

    def __init__(self, name: str = "plain") -> None:
        self.name = name
        _living.add(self)

    def __repr__(self) -> str:
        return f"Plain({self.name!r})"


class Names(dict[str, int]):
    """A dict that is more than a dict."""


Pair = namedtuple("Pair", "left right")


def living() -> int:
    """How many `Plain` objects there are."""
    gc.collect()
    return len(_living)


def mixed() -> dict[str, Any]:
    return {"n": 1, "made": Plain("a"), "rows": [1, (Plain("b"), {"deep": {Plain("c")}}), b"x"], "at": {1: Plain("d")}}


def shared() -> list[Any]:
    one = Plain("one")
    return [one, {"again": one}, (one,), Plain("other")]


def subclasses() -> list[Any]:
    return [Names(a=1), Pair(1, 2), True]


def ring() -> list[Any]:
    """A list that holds itself, beside an object that is met on every round."""
    value: list[Any] = [Plain("in the ring"), "text"]
    value.append({"back": value})
    return value


def tree(width: int = 3) -> dict[str, Any]:
    """Nodes that know their parent."""
    root: dict[str, Any] = {"name": "root", "children": []}
    for index in range(width):
        root["children"].append({"name": f"child {index}", "parent": root, "children": ()})
    return root


def friends(count: int) -> list[dict[str, Any]]:
    """Everybody knows everybody."""
    people: list[dict[str, Any]] = [{"name": index} for index in range(count)]
    for person in people:
        person["knows"] = [other for other in people if other is not person]
    return people


def twice() -> list[Any]:
    """One ring, named twice from outside."""
    one: list[Any] = []
    one.append(one)
    return [one, one]


def around_a_slice() -> list[Any]:
    value: list[Any] = []
    value.append(slice(None, value))
    return value


def wide_ring(width: int) -> list[Any]:
    """Each round costs so many items that their number is too large before the depth is."""
    value: list[Any] = [0] * width
    value.append(value)
    return value


def fails_late(how: str, count: int = 50) -> list[Any]:
    """Many objects, then something that no result may hold."""
    made: list[Any] = [Plain(str(index)) for index in range(count)]
    if how == "text":
        return [*made, "\ud800"]
    if how == "depth":
        deep: list[Any] = []
        for _ in range(2_000):
            deep = [deep]
        return [*made, deep]
    if how == "elements":
        return [*made, [None] * 200_000]
    if how == "bytes":
        return [*made, "x" * 2_000_000, "y" * 2_000_000]
    raise ValueError(how)


def many(count: int) -> list[Plain]:
    return [Plain(str(index)) for index in range(count)]


def rings() -> Iterator[list[Any]]:
    for _ in range(3):
        yield ring()


def through_json(texts: list[str]) -> list[str]:
    """Reads values from tagged JSON and writes them again."""
    from snakebridge._internal import tagged_json
    from snakebridge._internal.limits import Limits

    limits = Limits()
    return [tagged_json.dumps(tagged_json.loads(text, limits, lambda ref: None), limits) for text in texts]


def differing(values: list[Any], texts: list[str]) -> list[int]:
    """Which values are not the same as those that the texts stand for."""
    from snakebridge._internal import tagged_json
    from snakebridge._internal.limits import Limits

    limits = Limits()
    same = [tagged_json.dumps(value, limits) for value in values]
    return [index for index, text in enumerate(through_json(texts)) if text != same[index]]


def repeated(count: int, where: str = "item") -> Iterator[Any]:
    """The same object again and again, or a dict with it twice."""
    one = Plain("again")
    for _ in range(count):
        yield one if where == "item" else {"left": one, "right": [one]}


def spoilt(count: int) -> Iterator[Any]:
    """Objects, and then one beside text that no value may hold."""
    for index in range(count):
        yield [Plain(str(index))]
    yield [Plain("spoilt"), "\ud800"]
    yield [Plain("after")]
