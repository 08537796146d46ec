"""Expressions and statements: what they bind, how they fail, and what they leave behind."""

from __future__ import annotations

import gc
import linecache
import pickle
import sys
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from snakebridge._internal import expressions
from snakebridge._internal.packing import Ext, pack
from snakebridge._internal.problems import Problem
from support.host import KEEP, NONE, REF, CallFailed, Host

EVALUATE, EXECUTE = 9, 10


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    for session in list(expressions._spaces):
        expressions.forget(session)


def evaluate(text: str, *holes: Any, session: str = "s", **imports: str) -> Any:
    return expressions.evaluate(session, text.replace("$", "\0"), list(holes), imports or None)


def execute(text: str, session: str = "s", **variables: Any) -> Any:
    return expressions.execute(session, text, [], variables or None)


def refused(text: str, *holes: Any) -> SyntaxError:
    with pytest.raises(SyntaxError) as raised:
        evaluate(text, *holes)
    return raised.value


@pytest.mark.parametrize(
    ("text", "holes", "value"),
    [
        ("$ + $", [1, 2], 3),
        ("$", ["'); x = ('"], "'); x = ('"),
        ("[x * $ for x in $ if x != $]", [2, [1, 2, 3], 2], [2, 6]),
        ("[[$ for _ in range($)] for _ in range($)]", [1, 2, 1], [[1, 1]]),
        ("(lambda: [(lambda: $)() for _ in [0]])()", [7], [7]),
        ("{k: $ for k in 'ab'}", [1], {"a": 1, "b": 1}),
        ("sum($ for _ in range(3))", [2], 6),
        ("(y := $) + y", [3], 6),
        ("f'{$}{$!r:>4}'", [1, "a"], "1 'a'"),
        ("f'{$ = }'", [1], "${0} = 1"),
        ("f'{$:{$}}'", [1, ">3"], "  1"),
        ("\n  $\n  + $\n", [1, 2], 3),
        ("$  # a 'comment", [1], 1),
        ("(1,\n$)", [2], (1, 2)),
        ('"""\n  $"""', [], None),
        ("len('''a\n b''')\n+ $", [1], 5),
        ("_a0_ if False else $", [1], 1),
        ("$ if '__builtins__' in globals() else 0", [1], 1),
        ("[*$, *$]", [[1], [2]], [1, 2]),
        ("dict(**$)", [{"a": 1}], {"a": 1}),
        ("$[1:3, ...] if 0 else 1", [1], 1),
        (" + ".join(["$"] * 300), [1] * 300, 300),
    ],
)
def test_values(text: str, holes: list[Any], value: Any) -> None:
    if value is None:
        refused(text, 1)
    else:
        assert evaluate(text, *holes) == value


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("'$'", "inside a string", 1, 2),
        ("1 + b'$'", "inside a string", 1, 7),
        ("f'a$'", "inside a string", 1, 4),
        ("1 # $", "inside a comment", 1, 5),
        ("1 +\n  2 # $", "inside a comment", 2, 7),
        ("x$", "touches a name", 1, 2),
        ("$.y.$", "Python expects a name", 1, 8),
        ("dict($=1)", "Python expects a name", 1, 6),
        ("lambda $: 1", "Python expects a name", 1, 8),
        ("[0 for $ in [1]]", "cannot be assigned", 1, 8),
        ("($ := 2)", "cannot be assigned", 1, 2),
        ("1 + (yield $)", "'yield'", 1, 6),
        ("[z for z in [(yield $)]]", "'yield'", 1, 15),
        ("await $", "'await'", 1, 1),
        ("'é' + $ $", "invalid syntax", 1, 12),
        ("$ +\n (2 @@ $)", "invalid syntax", 2, 6),
        ("f($,", "never closed", 1, 2),
        (") + ($", "unmatched", 1, 1),
    ],
)
def test_syntax_errors_point_at_their_place(text: str, message: str, line: int, column: int) -> None:
    error = refused(text, *range(text.count("$")))
    assert message in str(error.msg)
    assert (error.lineno, error.offset) == (line, column)
    first, *rest = text.split("$")
    shown = first + "".join(f"${{{index}}}{part}" for index, part in enumerate(rest))
    assert (error.text or "").rstrip("\n") == shown.splitlines()[line - 1]


@pytest.mark.parametrize("text", ["1)\n+(2", "1) + (2", "(1))\n+ ((2)", "a\n) + (b", "lambda a=(yield): a", "", " \n "])
def test_what_is_no_expression(text: str) -> None:
    refused(text)


def test_statements_are_pointed_to_exec() -> None:
    error = refused("x = $", 1)
    assert "statements go to exec()" in "".join(vars(error)["__notes__"])
    assert "__notes__" not in vars(refused("x = = $", 1))


def test_functions_keep_their_holes_and_see_names_of_later() -> None:
    functions = [evaluate("lambda: ($, later)", number) for number in (1, 2)]
    execute("later = 3")
    assert [function() for function in functions] == [(1, 3), (2, 3)]


def test_expressions_bind_no_names() -> None:
    evaluate("(leak := $)", 1)
    with pytest.raises(NameError) as raised:
        evaluate("leak")
    assert "exec()" in vars(raised.value)["__notes__"][0]
    execute("other = 1")
    with pytest.raises(NameError) as raised:
        evaluate("leak")
    assert "__notes__" not in vars(raised.value)


def test_imports() -> None:
    assert evaluate("m.floor($) + len(p.sep)", 2.5, m="math", p="os.path") == 3
    with pytest.raises(SyntaxError, match="'a b' is no name"):
        evaluate("1", **{"a b": "math"})
    with pytest.raises(SyntaxError, match="'class' is no name"):
        expressions.execute("s", "1", [], {"class": 1})
    with pytest.raises(ModuleNotFoundError):
        evaluate("m", m="no_such_module_at_all")


def test_tracebacks_show_the_lines() -> None:
    execute("def fails(x):\n    return x / 0")
    with pytest.raises(ZeroDivisionError) as raised:
        evaluate("0 +\n  fails($)", 1)
    frames = traceback.extract_tb(raised.value.__traceback__)[-2:]
    assert [(frame.name, frame.lineno, frame.line) for frame in frames] == [
        ("<expression>", 2, "fails(${0})"),
        ("fails", 2, "return x / 0"),
    ]


def test_statements() -> None:
    assert execute("x = 1\nx + y", y=2) == 3
    assert execute("\n    z = 5\n    if z:\n        z += 1\n    z\n") == 6
    assert execute("") is None
    assert execute('  text = """\n a\n  b"""\n  text') == "\n a\nb"
    assert execute("from __future__ import annotations\ndef f(a: nope): ...\nf.__annotations__") == {"a": "nope"}
    with pytest.raises(SyntaxError) as raised:
        execute("\n  def f(:\n    pass")
    assert (raised.value.lineno, (raised.value.text or "").rstrip()) == (2, "def f(:")
    with pytest.raises(SyntaxError) as raised:
        execute("return 1")
    assert raised.value.text == "return 1"


def test_sessions_have_modules_of_their_own() -> None:
    execute("class Thing:\n    pass\nx = 1", session="a.b")
    execute("x = 2", session="a b")
    execute("x = 3", session="default")
    assert [evaluate("x", session=session) for session in ("a.b", "a b", "default")] == [1, 2, 3]
    name = evaluate("Thing.__module__", session="a.b")
    assert name == "__exec_a_b__"
    assert evaluate("__name__", session="a b") == "__exec_a_b__2"
    assert evaluate("__name__", session="default") == "__exec__"
    assert type(pickle.loads(pickle.dumps(evaluate("Thing()", session="a.b")))).__name__ == "Thing"
    expressions.forget("a.b")
    assert name not in sys.modules
    with pytest.raises(NameError):
        evaluate("x", session="a.b")


def test_the_end_of_a_session_frees_what_its_functions_could_see() -> None:
    gc.disable()
    try:
        execute("class Large: pass\nlarge = Large()\ndef use(): return large")
        alive = weakref.ref(evaluate("large"))
        expressions.forget("s")
        assert alive() is None
    finally:
        gc.enable()


def test_compiled_texts_are_bounded() -> None:
    for number in range(expressions.MAX_CODES + 50):
        assert evaluate(f"$ + {number}", 1) == number + 1
    assert len(expressions._codes) == expressions.MAX_CODES
    known = {compiled.file for compiled in expressions._codes.values()}
    assert {file for file in linecache.cache if file.startswith(("<py ", "<exec "))} <= known
    evaluate("'" + "a" * expressions.MAX_CHARS + "'")
    assert len(expressions._codes) == 1
    assert expressions._chars == sum(compiled.size for compiled in expressions._codes.values())


def test_a_text_is_compiled_once() -> None:
    evaluate("$ * 3", 1)
    numbers = expressions._number
    assert evaluate("$ * 3", 2) == 6
    assert expressions._number == numbers


def test_messages_that_make_no_sense() -> None:
    calls: list[Callable[[], Any]] = [
        lambda: expressions.evaluate("s", 3, [], None),
        lambda: expressions.evaluate("s", "\0", [], None),
        lambda: expressions.evaluate("s", "1", [1], None),
        lambda: expressions.evaluate("s", "1", [], {"m": 1}),
        lambda: expressions.execute("s", 3, [], None),
        lambda: expressions.execute("s", "1", [1], None),
    ]
    for call in calls:
        with pytest.raises(Problem):
            call()


def test_over_the_wire(tmp_path: Any) -> None:
    # A file of the user's folder must not stand in for a module that the worker needs.
    (tmp_path / "ast.py").write_text("raise RuntimeError('not the real one')")
    with Host(cwd=str(tmp_path)) as host:
        assert host.call("\0 + \0", "", 1, 2, kind=EVALUATE) == 3
        kept = host.start(EXECUTE, "class P:\n    x = 4\nP()", flags=REF)
        host.answer(kept)
        assert host.call("\0.x + \0", "", Ext(15, pack([kept])), 1, kind=EVALUATE) == 5
        # A result that is kept is there for calls sent at once.
        first = host.start(EVALUATE, "P", flags=KEEP | NONE)
        second = host.start(EVALUATE, "\0.x", args=[Ext(15, pack([first]))])
        assert host.answer(first) is None
        assert host.answer(second) == 4
        with pytest.raises(CallFailed) as raised:
            host.call("'\0'", "", 1, kind=EVALUATE)
        assert raised.value.failure["type"] == "builtins.SyntaxError"
        assert "  File \"<py>\", line 1\n    '${0}'\n     ^^^^\n" in raised.value.failure["traceback"]
        assert "Traceback" not in raised.value.failure["traceback"]
        host.last += 1
        host.send([2, 1, host.last, "s"])
        host.answer(host.last)
        with pytest.raises(CallFailed) as raised:
            host.call("P", kind=EVALUATE)
        assert raised.value.failure["type"] == "builtins.NameError"
