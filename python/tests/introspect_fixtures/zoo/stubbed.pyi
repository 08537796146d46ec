import sys
from typing import TypeAlias

_Size: TypeAlias = int | float

if sys.version_info >= (3, 99):
    def area(w: str) -> str: ...
else:
    def area(w: _Size, h: _Size = ...) -> float: ...

def only_in_stub() -> int: ...
