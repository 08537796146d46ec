# Tells whether a large container holds nothing but plain values, without a loop in Python: the collector lists what
# containers refer to, and whole levels are compared by their types in C. msgspec encodes tuples, sets, subclasses of
# containers, enums, dates and dataclasses silently as something else, so it must not meet any. Subclasses of text and
# numbers it refuses by itself, but those have other types and are found here, too.
from __future__ import annotations

from gc import get_referents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_PLAIN = frozenset((str, int, float, bool, type(None), list, dict))
# Records give their values in one order, so that a level is columns of one type each, which are cheaper to look at.
MAX_COLUMNS = 64
# Of so many dicts of a column the keys are measured: records share theirs.
SAMPLE = 256
# A level of so many containers that are mostly the same ones belongs to a tangle that would grow without end.
MANY_CONTAINERS = 20_000
MOSTLY = 4


class Tangled(Exception):  # noqa: N818 - it says what was met, nothing went wrong
    """There are more values than may be sent, or containers lead back to each other."""


def measure(items: Sequence[Any], levels: int, most: int) -> tuple[int, int] | None:
    """Counts values and the least bytes of their texts; None if any is no plain value, or there are too many levels.

    Raises:
        Tangled: If there are more than `most` values, or would be.

    Keys of dicts are no values, except in dicts with keys other than text: there the collector gives them, too.
    """
    rows = len(items)
    level: Sequence[Any] = items
    count = size = 0
    while level:
        if levels <= 0:
            return None
        columns, rest = divmod(len(level), rows)
        if rest or not 1 < columns <= MAX_COLUMNS:
            columns = 1
        for start in range(columns):
            column = level[start::columns] if columns > 1 else level
            types = list(map(type, column))
            kind = types[0]
            if types.count(kind) == len(types):
                if kind is str:
                    size += sum(map(len, column))
                elif kind is dict:
                    size += _keys_size(column)
                elif kind not in _PLAIN:
                    return None
            else:
                kinds = set(types)
                if not kinds <= _PLAIN:
                    return None
                if str in kinds:
                    size += sum([len(value) for value in column if type(value) is str])
        count += len(level)
        levels -= 1
        if count > most:
            raise Tangled
        if len(level) >= MANY_CONTAINERS:
            containers = [id(value) for value in level if type(value) is list or type(value) is dict]
            if len(containers) >= MANY_CONTAINERS and len(set(containers)) * MOSTLY < len(containers):
                raise Tangled
        level = get_referents(*level)
    return count, size


def _keys_size(dicts: Sequence[dict[Any, Any]]) -> int:
    """About what the keys take when every dict is like the first ones."""
    sample = dicts[:SAMPLE]
    return sum(len(key) for each in sample for key in each if type(key) is str) * len(dicts) // len(sample)
