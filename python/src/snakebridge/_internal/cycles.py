# Tells a value that contains itself from one that is merely deep, once the depth limit was met.
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_CONTAINERS = (list, tuple, dict, set, frozenset)


def has_cycle(root: Any) -> bool:
    """Whether a container is inside itself. Each container is visited once, without recursion."""
    done: set[int] = set()
    on_path: set[int] = set()
    stack: list[tuple[int, Iterator[Any]]] = []

    def open_container(value: Any) -> None:
        on_path.add(id(value))
        stack.append((id(value), iter(_children(value))))

    if isinstance(root, _CONTAINERS):
        open_container(root)
    while stack:
        key, children = stack[-1]
        for child in children:
            if not isinstance(child, _CONTAINERS) or id(child) in done:
                continue
            if id(child) in on_path:
                return True
            open_container(child)
            break
        else:
            stack.pop()
            on_path.discard(key)
            done.add(key)
    return False


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*dict.keys(value), *dict.values(value)]
    return list(value)
