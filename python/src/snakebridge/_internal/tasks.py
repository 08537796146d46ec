# Coroutines (proto/PROTOCOL.md 3.6). A call that gives one is announced as a task and answered when that ends; the
# worker takes further calls meanwhile. The event loop is made when first needed and runs where the worker would wait
# for data. Calls do not run inside of it, because what they call may start a loop of its own.
from __future__ import annotations

import asyncio
from _collections_abc import Coroutine
from _functools import partial  # type: ignore[import-not-found]

from snakebridge._internal import lifeline
from snakebridge._internal.answers import SILENT
from snakebridge._internal.problems import Interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import BytesIO
    from typing import Any

    from snakebridge._internal.progress import Progress
    from snakebridge._internal.worker import Worker

AWAITING = 19


class Stop(Exception):  # noqa: N818 - it carries an exception past the event loop
    """`SystemExit` and its kin, which would end the event loop and not only the task."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Steps(Coroutine):  # type: ignore[type-arg]
    """A coroutine of which each step counts as running the call, so that an interrupt reaches it."""

    def __init__(self, progress: Progress, call: int, inner: Any) -> None:
        self._progress = progress
        self._call = call
        self._inner = inner

    def send(self, value: Any) -> Any:
        return self._step(self._inner.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._inner.throw, *error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Any:
        return self

    def _step(self, step: Callable[..., Any], *args: Any) -> Any:
        progress = self._progress
        before = progress.running
        try:
            progress.running = self._call
            return step(*args)
        except (SystemExit, KeyboardInterrupt) as error:
            raise Stop(error) from None
        finally:
            progress.running = before


async def await_it(awaitable: Any) -> Any:
    """A coroutine of anything that can be awaited."""
    return await awaitable


class Tasks:
    """The event loop of the worker, and the calls that have become tasks of it."""

    def __init__(self, worker: Worker) -> None:
        from snakebridge._internal.worker import AWAITED

        AWAITED.update((asyncio.Future, asyncio.Task))
        self._worker = worker
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._live: dict[int, asyncio.Task[Any]] = {}
        # Calls that use the result of a task: message, and its frame where arguments have to be decoded again.
        self._put_off: dict[int, list[tuple[list[Any], bytearray | None, Sequence[BytesIO]]]] = {}
        self._ready: list[tuple[list[Any], bytearray | None, Sequence[BytesIO]]] = []
        # Calls that the host has cancelled: those on their way to becoming tasks, and all.
        self._early: set[int] = set()
        self._cancelled: set[int] = set()
        self._has_data = False
        self._is_watching = False

    @property
    def may_run(self) -> bool:
        """Whether the loop has something to do, and is not running below this code."""
        return self._is_watching and not self._loop.is_running()

    def announce(self, call: int) -> None:
        """Lets a call be cancelled while it is on its way to becoming a task."""
        self._worker.progress.tasks[call] = partial(self._early.add, call)

    def start(self, message: list[Any], awaitable: Any) -> None:
        """Makes a task of what a call gave."""
        worker = self._worker
        call = message[2]
        if self._loop.is_running():
            # The call belongs to a callback that a task made: the loop stands still below us until it is answered.
            worker.progress.tasks.pop(call, None)
            return worker.finish(message, partial(run_apart, awaitable))
        worker.refs.pending.add(call)
        self._tell(message)
        inner = awaitable if asyncio.iscoroutine(awaitable) else await_it(awaitable)
        task = self._loop.create_task(Steps(worker.progress, call, inner))
        self._live[call] = task
        worker.progress.tasks[call] = partial(self._cancel, call, task)
        if call in self._early:
            self._early.discard(call)
            self._cancel(call, task)
        task.add_done_callback(partial(self._on_done, message))
        self._watch()
        return None

    def _cancel(self, call: int, task: asyncio.Task[Any]) -> None:
        # On whichever thread the host is heard.
        self._cancelled.add(call)
        self._loop.call_soon_threadsafe(task.cancel)

    def put_off(self, message: list[Any], body: bytearray | None, buffers: Sequence[BytesIO], ref: int) -> None:
        """Keeps a call until the task whose result it uses has ended."""
        worker = self._worker
        call = message[2]
        if call not in worker.refs.pending:
            worker.refs.pending.add(call)
            self._tell(message)
        worker.progress.hold(call)
        worker.progress.tasks[call] = partial(self._loop.call_soon_threadsafe, self._cancel_put_off, call, ref)
        self._put_off.setdefault(ref, []).append((message, body, buffers))

    def _tell(self, message: list[Any]) -> None:
        # What is announced is answered, whatever was asked for: the answers before it no longer tell.
        message[9] &= ~SILENT
        self._worker.send(self._worker.codec.pack([AWAITING, message[2]]))

    def wait(self) -> bool:
        """Runs the loop until there is data to read; false when it stopped for something else."""
        if self._loop.is_running():
            return True
        self._has_data = False
        self._loop.run_forever()
        ready, self._ready = self._ready, []
        for message, body, buffers in ready:
            self._run_again(message, body, buffers)
        if not self._live and not self._ready and not asyncio.all_tasks(self._loop):
            self._unwatch()
        return self._has_data

    def wait_for_data(self) -> None:
        """Runs the loop until there is data to read, or nothing left to run."""
        while self.may_run and not self.wait():
            pass

    def close(self) -> None:
        """Cancels what is left and closes the loop, as `asyncio.run` does."""
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        if left:
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _watch(self) -> None:
        if not self._is_watching:
            self._is_watching = True
            self._loop.add_reader(lifeline.DATA, self._on_data)
            self._worker.reader.wait = self.wait_for_data
            self._worker.progress.nudge = partial(self._loop.call_soon_threadsafe, self._loop.stop)

    def _unwatch(self) -> None:
        self._is_watching = False
        self._loop.remove_reader(lifeline.DATA)
        self._worker.reader.wait = None
        self._worker.progress.nudge = None

    def _on_data(self) -> None:
        self._has_data = True
        self._loop.stop()

    def _on_done(self, message: list[Any], task: asyncio.Task[Any]) -> None:
        call = message[2]
        self._live.pop(call, None)
        is_cancelled = call in self._cancelled
        self._cancelled.discard(call)
        self._worker.finish(message, partial(result_of, task, is_cancelled))
        self.settle(call)
        # The loop is left where nobody needs it, and where a call is ready that must run outside of it.
        if self._ready or not self._live:
            self._loop.stop()

    def settle(self, call: int) -> None:
        """Readies what waited for `call`, which has been answered."""
        self._worker.progress.tasks.pop(call, None)
        self._worker.refs.pending.discard(call)
        self._ready += self._put_off.pop(call, ())

    def _cancel_put_off(self, call: int, ref: int) -> None:
        waiting = self._put_off.get(ref, [])
        for index, (message, _, _) in enumerate(waiting):
            if message[2] == call:
                del waiting[index]
                self._worker.progress.start(call)
                self._worker.fail(message, Interrupted(call), self._worker.refs.last_own)
                self.settle(call)
                self._loop.stop()
                return

    def _run_again(self, message: list[Any], body: bytearray | None, buffers: Sequence[BytesIO]) -> None:
        worker = self._worker
        call = message[2]
        # It is a call like any other from here on; what it gives may be a task again.
        worker.progress.tasks.pop(call, None)
        worker.progress.start(call)
        if body is not None:
            flags = message[9]
            again = worker.receive(body, buffers)
            if again is None:
                if call not in worker.progress.tasks:
                    self.settle(call)
                return
            message = again
            message[9] = flags
        worker.run_call(message)
        if call not in worker.progress.tasks:
            self.settle(call)


def result_of(task: asyncio.Task[Any], is_cancelled: bool) -> Any:
    """What a task gave.

    Raises:
        BaseException: What it raised; an interrupt where the host had it cancelled.
    """
    if task.cancelled():
        raise Interrupted if is_cancelled else asyncio.CancelledError
    error = task.exception()
    if error is None:
        return task.result()
    raise error.error if type(error) is Stop else error


def run_apart(awaitable: Any) -> Any:
    """Waits for an awaitable in an event loop of another thread, where the one of this thread stands still."""
    from threading import Thread

    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(await_it(awaitable)))
        except BaseException as error:
            outcome.append(error)
            outcome.append(None)

    thread = Thread(target=run, name="snakebridge-coroutine")
    thread.start()
    thread.join()
    if len(outcome) == 2:
        raise outcome[0]
    return outcome[0]
