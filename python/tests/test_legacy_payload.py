"""Calls in the dictionary form of Snakepit's tools."""

from __future__ import annotations

from typing import Any

import pytest

from snakebridge._internal.legacy_payload import legacy_is_allowed, run, to_call
from snakebridge._internal.problems import Problem, VersionProblem

VERSIONS = {"protocol_version": 1, "min_supported_version": 1}


class Thing:
    level = 3

    def __init__(self, value: int = 0) -> None:
        self.value = value

    def add(self, more: int, *, twice: bool = False) -> int:
        return self.value + more * (2 if twice else 1)


def payload(**fields: Any) -> dict[str, Any]:
    return {**VERSIONS, **fields}


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"library": "math", "function": "sqrt", "args": [16]}, 4),
        ({"library": "x", "python_module": "math", "function": "sqrt", "args": [16]}, 4),
        ({"call_type": "function", "python_module": "os.path", "function": "join", "args": ["a", "b"]}, "a/b"),
        ({"call_type": "dynamic", "library": "json", "function": "dumps", "args": [1], "kwargs": {"indent": 2}}, "1"),
        ({"call_type": "class", "library": "fractions", "class": "Fraction", "args": [1, 2]}, 0.5),
        ({"call_type": "class", "library": "fractions", "function": "Fraction", "args": [1, 2]}, 0.5),
        ({"call_type": "module_attr", "library": "sys", "attr": "byteorder"}, __import__("sys").byteorder),
        ({"call_type": "get_attr", "instance": Thing(5), "attr": "value"}, 5),
        ({"call_type": "method", "instance": Thing(5), "function": "add", "args": [1], "kwargs": {"twice": True}}, 7),
        ({"call_type": "stream_next", "stream_ref": iter([1, 2])}, [[1], False]),
        ({"call_type": "stream_next", "stream_ref": iter([])}, [[], True]),
        ({"library": "math", "function": "sqrt", "args": [4], "idempotent": True, "session_id": "s"}, 2),
    ],
)
def test_payloads_are_run(fields: dict[str, Any], result: object) -> None:
    assert run(payload(**fields)) == result


def test_attributes_are_set_and_streams_begun() -> None:
    thing = Thing()
    run(payload(call_type="set_attr", instance=thing, attr="value", args=[9]))
    assert thing.value == 9
    stream = run(payload(call_type="dynamic_stream", library="builtins", function="range", args=[2]))
    assert [run(payload(call_type="stream_next", stream_ref=stream)) for _ in range(3)] == [
        [[0], False],
        [[1], False],
        [[], True],
    ]


def test_fields_are_read() -> None:
    call = to_call(payload(library="math", function="sqrt", session_id="s", idempotent=True, kwargs={}))
    assert (call.session, call.idempotent, call.kwargs, call.args) == ("s", True, None, [])
    call = to_call(payload(library="math", function="sqrt"))
    assert (call.session, call.idempotent) == ("default", False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5, "it is a int, expected a map"),
        (payload(library="math", function="sqrt", call_type="run"), "call_type is 'run', expected one of function,"),
        (payload(library="math", function="sqrt", call_type=1), "call_type is 1, expected a string"),
        (payload(call_type="helper", library="x", function="y"), "this worker has no helpers"),
        (payload(library="math"), "a call of type function needs function"),
        (payload(function="sqrt"), "needs python_module or library"),
        (payload(library="math", call_type="class"), "needs the name of what it calls"),
        (payload(library="math", function=""), "needs the name of what it calls"),
        (payload(library="math", function="sqrt", args=5), "args is 5, expected an array"),
        (payload(library="math", function="sqrt", kwargs=[]), "kwargs is [], expected a map"),
        (payload(library="math", function="sqrt", idempotent=1), "idempotent is 1, expected true or false"),
        (payload(library=1, function="sqrt"), "library is 1, expected a string"),
        (payload(library="math", function="sqrt", arg=[16]), "a call of type function has no field 'arg'"),
        (payload(library="math", function="sqrt", instance=1), "a call of type function has no field 'instance'"),
        (payload(call_type="method", function="add"), "a call of type method needs instance"),
        (payload(call_type="get_attr", instance=1, attr="x", args=[1]), "a call of type get_attr has no field 'args'"),
        (payload(call_type="set_attr", instance=1, attr="x", args=[]), "set_attr takes one value in args, got 0"),
        (payload(call_type="stream_next"), "needs stream_ref"),
        ({**payload(library="math", function="sqrt"), "protocol_version": True}, "protocol_version is True"),
        ({**payload(library="math", function="sqrt"), "protocol_version": "1"}, "protocol_version is '1', expected an"),
    ],
)
def test_what_makes_no_sense_is_refused(given: object, message: str) -> None:
    with pytest.raises(Problem) as raised:
        to_call(given)
    assert message in raised.value.message


@pytest.mark.parametrize(("version", "oldest"), [(0, 0), (2, 2), (-1, -1), (3, 2)])
def test_a_mismatch_tells_all_four_versions(version: int, oldest: int) -> None:
    with pytest.raises(VersionProblem) as raised:
        to_call({"protocol_version": version, "min_supported_version": oldest, "library": "math", "function": "sqrt"})
    assert raised.value.failure() == {
        "kind": "protocol",
        "message": f"Cannot talk to host: it speaks protocol {oldest} to {version}, this worker 1 to 1",
        "hostProtocol": version,
        "hostMinProtocol": oldest,
        "workerProtocol": 1,
        "workerMinProtocol": 1,
    }


def test_newer_versions_that_understand_ours_are_taken() -> None:
    given = {"protocol_version": 5, "min_supported_version": 1, "library": "math", "function": "sqrt"}
    assert to_call(given).name == "sqrt"


@pytest.mark.parametrize("missing", [("protocol_version",), ("min_supported_version",), tuple(VERSIONS)])
def test_versions_may_be_missing_only_by_opt_in(missing: tuple[str, ...]) -> None:
    given = {key: value for key, value in payload(library="math", function="sqrt").items() if key not in missing}
    with pytest.raises(Problem, match=f"no {missing[0]} .*SNAKEBRIDGE_ALLOW_LEGACY_PROTOCOL=1"):
        to_call(given)
    assert to_call(given, allow_legacy=True).name == "sqrt"


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("1", True),
        ("true", True),
        ("YES", True),
        (" yes ", True),
        ("0", False),
        ("", False),
        ("on", False),
        ("2", False),
    ],
)
def test_the_variable_of_the_opt_in(monkeypatch: pytest.MonkeyPatch, value: str, allowed: bool) -> None:
    monkeypatch.setenv("SNAKEBRIDGE_ALLOW_LEGACY_PROTOCOL", value)
    assert legacy_is_allowed() is allowed
    if allowed:
        assert run({"library": "math", "function": "sqrt", "args": [16]}) == 4
