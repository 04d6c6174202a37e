"""TS213: fewer seeds than the claims need to be settled."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.names import joined
from techspec.lint.rule import Rule
from techspec.plan.questions import FEWEST_SEEDS, SEEDS
from techspec.spec.claims import Chain, Difference, Form, Insensitive, Threshold, Trend

# The first look of a group-sequential comparison; the others are the planner's.
_CONFIRM_DIFFERENCE = 3


class TooFewSeeds(Rule):
    """An arm gets as many seeds as its claim needs to be settled either way.

    ## Why
    One seed cannot be told from luck: small transformers reach 98% with one seed and 40%
    with the next. A difference is confirmed from 3 seeds an arm on and refuted from 5; that
    an arm reaches a level reliably takes 6 successes. Fewer seeds leave only one of the
    answers open, or none.

    ## When to break it
    Where only one of the answers would change what you do next.
    """

    code = "TS213"
    name = "too-few-seeds"
    message = "{seeds} an arm cannot {answers}."
    fix = "write `seeds: {enough}`, or take the line out: each claim then gets what it needs."

    bad = """\
## Hypotheses
1. Wide beats deep
   `exact_match(Wide) > exact_match(Deep) by 2pt`

## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| Wide | 512 | 2 |
| Deep | 128 | 8 |

## Run
```yaml
seeds: 3 # <!-- TS213 -->
```
"""
    good = """\
## Hypotheses
1. Wide beats deep
   `exact_match(Wide) > exact_match(Deep) by 2pt`

## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| Wide | 512 | 2 |
| Deep | 128 | 8 |

## Run
```yaml
seeds: 5
```
"""

    def check(self, case: Case) -> Iterator[Finding]:
        seeds = case.spec.run.seeds
        if seeds is None:
            return
        missing: dict[tuple[str, int], list[str]] = {}
        for hypothesis, _, form in case.forms:
            for answer, needed in _needs(form):
                if seeds < needed:
                    missing.setdefault((answer, needed), []).append(hypothesis)
        if seeds < FEWEST_SEEDS and not missing:
            missing["tell any difference from luck", FEWEST_SEEDS] = []
        if missing:
            answers = [
                f"{answer} {joined(ids)} (it takes {needed})" if ids else answer
                for (answer, needed), ids in missing.items()
            ]
            yield self.finding(
                case.run_line("seeds"),
                seeds=f"{seeds} seed" if seeds == 1 else f"{seeds} seeds",
                answers=" nor ".join(answers),
                enough=max([5, *(needed for _, needed in missing)]),
            )


def _needs(form: Form) -> Iterator[tuple[str, int]]:
    """The answers that a claim may have, with the seeds an arm from which each can be given."""
    match form:
        case Difference() | Chain():
            yield "confirm", _CONFIRM_DIFFERENCE
            yield "refute", SEEDS[Difference]
        case Threshold():
            yield "confirm", SEEDS[Threshold]
        case Insensitive() | Trend():
            yield "settle", FEWEST_SEEDS
