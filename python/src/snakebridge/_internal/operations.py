# Operations on refs: kind 6 of proto/PROTOCOL.md 3.1.
from __future__ import annotations

import _operator as op

from snakebridge._internal.problems import Problem
from snakebridge._internal.refs import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _to_arrow(value: Any) -> Any:
    from snakebridge._internal import table_values

    return table_values.to_arrow(value)


def _iter(value: Any) -> Any:
    kind = type(value)
    if hasattr(kind, "__aiter__") and not hasattr(kind, "__iter__") and not hasattr(kind, "__getitem__"):
        return value.__aiter__()
    return iter(value)


def _close(iterator: Any) -> Any:
    """Closes a generator that was left in the middle; any other iterator is let go of."""
    if hasattr(type(iterator), "__anext__"):
        from snakebridge._internal.async_items import close

        return close(iterator)
    close_it = getattr(iterator, "close", None) if type(iterator).__name__ == "generator" else None
    return None if close_it is None else close_it()


def _reflected(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, left: function(left, value)


def _class_of(kinds: Any) -> Any:
    """The classes that `isinstance` is to look for: texts name them, as `module.QualName` or a builtin."""
    if type(kinds) is tuple or type(kinds) is list:
        return tuple(map(_class_of, kinds))
    if type(kinds) is not str:
        return kinds
    from snakebridge._internal.calls import import_module, walk

    module, _, name = kinds.partition(".")
    return walk(import_module(module), name) if name else walk(import_module("builtins"), kinds)


OPERATIONS: dict[str, tuple[Callable[..., Any], int]] = {
    "len": (len, 0),
    "str": (str, 0),
    "repr": (repr, 0),
    "bool": (bool, 0),
    "hash": (hash, 0),
    "dir": (lambda value: [name for name in dir(value) if isinstance(name, str)], 0),
    "type": (lambda value: type_name(type(value)), 0),
    "iter": (_iter, 0),
    "close": (_close, 0),
    "contains": (op.contains, 1),
    "getitem": (op.getitem, 1),
    "setitem": (op.setitem, 2),
    "delitem": (op.delitem, 1),
    "eq": (op.eq, 1),
    "ne": (op.ne, 1),
    "lt": (op.lt, 1),
    "le": (op.le, 1),
    "gt": (op.gt, 1),
    "ge": (op.ge, 1),
    "add": (op.add, 1),
    "sub": (op.sub, 1),
    "mul": (op.mul, 1),
    "truediv": (op.truediv, 1),
    "floordiv": (op.floordiv, 1),
    "mod": (op.mod, 1),
    "pow": (op.pow, 1),
    "matmul": (op.matmul, 1),
    "and": (op.and_, 1),
    "or": (op.or_, 1),
    "xor": (op.xor, 1),
    "lshift": (op.lshift, 1),
    "rshift": (op.rshift, 1),
    "neg": (op.neg, 0),
    "pos": (op.pos, 0),
    "invert": (op.invert, 0),
    "abs": (op.abs, 0),
    "to_arrow": (_to_arrow, 0),
    "equals": (lambda value, other: bool(value == other), 1),
    "is": (op.is_, 1),
    "class": (type, 0),
    "isinstance": (lambda value, kinds: isinstance(value, _class_of(kinds)), 1),
}
_FIRST, _LAST = "add", "rshift"
_names = list(OPERATIONS)
for _name in _names[_names.index(_FIRST) : _names.index(_LAST) + 1]:
    OPERATIONS[f"r{_name}"] = (_reflected(OPERATIONS[_name][0]), 1)
    OPERATIONS[f"i{_name}"] = (getattr(op, f"i{_name}"), 1)


def operate(value: Any, name: str, args: list[Any]) -> Any:
    """Runs one operation.

    Raises:
        Problem: If there is none of that name, or it takes another number of operands.
    """
    if name == "call":
        return value(*args)
    entry = OPERATIONS.get(name)
    if entry is None:
        raise Problem(f"Cannot run operation: {name!r:.80} is not known")
    function, operands = entry
    if len(args) != operands:
        raise Problem(f"Cannot run operation: {name} takes {operands} operands, got {len(args)}")
    return function(value, *args)
