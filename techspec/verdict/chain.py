"""`a > b > c`: arms in their claimed order in, whether each beats the next out.

All links must hold, which needs no adjustment (Berger 1982); one that fails is a find among
several, so those p-values are Holm's.
"""

from functools import partial

from techspec.spec import claims
from techspec.stats.multiplicity import holm
from techspec.verdict.difference import compare, estimate_of, rule_of
from techspec.verdict.findings import Case, Comparison, Weighed
from techspec.verdict.words.chain import sentence


def weigh(case: Case, form: claims.Chain) -> Weighed:
    """Weigh a chain of arms, link by link."""
    # Without a metric, `a > b` says that a does better, which for a loss is lower.
    upward = case.higher_is_better if form.metric is None else True
    links = tuple(
        compare(case, left, right, upward, form.margin)
        for left, right in zip(case.arms, case.arms[1:], strict=False)
    )
    p_links = tuple(link.p_refute for link in links)
    p_refutes = holm(p_links)
    weakest = max(links, key=_unsupported)
    if min(p_refutes) <= case.refute_level:
        weakest = min(links, key=lambda link: link.p_refute)
    estimate = estimate_of(case, weakest)
    open_links = [link for link in links if link.p_confirm > case.confirm_level]
    further = [link.seeds_needed for link in open_links]
    return Weighed(
        rule=f"Every link of the chain must hold. {rule_of(case, weakest)}",
        say=partial(sentence, case, links, weakest),
        p_confirm=max(link.p_confirm for link in links),
        p_refute=min(p_refutes),
        p_chance=max(link.p_confirm if link.p_chance is None else link.p_chance for link in links),
        p_short=max(link.p_short for link in links),
        p_searched=p_links,
        estimate=estimate,
        seeds_needed=max((n for n in further if n is not None), default=None),
    )


def _unsupported(link: Comparison) -> tuple[float, float]:
    """Larger for less support: by p, and where several have none, by how little it leads."""
    lead = link.advantage.estimate if link.advantage else 0.0
    return link.p_confirm, -lead
