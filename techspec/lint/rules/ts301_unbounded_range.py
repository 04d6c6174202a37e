"""TS301: a range without ends."""

import re
from collections.abc import Iterable, Iterator

from techspec.lint.case import SEED_NAMES, Case
from techspec.lint.finding import Finding
from techspec.lint.rule import Rule
from techspec.spec.model import Parameter
from techspec.spec.units import quantities

# Ours: how people write that a range goes on.
_OPEN = re.compile(
    r"[<>≤≥…*?]|\.\.\.|\+\s*$|\b(?:any|all|tbd|unbounded|various|open|n/a|at least|at most|up to"
    r"|above|below|over|under|from|and more|as (?:many|much|large|small|long|high|low))\b",
    re.IGNORECASE,
)


class UnboundedRange(Rule):
    """A parameter's range names its values, or both of its ends.

    ## Why
    An open range has no last experiment: that is how a sweep comes to two hundred runs and
    an empty budget.

    ## When to break it
    Never: a range that turns out too short is a finding, and the next spec starts there.

    ## Source
    The skill spec-driven-experimentation, Failed Attempts: "Unscoped parameter ranges".
    """

    code = "TS301"
    name = "unbounded-range"
    message = "The range of `{name}` {lacks}: {text}."
    fix = "name the values to run, such as `{values}`."

    bad = """\
## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | >= 64 | High | <!-- TS301 -->
"""
    good = """\
## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [64, 128, 256] | High |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        for parameter in case.spec.parameters:
            closed = parameter.low is not None and parameter.high is not None
            if parameter.values or closed or parameter.key in SEED_NAMES:
                continue
            text = parameter.text.strip()
            if text and self._is_told(case, parameter):
                continue
            if not text:
                lacks = "has no values"
            else:
                lacks = "has no end" if _is_open(text) else "names no values that can be read"
            yield self.finding(
                parameter.line,
                name=parameter.name,
                lacks=lacks,
                text=f"`{text}`" if text else "its cell is empty",
                values=_levels(case, parameter),
            )

    def _is_told(self, case: Case, parameter: Parameter) -> bool:
        """True where TS101 says of this cell why it cannot be read."""
        return any(
            problem.line == parameter.line and repr(parameter.text) in problem.what
            for problem in case.spec.problems
        )


def _is_open(text: str) -> bool:
    """Whether it says that one end is open, or names nothing at all."""
    return not re.search(r"[^\W_]", text) or _OPEN.search(text) is not None


def _levels(case: Case, parameter: Parameter) -> str:
    """Three levels from the end that is written, else around the trainer's default."""
    written = next((quantity.value for quantity in quantities(parameter.text)), None)
    default = case.default(parameter.key)
    start = written if written is not None else default
    if isinstance(start, bool):
        return "[true, false]"
    if not isinstance(start, (int, float)) or not 0 < start < 1e15:
        return "[64, 128, 256]"
    if re.search(r"[<≤]|up to|at most|below|under", parameter.text):
        powers = range(-2, 1)
    else:
        powers = range(3) if written is not None else range(-1, 2)
    if isinstance(start, int):
        return _list(max(1, round(start * 2.0**power)) for power in powers)
    return _list(start * 3.0**power for power in powers)


def _list(levels: Iterable[float]) -> str:
    """Whole numbers as they are, others with two digits."""
    short = (v if isinstance(v, int) else float(f"{v:.2g}") for v in levels)
    return f"[{', '.join(dict.fromkeys(f'{level:.15g}' for level in short))}]"
