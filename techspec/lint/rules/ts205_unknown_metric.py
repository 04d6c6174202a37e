"""TS205: a metric that the trainer does not report."""

from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.names import meant
from techspec.lint.rule import Rule


class UnknownMetric(Rule):
    """A claim and a criterion are about a metric that the trainer reports.

    ## Why
    A run without the metric is a failed run, never a 0. A claim about a metric that no run
    reports stays open however much is spent.

    ## When to break it
    A trainer that does not tell its metrics is taken at your word: this rule is silent.
    """

    code = "TS205"
    name = "unknown-metric"
    message = "{where} the metric `{metric}`, which the trainer {trainer} does not report."
    fix = "{fix}."

    bad = """\
## Hypotheses
1. The large model is reliable
   `exact_mach(Large) >= 95%` <!-- TS205 -->

## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| Large | 256 | 6 |
"""
    good = """\
## Hypotheses
1. The large model is reliable
   `exact_match(Large) >= 95%`

## Parameter Grid
| Name | d_model | depth |
|------|---------|-------|
| Large | 256 | 6 |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        if (known := case.facts.metrics) is None:
            return
        told: set[str] = set()
        for line, where, metric in sorted(self._named(case)):
            if metric in known or metric in told:
                continue
            told.add(metric)
            yield self.finding(
                line,
                where=where,
                metric=metric,
                trainer=case.facts.name,
                fix=meant(metric, list(known), "metric"),
            )

    def _named(self, case: Case) -> Iterator[tuple[int, str, str]]:
        run = case.spec.run
        yield case.run_line("metric"), "The run settings name", run.metric
        for band in case.spec.bands:
            if band.metric:
                yield band.line, f"The criterion `{band.name}` names", band.metric
        for _, line, form in case.forms:
            if form.metric:
                yield line, "The claim names", form.metric
