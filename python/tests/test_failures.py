"""Exceptions, hostile ones too, become failures; hostile bytes end cleanly."""

from __future__ import annotations

import contextlib
import os
import random
import struct
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from snakebridge._internal.packing import Ext, Unpacker
from support.host import ERROR, CallFailed, Host, frame


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as host:
        yield host


def failure_of(host: Host, code: str) -> dict[str, Any]:
    with pytest.raises(CallFailed) as raised:
        host.call("builtins", "exec", code, host.main())
    return raised.value.failure


def test_carries_what_python_prints(host: Host) -> None:
    failure = failure_of(
        host,
        "def inner():\n    raise KeyError('k')\n"
        "def outer():\n    try:\n        inner()\n"
        "    except KeyError as e:\n        raise ValueError('bad', 7) from e\nouter()",
    )
    assert failure["type"] == "builtins.ValueError"
    assert failure["mro"] == ["builtins.ValueError", "builtins.Exception", "builtins.BaseException"]
    assert failure["message"] == "('bad', 7)"
    assert [name.rpartition(".")[2] for _, _, name, _ in failure["frames"]] == ["<module>", "outer"]
    assert failure["cause"]["type"] == "builtins.KeyError"
    assert failure["cause"]["message"] == "'k'"
    assert failure["suppressContext"] is True
    assert "The above exception was the direct cause" in failure["traceback"]
    assert failure["traceback"].startswith("Traceback (most recent call last):")
    assert failure["traceback"].endswith("ValueError: ('bad', 7)\n")
    assert "snakebridge" not in failure["traceback"]
    assert failure["attributes"]["args"] == Ext(3, b"\x92\xa3bad\x07")


def test_carries_fields_and_notes(host: Host) -> None:
    failure = failure_of(host, "open('/nowhere/at/all')")
    assert failure["attributes"]["errno"] == 2
    assert failure["attributes"]["filename"] == "/nowhere/at/all"
    assert failure["mro"][:2] == ["builtins.FileNotFoundError", "builtins.OSError"]
    failure = failure_of(host, "e = ValueError()\ne.__notes__ = ['one']\ne.code = 5\ne.bad = object()\nraise e")
    assert failure["notes"] == ["one"]
    assert failure["attributes"]["code"] == 5
    assert "bad" not in failure["attributes"]


def test_source_lines_come_from_files(host: Host) -> None:
    failure = failure_of(host, "import json; json.loads('{')")
    file, line, name, text = failure["frames"][-1]
    assert file.endswith("decoder.py") and line > 0 and name.endswith("raw_decode") and text


def test_near_names_are_suggested(host: Host) -> None:
    with pytest.raises(CallFailed) as raised:
        host.call("math", "sqrtt", 4)
    assert raised.value.failure["message"] == "module 'math' has no attribute 'sqrtt'"
    assert raised.value.failure["notes"] == ["Did you mean: 'sqrt'?"]


def test_chains_are_cut(host: Host) -> None:
    failure = failure_of(
        host,
        "e = None\nfor i in range(200):\n    n = ValueError(i)\n    n.__cause__ = e\n    e = n\nraise e",
    )
    depth, link = 0, failure
    while link is not None:
        depth, link = depth + 1, link["cause"]
    assert depth == 20
    failure = failure_of(host, "a = ValueError(1)\nb = ValueError(2)\na.__cause__ = b\nb.__cause__ = a\nraise a")
    assert failure["cause"]["cause"] is None


def test_texts_are_cut(host: Host) -> None:
    failure = failure_of(host, "raise ValueError('x' * 1_000_000)")
    assert len(failure["message"]) == 65_536
    assert len(failure["traceback"]) <= 65_536
    failure = failure_of(host, "raise ValueError('a\\ud800b')")
    assert failure["message"] == "a\\ud800b"


needs_groups = pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")


@needs_groups
def test_groups_show_their_members(host: Host) -> None:
    failure = failure_of(
        host,
        "inner = ExceptionGroup('inner', [KeyError('k')])\n"
        "raise ExceptionGroup('several', [ValueError('one'), inner]) from OSError(2, 'no')",
    )
    assert "ValueError: one" in failure["traceback"]
    assert "KeyError: 'k'" in failure["traceback"]
    assert failure["message"] == "several (2 sub-exceptions)"
    assert failure["omitted"] == 0
    one, inner = failure["exceptions"]
    assert (one["type"], one["message"], "exceptions" in one) == ("builtins.ValueError", "one", False)
    assert [member["message"] for member in inner["exceptions"]] == ["'k'"]
    assert failure["cause"]["type"] == "builtins.FileNotFoundError"
    assert failure["attributes"]["message"] == "several"


@needs_groups
def test_groups_are_cut(host: Host) -> None:
    failure = failure_of(host, "raise ExceptionGroup('wide', [ValueError(n) for n in range(500)])")
    assert len(failure["exceptions"]) == 99
    assert failure["omitted"] == 401
    failure = failure_of(host, "e = ValueError(1)\nfor n in range(200):\n    e = ExceptionGroup('deep', [e])\nraise e")
    depth = 1
    while failure["exceptions"]:
        depth, failure = depth + 1, failure["exceptions"][0]
    assert (depth, failure["omitted"]) == (20, 1)
    failure = failure_of(host, "e = ValueError(1)\nraise ExceptionGroup('twice', [e, e])")
    assert (len(failure["exceptions"]), failure["omitted"]) == (1, 1)


@needs_groups
@pytest.mark.parametrize(
    "body",
    [
        "exceptions = property(lambda self: 1 / 0)",
        "exceptions = 5",
        "def __getattribute__(self, name): raise ValueError(name)",
        "def derive(self, excs): raise ValueError",
    ],
)
def test_hostile_groups_still_give_their_members(host: Host, body: str) -> None:
    failure = failure_of(host, f"class G(ExceptionGroup):\n    {body}\nraise G('g', [ValueError('one')])")
    assert [member["message"] for member in failure["exceptions"]] == ["one"]


def test_groups_of_the_package_for_python_3_10(host: Host) -> None:
    host.run(
        "import sys, types\n"
        "class BaseExceptionGroup(BaseException):\n"
        "    def __init__(self, message, members):\n"
        "        super().__init__(message, members)\n"
        "        self._members = tuple(members)\n"
        "    exceptions = property(lambda self: self._members)\n"
        "BaseExceptionGroup.__module__ = 'exceptiongroup'\n"
    )
    failure = failure_of(host, "raise BaseExceptionGroup('several', [ValueError('one')])")
    assert [member["message"] for member in failure["exceptions"]] == ["one"]


def test_a_failure_is_bounded_however_much_it_holds(host: Host) -> None:
    # Twenty exceptions of a chain, each with a long message and long attributes.
    failure = failure_of(
        host,
        "e = None\nfor i in range(20):\n    n = ValueError('x' * 60_000)\n"
        "    for k in range(20): setattr(n, f'a{k}', 'y' * 60_000)\n"
        "    n.__cause__ = e\n    e = n\nraise e",
    )
    total, links = 0, 0
    link: dict[str, Any] | None = failure
    while link is not None:
        links += 1
        total += len(link["message"]) + len(link["traceback"]) + sum(len(str(v)) for v in link["attributes"].values())
        link = link["cause"]
    assert links == 20
    assert total < 5 * 1_048_576


def test_syntax_errors_carry_their_place(host: Host) -> None:
    failure = failure_of(host, "compile('x = (1,\\ny = 2', '<typed>', 'exec')")
    attributes = failure["attributes"]
    assert failure["type"] == "builtins.SyntaxError"
    assert (attributes["filename"], attributes["lineno"], attributes["text"].strip()) == ("<typed>", 1, "x = (1,")
    assert attributes["msg"] and attributes["offset"] > 0


def test_attributes_without_an_encoding_are_left_out(host: Host) -> None:
    failure = failure_of(
        host,
        "class E(Exception):\n    __slots__ = ('kept', 'thing')\n"
        "e = E(object())\ne.kept = 5\ne.thing = object()\ne.big = 'x' * 100_000\n"
        "e.list = [1, object()]\ne.me = e\nraise e",
    )
    assert failure["attributes"] == {"kept": 5}
    failure = failure_of(host, "e = ValueError(1)\nfor i in range(100): setattr(e, f'a{i}', i)\nraise e")
    assert len(failure["attributes"]) == 32


@pytest.mark.parametrize(
    "body",
    [
        "def __str__(self): raise ValueError",
        "def __str__(self): raise SystemExit",
        "def __str__(self): return 5",
        "def __str__(self): return type('S', (str,), {'encode': None})('x')",
        "def __repr__(self): raise ValueError",
        "def __getattribute__(self, name): raise ValueError(name)",
        "__class__ = property(lambda self: 1 / 0)",
        "__dict__ = property(lambda self: 1 / 0)",
        "__traceback__ = property(lambda self: 1 / 0)",
        "__cause__ = property(lambda self: 1 / 0)",
        "__notes__ = property(lambda self: 1 / 0)",
        "__notes__ = 5",
        "args = property(lambda self: 1 / 0)",
        "def __reduce__(self): raise ValueError",
        "def __eq__(self, other): raise ValueError",
        "def __hash__(self): raise ValueError",
        "__module__ = 5",
    ],
)
def test_hostile_exceptions_still_give_failures(host: Host, body: str) -> None:
    failure = failure_of(host, f"class E(Exception):\n    {body}\nraise E('x')")
    assert failure["kind"] == "python"
    assert failure["type"].endswith("E") or "5" in body or "__module__" in body
    assert host.call("math", "sqrt", 4) == 2


def test_hostile_metaclass(host: Host) -> None:
    failure = failure_of(
        host,
        "class M(type):\n    def __getattribute__(cls, name): raise ValueError(name)\n"
        "class E(Exception, metaclass=M): pass\nraise E('x')",
    )
    assert failure["type"] == "__main__.E"
    assert host.eval("[E.__mro__] if False else 1") == 1


def test_hostile_objects_become_refs(host: Host) -> None:
    host.run(
        "class H:\n    def __getattribute__(self, name): raise ValueError(name)\n"
        "    def __repr__(self): raise SystemError\n"
        "    def __len__(self): return -1\n"
        "    def __bool__(self): raise ValueError\n"
        "class M(type):\n    def __getattribute__(cls, name): raise ValueError(name)\n"
        "class N(metaclass=M): pass\n"
    )
    ref = host.eval("[H(), N()]")
    assert [item.code for item in ref] == [15, 15]


def conversation(data: bytes) -> int | None:
    """Sends bytes after hello; the worker must answer the next call or end by itself."""
    with Host() as host:
        try:
            host.data.sendall(data)
            host.data.shutdown(1)
            while True:
                host.receive()
        except (EOFError, ConnectionError, BrokenPipeError):
            pass
        return host.process.wait(20)


@pytest.mark.parametrize("seed", range(12))
def test_random_bytes_end_cleanly(seed: int) -> None:
    assert conversation(random.Random(seed).randbytes(4_096)) in (0, 76)


def test_random_bodies_are_answered_or_refused() -> None:
    rng = random.Random(1)
    good = frame([1, 1, 5, "s", 0, "builtins", "str", [[1, {"a": Ext(3, b"\x91\x01")}]], None, 0])[8:]
    for _ in range(25):
        data = b""
        for call in range(1, 40):
            body = bytearray(good)
            body[3] = call
            for _ in range(rng.randrange(1, 4)):
                body[rng.randrange(4, len(body))] = rng.randrange(256)
            data += struct.pack("<II", len(body), 0) + body
        assert conversation(data) in (0, 76)


def test_unpacker_refuses_random_bytes() -> None:
    rng = random.Random(2)
    for _ in range(20_000):
        data = rng.randbytes(rng.randrange(1, 30))
        with contextlib.suppress(ValueError, RecursionError):
            Unpacker(data, lambda code, view: Ext(code, bytes(view)), 100).unpack()


@pytest.mark.parametrize(
    "head", [struct.pack("<II", 0xFFFFFFFF, 0), struct.pack("<II", 1, 65_537), struct.pack("<IIQ", 1, 1, 1 << 63)]
)
def test_frames_beyond_limits_end_the_conversation(head: bytes) -> None:
    with Host() as host:
        host.data.sendall(head + b"\0" * 64)
        kind, call, failure = host.receive()
        assert (kind, call, failure["kind"] in ("limit", "protocol")) == (ERROR, 0, True)
        assert host.process.wait(10) == 76


def test_bad_control_bytes_end_it() -> None:
    with Host() as host:
        host.control.sendall(struct.pack("<II", 3, 0) + os.urandom(3))
        host.control.sendall(struct.pack("<II", 1, 0) + b"\xc1")
        assert host.process.wait(10) == 76
