"""What the tests of the bridge call: each thing is as small as the behaviour it shows."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

constant = 42
nested = {"a": [1, {"b": (2, 3)}]}
_log: list[str] = []


def hold(begun: str, is_open: str) -> str:
    """Stands still until the file `is_open` appears."""
    with open(begun, "w"):
        pass
    while not os.path.exists(is_open):
        time.sleep(0.001)
    return "held"


def meet(mine: str, other: str) -> int:
    """Waits for another process that does the same the other way round."""
    with open(mine, "w"):
        pass
    end = time.monotonic() + 20
    while not os.path.exists(other):
        if time.monotonic() > end:
            raise TimeoutError("nobody came")
        time.sleep(0.001)
    return os.getpid()


def log(text: str) -> str:
    _log.append(text)
    return text


def take_log() -> list[str]:
    found = list(_log)
    _log.clear()
    return found


def describe(*args: object, **kwargs: object) -> str:
    """What arrived, as Python writes it."""
    return repr((args, kwargs))


def same(value: object) -> object:
    return value


def keyword_only(a: int, /, b: int = 2, *, c: int, d: int = 4) -> list[int]:
    return [a, b, c, d]


def pid() -> int:
    return os.getpid()


def callable_that_fails() -> None:
    raise ValueError("as asked")


class Point:
    kind = "point"

    class Meta:
        level = 3

        @staticmethod
        def name() -> str:
            return "meta"

    def __init__(self, x: float, y: float = 0, *, label: str = "") -> None:
        self.x, self.y, self.label = x, y, label

    @classmethod
    def origin(cls, label: str = "o") -> Point:
        return cls(0, 0, label=label)

    @staticmethod
    def add(a: int, b: int) -> int:
        return a + b

    @property
    def norm(self) -> float:
        return (self.x * self.x + self.y * self.y) ** 0.5

    def moved(self, dx: float = 0, dy: float = 0) -> Point:
        return Point(self.x + dx, self.y + dy, label=self.label)

    def me(self) -> Point:
        return self

    def __call__(self, factor: int) -> float:
        return self.x * factor

    def __repr__(self) -> str:
        return f"Point({self.x}, {self.y})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)

    def __lt__(self, other: Point) -> bool:
        return self.norm < other.norm

    def __hash__(self) -> int:
        return hash((self.x, self.y))


class Bag:
    """A container that is no builtin one."""

    def __init__(self, *items: object) -> None:
        self.items = list(items)

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, item: object) -> bool:
        return item in self.items

    def __getitem__(self, key: object) -> object:
        return self.items[key] if isinstance(key, (int, slice)) else key

    def __setitem__(self, key: int | slice, value: object) -> None:
        self.items[key] = value  # type: ignore[index, assignment]

    def __delitem__(self, key: int | slice) -> None:
        del self.items[key]

    def __iter__(self):
        return iter(self.items)


class BadRepr:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


# Exceptions


class Plain(Exception):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Special(Plain, KeyError):
    pass


class BadStr(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no str")


class BadAttributes(Exception):
    def __init__(self) -> None:
        super().__init__("bad attributes")
        self.good = 1
        self.lock = __import__("threading").Lock()
        self.self = self
        self.lone = "\ud800"

    @property
    def worse(self) -> object:
        raise SystemExit(9)

    def __getattribute__(self, name: str) -> object:
        if name in ("__notes__", "__cause__", "__traceback__", "args"):
            raise RuntimeError(name)
        return super().__getattribute__(name)


class Slotted(Exception):
    __slots__ = ("number", "thing")

    def __init__(self, number: int, thing: object) -> None:
        super().__init__(thing)
        self.number, self.thing = number, thing


class BadClass(Exception):
    @property
    def __class__(self) -> type:  # type: ignore[override]
        raise RuntimeError("no class")


def fail(kind: str) -> None:
    if kind == "special":
        error = Special("special", 7)
        raise error
    if kind == "str":
        raise BadStr
    if kind == "attributes":
        raise BadAttributes
    if kind == "class":
        raise BadClass
    if kind == "notes":
        noted = ValueError("noted")
        noted.__notes__ = ["first", "second"]  # type: ignore[attr-defined]
        raise noted
    if kind == "cause":
        try:
            inner()
        except ZeroDivisionError as error:
            raise RuntimeError("outer") from error
    if kind == "context":
        try:
            inner()
        except ZeroDivisionError:
            raise LookupError("while handling")  # noqa: B904
    if kind == "suppressed":
        try:
            inner()
        except ZeroDivisionError:
            raise LookupError("alone") from None
    if kind == "group":
        try:
            inner()
        except ZeroDivisionError as error:
            nested = ExceptionGroup("nested", [error, KeyError("k")])
        raise ExceptionGroup("several", [ValueError("one"), nested]) from Special(
            "cause", 3
        )
    if kind == "wide":
        raise ExceptionGroup("wide", [ValueError(n) for n in range(500)])
    if kind == "syntax":
        compile("x = (1,\ny = 2", "<typed>", "exec")
    if kind == "slots":
        raise Slotted(3, object())
    if kind == "huge":
        raise ValueError("x" * 10_000_000)
    if kind == "exit":
        sys.exit(5)
    if kind == "interrupt":
        raise KeyboardInterrupt
    if kind == "os":
        open("/nonexistent/file")


def exception_names() -> list[str]:
    """The builtin exceptions, without second names and private ones."""
    found = vars(__import__("builtins")).items()
    return [
        name
        for name, value in found
        if isinstance(value, type) and issubclass(value, BaseException) and value.__name__ == name and name[0] != "_"
    ]


def call_it(function):
    return function()


def inner() -> float:
    return 1 / 0  # the line that fails


def recurse(depth: int = 0) -> int:
    return recurse(depth + 1) + 1


# Iteration


def count(n: int):
    yield from range(n)


def closing(name: str):
    """Says in the log how it ended."""
    try:
        n = 0
        while True:
            yield n
            n += 1
    except GeneratorExit:
        log(f"{name} closed")
        raise


def failing(n: int):
    yield from range(n)
    raise ValueError(f"after {n}")


def slow(begun: str, is_open: str):
    """Gives two items, then waits for the test."""
    yield "first"
    time.sleep(0.03)
    yield "second"
    hold(begun, is_open)
    yield "third"


def objects(n: int):
    for i in range(n):
        yield Point(i)


# Calls that do not end by themselves


def spin() -> None:
    while True:
        pass


def stubborn(begun: str) -> None:
    """Goes on whatever is raised in it."""
    with open(begun, "w"):
        pass
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            continue


def begin_then_spin(begun: str) -> None:
    with open(begun, "w"):
        pass
    spin()


def begin_then_sleep(begun: str) -> None:
    with open(begun, "w"):
        pass
    time.sleep(3600)


def begin_then_c(begun: str) -> None:
    """A C call that holds the interpreter lock for minutes."""
    with open(begun, "w"):
        pass
    pow(7, 10_000_000_000, 3**20_000_000)


# Ends


def die(how: str) -> None:
    sys.stderr.write(f"last words of {how}\n")
    sys.stderr.flush()
    if how == "exit":
        os._exit(3)
    if how == "kill":
        os.kill(os.getpid(), 9)
    if how == "segfault":
        import ctypes

        ctypes.string_at(0)
    if how == "term":
        os.kill(os.getpid(), 15)
        time.sleep(60)


def die_after(begun: str, is_open: str) -> None:
    hold(begun, is_open)
    os._exit(3)


def shout(mebibytes: int, fd: int = 1) -> int:
    """Writes past every buffer of Python."""
    chunk = b"y" * (1 << 20)
    for _ in range(mebibytes):
        view = memoryview(chunk)
        while view:
            view = view[os.write(fd, view) :]
    return mebibytes


class Counted:
    """Knows how many of it live."""

    live = 0

    def __init__(self) -> None:
        Counted.live += 1

    def __del__(self) -> None:
        Counted.live -= 1

    def next(self) -> Counted:
        return Counted()


def live() -> int:
    return Counted.live


def crowd(n: int) -> list[Counted]:
    return [Counted() for _ in range(n)]


def ref_table_sizes() -> dict[str, int]:
    """How many entries each book of the worker's refs has; one that only counts sessions is left out."""
    import gc

    (table,) = (each for each in gc.get_objects() if type(each).__name__ == "RefTable")
    books = {name: len(book) for name, book in vars(table).items() if isinstance(book, (dict, list, set))}
    books["_sessions"] = sum(map(len, table._sessions.values()))
    del books["_slow_types"]
    return books


def resident_bytes() -> int:
    """Memory of this process that is in RAM; 0 where the system has no `/proc`."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def at_exit(text: str) -> None:
    import atexit

    atexit.register(lambda: os.write(1, text.encode()))


def fork_and_return() -> int:
    """Returns in both processes; the child must not be taken for the worker."""
    return os.fork()


# Values beyond limits


def text(n: int) -> str:
    return "t" * n


def deep(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


def many(n: int) -> list[int]:
    return [1] * n


def cyclic() -> list[object]:
    value: list[object] = []
    value.append({"again": value})
    return value


def hold_lock(seconds: int) -> str:
    """Sleeps without giving the interpreter lock away, as a careless C extension would."""
    import ctypes

    ctypes.PyDLL(None).sleep(seconds)
    return "slept"


class Manager:
    """A context manager that notes what happens to it; `script` says what its `__exit__` does."""

    def __init__(self, value: object = 7, script: str = "") -> None:
        self.value = value
        self.script = script

    def __enter__(self) -> object:
        if self.script == "no entry":
            raise PermissionError("no entry")
        log("enter")
        return self.value

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if error is None:
            log("exit None")
        else:
            assert type(error) is kind and trace is not None
            files = "".join(frame.filename for frame in traceback.extract_tb(error.__traceback__))
            kept = " (kept)" if error is _kept.get("error") else f" {files}" if ".ts" in files else ""
            log(f"exit {kind.__name__}: {error}{kept}")
        if self.script == "raise":
            raise RuntimeError("exit failed")
        if self.script == "reraise" and error is not None:
            raise error
        return self.script == "suppress"


_kept: dict[str, BaseException] = {}


def fail_keeping(message: str) -> None:
    """Raises an exception that can be told from others like it."""
    _kept["error"] = ValueError(message)
    raise _kept["error"]


def missing_key() -> None:
    raise KeyError("k")


@contextlib.contextmanager
def catching() -> Iterator[None]:
    log("begun")
    try:
        yield
    except KeyError as error:
        log(f"caught {error!r}")
    finally:
        log("over")


class AsyncManager:
    """As `Manager`, for `async with`."""

    def __init__(self, value: object = 7, script: str = "") -> None:
        self.value = value
        self.script = script

    async def __aenter__(self) -> object:
        import asyncio

        if self.script == "slow entry":
            log("slow entry")
            await asyncio.sleep(60)
        await asyncio.sleep(0)
        log("aenter")
        return self.value

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        import asyncio

        await asyncio.sleep(0)
        if kind is None:
            log("aexit None")
        else:
            assert type(error) is kind and trace is not None
            log(f"aexit {kind.__name__}: {error}{' (kept)' if error is _kept.get('error') else ''}")
        if self.script == "raise":
            raise RuntimeError("exit failed")
        return self.script == "suppress"


@contextlib.asynccontextmanager
async def async_catching() -> AsyncIterator[None]:
    log("begun")
    try:
        yield
    except KeyError as error:
        log(f"caught {error!r}")
    finally:
        log("over")


class Sleeper:
    """Sleeps whatever it is asked."""

    def sleep(self) -> None:
        time.sleep(60)

    def __len__(self) -> int:
        time.sleep(60)
        return 0

    def __iter__(self) -> Sleeper:
        return self

    def __next__(self) -> object:
        time.sleep(60)
        raise StopIteration


def drip(interval_s: float, count: int = 1_000_000):  # type: ignore[no-untyped-def]
    """A generator that takes its time for each item."""
    for index in range(count):
        time.sleep(interval_s)
        yield index


def die_first(path: str, times: int, value: object = "alive") -> object:
    """Ends the process in the first runs; the file counts them."""
    with open(path, "a") as file:
        file.write("x")
    if os.path.getsize(path) <= times:
        os._exit(9)
    return value


def runs(path: str, value: object = None) -> object:
    """Counts its runs in a file."""
    with open(path, "a") as file:
        file.write("x")
    return [os.path.getsize(path), value]


def every_value() -> object:
    """One of each kind of value, made anew."""
    import datetime
    import decimal

    return {
        "plain": [None, True, 1, 1.5, float("inf"), 2**70, "text", b"bytes", b"large" * 2_000],
        "set": {1, 2},
        "tuple": (1, (2,)),
        "map": {1: "a", (2,): "b"},
        "digits": {"2": 1, "1": 2},
        "when": datetime.datetime(2024, 7, 1, 12, tzinfo=datetime.timezone.utc),
        "span": datetime.timedelta(days=1, microseconds=5),
        "price": decimal.Decimal("1.10"),
        "complex": 1 + 2j,
    }


def runs_and_fails(path: str) -> None:
    runs(path)
    raise ValueError("as asked")


def call_with_os(function):  # type: ignore[no-untyped-def]
    """Shows a module to a function."""
    return function(os)
