"""What calls functions of the host, and what is awaited."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_kept: list[Any] = []
_log: list[str] = []


def apply(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def catch(function: Callable[[], Any]) -> str:
    """Which exception a function of the host raises, and its message."""
    try:
        return f"gave {function()!r}"
    except ValueError as error:
        return f"ValueError {error}"
    except Exception as error:
        return f"{type(error).__name__} {error}"


def swallow_everything(function: Callable[[], Any]) -> str:
    try:
        function()
    except BaseException as error:
        return type(error).__name__
    return "nothing"


def from_threads(function: Callable[[int], Any], count: int) -> list[Any]:
    """Calls it from as many threads, while the main thread waits for them."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(function, range(count)))


def from_thread_later(function: Callable[[], Any], flag: str) -> None:
    """Calls it from a thread that outlives this call, once the file `flag` is there."""

    def run() -> None:
        while not os.path.exists(flag):
            time.sleep(0.001)
        function()

    threading.Thread(target=run, daemon=True).start()


def keep(function: Any) -> None:
    _kept.append(function)


def kept(*args: Any) -> Any:
    return _kept[-1](*args)


def is_kept(function: Any) -> bool:
    return _kept[-1] is function


def drop() -> None:
    _kept.clear()


def describe(function: Callable[..., Any]) -> list[str]:
    return [function.__name__, repr(function), type(function).__name__]


def train(epochs: int, callbacks: dict[str, Callable[..., Any]]) -> list[float]:
    """A training loop as libraries have it: it tells about every epoch, and stops when told to."""
    losses: list[float] = []
    for epoch in range(epochs):
        losses.append(1 / (epoch + 1))
        if callbacks["on_epoch_end"](epoch, logs={"loss": losses[-1]}) is True:
            break
    callbacks["on_train_end"]()
    return losses


class Repr:
    """Its text comes from the host, so encoding it calls the host."""

    def __init__(self, function: Callable[[], str]) -> None:
        self.function = function

    def __repr__(self) -> str:
        return f"<{self.function()}>"


def log(text: str) -> None:
    _log.append(text)


def take_log() -> list[str]:
    found = list(_log)
    _log.clear()
    return found


class Account:
    def __init__(self, balance: int) -> None:
        self.balance = balance

    async def deposited(self, amount: int) -> Account:
        await asyncio.sleep(0)
        return Account(self.balance + amount)

    def __repr__(self) -> str:
        return f"Account({self.balance})"


async def double(value: int) -> int:
    await asyncio.sleep(0)
    return value * 2


async def fail(message: str) -> None:
    await asyncio.sleep(0)
    raise ValueError(message)


async def leave() -> None:
    raise SystemExit(3)


async def cancel_itself() -> None:
    raise asyncio.CancelledError("on its own")


async def wait_for_ever() -> None:
    """Says that it has begun, and how it ended."""
    log("begun")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        log("cancelled")
        raise
    finally:
        log("finally")


async def block() -> None:
    """Holds the whole thread up inside a coroutine."""
    log("begun")
    time.sleep(60)


async def ignore_cancel() -> None:
    log("begun")
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            log("ignored")


class Event:
    """Something that coroutines wait for and calls set."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def wait(self, result: Any) -> Any:
        await self.event.wait()
        return result

    def set(self) -> None:
        self.event.set()


def own_loop() -> str:
    """A plain function that runs a loop of its own, as libraries do."""

    async def inner() -> str:
        await asyncio.sleep(0)
        return "own"

    return asyncio.run(inner())


def future_of(value: Any) -> asyncio.Future[Any]:
    loop = asyncio.get_event_loop_policy().get_event_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, value)
    return future


async def call_in_task(function: Callable[[Any], Any], value: Any) -> Any:
    """A coroutine that calls a blocking function of the host."""
    await asyncio.sleep(0)
    return function(value)


async def gather(function: Callable[[int], Any], count: int) -> list[Any]:
    """Awaits as many calls of an asynchronous function of the host at once."""
    assert asyncio.iscoroutinefunction(function)
    return list(await asyncio.gather(*(function(index) for index in range(count))))


async def die() -> None:
    await asyncio.sleep(0)
    os._exit(3)


async def ticks(count: int, name: str = "ticks") -> AsyncIterator[int]:
    """An asynchronous generator that says when it is closed."""
    try:
        for index in range(count):
            await asyncio.sleep(0)
            yield index
        if name == "failing":
            raise ValueError("after all")
    finally:
        log(f"{name} closed")


async def first_then_wait() -> AsyncIterator[str]:
    try:
        yield "first"
        await asyncio.Event().wait()
        yield "never"
    finally:
        log("waiter closed")


class Countdown:
    """An asynchronous iterator that is no generator."""

    def __init__(self, start: int) -> None:
        self.left = start

    def __aiter__(self) -> Countdown:
        return self

    async def __anext__(self) -> int:
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return self.left


def chunks(count: int, size: int) -> Iterator[bytes]:
    """So many chunks of bytes, each its own object."""
    for index in range(count):
        yield bytes((index % 256,)) * size


def records(count: int) -> Iterator[dict[str, object]]:
    for index in range(count):
        yield {"id": index, "name": "x"}


def peak_mb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
