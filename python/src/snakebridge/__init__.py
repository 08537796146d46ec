"""The Python half of SnakeBridge. Nothing here needs more than the standard library."""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["HostCancelledError", "HostError", "HostTimeoutError", "__version__"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from snakebridge.host_error import HostCancelledError, HostError, HostTimeoutError


def __getattr__(name: str) -> object:
    # Loaded when asked for: every worker imports this package, and few need more of it than its name.
    if name.startswith("Host") and name in __all__:
        from snakebridge import host_error

        return getattr(host_error, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
