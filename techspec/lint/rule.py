"""What a rule is: a code, a name, a page, two examples and a check. It never raises on any Spec."""

from collections.abc import Iterator
from typing import ClassVar

from techspec.lint.case import Case
from techspec.lint.finding import Finding, Level


class Rule:
    """One thing that a spec can get wrong; the docstring of a rule is its page."""

    code: ClassVar[str]
    name: ClassVar[str]
    message: ClassVar[str]
    """A sentence with the offending value; `{fields}` are filled by `finding`."""
    fix: ClassVar[str]
    """An imperative; filled in the same way."""
    level: ClassVar[Level] = "problem"
    good: ClassVar[str]
    """A spec that this rule has nothing to say about; others may."""
    bad: ClassVar[str]
    """A spec that it bites, with `<!-- TSnnn -->` on the line where it does."""

    def check(self, case: Case) -> Iterator[Finding]:
        """Yield what is wrong, in any order."""
        raise NotImplementedError(f"{type(self).__name__} has no check")

    def finding(
        self, line: int, *, column: int | None = None, end: int | None = None, **values: object
    ) -> Finding:
        """A finding at `line`, with `values` filled into message and fix."""
        return Finding(
            code=self.code,
            line=max(1, line),
            message=self.message.format(**values),
            fix=self.fix.format(**values),
            column=column,
            end=end,
            level=self.level,
        )
