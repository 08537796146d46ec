"""The Python half of SnakeBridge. Nothing here needs more than the standard library."""

__version__ = "0.1.0"

__all__ = ["__version__"]
