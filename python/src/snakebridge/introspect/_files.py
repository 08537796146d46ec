"""Where the static text of a module lives: its stubs, or its source.

Order: a stub package (`numpy-stubs`), stubs beside the source, typeshed, then the source itself. typeshed is not part
of Python; it is found where typeshed_client, mypy or jedi are installed on the interpreter's path, or in the folder
named by the caller. Without it the standard library is described by live introspection alone.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

TYPESHED_PLACES = {
    "typeshed_client": "typeshed_client/typeshed",
    "mypy": "mypy/typeshed/stdlib",
    "jedi": "jedi/third_party/typeshed/stdlib",
}


@dataclass(frozen=True, slots=True)
class TextFile:
    """Static text of a module."""

    path: Path
    is_stub: bool
    is_package: bool


class Finder:
    """Finds the static text of modules, in the order of the header."""

    def __init__(self, *, typeshed: str | None = None) -> None:
        self._folders = [Path(entry) for entry in sys.path if entry and Path(entry).is_dir()]
        self.typeshed: Path | None = None
        self.typeshed_from: str | None = None
        """Package and version that typeshed came with; generated files change when it does."""
        self._find_typeshed(typeshed)

    def _find_typeshed(self, explicit: str | None) -> None:
        if explicit is not None:
            folder = Path(explicit)
            self.typeshed = folder / "stdlib" if (folder / "stdlib").is_dir() else folder
            self.typeshed_from = "folder"
            return
        for package, place in TYPESHED_PLACES.items():
            for entry in self._folders:
                if (entry / place / "builtins.pyi").is_file():
                    self.typeshed = entry / place
                    self.typeshed_from = f"{package} {importlib.metadata.version(package)}"
                    return

    def find(self, module: str) -> TextFile | None:
        """Find the best text of a module, or None when there is only compiled code."""
        return self._find_stub(module) or _find_source(module)

    def _find_stub(self, module: str) -> TextFile | None:
        top, _, rest = module.partition(".")
        below = rest.replace(".", "/")
        for folder in self._folders:
            found = _pick(folder / f"{top}-stubs" / below) or _pick(folder / top / below)
            if found is not None:
                return found
        if self.typeshed is not None and (top in sys.stdlib_module_names or top == "_typeshed"):
            return _pick(self.typeshed / module.replace(".", "/"))
        return None


def _pick(base: Path) -> TextFile | None:
    inside = base / "__init__.pyi"
    if inside.is_file():
        return TextFile(inside, is_stub=True, is_package=True)
    beside = base.with_name(base.name + ".pyi")
    if beside.is_file():
        return TextFile(beside, is_stub=True, is_package=False)
    return None


def _find_source(module: str) -> TextFile | None:
    loaded = sys.modules.get(module)
    origin = getattr(loaded, "__file__", None)
    if origin is None:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, AttributeError, ValueError):
            return None
        origin = spec.origin if spec is not None else None
    if not isinstance(origin, str) or not origin.endswith(".py"):
        return None
    path = Path(origin)
    return TextFile(path, is_stub=False, is_package=path.name == "__init__.py") if path.is_file() else None
