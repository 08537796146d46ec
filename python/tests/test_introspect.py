"""Introspection of a small package that has every feature."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from snakebridge.introspect import Describer, Finder, Reader, Selection
from snakebridge.introspect._docstrings import parse_type
from snakebridge.introspect._model import Class, Function, Module

FIXTURES = Path(__file__).parent / "introspect_fixtures"
SOURCES = Path(__file__).parent.parent / "src"


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    """The description of the fixture package."""
    monkeypatch.syspath_prepend(str(FIXTURES))
    yield Describer(Reader(Finder()), "zoo", Selection()).module("zoo")


def function(module: Module | Class, name: str) -> Function:
    """Find a function or method."""
    items = module.functions if isinstance(module, Module) else module.methods
    return next(item for item in items if item.name == name)


def cls(module: Module, name: str) -> Class:
    """Find a class."""
    return next(item for item in module.classes if item.name == name)


def named(name: str, *arguments: dict[str, Any]) -> dict[str, Any]:
    return {"k": "name", "n": name, "a": list(arguments)}


def test_kinds_and_defaults_of_parameters(zoo: Module) -> None:
    (signature,) = function(zoo, "everything").signatures
    assert [(item.name, item.kind, item.default) for item in signature.parameters] == [
        ("a", "positional", None),
        ("b", "any", None),
        ("c", "any", "1.5"),
        ("rest", "rest", None),
        ("d", "keyword", None),
        ("e", "keyword", "False"),
        ("others", "keywords", None),
    ]
    assert signature.parameters[4].type == {"k": "literal", "v": ["x", "y"]}
    assert signature.tier == "annotation"
    assert signature.returns == {"k": "none"}


def test_overloads_are_kept_without_the_implementation(zoo: Module) -> None:
    signatures = function(zoo, "convert").signatures
    assert [item.returns for item in signatures] == [named("str"), named("int")]
    assert signatures[1].parameters[1].default == "10"


def keywords(function: Function, index: int = 0) -> dict[str, tuple[dict[str, Any] | None, bool]]:
    """Types of keyword-only parameters, and whether each is required."""
    parameters = function.signatures[index].parameters
    assert not [item for item in parameters if item.kind == "keywords"]
    return {item.name: (item.type, item.default is None) for item in parameters if item.kind == "keyword"}


def test_unpacked_typed_dicts_are_keyword_parameters(zoo: Module) -> None:
    reading = {
        "sep": (named("str"), False),
        "rows": ({"k": "union", "m": [named("int"), {"k": "none"}]}, False),
    }
    key = {"k": "any"}
    assert keywords(function(zoo, "read")) == {
        **reading,
        "convert": (named("typing.Mapping", key, named("int")), False),
    }
    convert = (named("typing.Mapping", named("str"), named("int")), False)
    style = ({"k": "literal", "v": ["bold", "plain"]}, False)
    assert keywords(function(zoo, "show")) == {
        "height": (named("int"), False),
        **reading,
        "convert": convert,
        "width": (named("int"), True),
        "style": style,
    }
    assert keywords(function(zoo, "close")) == {"now": (named("bool"), True), "class": (named("str"), False)}
    assert keywords(function(zoo, "close"), 1) == {
        **reading,
        "convert": convert,
        "width": (named("int"), True),
        "style": style,
    }


def test_containers(zoo: Module) -> None:
    (signature,) = function(zoo, "pairs").signatures
    assert signature.parameters[0].type == named("typing.Sequence", named("str"))
    assert signature.parameters[1].type == {
        "k": "union",
        "m": [named("typing.Mapping", named("str"), named("list", named("int"))), {"k": "none"}],
    }
    assert signature.returns == {"k": "tuple", "m": [named("str"), named("int")], "rest": False}


def test_docstring_types_fill_what_annotations_leave_open(zoo: Module) -> None:
    (signature,) = function(zoo, "untyped").signatures
    assert signature.tier == "docstring"
    assert signature.parameters[0].type == {
        "k": "union",
        "m": [{"k": "literal", "v": ["left", "right"]}, {"k": "none"}],
    }
    assert signature.returns == named("float")


def test_class_arguments_replace_type_variables(zoo: Module) -> None:
    box = cls(zoo, "NumberBox")
    item = next(entry for entry in box.attributes if entry.name == "item")
    assert item.type == named("int")
    assert item.writable
    assert function(box, "__getitem__").signatures[0].returns == named("int")
    assert [entry.binding for entry in (function(box, "empty"), function(box, "measure"))] == ["class", "static"]


def test_dataclass_enum_and_constants(zoo: Module) -> None:
    point = cls(zoo, "Point")
    assert [(item.name, item.type) for item in point.constructor[0].parameters] == [
        ("x", named("float")),
        ("y", named("float")),
        ("label", {"k": "union", "m": [named("str"), {"k": "none"}]}),
    ]
    color = cls(zoo, "Color")
    assert color.kind == "enum"
    assert [item.name for item in color.attributes if item.static] == ["GREEN", "RED"]
    values = {item.name: item.value for item in zoo.attributes}
    assert values["HUGE"] == {"type": "int", "text": str(2**70)}
    assert values["PI"] == {"type": "float", "text": "3.5"}


def test_names_from_elsewhere_are_left_out(zoo: Module) -> None:
    names = {item.name for item in zoo.functions} | {item.name for item in zoo.classes}
    names |= {item.name for item in zoo.attributes}
    assert not names & {
        "dataclasses",
        "enum",
        "sys",
        "Generic",
        "TYPE_CHECKING",
        "TypedDict",
        "overload",
        "Sequence",
        "annotations",
        "T",
    }


def test_stub_wins_and_names_of_stubs_alone_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FIXTURES))
    module = Describer(Reader(Finder()), "zoo", Selection()).module("zoo.stubbed")
    assert [item.name for item in module.functions] == ["area"]
    (signature,) = module.functions[0].signatures
    assert signature.tier == "stub"
    assert signature.parameters[0].type == {"k": "union", "m": [named("int"), named("float")]}
    assert signature.parameters[1].default == "1"


def test_selection_globs() -> None:
    selection = Selection(include=["read_*", "linalg.svd"], exclude=["read_sql*"])
    assert [selection.wants(name) for name in ("read_csv", "read_sql_table", "linalg.svd", "mean")] == [
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int, default=5", named("int")),
        ("array-like of shape (n_samples, n_features)", named("numpy.typing.ArrayLike")),
        ("list of str, optional", named("list", named("str"))),
        ("bool or None", {"k": "union", "m": [named("bool"), {"k": "none"}]}),
        ("list, length=2 * len(arrays)", named("list", {"k": "any"})),
        ("some prose about it", None),
    ],
)
def test_docstring_words(text: str, expected: dict[str, Any] | None) -> None:
    assert parse_type(text) == expected


def run(library: str, **changes: object) -> tuple[list[dict[str, Any]], int]:
    """Run the real entry point; its events and exit status."""
    read, write = os.pipe()
    request = {
        "library": library,
        "submodules": [],
        "include": [],
        "exclude": [],
        "skip": [],
        "pythonPaths": [str(FIXTURES)],
        "typeshed": None,
        **changes,
    }
    code = (
        "import os, sys; fd = int(sys.argv[1]); os.dup2(fd, 3); "
        f"sys.path.insert(0, {str(SOURCES)!r}); import runpy; "
        "runpy.run_module('snakebridge.introspect', run_name='__main__', alter_sys=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(write)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[write, 3] if write != 3 else [3],
    ) as process:
        os.close(write)
        assert process.stdin is not None
        process.stdin.write(json.dumps(request).encode())
        process.stdin.close()
        with os.fdopen(read, encoding="utf-8") as stream:
            events = [json.loads(line) for line in stream]
    return events, process.returncode


def test_prints_and_failures_of_modules_do_not_touch_the_report() -> None:
    events, status = run("zoo", submodules=["broken", "fine"])
    kinds = [event["event"] for event in events]
    assert kinds[0] == "environment"
    assert kinds[-1] == "done"
    failed = next(event for event in events if event["event"] == "failed")
    assert failed == {"event": "failed", "module": "zoo.broken", "error": "RuntimeError: broken at import"}
    assert [event["module"]["name"] for event in events if event["event"] == "module"] == ["zoo", "zoo.fine"]
    assert status == 0


def test_a_crash_leaves_what_came_before() -> None:
    events, status = run("zoo", submodules=["fine", "crash"])
    assert status == 3
    assert [event["module"]["name"] for event in events if event["event"] == "module"] == ["zoo", "zoo.fine"]
    assert events[-1] == {"event": "start", "module": "zoo.crash"}


def test_the_static_reader_needs_no_import() -> None:
    reader = Reader(Finder())
    scope = reader.module("snakebridge.introspect._model")
    assert scope is not None
    found = reader.resolve(scope, "Signature", frozenset())
    assert found is not None
    assert isinstance(found.definition.class_node, ast.ClassDef)
