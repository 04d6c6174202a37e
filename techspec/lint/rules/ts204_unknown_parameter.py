"""TS204: a parameter that nobody knows."""

from collections.abc import Iterator

from techspec.lint.case import SEED_NAMES, Case, parameter_of
from techspec.lint.finding import Finding
from techspec.lint.names import meant
from techspec.lint.rule import Rule
from techspec.plan.ablate import SIZE


class UnknownParameter(Rule):
    """A parameter is one that the trainer knows.

    ## Why
    A trainer refuses a name that it does not know, so every run of such an arm fails. Worse
    is a trainer that ignores it: all levels then train the same model, and "it makes no
    difference" is confirmed.

    ## When to break it
    A trainer that does not tell its parameters is taken at your word: this rule is silent.
    """

    code = "TS204"
    name = "unknown-parameter"
    message = "{where} the parameter `{parameter}`, which the trainer {trainer} does not know."
    fix = "{fix}."

    bad = """\
## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_modle | [64, 128] | High | <!-- TS204 -->
"""
    good = """\
## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| d_model | [64, 128] | High |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        if (known := case.parameters) is None:
            return
        told = {SIZE} | SEED_NAMES
        for line, where, key in sorted(self._named(case)):
            if key in known or key in told:
                continue
            told.add(key)  # once a name: one correction settles all its places
            yield self.finding(
                line,
                where=where,
                parameter=key,
                trainer=case.facts.name,
                fix=meant(key, list(known), "parameter"),
            )

    def _named(self, case: Case) -> Iterator[tuple[int, str, str]]:
        spec = case.spec
        for parameter in spec.parameters:
            yield parameter.line, "The ranges name", parameter.key
        for key in spec.baseline:
            yield spec.baseline_lines.get(key, 1), "The baseline sets", key
        for arm in spec.arms:
            for key in arm.settings:
                yield arm.line, f"The arm `{arm.name}` sets", key
        for factor in spec.factors:
            for key in factor.parameters:
                yield factor.line, f"The factor `{factor.name}` joins", key
        for line, ref in case.claimed_arms():
            for key, _ in ref.settings:
                yield line, "The claim sets", key
        for _, line, form in case.forms:
            if about := parameter_of(form):
                yield line, "The claim names", about
