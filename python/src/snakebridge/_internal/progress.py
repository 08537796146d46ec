# Which call runs, shared by the main thread, which runs calls, and the control thread, which is asked about them
# (proto/PROTOCOL.md 3.3). Ids only grow, so two ints say of every call whether it waits, runs or is done.
#
# Withdrawing a call that has not started is a race between the threads, decided by who pops the claim:
#
#   control: claims[id] = True ; started >= id? then pop: popped = too late, not there = main took it, so withdrawn
#   main:    started = id      ; claims?        then pop: popped = withdrawn, not there = runs
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
        self._target = 0
        self._main = get_ident()
        self._when_idle: Callable[[], None] | None = None

    def listen(self, when_idle: Callable[[], None]) -> None:
        """Installs the handler that interrupts a call, or runs `when_idle` on the main thread between calls."""
        self._when_idle = when_idle
        _signal.signal(_signal.SIGUSR1, self._on_signal)

    def _on_signal(self, _number: int, _frame: object) -> None:
        running = self.running
        if not running:
            if self._when_idle is not None:
                self._when_idle()
        elif running == self._target:
            self._target = 0
            raise Interrupted

    def withdraw(self, call: int) -> str:
        """Takes a call back that has not started; returns the outcome of proto/PROTOCOL.md 3.4."""
        if self.started < call:
            self.claims[call] = True
            if self.started < call or self.claims.pop(call, None) is None:
                return "withdrawn"
        return "running" if self.running == call else "done"

    def cancel(self, call: int) -> str:
        """Takes a call back or interrupts it; returns the outcome of proto/PROTOCOL.md 3.4."""
        outcome = self.withdraw(call)
        if outcome == "running":
            # The handler runs on the main thread and looks again: it cannot hit the next call.
            self._target = call
            self.wake()
            return "interrupting"
        return outcome

    def wake(self) -> None:
        """Lets the handler run soon on the main thread, out of a blocking system call if need be."""
        _signal.pthread_kill(self._main, _signal.SIGUSR1)
