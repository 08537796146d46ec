# Tables as Arrow IPC streams (proto/PROTOCOL.md 5.4), both ways.
from __future__ import annotations

import sys

from snakebridge._internal.problems import ValueProblem
from snakebridge._internal.refs import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snakebridge._internal.wire_encode import WireEncoder


class ArrowTable:
    """A result that is sent as a table."""

    __slots__ = ("library", "table")

    def __init__(self, library: str, table: Any) -> None:
        self.library = library
        self.table = table


def _pyarrow(type_text: str) -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] != "pyarrow":
            raise
        problem = ValueProblem("Cannot carry table: the worker's Python lacks the package pyarrow", type_text)
        problem.fields["package"] = "pyarrow"
        raise problem from None
    return pyarrow


def to_arrow(value: Any) -> ArrowTable:
    """Makes a table of a DataFrame, Series or Arrow object.

    Raises:
        ValueProblem: If the value is no table, or pyarrow is not installed.
    """
    name = type_name(type(value))
    root = name.partition(".")[0]
    if root not in ("pandas", "polars", "pyarrow"):
        raise ValueProblem(f"Cannot make table: {name} is no table", name)
    pa = _pyarrow(name)
    if root == "pandas":
        if hasattr(value, "to_frame"):
            value = value.to_frame() if value.name is not None else value.to_frame("0")
        if isinstance(value, sys.modules["pandas"].DataFrame):
            return ArrowTable(root, pa.Table.from_pandas(value))
    elif root == "polars":
        if hasattr(value, "to_frame"):
            value = value.to_frame()
        if hasattr(value, "to_arrow"):
            return ArrowTable(root, value.to_arrow())
    elif isinstance(value, pa.Table):
        return ArrowTable(root, value)
    elif isinstance(value, pa.RecordBatch):
        return ArrowTable(root, pa.Table.from_batches([value]))
    raise ValueProblem(f"Cannot make table: {name} is no table", name)


def encode_table(encoder: WireEncoder, value: ArrowTable, depth: int) -> Any:
    """Writes a table as an Arrow stream into a buffer of its own."""
    encoder.check_bytes(value.table.nbytes)
    return encoder.fields(19, [value.library, encoder.data(stream(value))], depth)


def stream(value: ArrowTable) -> memoryview:
    """The table as the bytes of an Arrow stream."""
    pa = _pyarrow("pyarrow.Table")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, value.table.schema) as writer:
        writer.write_table(value.table)
    return memoryview(sink.getvalue()).cast("B")


def make_table(library: Any, data: memoryview) -> Any:
    """Builds what `library` calls a table from an Arrow stream."""
    if library not in ("pandas", "polars", "pyarrow"):
        raise ValueError(f"its library is {library!r:.40}")
    pa = _pyarrow(f"{library}.Table")
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        table = reader.read_all()
    if library == "pandas":
        return table.to_pandas()
    if library == "polars":
        import polars

        return polars.from_arrow(table)
    return table
