"""Cancelling, withdrawing and interrupting, with races forced by what the worker itself reports."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from snakebridge._internal.packing import Ext, pack
from snakebridge._internal.problems import Interrupted
from snakebridge._internal.progress import Progress
from support.host import CANCELLED, ERROR, KEEP, RESULT, CallFailed, Host


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as host:
        yield host


def wait_for(host: Host, call: int) -> None:
    end = time.monotonic() + 20
    while host.ping()["running"] != call:
        assert time.monotonic() < end


def cancel(host: Host, call: int) -> str:
    host.tell([33, call])
    kind, answered, outcome = host.hear()
    assert (kind, answered) == (CANCELLED, call)
    return str(outcome)


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(60)",
        "while True: pass",
        "import threading; threading.Event().wait(60)",
        "import subprocess; subprocess.run(['sleep', '60'])",
        "while True:\n    try:\n        while True: pass\n    except Exception: pass",
    ],
)
def test_interrupts_running_code(host: Host, code: str) -> None:
    call = host.start(0, "builtins", "exec", [code])
    wait_for(host, call)
    begun = time.monotonic()
    assert cancel(host, call) == "interrupting"
    with pytest.raises(CallFailed) as raised:
        host.answer(call)
    assert (raised.value.failure["kind"], raised.value.failure["started"]) == ("cancelled", True)
    assert time.monotonic() - begun < 5
    assert host.call("math", "sqrt", 4) == 2
    assert cancel(host, call) == "done"


def test_code_that_swallows_the_interrupt_gives_its_result(host: Host) -> None:
    code = "import time\ntry:\n    time.sleep(60)\nexcept BaseException:\n    x = 5"
    call = host.start(0, "builtins", "exec", [code, host.main()])
    wait_for(host, call)
    assert cancel(host, call) == "interrupting"
    assert host.answer(call) is None
    assert host.eval("x") == 5


def test_interrupts_the_encoding_of_a_result(host: Host) -> None:
    host.run(
        "import time\n"
        "class Slow:\n    def __repr__(self):\n        time.sleep(60)\n        return ''\n"
        "class Quick: pass"
    )
    before = host.ping()["refs"]
    call = host.start(0, "builtins", "eval", ["[Quick(), Slow()]", host.main()], flags=KEEP)
    wait_for(host, call)
    time.sleep(0.05)
    assert cancel(host, call) == "interrupting"
    with pytest.raises(CallFailed) as raised:
        host.answer(call)
    assert raised.value.failure["kind"] == "cancelled"
    assert host.ping()["refs"] == before


def test_withdraws_what_has_not_started(host: Host) -> None:
    blocker = host.start(0, "time", "sleep", [0.5])
    calls = [host.start(0, "math", "sqrt", [n]) for n in range(5)]
    kept = host.start(0, "builtins", "list", flags=KEEP)
    after = host.start(0, "builtins", "len", [Ext(15, pack([kept]))])
    wait_for(host, blocker)
    host.tell([34, [blocker, *calls[:3], kept]])
    outcomes = [host.hear()[1:] for _ in range(5)]
    assert outcomes == [[blocker, "running"], *([call, "withdrawn"] for call in [*calls[:3], kept])]
    assert host.answer(blocker) is None
    assert host.answer(calls[3]) == pytest.approx(3**0.5)
    assert host.answer(calls[4]) == 2
    with pytest.raises(CallFailed) as raised:
        host.answer(after)
    failure = raised.value.failure
    assert (failure["kind"], failure["started"], failure["origin"]) == ("cancelled", False, kept)


def test_storm_of_cancels_leaves_every_call_one_end(host: Host) -> None:
    """Each call is withdrawn and never answered, or answered exactly once, and the loop survives all of it."""
    rng = random.Random(5)
    rounds = 300
    for _ in range(rounds):
        calls = [
            host.start(0, "builtins", "exec", ["for _ in range(300): pass"])
            if rng.random() < 0.5
            else host.start(0, "builtins", "eval", ["[object(), object()]"])
            for _ in range(4)
        ]
        for _ in range(rng.randrange(0, 400)):
            pass
        outcomes = {}
        for call in calls:
            outcomes[call] = cancel(host, call)
        fence = host.start(0, "math", "sqrt", [4])
        answers: dict[int, Any] = {}
        while fence not in answers:
            kind, call, value = host.receive()[:3]
            assert call not in answers
            answers[call] = (kind, value)
        assert answers[fence] == (RESULT, 2.0)
        for call in calls:
            assert (call in answers) == (outcomes[call] != "withdrawn")
            if call in answers and answers[call][0] == ERROR:
                assert outcomes[call] == "interrupting"
                assert answers[call][1]["kind"] == "cancelled"


def test_a_claim_is_popped_by_one_side_only() -> None:
    progress = Progress()
    progress.started = 3
    assert progress.withdraw(4) == "withdrawn"
    assert progress.claims == {4: True}

    class TakenMeanwhile(dict[int, bool]):
        def __setitem__(self, call: int, value: bool) -> None:
            # The main thread starts the call between the control thread's look and its claim.
            progress.started = progress.running = call
            super().__setitem__(call, value)

    progress.claims = TakenMeanwhile()
    assert progress.withdraw(5) == "running"
    assert progress.claims == {}


def test_the_handler_spares_other_calls() -> None:
    progress = Progress()
    progress.running = 7
    progress._on_signal(0, None)
    progress.target = 6
    progress._on_signal(0, None)
    progress.target = 7
    with pytest.raises(Interrupted):
        progress._on_signal(0, None)
    progress._on_signal(0, None)


def test_pings_are_answered_while_python_runs(host: Host) -> None:
    call = host.start(0, "builtins", "exec", ["while True: pass"])
    wait_for(host, call)
    begun = time.monotonic()
    for _ in range(20):
        assert host.ping()["running"] == call
    assert (time.monotonic() - begun) / 20 < 0.05
    cancel(host, call)
    with pytest.raises(CallFailed):
        host.answer(call)
