"""Types that only a docstring states: numpydoc and Google sections.

The weakest source, used where there is neither stub nor annotation (all of scikit-learn). Only words with one clear
meaning count; the rest stays Any.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ._model import ANY, CALLABLE, NONE, SELF, TypeExpr, named, union

WORDS: dict[str, TypeExpr] = {
    "int": named("int"),
    "integer": named("int"),
    "ints": named("int"),
    "float": named("float"),
    "scalar": ANY,
    "number": named("float"),
    "bool": named("bool"),
    "boolean": named("bool"),
    "str": named("str"),
    "string": named("str"),
    "strings": named("str"),
    "bytes": named("bytes"),
    "none": NONE,
    "dict": named("dict", named("str"), ANY),
    "list": named("list", ANY),
    "set": named("set", ANY),
    "tuple": {"k": "tuple", "m": [ANY], "rest": True},
    "callable": CALLABLE,
    "function": CALLABLE,
    "ndarray": named("numpy.ndarray"),
    "numpy.ndarray": named("numpy.ndarray"),
    "np.ndarray": named("numpy.ndarray"),
    "array": named("numpy.ndarray"),
    "numpy array": named("numpy.ndarray"),
    "array-like": named("numpy.typing.ArrayLike"),
    "array_like": named("numpy.typing.ArrayLike"),
    "arraylike": named("numpy.typing.ArrayLike"),
    "sparse matrix": named("snakebridge.Object"),
    "sparse array": named("snakebridge.Object"),
    "randomstate instance": named("numpy.random.mtrand.RandomState"),
    "object": ANY,
    "path-like": named("_typeshed.StrPath"),
    "estimator object": named("snakebridge.Object"),
    "estimator instance": named("snakebridge.Object"),
}
SECTION = re.compile(r"^(?P<title>[A-Z][A-Za-z ]+)\n-{3,}\s*$", re.MULTILINE)
GOOGLE = re.compile(r"^(Args|Arguments|Parameters|Returns|Attributes):\s*$", re.MULTILINE)
ENTRY = re.compile(r"^(?P<names>\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*:\s*(?P<type>\S.*)$")
GOOGLE_ENTRY = re.compile(r"^\s+(?P<names>\*{0,2}\w+)\s*\((?P<type>[^)]+)\):")
QUALIFIERS = re.compile(
    r"\b(?:of|with|and)?\s*(?:shape|length|dtype|size|type)\s*=?\s*(?:\([^)]*\)|\[[^\]]*\]|[\w.`]+)"
    r"|\([^)]*\)"
    r"|,?\s*(?:optional|default\s*[=:]?\s*.*|keyword-only|required|must be.*)"
)


ClassFinder = Callable[[str], TypeExpr | None]
"""Finds the class that a word of a docstring names, such as DataFrame or matplotlib.axes.Axes."""


def no_classes(_word: str) -> TypeExpr | None:
    """Finds no class at all."""
    return None


@dataclass(slots=True)
class DocTypes:
    """Types found in one docstring."""

    parameters: dict[str, TypeExpr] = field(default_factory=dict)
    attributes: dict[str, TypeExpr] = field(default_factory=dict)
    returns: TypeExpr | None = None


def read_docstring(doc: str, find_class: ClassFinder = no_classes) -> DocTypes:
    """Read the types a docstring states."""
    result = DocTypes()
    sections = _sections(doc)
    for title, body in sections.items():
        if title in ("Parameters", "Other Parameters", "Args", "Arguments"):
            result.parameters.update(_entries(body, find_class))
        elif title == "Attributes":
            result.attributes.update(_entries(body, find_class))
        elif title == "Returns":
            result.returns = _returns(body, find_class)
    return result


def _sections(doc: str) -> dict[str, str]:
    marks = list(SECTION.finditer(doc)) or list(GOOGLE.finditer(doc))
    found: dict[str, str] = {}
    for index, mark in enumerate(marks):
        end = marks[index + 1].start() if index + 1 < len(marks) else len(doc)
        found[(mark.groupdict().get("title") or mark.group(1)).strip()] = doc[mark.end() : end]
    return found


def _entries(body: str, find_class: ClassFinder) -> dict[str, TypeExpr]:
    found: dict[str, TypeExpr] = {}
    for line in body.splitlines():
        match = ENTRY.match(line) or GOOGLE_ENTRY.match(line)
        if match is None:
            continue
        type_ = parse_type(match.group("type"), find_class)
        if type_ is not None:
            for name in match.group("names").split(","):
                found[name.strip().lstrip("*")] = type_
    return found


def _returns(body: str, find_class: ClassFinder) -> TypeExpr | None:
    heads = [line for line in body.splitlines() if line and not line.startswith((" ", "\t"))]
    types: list[TypeExpr] = []
    for head in heads:
        match = ENTRY.match(head)
        if match is not None and match.group("names") == "self":
            types.append(SELF)
            continue
        type_ = parse_type(match.group("type") if match is not None else head, find_class)
        if type_ is None:
            return None
        types.append(type_)
    if not types:
        return None
    return types[0] if len(types) == 1 else {"k": "tuple", "m": types, "rest": False}


def _class_word(part: str) -> str:
    """The name in "pandas Series", ".Axes" or "Series of str"."""
    word = re.sub(r"^(?:or|an?|the|pandas)\s+", "", part.strip())
    return re.sub(r"\s+(?:of|with)\s.*$", "", word).lstrip(".")


def parse_type(text: str, find_class: ClassFinder = no_classes) -> TypeExpr | None:
    """Read a type as docstrings write it; None when any part is not understood."""
    text = re.sub(r",?\s*(?:length|len)\s*=.*$", "", text.strip().rstrip("."))
    members: list[TypeExpr] = []

    def choices(match: re.Match[str]) -> str:
        inner = match.group(1)
        literals: list[object] = []
        for part in inner.split(","):
            part = part.strip()
            try:
                value = ast.literal_eval(part)
            except (ValueError, SyntaxError):
                word = WORDS.get(part.lower())
                if word is not None:
                    members.append(word)
                continue
            if value is None:
                members.append(NONE)
            elif isinstance(value, (str, bool, int)):
                literals.append(value)
        if literals:
            members.append({"k": "literal", "v": literals})
        return ""

    text = re.sub(r"\{([^}]*)\}", choices, text)
    text = QUALIFIERS.sub("", text).replace("`", "").replace("~", "").replace(":class:", "")
    for part in re.split(r"\s+or\s+|,|\||/", text):
        word = re.sub(r"^(?:or|an?|the)\s+", "", part.strip().lower()).strip()
        if not word or word == "or":
            continue
        repeated = re.match(r"^(list|tuple|sequence|iterable|set) of (.+)$", word)
        if repeated is not None:
            inner = WORDS.get(repeated.group(2), ANY)
            if repeated.group(1) == "tuple":
                members.append({"k": "tuple", "m": [inner], "rest": True})
            else:
                kind = {"list": "list", "set": "set"}.get(repeated.group(1), "typing.Sequence")
                members.append(named(kind, inner))
            continue
        known = WORDS.get(word) or find_class(_class_word(part))
        if known is None:
            return None
        members.append(known)
    return union(members) if members else None
