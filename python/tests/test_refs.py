"""How refs go away: by release, by age, and for others; in a table with a clock of the test, and in the real worker."""

from __future__ import annotations

import random
from typing import Any

import pytest

from snakebridge._internal import ref_expiry
from snakebridge._internal.problems import LimitProblem, RefProblem
from snakebridge._internal.progress import Progress
from snakebridge._internal.refs import MAX_GONE, RefTable
from support.host import KEEP, NONE, REF, CallFailed, Host

RELEASE = 35


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make_table(max_refs: int = 0, ttl_s: float = 0) -> tuple[RefTable, Clock]:
    progress = Progress()
    progress.started = 10**6
    table = RefTable(progress)
    clock = Clock()
    table.clock = clock
    table.configure({"maxRefs": max_refs, "refTtlSeconds": ttl_s})
    return table, clock


def reason_of(table: RefTable, ref: int, session: str = "s") -> str:
    with pytest.raises(RefProblem) as raised:
        table.get(ref, session)
    return str(raised.value.fields["reason"])


def test_the_least_recently_used_ref_goes() -> None:
    table, _ = make_table(max_refs=3)
    for ref in (1, 2, 3):
        table.keep(ref, "s", f"object {ref}")
    table.get(1, "s")
    table.keep(4, "s", "object 4")
    assert reason_of(table, 2) == "evicted"
    assert [table.get(ref, "s") for ref in (1, 3, 4)] == ["object 1", "object 3", "object 4"]
    assert table.graveyard == ["object 2"]
    # Kept again under its own id, as a call does that keeps its result and sends a ref to it: nothing is pushed out.
    table.keep(4, "s", "object 4")
    assert len(table.entries) == 3
    table.add("s", "own")
    assert reason_of(table, 1) == "evicted"


def test_sessions_do_not_push_each_other_out() -> None:
    table, _ = make_table(max_refs=2)
    for ref, session in enumerate(("a", "a", "b", "b"), 1):
        table.keep(ref, session, ref)
    table.keep(5, "b", 5)
    assert (table.get(1, "a"), table.get(2, "a"), table.get(4, "b"), table.get(5, "b")) == (1, 2, 4, 5)
    assert reason_of(table, 3, "b") == "evicted"
    assert reason_of(table, 1, "b") == "session"


@pytest.mark.parametrize("max_refs", [1, 2, 7, 50])
def test_eviction_is_exact(max_refs: int) -> None:
    """Against a model that is a plain list: the same refs are there after any order of uses."""
    dice = random.Random(max_refs)
    table, _ = make_table(max_refs=max_refs)
    model: list[int] = []
    last = 0
    for _ in range(5_000):
        what = dice.random()
        if what < 0.4:
            last += 1
            if len(model) == max_refs:
                assert model.pop(0) not in model
            table.keep(last, "s", last)
            model.append(last)
        elif what < 0.9 and model:
            used = dice.choice(model)
            assert table.get(used, "s") == used
            model.remove(used)
            model.append(used)
        elif model:
            gone = dice.choice(model)
            table.forget([gone])
            model.remove(gone)
        assert len(table.entries) == len(model) <= max_refs
        table.graveyard.clear()
    assert sorted(table.entries) == sorted(model)


def test_a_message_with_more_refs_than_there_may_be_is_refused() -> None:
    table, _ = make_table(max_refs=3)
    table.keep(1, "s", "older")
    table.mark = table.last_own
    for _ in range(3):
        table.add("s", "item")
    with pytest.raises(LimitProblem) as raised:
        table.add("s", "one more")
    assert raised.value.fields == {"limit": "maxRefs", "value": 4, "max": 3}
    table.undo(0)
    assert not table.entries


def test_refs_expire_when_unused_for_longer_than_their_time() -> None:
    table, clock = make_table(ttl_s=10)
    table.keep(1, "s", "one")
    clock.now += 4
    table.keep(2, "s", "two")
    # Exactly as old as it may be.
    assert table.expire(110.0) == 110.0
    assert sorted(table.entries) == [1, 2]
    clock.now = 110.0
    table.get(1, "s")
    assert table.expire(114.5) == 120.0
    assert reason_of(table, 2) == "expired"
    assert table.get(1, "s") == "one"


def test_age_begins_when_the_call_has_ended() -> None:
    table, clock = make_table(ttl_s=10)
    table.keep(1, "s", "one")
    table.get(1, "s")
    clock.now += 60
    table.settle()
    assert not table.touched
    table.expire(clock.now + 10)
    assert table.get(1, "s") == "one"
    table.settle()
    table.expire(clock.now + 10.5)
    assert reason_of(table, 1) == "expired"


def test_a_use_of_what_was_released_meanwhile_brings_nothing_back() -> None:
    table, _ = make_table(max_refs=2, ttl_s=10)
    table.keep(1, "s", "one")
    entry = table.entries[1]
    table.get(1, "s")
    table.forget([1])
    # What `get` does behind a look-up that was first.
    table._note_time(1, entry[2])
    table.settle()
    assert not entry[2]
    assert not table.entries
    assert reason_of(table, 1) == "released"


def test_reasons_are_remembered_until_the_host_lets_go() -> None:
    table, _ = make_table(max_refs=1)
    for ref in range(1, 101):
        table.keep(ref, "s", ref)
    assert len(table._gone) == 99
    assert reason_of(table, 50) == "evicted"
    table.forget(list(range(1, 100)))
    assert not table._gone
    assert reason_of(table, 50) == "released"
    assert not table.dropped


def test_memory_of_reasons_is_bounded() -> None:
    table, _ = make_table(max_refs=1)
    for ref in range(1, MAX_GONE + 1_000):
        table.keep(ref, "s", None)
        table.graveyard.clear()
    assert len(table._gone) == MAX_GONE


@pytest.mark.parametrize(
    ("hello", "env", "expected"),
    [
        ({}, {}, (1_000_000, 0)),
        ({}, {"SNAKEBRIDGE_REF_MAX": "5", "SNAKEBRIDGE_REF_TTL_SECONDS": "1.5"}, (5, 1.5)),
        ({"maxRefs": 7, "refTtlSeconds": 2}, {"SNAKEBRIDGE_REF_MAX": "5", "SNAKEBRIDGE_REF_TTL_SECONDS": "1"}, (7, 2)),
        ({"maxRefs": 0}, {"SNAKEBRIDGE_REF_MAX": "5"}, (0, 0)),
        ({}, {"SNAKEBRIDGE_REF_MAX": "0", "SNAKEBRIDGE_REF_TTL_SECONDS": "0"}, (0, 0)),
        ({}, {"SNAKEBRIDGE_REF_MAX": "many", "SNAKEBRIDGE_REF_TTL_SECONDS": ""}, (1_000_000, 0)),
        ({}, {"SNAKEBRIDGE_REF_MAX": "-1", "SNAKEBRIDGE_REF_TTL_SECONDS": "-1"}, (1_000_000, 0)),
        ({}, {"SNAKEBRIDGE_REF_MAX": "nan", "SNAKEBRIDGE_REF_TTL_SECONDS": "inf"}, (1_000_000, 0)),
        ({"maxRefs": "3", "refTtlSeconds": True}, {}, (1_000_000, 0)),
    ],
)
def test_configuration(
    hello: dict[str, Any], env: dict[str, str], expected: tuple[int, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SNAKEBRIDGE_REF_MAX", "SNAKEBRIDGE_REF_TTL_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    table = RefTable(Progress())
    table.configure(hello)
    assert (table.max_refs, table.ttl_s) == expected


def failure_of(host: Host, *call: Any, **options: Any) -> dict[str, Any]:
    with pytest.raises(CallFailed) as raised:
        host.call(*call, **options)
    return raised.value.failure


def make(host: Host) -> int:
    call = host.start(0, "builtins", "object", flags=REF)
    host.answer(call)
    return call


def test_the_worker_never_has_more_refs_than_it_may() -> None:
    with Host(hello={"maxRefs": 3}) as host:
        first, *others = [make(host) for _ in range(3)]
        host.call(first, "", kind=8, flags=REF)
        assert host.ping()["refs"] == 3
        assert failure_of(host, others[0], "__hash__")["reason"] == "evicted"
        for _ in range(50):
            make(host)
            assert host.ping()["refs"] == 3
        failure = failure_of(host, first, "__hash__")
        assert (failure["kind"], failure["reason"], failure["id"], failure["limit"]) == ("ref", "evicted", first, 3)


def test_a_running_call_keeps_what_it_names() -> None:
    with Host(hello={"maxRefs": 2}) as host:
        host.run("class Kept:\n def use(self, n): return [object() for _ in range(n)] if self else None")
        # The dict of `__main__` is a ref, too.
        kept = host.start(0, "__main__", "Kept", flags=REF)
        host.answer(kept)
        assert len(host.call(kept, "use", 2)) == 2
        assert failure_of(host, kept, "use", 1)["reason"] == "evicted"
        call = host.start(0, "__main__", "Kept", flags=REF)
        host.answer(call)
        failure = failure_of(host, call, "use", 3)
        assert (failure["kind"], failure["limit"], failure["max"]) == ("limit", "maxRefs", 2)


def test_a_batch_does_not_push_out_its_own_items() -> None:
    with Host(hello={"maxRefs": 10}) as host:
        host.run("def things():\n for n in range(20): yield object()")
        things = host.start(0, "__main__", "things", flags=REF)
        host.answer(things)
        seen = 0
        done = False
        while not done:
            items, done = host.call(things, "", 100, kind=7)[:2]
            assert done or len(items) == 3
            seen += len(items)
            assert host.ping()["refs"] <= 10
        assert seen == 20


def test_chains_see_evictions_in_their_order() -> None:
    with Host(hello={"maxRefs": 1}) as host:
        first = host.start(0, "builtins", "list", [[1]], flags=NONE | KEEP)
        second = host.start(1, first, "copy", flags=NONE | KEEP)
        third = host.start(1, second, "__len__")
        late = host.start(1, first, "__len__")
        host.answer(first)
        host.answer(second)
        assert host.answer(third) == 1
        with pytest.raises(CallFailed) as raised:
            host.answer(late)
        assert raised.value.failure["reason"] == "evicted"


def test_an_idle_worker_lets_refs_expire_and_their_objects_die() -> None:
    with Host(hello={"refTtlSeconds": 0.01}) as host:
        ref = make(host)
        while host.ping()["refs"]:
            pass
        failure = failure_of(host, ref, "__hash__")
        assert (failure["reason"], failure["limit"]) == ("expired", 0.01)
        host.tell([RELEASE, host.last, [ref]])
        assert host.ping()["refs"] == 0
        assert failure_of(host, ref, "__hash__")["reason"] == "released"


def test_what_waits_behind_a_long_call_does_not_expire() -> None:
    # The running call is many times as long as a ref may live; those behind it were sent in time.
    with Host(hello={"refTtlSeconds": 5 * ref_expiry.QUIET_S}) as host:
        ref = make(host)
        calls = [host.start(0, "time", "sleep", [10 * ref_expiry.QUIET_S]), host.start(1, ref, "__hash__")]
        for call in calls:
            host.answer(call)


def test_nothing_expires_while_a_task_has_not_ended() -> None:
    with Host(hello={"refTtlSeconds": 0.01}) as host:
        ref = make(host)
        task = host.start(0, "asyncio", "sleep", [10 * ref_expiry.QUIET_S])
        assert host.receive()[1] == task  # it has become a task
        used = host.start(1, ref, "__hash__")
        assert isinstance(host.answer(used), int)
        host.answer(task)
        # Age begins here, and nothing keeps the worker busy.
        while host.ping()["refs"]:
            pass
        assert failure_of(host, ref, "__hash__")["reason"] == "expired"


def test_released_and_used_in_both_orders() -> None:
    with Host() as host:
        ref = make(host)
        used = host.start(1, ref, "__hash__")
        host.tell([RELEASE, used, [ref]])
        assert isinstance(host.answer(used), int)
        while host.ping()["refs"]:
            pass
        assert failure_of(host, ref, "__hash__")["reason"] == "released"
        assert failure_of(host, 10**9, "__hash__")["reason"] == "unknown"
        assert failure_of(host, -5, "__hash__")["reason"] == "unknown"


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("rsub", [10], 3),
        ("rtruediv", [14], 2.0),
        ("rpow", [2], 128),
        ("iadd", [1], 8),
        ("equals", [7], True),
        ("equals", ["7"], False),
        ("isinstance", ["int"], True),
        ("isinstance", ["numbers.Number"], True),
        ("isinstance", [["str", "collections.abc.Hashable"]], True),
        ("isinstance", ["str"], False),
    ],
)
def test_operations_with_another_operand(name: str, args: list[Any], expected: object) -> None:
    with Host() as host:
        seven = host.start(0, "builtins", "int", [7], flags=REF)
        host.answer(seven)
        assert host.call(seven, name, *args, kind=6) == expected


def test_operations_that_make_no_sense() -> None:
    with Host() as host:
        seven = host.start(0, "builtins", "int", [7], flags=REF)
        host.answer(seven)
        assert failure_of(host, seven, "radd", "text", kind=6)["type"] == "builtins.TypeError"
        assert failure_of(host, seven, "isinstance", 7, kind=6)["type"] == "builtins.TypeError"
        assert failure_of(host, seven, "isinstance", "no.such", kind=6)["type"] == "builtins.ModuleNotFoundError"
        assert failure_of(host, seven, "isinstance", "nothing", kind=6)["type"] == "builtins.AttributeError"
        assert failure_of(host, seven, "sub", kind=6)["kind"] == "protocol"
        assert failure_of(host, seven, "rneg", kind=6)["kind"] == "protocol"
