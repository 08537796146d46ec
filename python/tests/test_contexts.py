"""Context managers entered for the host: they get what a `with` statement would give them."""

from __future__ import annotations

import gc
import traceback
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from snakebridge import HostCancelledError, HostError, HostTimeoutError
from snakebridge._internal import contexts
from snakebridge._internal.host_errors import to_exception, traceback_of
from snakebridge._internal.packing import Ext, pack
from snakebridge._internal.problems import Problem
from support.host import REF, CallFailed, Host

OPERATION, GET_ATTR, END_SESSION = 6, 2, 2

MANAGERS = """
import contextlib, weakref
log = []
class Manager:
    def __init__(self, suppress=False, then=None): self.suppress, self.then = suppress, then
    def __enter__(self): log.append('enter'); return self
    def __exit__(self, kind, error, trace):
        log.append((kind, error, trace))
        if self.then: raise self.then
        return self.suppress
"""


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as host:
        host.run(MANAGERS)
        yield host


def enter(host: Host, code: str, mode: str | None = None) -> int:
    manager = host.start(1, ref(host), "", [code, host.main()], flags=REF)
    host.answer(manager)
    entered = host.start(OPERATION, manager, "enter", [mode], flags=REF)
    host.answer(entered)
    return entered


def ref(host: Host) -> int:
    found = host.start(5, "builtins", "eval", flags=REF)
    host.answer(found)
    return found


def leave(host: Host, entered: int, error: dict[str, Any] | None = None) -> Any:
    return host.call(entered, "exit", error, kind=OPERATION)


def failing(host: Host, code: str) -> dict[str, Any]:
    """Runs code that raises and describes it as the host would."""
    call = host.start(0, "builtins", "exec", [code, host.main()])
    with pytest.raises(CallFailed) as raised:
        host.answer(call)
    failure = raised.value.failure
    return {"kind": "python", "call": call, **{key: failure[key] for key in ("mro", "message", "attributes")}}


def test_enters_and_leaves_as_with_does(host: Host) -> None:
    entered = enter(host, "Manager()")
    assert host.call(entered, "value", kind=GET_ATTR).code == 15
    assert leave(host, entered) is False
    assert host.eval("log == ['enter', (None, None, None)]") is True
    with pytest.raises(CallFailed, match="it was left before"):
        leave(host, entered)


def test_passes_the_very_exception_in(host: Host) -> None:
    entered = enter(host, "Manager(suppress=True)")
    error = failing(host, "try:\n    1/0\nexcept ZeroDivisionError as e:\n    seen = e\n    raise")
    assert leave(host, entered, error) is True
    assert host.eval("log[-1][1] is seen and log[-1][0] is ZeroDivisionError") is True
    assert host.eval("seen.__traceback__.tb_frame.f_code.co_filename") == "<string>"
    assert host.eval("log[-1][2].tb_next.tb_frame.f_code.co_filename") == "<string>"


def test_names_the_failed_step_of_a_chain(host: Host) -> None:
    entered = enter(host, "Manager(suppress=True)")
    first = host.start(0, "builtins", "exec", ["raise KeyError('k')", host.main()], flags=REF)
    second = host.start(GET_ATTR, first, "x")
    for call in (first, second):
        with pytest.raises(CallFailed) as raised:
            host.answer(call)
    assert raised.value.failure["origin"] == first
    leave(host, entered, {"kind": "python", "call": first, "mro": [], "message": "", "attributes": {}})
    assert host.eval("type(log[-1][1]).__name__, log[-1][1].args") == Ext(3, pack(["KeyError", Ext(3, pack(["k"]))]))


def test_what_exit_raises_wins_with_the_first_as_its_context(host: Host) -> None:
    entered = enter(host, "Manager(then=RuntimeError('exit failed'))")
    error = failing(host, "raise ValueError('body')")
    with pytest.raises(CallFailed) as raised:
        leave(host, entered, error)
    failure = raised.value.failure
    assert (failure["message"], failure["context"]["message"]) == ("exit failed", "body")
    # Raising the same exception again is what not suppressing it means.
    host.run("class Same(Manager):\n    def __exit__(self, k, e, t): raise e")
    again = enter(host, "Same()")
    assert leave(host, again, failing(host, "raise ValueError('same')")) is False


def test_looks_on_the_type_alone(host: Host) -> None:
    host.run("class Bare: pass\nbare = Bare()\nbare.__enter__ = bare.__exit__ = lambda *a: 1")
    for code, message in (
        ("bare", "'__main__.Bare' object does not support the context manager protocol"),
        ("3", r"'int' object does not support the context manager protocol \(missed __enter__ method\)"),
    ):
        with pytest.raises(CallFailed, match=message):
            enter(host, code)
    with pytest.raises(CallFailed, match=r"asynchronous context manager protocol .*leave the option"):
        enter(host, "Manager()", "async with")
    with pytest.raises(CallFailed, match="mode is 'x'"):
        enter(host, "Manager()", "x")
    with pytest.raises(CallFailed, match="it is no entered context manager"):
        host.call(ref(host), "exit", None, kind=OPERATION)
    with pytest.raises(CallFailed, match="takes 1 operand, got 0"):
        host.call(ref(host), "enter", kind=OPERATION)


def test_keeps_few_exceptions_and_only_while_needed(host: Host) -> None:
    host.run("class Special(Exception): pass\nkept = weakref.WeakSet()")
    code = "e = Special(len(kept))\nkept.add(e)\ntry: raise e\nfinally: del e"
    entered = enter(host, "Manager()")
    errors = [failing(host, code) for _ in range(contexts.MAX_RECENT + 5)]
    host.run("import gc; gc.collect()")
    assert host.eval("len(kept)") == contexts.MAX_RECENT
    # The oldest is gone: one like it takes its place.
    assert leave(host, entered, errors[0]) is False
    assert host.eval("type(log[-1][1]) is Special and log[-1][1].args == (0,) and log[-1][1] not in kept") is True
    host.run("log.clear(); gc.collect()")
    assert host.eval("len(kept)") == 0
    failing(host, code)
    host.run("gc.collect()")
    assert host.eval("len(kept)") == 0


def test_a_session_that_ends_drops_its_exceptions(host: Host) -> None:
    host.run("class Special(Exception): pass\nkept = weakref.WeakSet()")
    enter(host, "Manager()")
    failing(host, "e = Special()\nkept.add(e)\ntry: raise e\nfinally: del e")
    host.last += 1
    host.send([END_SESSION, 1, host.last, "s"])
    assert host.answer(host.last) > 0
    del host._main
    host.run("import gc; gc.collect()")
    assert host.eval("len(kept)") == 0


def test_errors_of_the_host_are_exceptions_of_their_own(host: Host) -> None:
    entered = enter(host, "Manager(suppress=True)")
    frames = [["/app/main.ts", 3, "main"], ["/app/deep.ts", 14, "deep"]]
    error = {"kind": "error", "name": "RangeError", "message": "too far", "stack": "s", "frames": frames}
    assert leave(host, entered, error) is True
    host.run("import snakebridge, traceback\nkind, error, trace = log[-1]")
    assert host.eval("kind is snakebridge.HostError and isinstance(error, RuntimeError)") is True
    assert host.eval("str(error)") == "RangeError: too far"
    printed = host.eval("''.join(traceback.format_exception(error))")
    assert 'File "/app/main.ts", line 3, in main\n  File "/app/deep.ts", line 14, in deep\n' in printed
    assert printed.endswith("snakebridge.host_error.HostError: RangeError: too far\n")


def gone(_call: int) -> None:
    return None


def describe(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "name": "N", "message": "m", "stack": "", **fields}


def test_kinds_of_errors() -> None:
    import asyncio

    timeout = to_exception(describe("timeout"), gone)
    assert type(timeout) is HostTimeoutError and isinstance(timeout, TimeoutError | HostError)
    cancelled = to_exception(describe("cancelled"), gone)
    assert type(cancelled) is HostCancelledError and isinstance(cancelled, asyncio.CancelledError)
    assert not isinstance(cancelled, Exception)
    assert str(cancelled) == "N: m"
    assert type(to_exception(describe("left"), gone)) is GeneratorExit
    caused = to_exception(describe("error", cause=describe("python", call=5)), {5: KeyError("k")}.get)
    assert isinstance(caused.__cause__, KeyError)
    for wrong in (7, {}, describe("nothing"), None):
        with pytest.raises(Problem, match="no map with a kind"):
            to_exception(wrong, gone)
    endless: dict[str, Any] = describe("error")
    endless["cause"] = endless
    length, error = 0, to_exception(endless, gone)
    while error.__cause__ is not None:
        length, error = length + 1, error.__cause__
    assert length == 19


class OddError(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__(f"odd {code}")
        self.code = code


def test_rebuilds_exceptions_of_other_workers() -> None:
    def rebuilt(*mro: str, args: Any = ("m",), **attributes: Any) -> BaseException:
        return to_exception(describe("python", mro=list(mro), attributes={"args": args, **attributes}), gone)

    assert repr(rebuilt("builtins.KeyError", args=("k", 1))) == "KeyError('k', 1)"
    missing = rebuilt("builtins.FileNotFoundError", args=(2, "No such file"), errno=2, filename="/x")
    assert isinstance(missing, FileNotFoundError) and missing.errno == 2
    odd = rebuilt(f"{__name__}.OddError", "builtins.Exception", args=("odd 7",), code=7)
    assert type(odd) is OddError and odd.code == 7 and str(odd) == "odd 7"
    assert type(rebuilt("nowhere.Known", "builtins.LookupError", "builtins.Exception")) is LookupError
    # What is no exception is not called, whatever the description says.
    assert type(rebuilt("builtins.print", "builtins.int", "builtins.ValueError")) is ValueError
    assert type(rebuilt("nowhere.Known")) is HostError
    ours = rebuilt(
        "snakebridge.host_error.HostError", args=("RangeError: far",), name="RangeError", message="far", stack=""
    )
    assert type(ours) is HostError and str(ours) == "RangeError: far" and ours.name == "RangeError"
    decode = rebuilt("builtins.UnicodeDecodeError", args=("utf-8", b"\xff", 0, 1, "bad"))
    assert isinstance(decode, UnicodeDecodeError) and decode.reason == "bad"


def test_tracebacks_from_other_languages() -> None:
    trace = traceback_of([["a.ts", 1, "f"], "wrong", ["b\0.ts", 1, "g"], [1, 2, 3], ["d.ts", 9, "i"]])
    found = [(frame.filename, frame.lineno, frame.name) for frame in traceback.extract_tb(trace)]
    assert found == [("a.ts", 1, "f"), ("d.ts", 9, "i")]
    assert traceback_of(None) is None
    assert traceback_of([]) is None


def test_leaves_no_cycle_behind() -> None:
    class BigError(Exception):
        pass

    gc.disable()
    try:
        error: Any = BigError()
        dead = weakref.ref(error)
        try:
            raise error
        except BigError as raised:
            depth = len(traceback.extract_tb(raised.__traceback__))
        recent = contexts.Recent()
        recent.note(1, error)

        def leave(*_: object) -> bool:
            return False

        entered = contexts.Entered(leave, recent, "T", False)
        assert entered.exit({"kind": "python", "call": 1}) is False
        assert len(traceback.extract_tb(error.__traceback__)) == depth
        del error, recent, entered
        assert dead() is None
    finally:
        gc.enable()


AWAITING = 19

ASYNC_MANAGERS = """
import asyncio, contextlib
class Async:
    def __init__(self, suppress=False, then=None): self.suppress, self.then = suppress, then
    async def __aenter__(self):
        await asyncio.sleep(0)
        log.append('aenter')
        return 7
    async def __aexit__(self, kind, error, trace):
        await asyncio.sleep(0)
        log.append((kind, error, trace is not None))
        if self.then: raise self.then
        return self.suppress
class Both(Async, Manager):
    pass
@contextlib.asynccontextmanager
async def catching():
    try:
        yield 'value'
    except KeyError as error:
        log.append(error)
"""


def awaited(host: Host, call: int) -> Any:
    """The answer of a call that becomes a task."""
    assert host.receive()[:2] == [AWAITING, call]
    return host.answer(call)


def enter_async(host: Host, code: str, mode: str | None = None) -> int:
    manager = host.start(1, ref(host), "", [code, host.main()], flags=REF)
    host.answer(manager)
    entered = host.start(OPERATION, manager, "enter", [mode], flags=REF)
    awaited(host, entered)
    return entered


def leave_async(host: Host, entered: int, error: dict[str, Any] | None = None) -> Any:
    return awaited(host, host.start(OPERATION, entered, "exit", [error]))


def test_asynchronous_managers(host: Host) -> None:
    host.run(ASYNC_MANAGERS)
    entered = enter_async(host, "Async()")
    assert host.call(entered, "value", kind=GET_ATTR) == 7
    assert leave_async(host, entered) is False
    assert host.eval("log == ['aenter', (None, None, False)]") is True
    entered = enter_async(host, "Async(suppress=True)")
    error = failing(host, "try:\n    1/0\nexcept ZeroDivisionError as e:\n    seen = e\n    raise")
    assert leave_async(host, entered, error) is True
    assert host.eval("log[-1][1] is seen and log[-1][2]") is True
    # Who has both forms is entered by `with`, unless asked.
    assert leave(host, enter(host, "Both()")) is False
    assert leave_async(host, enter_async(host, "Both()", "async with")) is False
    assert host.eval("log[-4:] == ['enter', (None, None, None), 'aenter', (None, None, False)]") is True


def test_asynchronous_managers_that_catch_and_raise(host: Host) -> None:
    host.run(ASYNC_MANAGERS)
    entered = enter_async(host, "catching()")
    assert host.call(entered, "value", kind=GET_ATTR) == "value"
    error = failing(host, "raise KeyError('k')")
    assert leave_async(host, entered, error) is True
    entered = enter_async(host, "Async(then=RuntimeError('aexit failed'))")
    with pytest.raises(CallFailed) as raised:
        leave_async(host, entered, failing(host, "raise ValueError('body')"))
    failure = raised.value.failure
    assert (failure["message"], failure["context"]["message"]) == ("aexit failed", "body")
    assert leave_async(host, enter_async(host, "Async()"), failing(host, "raise ValueError('again')")) is False


def test_a_failed_coroutine_is_kept_for_managers(host: Host) -> None:
    host.run(ASYNC_MANAGERS + "seen = []\nasync def fail():\n    seen.append(ValueError('late'))\n    raise seen[0]")
    entered = enter_async(host, "Async(suppress=True)")
    call = host.start(0, "__main__", "fail")
    with pytest.raises(CallFailed):
        awaited(host, call)
    error = {"kind": "python", "call": call, "mro": [], "message": "", "attributes": {}}
    assert leave_async(host, entered, error) is True
    assert host.eval("log[-1][1] is seen[0]") is True
