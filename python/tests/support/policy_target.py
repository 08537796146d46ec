"""A library that is allowed, with things of others in it: what a policy has to tell apart."""

from __future__ import annotations

import collections.abc
import functools
import os
import os as operating
import posix
import subprocess
import sys
import weakref
from os import system as innocent
from typing import Any

environ = os.environ
secret = {"token": "s3cret"}
number = 7
modules = sys.modules
bound = os.environ.get
started = functools.partial(os.system, "true")
deep = functools.partial(functools.partial(os.system), "true")
alias = subprocess.Popen[bytes]
weak = weakref.ref(os)
proxy = weakref.proxy(os)
evaluate = eval
lookup = getattr


class Child(subprocess.Popen):  # type: ignore[type-arg]
    """Starts programs like the class it is made from."""


class Box:
    """Holds things of others."""

    run = staticmethod(os.system)
    module = os
    listing = os.listdir
    mark = 1
    other = 2
    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = os.system

    def own(self) -> str:
        return "own"

    @property
    def seen(self) -> int:
        return 3

    @property
    def late(self) -> Any:
        return os.popen

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


class Chest(Box):
    """A larger box."""


class Liar:
    """Says that it belongs elsewhere."""

    __module__ = "json"
    __class__ = int  # type: ignore[assignment]

    def own(self) -> str:
        return "lied"


class Caller:
    """Calls what another library has."""

    __call__ = os.system


@functools.wraps(os.popen)
def wrapped(command: str) -> Any:
    return os.popen(command)


def plain(value: Any = 1) -> Any:
    return value


def fail() -> None:
    raise ValueError("as asked")


def give_module() -> Any:
    return posix


def give_all() -> list[Any]:
    return [1, os, os.system, environ, Box]


def generate() -> collections.abc.Iterator[Any]:
    yield os.system


def frame() -> Any:
    return sys._getframe()


caller = Caller()
cached = functools.lru_cache(os.getcwd)
operating_again = operating
also_innocent = innocent
