# Expressions and statements of the host (proto/PROTOCOL.md 3.1, kinds 9 and 10). Loaded with the first of them.
#
# A hole of an expression never becomes text. The text is parsed with a placeholder in its place: an identifier that the
# text does not contain and that is as long as `${0}`, so that columns of errors stay true. In the tree it is then
# renamed to `${0}`, which no text can spell. The expression becomes the body of a function whose parameters are the
# holes: comprehensions and lambdas see them as they see any variable around them, and keep them.
from __future__ import annotations
import __future__

import ast
import builtins
import keyword
import linecache
import re
import sys
import tokenize
from io import StringIO
from types import CodeType, FunctionType, ModuleType

from snakebridge._internal.calls import import_module
from snakebridge._internal.problems import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NoReturn

HOLE = "\0"
# Compiled code and the lines that tracebacks show; what was used least recently goes first.
MAX_CODES = 256
MAX_CHARS = 1 << 20

# Flags of the code of generators, coroutines and asynchronous generators.
_SUSPENDS = 0x20 | 0x80 | 0x200
_LETTERS = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Compiled:
    """One text, ready to run."""

    __slots__ = ("file", "last", "main", "size")

    def __init__(self, file: str, size: int, main: CodeType, last: CodeType | None) -> None:
        self.file = file
        self.size = size
        # The function of an expression, or statements.
        self.main = main
        # The expression that the statements end with.
        self.last = last


_codes: dict[tuple[str, ...], Compiled] = {}
_chars = 0
_number = 0
_spaces: dict[str, ModuleType] = {}
# Sessions that ran statements.
_used: set[str] = set()


def evaluate(session: str, text: Any, args: list[Any], imports: dict[str, Any] | None) -> Any:
    """Evaluates an expression with `args` in its holes and modules under the names that `imports` gives.

    Raises:
        Problem: If the message makes no sense.
        SyntaxError: If the text is no expression, or a hole stands where no value can.
        BaseException: Whatever the expression raises.
    """
    if type(text) is not str or text.count(HOLE) != len(args):
        raise Problem("Cannot evaluate: target is no text with as many holes as there are arguments")
    names = {} if imports is None else imports
    for module in names.values():
        if type(module) is not str or not module:
            raise Problem(f"Cannot evaluate: an import names {module!r:.100}, expected a module name")
    key = ("eval", text, *names)
    compiled = _codes.get(key)
    if compiled is None:
        check_names(names)
        compiled = _add(key, *_compile_expression(text, tuple(names)))
    else:
        _codes[key] = _codes.pop(key)
    space = space_of(session)
    modules = [import_module(module) for module in names.values()]
    try:
        return FunctionType(compiled.main, space)(*args, *modules)
    except NameError as error:
        _explain_name(error, session)
        raise


def execute(session: str, text: Any, args: list[Any], variables: dict[str, Any] | None) -> Any:
    """Runs statements in the names of the session, and gives the value of the expression they end with, else None.

    Raises:
        Problem: If the message makes no sense.
        SyntaxError: If the text is no Python, or a variable has no usable name.
        BaseException: Whatever the statements raise.
    """
    if type(text) is not str or args:
        raise Problem("Cannot execute: target is no text, or there are positional arguments")
    key = ("exec", text)
    compiled = _codes.get(key)
    if compiled is None:
        compiled = _add(key, *_compile_statements(text))
    else:
        _codes[key] = _codes.pop(key)
    space = space_of(session)
    _used.add(session)
    if variables:
        check_names(variables)
        space.update(variables)
    exec(compiled.main, space)
    return None if compiled.last is None else eval(compiled.last, space)


def space_of(session: str) -> dict[str, Any]:
    """The names of a session. They are those of a module, because classes and pickles look theirs up."""
    module = _spaces.get(session)
    if module is None:
        name = base = "__exec__" if session == "default" else f"__exec_{re.sub(r'[^a-zA-Z0-9_]', '_', session)}__"
        number = 1
        while name in sys.modules:
            number += 1
            name = f"{base}{number}"
        module = _spaces[session] = sys.modules[name] = ModuleType(name, None)
        vars(module)["__builtins__"] = builtins
    return vars(module)


def forget(session: str) -> None:
    """Lets go of the names of a session that has ended."""
    module = _spaces.pop(session, None)
    if module is None:
        return
    if sys.modules.get(module.__name__) is module:
        del sys.modules[module.__name__]
    del module
    if session in _used:
        _used.discard(session)
        # A function refers to the names it was made among, so these form cycles; what they hold may be large.
        import gc

        gc.collect()


def check_names(names: dict[str, Any]) -> None:
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name) or name == "__builtins__":
            raise SyntaxError(f"{name!r} is no name that a variable can have")


def _add(key: tuple[str, ...], file: str, shown: str, main: CodeType, last: CodeType | None) -> Compiled:
    global _chars
    compiled = _codes[key] = Compiled(file, len(key[1]), main, last)
    _chars += compiled.size
    # No time stands in the entry, so nobody checks it against a file.
    linecache.cache[file] = (len(shown), None, shown.splitlines(True), file)
    while len(_codes) > 1 and (len(_codes) > MAX_CODES or _chars > MAX_CHARS):
        old = _codes.pop(next(iter(_codes)))
        _chars -= old.size
        linecache.cache.pop(old.file, None)
    return compiled


def _next_file(kind: str) -> str:
    global _number
    _number += 1
    return f"<{kind} {_number}>"


class Marks:
    """The placeholders of the holes of one text."""

    def __init__(self, text: str) -> None:
        self.parts = text.split(HOLE)
        self.count = len(self.parts) - 1
        shape = self._free_shape(text)
        self.names = {f"{shape[0]}{index}{shape[1]}": f"${{{index}}}" for index in range(self.count)}
        self._pattern = re.compile("|".join(sorted(self.names, key=len, reverse=True))) if self.names else None
        self.source = "".join(part for pair in zip(self.parts, [*self.names, ""], strict=True) for part in pair).strip()

    def _free_shape(self, text: str) -> tuple[str, str]:
        for first in _LETTERS:
            for second in _LETTERS:
                for last in _LETTERS:
                    if not re.search(f"{first}{second}[0-9]+{last}", text):
                        return first + second, last
        raise Problem("Cannot evaluate: the text uses up all names that could stand for its holes")

    def show(self, text: str) -> str:
        """The text with holes as the host's programmer wrote them."""
        return text if self._pattern is None else self._pattern.sub(lambda found: self.names[found[0]], text)

    def places(self) -> Iterator[tuple[str, int]]:
        """The placeholders in the source, and where each begins."""
        if self._pattern is not None:
            for found in self._pattern.finditer(self.source):
                yield found[0], found.start()


class Renamer(ast.NodeTransformer):
    """Gives holes their real names, and refuses what the body of a function would take and an expression must not."""

    def __init__(self, marks: Marks, file: str) -> None:
        self.marks = marks
        self.file = file
        self.found: set[str] = set()
        self.inner = 0

    def visit_Name(self, node: ast.Name) -> ast.AST:
        shown = self.marks.names.get(node.id)
        if shown is not None:
            if not isinstance(node.ctx, ast.Load):
                self.refuse(node, f"{shown} is a value, and cannot be assigned to")
            self.found.add(node.id)
            node.id = shown
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        # `f"{x = }"` shows the text of the expression.
        for part in node.values:
            if isinstance(part, ast.Constant) and type(part.value) is str and "=" in part.value:
                part.value = self.marks.show(part.value)
        return self.generic_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self.visit_inner(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self.visit_inner(node)

    def visit_inner(self, node: ast.AST) -> ast.AST:
        self.inner += 1
        self.generic_visit(node)
        self.inner -= 1
        return node

    def visit_Yield(self, node: ast.Yield) -> ast.AST:
        if not self.inner:
            self.refuse(node, "'yield' is not possible in an expression")
        return self.generic_visit(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.AST:
        if not self.inner:
            self.refuse(node, "'yield from' is not possible in an expression")
        return self.generic_visit(node)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        if not self.inner:
            self.refuse(
                node,
                "'await' is not possible in an expression: leave it out at its front, where a coroutine is awaited "
                "anyway, or define an async function by exec() and call that",
            )
        return self.generic_visit(node)

    def visit(self, node: ast.AST) -> Any:
        # From 3.14 on, an interpolation of a t-string keeps its text.
        if type(node).__name__ == "Interpolation":
            node.str = self.marks.show(node.str)  # type: ignore[attr-defined]
        return super().visit(node)

    def refuse(self, node: ast.expr, message: str) -> NoReturn:
        lines = self.marks.source.splitlines()
        line = lines[node.lineno - 1]
        begin = len(line.encode()[: node.col_offset].decode())
        end_line = node.end_lineno or node.lineno
        end = len(lines[end_line - 1].encode()[: node.end_col_offset].decode())
        place = (self.file, node.lineno, begin + 1, self.marks.show(line), end_line, end + 1)
        raise SyntaxError(message, place)


def _compile_expression(text: str, names: Sequence[str]) -> tuple[str, str, CodeType, None]:
    marks = Marks(text)
    file = "<py>"
    try:
        if not marks.source:
            raise SyntaxError("the expression is empty", (file, 1, 1, "", 1, 1))
        tree = _parse_expression(marks.source, file)
        renamer = Renamer(marks, file)
        body = renamer.visit(tree.body)
        if len(renamer.found) < marks.count:
            _refuse_lost_hole(marks, renamer.found, file)
        file = _next_file("py")
        module = _tree("def expression(): return 0", file, "exec")
        function = module.body[0]
        assert isinstance(function, ast.FunctionDef)
        function.name = "<expression>"
        function.args.args = [ast.arg(arg=name) for name in (*marks.names.values(), *names)]
        function.body = [ast.copy_location(ast.Return(value=body), body)]
        ast.fix_missing_locations(module)
        code = compile(module, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        _show(error, marks.source, marks)
        # Where in here, or in `ast`, it was found is nobody's business.
        raise error.with_traceback(None) from None
    main = next(part for part in code.co_consts if isinstance(part, CodeType))
    # What the renamer refuses by name, in the places that belong to the function though they stand in a lambda.
    if main.co_flags & _SUSPENDS:
        raise SyntaxError("'yield' is not possible in an expression", (file, 1, 1, marks.show(marks.source), 1, 1))
    return file, marks.show(marks.source), main, None


def _tree(source: str, file: str, mode: str) -> Any:
    """`ast.parse`, which would leave a frame of its own in the tracebacks of syntax errors."""
    return compile(source, file, mode, ast.PyCF_ONLY_AST, dont_inherit=True)


def _parse_expression(source: str, file: str) -> Any:
    """Parses an expression, which may go over several lines without being in brackets."""
    try:
        return _tree(source, file, "eval")
    except SyntaxError as error:
        first = error
    if "\n" in source:
        wrapped = f"(\n{source}\n)"
        try:
            tree = _tree(wrapped, file, "eval")
        except SyntaxError as error:
            # An error at one of our brackets says nothing about the text.
            if 1 < (error.lineno or 0) <= wrapped.count("\n"):
                error.lineno = (error.lineno or 0) - 1
                if error.end_lineno is not None:
                    error.end_lineno -= 1
                raise error from None
        else:
            if not _leaves_brackets(wrapped):
                ast.increment_lineno(tree, -1)
                return tree
    else:
        _hint_statement(first, source)
    raise first


def _leaves_brackets(wrapped: str) -> bool:
    """Whether the text closes the bracket put before it, as `1) + (2` does."""
    depth = 0
    tokens = [text for kind, text in _tokens(wrapped) if kind == "OP" and text in "()[]{}"]
    for text in tokens[:-1]:
        depth += 1 if text in "([{" else -1
        if depth == 0:
            return True
    return False


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    for token in tokenize.generate_tokens(StringIO(source).readline):
        yield tokenize.tok_name[token.type], token.string


def _hint_statement(error: SyntaxError, source: str) -> None:
    try:
        _tree(source, "", "exec")
    except SyntaxError:
        return
    add_note(error, "The template takes an expression; statements go to exec().")


def _refuse_lost_hole(marks: Marks, found: set[str], file: str) -> NoReturn:
    """Says why a hole did not become a variable."""
    source = marks.source
    name, place = next((name, place) for name, place in marks.places() if name not in found)
    line = source.count("\n", 0, place) + 1
    column = place - (source.rfind("\n", 0, place) + 1)
    shown = marks.names[name]
    why = "stands where Python expects a name or a keyword"
    # In brackets, where indentation means nothing to the tokenizer; they put every line one further down.
    for token in tokenize.generate_tokens(StringIO(f"(\n{source}\n)").readline):
        if token.start <= (line + 1, column) and (line + 1, column + len(name)) <= token.end:
            kind = tokenize.tok_name[token.type]
            if kind == "COMMENT":
                why = "is inside a comment"
            elif "STRING" in kind:
                why = 'is inside a string, where values are never filled in: put the two together by + or f"{...}"'
            elif kind == "NAME" and token.string != name:
                why = "touches a name"
            break
    text = source.splitlines()[line - 1]
    raise SyntaxError(f"{shown} {why}", (file, line, column + 1, marks.show(text), line, column + len(name) + 1))


def _show(error: SyntaxError, source: str, marks: Marks | None) -> None:
    """Gives a syntax error the line it speaks of, with holes as they were written."""
    lines = source.splitlines()
    if error.lineno is not None and 0 < error.lineno <= len(lines) and error.text is None:
        error.text = lines[error.lineno - 1]
    if marks is not None:
        error.text = error.text and marks.show(error.text)
        if type(error.msg) is str:
            error.msg = marks.show(error.msg)
            error.args = (error.msg, *error.args[1:])


def _compile_statements(text: str) -> tuple[str, str, CodeType, CodeType | None]:
    source = dedent(text)
    file = _next_file("exec")
    try:
        tree = _tree(source, file, "exec")
        last: ast.Expression | None = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        main = compile(tree, file, "exec", dont_inherit=True)
        end = None if last is None else compile(last, file, "eval", main.co_flags & _FUTURE_FLAGS, True)
    except SyntaxError as error:
        _show(error, source, None)
        raise
    return file, source, main, end


def _future_flags() -> int:
    flags = 0
    for name in __future__.all_feature_names:
        flags |= getattr(__future__, name).compiler_flag
    return flags


_FUTURE_FLAGS = _future_flags()


def dedent(text: str) -> str:
    """Takes the indentation of the first line that has text off all lines that begin with it."""
    found = re.search(r"^([ \t]+)[^ \t\r\n]", text, re.MULTILINE)
    first = re.search(r"^[ \t]*[^\s]", text, re.MULTILINE)
    if found is None or first is None or found.start() != first.start():
        return text
    return re.sub(f"^{found[1]}", "", text, flags=re.MULTILINE)


def add_note(error: BaseException, note: str) -> None:
    """`add_note`, which Python 3.10 does not have."""
    notes = vars(error).setdefault("__notes__", [])
    if type(notes) is list:
        notes.append(note)


def _explain_name(error: NameError, session: str) -> None:
    if session not in _used and type(error) is NameError:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is not None and trace.tb_frame.f_globals is space_of(session):
            add_note(
                error,
                "Names come from exec() in the same session, which has run nothing in this worker, "
                "and modules from the option `imports`.",
            )
