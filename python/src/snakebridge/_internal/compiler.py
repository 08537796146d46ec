# Compiles the bundle when no cached code fits, which happens once for each version, interpreter and user. Run by the
# boot module as plain text, so it imports nothing that is not already loaded.
import marshal
import os

# `from __future__ import annotations` imports a real file, `__future__.py`, which the current folder may shadow. The
# flag has the same effect.
FUTURE_IMPORT = "from __future__ import annotations\n"
FUTURE_FLAG = 0x1000000


def compile_bundle(sources: dict[str, tuple[bool, str]], folder: str, path: "str | None") -> dict[str, bytes]:
    codes = {}
    for name, (_, text) in sources.items():
        code = compile(text.replace(FUTURE_IMPORT, "\n", 1), folder + name, "exec", FUTURE_FLAG, dont_inherit=True)
        codes[name] = marshal.dumps(code)
    if path is not None:
        save(path, marshal.dumps(codes))
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
