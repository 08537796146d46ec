"""Describes Python modules for the code generator: live objects merged with stubs, annotations and docstrings."""

from __future__ import annotations

from ._describe import Describer, Selection
from ._files import Finder
from ._scopes import Reader

__all__ = ["Describer", "Finder", "Reader", "Selection"]
