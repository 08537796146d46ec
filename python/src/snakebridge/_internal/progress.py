# Which call runs, shared by the main thread, which runs calls, and the control thread, which is asked about them
# (proto/PROTOCOL.md 3.3). Ids only grow, so two ints say of every call whether it waits, runs or is done; calls that
# wait for the host inside each other stand in `outer`, tasks of the event loop in `tasks`.
#
# Calls that are put off stand in `held`.
#
# Withdrawing a call that has not started is a race between the threads, decided by who pops the claim:
#
#   control: claims[id] = True ; started >= id? then pop: popped = too late, not there = main took it, so withdrawn
#   main:    started = id      ; claims?        then pop: popped = withdrawn, not there = runs
#
# An interrupt is raised only while `running` is set: everything that must not be torn apart (reading, writing, the
# books of a call) runs with `running` at 0. Who sets it again looks at `target` first.
from __future__ import annotations

import _signal
from _thread import get_ident

from snakebridge._internal.problems import Interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Progress:
    """The state of the calls of one conversation."""

    def __init__(self) -> None:
        self.running = 0
        self.started = 0
        self.claims: dict[int, bool] = {}
        # Calls that were received and put off, while later ones started.
        self.held: set[int] = set()
        # Calls below the running one that wait for the host, outermost first.
        self.outer: list[int] = []
        # How to cancel the task that a call has become; filled where there is an event loop.
        self.tasks: dict[int, Callable[[], object]] = {}
        self.target = 0
        # Lets an event loop that waits for data look at `target`.
        self.nudge: Callable[[], object] | None = None
        self.main = get_ident()
        self._when_idle: Callable[[], None] | None = None

    def listen(self, when_idle: Callable[[], None]) -> None:
        """Installs the handler that interrupts a call, or runs `when_idle` on the main thread between calls."""
        self._when_idle = when_idle
        _signal.signal(_signal.SIGUSR1, self._on_signal)

    def _on_signal(self, _number: int, _frame: object) -> None:
        running = self.running
        target = self.target
        if not running:
            if self._when_idle is not None:
                self._when_idle()
        elif target and (running == target or target in self.outer):
            self.target = 0
            raise Interrupted(target)

    def start(self, call: int) -> None:
        """Notes that a call has been looked at, on the main thread."""
        self.held.discard(call)
        if call > self.started:
            self.started = call

    def hold(self, call: int) -> None:
        """Notes that a call was received and is put off, so that later ones start before it."""
        self.held.add(call)

    @property
    def all_started(self) -> int:
        """The last id up to which every call has started."""
        held = self.held
        if not held:
            return self.started
        return min(min(list(held), default=self.started + 1) - 1, self.started)

    def resume(self, call: int) -> None:
        """Lets interrupts reach the main thread again, which runs `call`.

        Raises:
            Interrupted: If one came for this call, or one it is inside of, while it could not be raised.
        """
        self.running = call
        target = self.target
        if target and (target == call or target in self.outer):
            self.target = 0
            raise Interrupted(target)

    def withdraw(self, call: int) -> str:
        """Takes a call back that has not started; returns the outcome of proto/PROTOCOL.md 3.4."""
        if self.started < call or (call in self.held and call not in self.tasks):
            self.claims[call] = True
            if self.started < call or call in self.held or self.claims.pop(call, None) is None:
                return "withdrawn"
        return "running" if self.running == call or call in self.outer or call in self.tasks else "done"

    def cancel(self, call: int) -> str:
        """Takes a call back or interrupts it; returns the outcome of proto/PROTOCOL.md 3.4."""
        outcome = self.withdraw(call)
        if outcome != "running":
            return outcome
        cancel_task = self.tasks.get(call)
        if cancel_task is not None:
            cancel_task()
        if cancel_task is None or self.running == call or call in self.outer:
            # The handler runs on the main thread and looks again: it cannot hit the next call.
            self.target = call
            self.wake()
            if self.nudge is not None:
                self.nudge()
        return "interrupting"

    def wake(self) -> None:
        """Lets the handler run soon on the main thread, out of a blocking system call if need be."""
        _signal.pthread_kill(self.main, _signal.SIGUSR1)
