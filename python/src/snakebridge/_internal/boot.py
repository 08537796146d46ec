# The boot record of proto/PROTOCOL.md 1.2. `python -c STUB` reads this text from descriptor 3 and runs it, so it is
# compiled at every start: keep it short. It imports only what is built into the interpreter, because the current
# folder, which may hold a `struct.py` of the user, comes first in `sys.path`.
import _imp
import marshal
import os
import sys

TYPE_CHECKING = False  # what type checkers read as true; importing `typing` would double the time to start
if TYPE_CHECKING:
    from _frozen_importlib import ModuleSpec
    from collections.abc import Mapping
    from types import CodeType, ModuleType
    from typing import Any

# Not of the form `<...>`, which linecache takes for text that nobody can show.
FOLDER = "<snakebridge>/"


class BundleImporter:
    """Finds and loads the modules of the bundle from memory."""

    def __init__(self, sources: "dict[str, tuple[bool, str]]", codes: "Mapping[str, bytes]") -> None:
        self._sources = sources
        self._codes = codes

    def find_spec(self, name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        entry = self._sources.get(name)
        if entry is None:
            return None
        spec: ModuleSpec = type(sys.__spec__)(name, self, origin=FOLDER + name, is_package=entry[0])  # type: ignore[arg-type]
        return spec

    def create_module(self, spec: object) -> None:
        return None

    def exec_module(self, module: "ModuleType") -> None:
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, name: str) -> "CodeType":
        code: CodeType = marshal.loads(self._codes[name])
        return code

    def get_source(self, name: str) -> str:
        return self._sources[name][1]

    def is_package(self, name: str) -> bool:
        return self._sources[name][0]


def read_exactly(fd: int, length: int) -> bytearray:
    data = bytearray(length)
    view, done = memoryview(data), 0
    while done < length:
        count = os.readv(fd, [view[done:]])
        if not count:
            os._exit(0)
        done += count
    return data


def read_bundle(fd: int) -> "tuple[bytes, dict[str, tuple[bool, str]]]":
    data = read_exactly(fd, int.from_bytes(read_exactly(fd, 4), "little"))
    sources: dict[str, tuple[bool, str]] = {}
    at = 0
    while at < len(data):
        split = at + 2 + int.from_bytes(data[at : at + 2], "little")
        start = split + 5
        end = start + int.from_bytes(data[split + 1 : start], "little")
        sources[data[at + 2 : split].decode()] = (bool(data[split]), data[start:end].decode())
        at = end
    return bytes(data), sources


def cache_file(data: bytes) -> "str | None":
    """Names the file that holds the compiled bundle, or None where the folder is not the user's alone."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(home, "snakebridge")
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        found = os.lstat(folder)
    except OSError:
        return None
    if found.st_uid != os.geteuid() or found.st_mode & 0o170022 != 0o040000 or not os.path.isabs(folder):
        return None
    name = f"{_imp.source_hash(0x536E616B65, data).hex()}-{len(data)}-{sys.implementation.cache_tag}.bin"
    return os.path.join(folder, name)


def load_codes(data: bytes, sources: "dict[str, tuple[bool, str]]") -> "dict[str, bytes]":
    path = cache_file(data)
    if path is not None:
        try:
            with open(path, "rb") as file:
                # The header of a marshalled dict of bytes is all that is decoded here; each module follows on import.
                codes = marshal.load(file)
            if codes.keys() == sources.keys():
                return dict(codes)
        except (OSError, ValueError, EOFError, TypeError, AttributeError):
            pass
    space: dict[str, Any] = {"__name__": "snakebridge._internal.compiler"}
    exec(sources["snakebridge._internal.compiler"][1], space)
    compiled: dict[str, bytes] = space["compile_bundle"](sources, FOLDER, path)
    return compiled


def start(fd: int) -> None:
    data, sources = read_bundle(fd)
    sys.meta_path.insert(0, BundleImporter(sources, load_codes(data, sources)))
    # `python -c` has the current folder first; until the worker is up, nothing of ours may come from there.
    in_folder = sys.path[:1] == [""]
    if in_folder:
        del sys.path[0]
    from snakebridge._internal import worker

    worker.main(in_folder)


if __name__ in ("snakebridge.boot", "__main__"):
    start(3)
