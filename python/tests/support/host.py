"""A small host: spawns the real worker over socket pairs and speaks the protocol, with the plain codec."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from snakebridge._internal.packing import Ext, Unpacker, pack

SOURCE = Path(__file__).parents[2] / "src" / "snakebridge"
# What lib/worker/boot.ts gives to `python -c`.
STUB = """\
import os,sys
if sys.version_info<(3,10):sys.exit('snakebridge: too old: %d.%d.%d'%sys.version_info[:3])
def r(n):
 b=b''
 while len(b)<n:
  c=os.read(3,n-len(b))
  if not c:os._exit(0)
  b+=c
 return b
exec(compile(r(int.from_bytes(r(4),'little')),'<snakebridge boot>','exec'))
"""
RESULT, ERROR, PONG, CANCELLED = 16, 17, 48, 49
REF, NONE, KEEP, SILENT = 2, 3, 4, 8


def boot_record() -> bytes:
    boot = (SOURCE / "_internal" / "boot.py").read_bytes()
    bundle = b""
    files = [*sorted(SOURCE.glob("*.py")), *sorted((SOURCE / "_internal").glob("*.py"))]
    for file in files:
        if file.name == "boot.py":
            continue
        parts = ["snakebridge", *file.relative_to(SOURCE).with_suffix("").parts]
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts).encode()
        text = file.read_bytes()
        bundle += struct.pack("<H", len(name)) + name + struct.pack("<BI", is_package, len(text)) + text
    return struct.pack("<I", len(boot)) + boot + struct.pack("<I", len(bundle)) + bundle


def frame(message: Any, buffers: tuple[bytes, ...] = ()) -> bytes:
    body = pack(message)
    head = struct.pack(f"<II{len(buffers)}Q", len(body), len(buffers), *map(len, buffers))
    return b"".join((head, body, *buffers))


class Host:
    """One worker process and both streams to it."""

    def __init__(
        self,
        *,
        python: str = sys.executable,
        hello: dict[str, Any] | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        greet: bool = True,
        options: tuple[str, ...] = (),
    ) -> None:
        pairs = [socket.socketpair() for _ in range(3)]
        self.data, self.control, self.lifeline = (pair[0] for pair in pairs)
        ends = [os.dup(pair[1].fileno()) for pair in pairs]
        # Above 5, so that putting them in place does not close one of them.
        moved = [os.dup2(fd, 50 + index, inheritable=False) for index, fd in enumerate(ends)]

        def place() -> None:
            for index, fd in enumerate(moved):
                os.dup2(fd, 3 + index)

        self.process = subprocess.Popen(
            [python, *options, "-c", STUB],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            close_fds=False,
            preexec_fn=place,
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
        )
        for fd in (*ends, *moved):
            os.close(fd)
        for _, end in pairs:
            end.close()
        self.data.settimeout(60)
        self.control.settimeout(60)
        self.last = 0
        self.info: dict[str, Any] = {}
        self.data.sendall(boot_record())
        if greet:
            self.send([0, {"protocol": 1, "minProtocol": 1, "host": "tests", **(hello or {})}])
            kind, self.info = self.receive()[:2]
            assert kind == 0

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self.data, self.control, self.lifeline):
            end.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            raise
        finally:
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe is not None:
                    pipe.close()

    def send(self, message: Any, buffers: tuple[bytes, ...] = ()) -> None:
        self.data.sendall(frame(message, buffers))

    def tell(self, message: Any) -> None:
        self.control.sendall(frame(message))

    def receive(self) -> Any:
        return read_message(self.data)

    def hear(self) -> Any:
        return read_message(self.control)

    def start(
        self,
        kind: int,
        target: Any,
        name: str = "",
        args: list[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        *,
        flags: int = 0,
        session: str = "s",
        buffers: tuple[bytes, ...] = (),
    ) -> int:
        self.last += 1
        self.send([1, 1, self.last, session, kind, target, name, args or [], kwargs, flags], buffers)
        return self.last

    def answer(self, call: int) -> Any:
        kind, answered, value = self.receive()[:3]
        assert answered == call, (kind, answered, value)
        if kind == ERROR:
            raise CallFailed(value)
        assert kind == RESULT
        return value

    def call(self, target: Any, name: str = "", *args: Any, kind: int | None = None, **options: Any) -> Any:
        if kind is None:
            kind = 0 if isinstance(target, str) else 1
        return self.answer(self.start(kind, target, name, list(args), **options))

    def run(self, code: str, **options: Any) -> Any:
        """Runs statements in the worker's `__main__`."""
        return self.call("builtins", "exec", code, self.main(), **options)

    def main(self) -> Ext:
        """A ref to the dict of `__main__`, as an argument."""
        if not hasattr(self, "_main"):
            call = self.start(5, "__main__", "__dict__", flags=REF)
            self.answer(call)
            self._main = Ext(15, pack([call]))
        return self._main

    def eval(self, code: str, **options: Any) -> Any:
        return self.call("builtins", "eval", code, self.main(), **options)

    def ping(self) -> dict[str, Any]:
        self.tell([32, 7])
        kind, number, info = self.hear()
        assert (kind, number) == (PONG, 7)
        return dict(info)


class CallFailed(Exception):  # noqa: N818 - it names what happened to the call
    """A call was answered by an error."""

    def __init__(self, failure: dict[str, Any]) -> None:
        super().__init__(failure)
        self.failure = failure


def read_exactly(end: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view, done = memoryview(data), 0
    while done < size:
        got = end.recv_into(view[done:])
        if not got:
            raise EOFError
        done += got
    return data


def read_message(end: socket.socket) -> Any:
    length, count = struct.unpack("<II", read_exactly(end, 8))
    sizes = struct.unpack(f"<{count}Q", read_exactly(end, 8 * count))
    message = Unpacker(read_exactly(end, length), lambda code, data: Ext(code, bytes(data)), 1000).unpack()
    return [*message, *(read_exactly(end, size) for size in sizes)]
