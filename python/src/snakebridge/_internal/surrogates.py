# Finds the text with a lone surrogate that made a result fail to encode. Such text is no Unicode and has no bytes.
from __future__ import annotations

from snakebridge._internal.problems import ValueProblem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_STEPS = 100_000


def surrogate_problem(root: Any) -> ValueProblem:
    """The failure for a value that holds text with a lone surrogate, with the path to it where it is found."""
    problem = ValueProblem("Cannot encode text: it has a lone surrogate", "builtins.str")
    stack: list[tuple[Any, tuple[str, ...]]] = [(root, ())]
    for _ in range(MAX_STEPS):
        if not stack:
            break
        value, path = stack.pop()
        if isinstance(value, str):
            if has_surrogate(value):
                problem.steps = list(reversed(path))
                break
        elif isinstance(value, dict):
            for key, item in dict.items(value):
                if isinstance(key, str) and not has_surrogate(key):
                    stack.append((item, (*path, f".{key}" if key.isidentifier() else f"[{key!r}]")))
                else:
                    stack.append((key, (*path, "{key}")))
                    stack.append((item, (*path, "[key]")))
        elif isinstance(value, (list, tuple, set, frozenset)):
            stack.extend((item, (*path, f"[{index}]")) for index, item in enumerate(value))
    return problem


def has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
