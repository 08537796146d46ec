# Values that contain themselves, looked at once a limit was met: tells them from values that are merely large, and cuts
# them where they close. Nothing here recurses, and each container is visited once.
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_CONTAINERS = (list, tuple, dict, set, frozenset, slice)
# In `auto` only exact types are walked. A set holds what has a hash, so no cycle leads through one.
_CUT = frozenset((list, tuple, dict, slice))


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
    if isinstance(value, slice):
        return [value.start, value.stop, value.step]
    return list(value)


class Closing:
    """Stands where a value would go on into a container that it is inside of."""

    __slots__ = ("target",)

    def __init__(self, target: Any) -> None:
        self.target = target


class _Visit:
    """A container whose items are being copied."""

    __slots__ = ("copies", "index", "items", "keys", "low", "value")

    def __init__(self, value: Any, index: int) -> None:
        self.value = value
        # Keys have a hash, so no cycle leads through one.
        self.keys = list(value) if type(value) is dict else []
        self.items = iter(list(value.values()) if type(value) is dict else _children(value))
        self.copies: list[Any] = []
        self.index = index
        # The outermost container that something in here leads back to.
        self.low = index


def cut(root: Any, max_elements: int) -> Any:
    """Copies a value that contains itself and puts a `Closing` where each cycle closes.

    A container of a knot of cycles is written once as long as the knot is open; met again, it is a `Closing`. So the
    copy is finite and no larger than what it is made of, and every path of it leads to the object it leads to in
    Python. Without a cycle the value itself is returned, and also where it has more items than may be sent.
    """
    if type(root) not in _CUT:
        return root
    finished: dict[int, Any] = {}  # copies, by `id` of the original
    open_knot: dict[int, _Visit] = {}  # begun, and reachable from something that is not finished
    order: list[_Visit] = []
    stack: list[_Visit] = []
    count = 0
    found = False

    def begin(value: Any) -> None:
        visit = _Visit(value, len(order))
        open_knot[id(value)] = visit
        order.append(visit)
        stack.append(visit)

    begin(root)
    while stack:
        top = stack[-1]
        for item in top.items:
            count += 1
            if count > max_elements:
                return root
            if type(item) not in _CUT:
                top.copies.append(item)
            elif id(item) in finished and id(item) not in open_knot:
                top.copies.append(finished[id(item)])
            elif id(item) in open_knot:
                found = True
                top.low = min(top.low, open_knot[id(item)].index)
                top.copies.append(Closing(item))
            else:
                begin(item)
                break
        else:
            stack.pop()
            made = _rebuild(top)
            finished[id(top.value)] = made
            if top.low == top.index:
                for visit in order[top.index :]:
                    del open_knot[id(visit.value)]
                del order[top.index :]
            if not stack:
                return made if found else root
            stack[-1].low = min(stack[-1].low, top.low)
            stack[-1].copies.append(made)
    return root


def _rebuild(visit: _Visit) -> Any:
    value, copies = visit.value, visit.copies
    if type(value) is dict:
        return dict(zip(visit.keys, copies, strict=True))
    return copies if type(value) is list else slice(*copies) if type(value) is slice else tuple(copies)
