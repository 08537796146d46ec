# Makes the bundle of proto/PROTOCOL.md 1.2 importable: compiles its modules, keeps their code, loads them from memory.
# The boot module runs this one, compiled or as text, before anything of ours can be imported, so it imports only what
# is built into the interpreter.
import marshal
import os
import sys

TYPE_CHECKING = False  # what type checkers read as true; importing `typing` would double the time to start
if TYPE_CHECKING:
    from _frozen_importlib import ModuleSpec
    from types import CodeType, ModuleType

# Not of the form `<...>`, which linecache takes for text that nobody can show.
FOLDER = "<snakebridge>/"

# `from __future__ import annotations` imports a real file, `__future__.py`, which the current folder may shadow. The
# flag has the same effect.
FUTURE_IMPORT = b"from __future__ import annotations\n"
FUTURE_FLAG = 0x1000000

# A month: longer than a script that is run now and then may rest.
KEPT_S = 30 * 86_400


class BundleImporter:
    """Finds and loads the modules of the bundle from memory."""

    def __init__(self, sources: "dict[str, tuple[bool, bytes]]", codes: "dict[str, bytes]") -> None:
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
        return self._sources[name][1].decode()

    def is_package(self, name: str) -> bool:
        return self._sources[name][0]


def read_sources(data: bytearray) -> "dict[str, tuple[bool, bytes]]":
    """Takes the bundle apart: whether each module is a package, and its text."""
    sources: dict[str, tuple[bool, bytes]] = {}
    at = 0
    while at < len(data):
        split = at + 2 + int.from_bytes(data[at : at + 2], "little")
        start = split + 5
        end = start + int.from_bytes(data[split + 1 : start], "little")
        sources[data[at + 2 : split].decode()] = (bool(data[split]), bytes(data[start:end]))
        at = end
    return sources


def compile_all(sources: "dict[str, tuple[bool, bytes]]") -> "dict[str, bytes]":
    """Compiles every module; happens once for each version, interpreter and user."""
    codes = {}
    for name, (_, text) in sources.items():
        code = compile(text.replace(FUTURE_IMPORT, b"\n", 1), FOLDER + name, "exec", FUTURE_FLAG, dont_inherit=True)
        codes[name] = marshal.dumps(code)
    return codes


def save(path: str, data: bytes) -> None:
    """Writes the file whole or not at all; a cache that cannot be written costs time, never a failure."""
    draft = f"{path}.{os.getpid()}"
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
            os.replace(draft, path)
        except OSError:
            os.unlink(draft)
    except OSError:
        pass


def prune(folder: str) -> None:
    """Removes what versions left behind that were not started for long; drafts of killed writers, too."""
    from time import time

    try:
        for entry in os.scandir(folder):
            if entry.stat(follow_symlinks=False).st_atime < time() - KEPT_S:
                os.unlink(entry.path)
    except OSError:
        pass


def start(data: bytearray, codes: "dict[str, bytes] | None", path: "str | None") -> None:
    """Installs the importer and enters the worker; returns when the host says bye."""
    sources = read_sources(data)
    if codes is None or codes.keys() != sources.keys():
        codes = compile_all(sources)
        if path is not None:
            save(path, marshal.dumps(codes))
            prune(os.path.dirname(path))
    sys.meta_path.insert(0, BundleImporter(sources, codes))
    # What the stub and the boot module defined is not the user's.
    space = vars(sys.modules["__main__"])
    for name in [name for name in space if not name.startswith("__")]:
        del space[name]
    # `python -c` has the current folder first; until the worker is up, nothing of ours may come from there.
    in_folder = sys.path[:1] == [""]
    if in_folder:
        del sys.path[0]
    from snakebridge._internal import worker

    worker.main(in_folder)
