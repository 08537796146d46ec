"""Entry point: reads a request from standard input, writes events to descriptor 3, one JSON object per line.

Standard output and standard error belong to the modules that are imported: whatever they print cannot touch the
report. Each module is reported as soon as it is done, so that the host loses nothing when a later one crashes the
process or never returns.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import pkgutil
import platform
import sys
import warnings
from typing import Any

from ._describe import Describer, Selection
from ._files import Finder
from ._model import Module
from ._scopes import Reader


def main() -> None:
    """Serve one request: describe the modules of one library."""
    # The descriptor is moved away and not inherited: nothing a module does to low descriptors reaches it.
    output = os.fdopen(os.dup(3), "w", encoding="utf-8")
    os.close(3)
    request = json.loads(sys.stdin.buffer.read())

    def emit(event: str, **fields: Any) -> None:
        output.write(json.dumps({"event": event, **fields}, ensure_ascii=True, separators=(",", ":")) + "\n")
        output.flush()

    warnings.simplefilter("ignore")
    os.environ.setdefault("MPLBACKEND", "Agg")
    sys.path[:0] = request["pythonPaths"]
    library: str = request["library"]
    finder = Finder(typeshed=request["typeshed"])
    emit(
        "environment",
        python=list(sys.version_info[:3]),
        implementation=sys.implementation.name,
        platform=sys.platform,
        machine=platform.machine(),
        typeshed=finder.typeshed_from,
    )
    describer = Describer(Reader(finder), library, Selection(request["include"], request["exclude"]))
    modules: list[Module] = []
    for name in _module_names(library, request["submodules"], emit):
        if name in request["skip"]:
            continue
        emit("start", module=name)
        try:
            module = describer.module(name)
        except BaseException as error:
            emit("failed", module=name, error=f"{type(error).__name__}: {error}")
            continue
        modules.append(module)
        emit("module", module=dataclasses.asdict(module))
    emit("start", module=f"{library} (classes of results)")
    emit("reached", classes=[dataclasses.asdict(item) for item in describer.reached(modules)])
    emit("done", distribution=_distribution(library))
    output.close()
    # Exit handlers of imported libraries may hang or crash; nothing of theirs is needed any more.
    os._exit(0)


def _module_names(library: str, submodules: list[str] | bool, emit: Any) -> list[str]:
    if isinstance(submodules, list):
        return [library, *(f"{library}.{name}" for name in submodules)]
    if not submodules:
        return [library]
    emit("start", module=library)
    try:
        root = __import__(library, fromlist=["*"])
    except BaseException as error:
        emit("failed", module=library, error=f"{type(error).__name__}: {error}")
        return []
    found = [item.name for item in pkgutil.iter_modules(getattr(root, "__path__", [])) if not item.name.startswith("_")]
    return [library, *(f"{library}.{name}" for name in sorted(found) if name not in ("tests", "conftest"))]


def _distribution(library: str) -> dict[str, str] | None:
    top = library.partition(".")[0]
    if top in sys.stdlib_module_names:
        return None
    # Before Python 3.11 the table lacks wheels that do not list their modules; most carry their module's name.
    found = sorted(set(importlib.metadata.packages_distributions().get(top, [])))
    for name in [top, *found] if top in found or not found else found:
        try:
            return {"name": name, "version": importlib.metadata.version(name)}
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


main()
