"""The engine: a spec in, verdicts out, and a memory that the next spec starts from."""

__version__ = "0.1.0"
