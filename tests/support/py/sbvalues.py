"""Values that are hard to carry."""

import threading
from typing import Any

_stop = threading.Event()
_threads: list[threading.Thread] = []


def evaluate(code: str, value: Any = None) -> Any:
    import datetime
    import decimal

    return eval(code, {"v": value, "Decimal": decimal.Decimal, **vars(datetime)})


def deep(kind: str, levels: int) -> Any:
    """So many containers of a kind inside each other."""
    makers = {
        "list": lambda x: [x],
        "dict": lambda x: {"a": x},
        "tuple": lambda x: (x,),
        "pairs": lambda x: {1: x},
        "frozenset": lambda x: frozenset([x]),
        "mixed": lambda x: [{"a": (x,)}],
        "wide": lambda x: [*range(20), x],
    }
    value: Any = None
    for _ in range(levels):
        value = makers[kind](value)
    return value


def restless(kind: str) -> Any:
    """A container that another thread changes until `rest` is called."""
    box: Any = [] if kind == "list" else {}

    def change() -> None:
        number = 0
        while not _stop.is_set():
            number += 1
            if kind == "list":
                box.append({"a": number, "t": (number,)} if number % 3 else number)
                if len(box) > 2_000:
                    del box[:1_500]
            else:
                box[number if number % 5 == 0 else str(number)] = {"x": [number]}
                if len(box) > 2_000:
                    box.clear()

    _stop.clear()
    _threads.append(threading.Thread(target=change, daemon=True))
    _threads[-1].start()
    return box


def growing() -> list[Any]:
    """A list that another thread makes longer, faster than any walk is, until `rest` is called."""
    box: list[Any] = [(1,)] * 1_000

    def grow() -> None:
        while not _stop.is_set() and len(box) < 20_000_000:
            box.append((1,))

    _stop.clear()
    _threads.append(threading.Thread(target=grow, daemon=True))
    _threads[-1].start()
    return box


def rest() -> None:
    _stop.set()
    while _threads:
        _threads.pop().join()
