"""Every feature the code generator meets, in one small package."""

from __future__ import annotations

import dataclasses
import enum
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, TypedDict, TypeVar, overload

if TYPE_CHECKING:
    from typing_extensions import NotRequired, Required, Self, Unpack

print("a module that prints while it is imported")
print('{"event": "done"}', file=sys.stderr)

T = TypeVar("T")

PI = 3.5
ANSWER = 42
HUGE = 2**70
NAME = 'quote " and */ end'
FLAG = True
version = "9.9.9"


class Color(enum.Enum):
    """A colour."""

    RED = 1
    GREEN = 2


@dataclasses.dataclass
class Point:
    """A point.

    Attributes:
        x (float): Across.
    """

    x: float
    y: float = 0.0
    label: str | None = None

    def shifted(self, dx: float, *, dy: float = 0.0) -> Point:
        """Move it."""
        return Point(self.x + dx, self.y + dy, self.label)


class Options(TypedDict, total=False):
    """A typed dictionary."""

    depth: int


if TYPE_CHECKING:

    class _Reading(TypedDict, Generic[T], total=False):
        sep: str
        rows: int | None
        convert: Mapping[T, int]

    class _Printing(_Reading[str]):
        width: int
        style: NotRequired[Literal["bold", "plain"]]

    _Closing = TypedDict("_Closing", {"now": Required[bool], "class": str}, total=False)


def read(path: str, **kwds: Unpack[_Reading[T]]) -> str:
    """Take the keys of a generic TypedDict that only type checkers see."""
    return f"{path}{kwds}"


def show(path: str, *, height: int = 3, **kwds: Unpack[_Printing]) -> str:
    """Take inherited keys beside a parameter."""
    return f"{path}{height}{kwds}"


@overload
def close(path: str, **kwds: Unpack[_Closing]) -> str: ...
@overload
def close(path: int, **kwds: Unpack[_Printing]) -> int: ...
def close(path: Any, **kwds: Any) -> Any:
    """Take keys in overloads, of which one is no identifier."""
    return path


def describe(options: Options) -> Options:
    """Take and give a typed dictionary."""
    return options


class _Awkward(type):
    """A metaclass that refuses to be looked at."""

    def __dir__(cls) -> list[str]:
        raise RuntimeError("no")


class Shy(metaclass=_Awkward):
    """A class of the awkward metaclass."""

    def wave(self) -> bool:
        """Wave."""
        return True


class Box(Generic[T]):
    """A box.

    Parameters
    ----------
    item : str
        What is inside.
    """

    shared: int = 7

    class Lid:
        """A nested class."""

        def open(self) -> bool:
            """Open it."""
            return True

    def __init__(self, item: T) -> None:
        self._item = item

    def __len__(self) -> int:
        return 1

    def __getitem__(self, key: int) -> T:
        return self._item

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._item = None  # type: ignore[assignment]

    @property
    def item(self) -> T:
        """What is inside."""
        return self._item

    @item.setter
    def item(self, value: T) -> None:
        self._item = value

    @classmethod
    def empty(cls) -> Box[T]:
        """Make an empty one."""
        raise NotImplementedError

    @staticmethod
    def measure(width: int, height: int = 2) -> int:
        """Measure."""
        return width * height

    def then(self) -> int:
        """A name that would make it thenable."""
        return 1

    def constructor(self) -> None:
        """A name JavaScript owns."""


class NumberBox(Box[int]):
    """A box of a number."""


@overload
def convert(value: int) -> str: ...
@overload
def convert(value: str, base: int = ...) -> int: ...
def convert(value: int | str, base: int = 10) -> int | str:
    """Convert either way."""
    return str(value) if isinstance(value, int) else int(value, base)


def everything(
    a: int, /, b: str, c: float = 1.5, *rest: int, d: Literal["x", "y"], e: bool = False, **others: object
) -> None:
    """Take every kind of parameter.

    Args:
        a: First.
        b: Second. */ alert(1) /* @param evil
    """


def hostile() -> int:
    """*/ export const stolen = 1; /* {@link evil}
    @throws nothing
    """
    return 1


def delete(new: int, default: int = 0) -> int:
    """A reserved name with reserved parameters."""
    return new + default


def pairs(names: Sequence[str], lookup: Mapping[str, list[int]] | None = None) -> tuple[str, int]:
    """Containers."""
    return names[0], len(lookup or {})


def each(callback: Callable[[int], int]) -> Iterator[int]:
    """Iterate."""
    yield callback(1)


def untyped(a, b=2):  # type: ignore[no-untyped-def]
    """Say types in prose.

    Parameters
    ----------
    a : {"left", "right"} or None
    b : int, default=2

    Returns
    -------
    total : float
    """
    return a, b


setattr(sys.modules[__name__], "not-a-name", lambda: 1)
setattr(sys.modules[__name__], "1st", lambda: 1)
