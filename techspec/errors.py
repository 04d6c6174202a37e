"""The one exception that users are meant to read; each package defines its kinds of it."""


class TechspecError(Exception):
    """A mistake the user can put right; anything else is our bug and keeps its traceback."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}\n  fix: {fix}")
        self.what = what
        self.fix = fix
