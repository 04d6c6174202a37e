"""Findings in, sentences out: one paragraph that a tired person understands.

Each says what was compared over how many seeds, the effect with its interval, the rule, and what
would change the answer. No p-value without words: it is told as how often chance would do the same.
"""

import math
import re
from collections.abc import Mapping, Sequence

from techspec.plan.model import Question
from techspec.spec import claims
from techspec.spec.claims import Relation
from techspec.stats.checked import sample
from techspec.stats.difference import Difference, fisher
from techspec.stats.equivalence import Equivalence
from techspec.stats.reliability import sprt
from techspec.verdict.findings import (
    ALPHA,
    CONFIDENCE,
    CONFIRM_SEEDS_MIN,
    FUTILE,
    REFUTE_SEEDS_MIN,
    TREND_SEEDS_MIN,
    Case,
    Comparison,
    Counts,
    Level,
    Look,
    Order,
    Reliability,
    Spread,
)
from techspec.verdict.model import ArmResult, Estimate, Outcome, Wanted

# Ours: beyond this many further seeds a sentence should not sound like an invitation.
_WORTH_IT = 30

# Reasons of the planner are short, for its table; here they become sentences.
_NO_SEEDS = re.compile(r"has 0 of (\d+) seeds: the others are")
_ADVICE = re.compile(r": (list|name|set|write) ")
_UNREADABLE = "its claim cannot be read"

# Ours: with nine pairs in ten agreeing, more runs of the same kind are all that is missing.
_CLEAR_ORDER = 0.8

_THOUSAND, _MILLION = 1_000, 1_000_000


def number(value: float, unit: str = "") -> str:
    """A value as people read it: `94.3 %`, `−1.5 pt`, `0.3142`.

    >>> number(0.943, "%"), number(-0.015, "pt"), number(0.31416)
    ('94.3 %', '−1.5 pt', '0.3142')
    """
    text = f"{100 * value:.1f} {unit}" if unit in ("%", "pt") else f"{value:.4g}"
    if text.startswith("-"):
        text = text[1:] if not any(digit in text for digit in "123456789") else f"−{text[1:]}"
    return text


def size(params: float) -> str:
    """A count of parameters: `253K`, `1.05M`.

    >>> size(252_800), size(1_050_000), size(77_184), size(512)
    ('253K', '1.05M', '77.2K', '512')
    """
    for scale, letter in ((_MILLION, "M"), (_THOUSAND, "K")):
        if params >= scale * 0.9995:
            return f"{params / scale:.3g}{letter}"
    return f"{params:.4g}"


def interval(estimate: Estimate) -> str:
    """An estimate with its interval: `15.4 pt (90 % interval 12.1 to 18.7 pt)`."""
    text = number(estimate.value, estimate.unit)
    if estimate.low is None or estimate.high is None:
        return text
    ends = _span(estimate.low, estimate.high, estimate.unit)
    return f"{text} ({_percent(estimate.confidence)} interval {ends})"


def no_claim(question: Question) -> str:
    """For a hypothesis without a claim that can be read."""
    if question.unanswerable is not None:
        return unanswerable(question)
    if question.claim is not None:
        return f"{question.id} has no claim that can be read: `{question.claim}` is none."
    return (
        f"{question.id} has no claim, so no run can settle it: write one in backticks below it,"
        " such as `exact_match(wide) > exact_match(deep) by 2pt`."
    )


def unanswerable(question: Question) -> str:
    """For a question that the plan says it cannot answer."""
    reason = (question.unanswerable or "it names no arms that could be compared").rstrip(".")
    if reason.startswith("has "):
        reason = f"it {reason}"
    elif reason.startswith(("'", '"')):
        reason = f"its arm {reason}"
    reason = _NO_SEEDS.sub(r"has none of its \1 seeds: they are", reason)
    # What to do about it is a sentence of its own.
    reason = _ADVICE.sub(lambda found: f". {found[1].capitalize()} ", reason)
    where = " `techspec lint` shows the place." if _UNREADABLE in reason else ""
    return f"{question.id} cannot be answered: {reason}.{where}"


def void(why: str) -> str:
    """For runs that must not be compared."""
    return f"{why} Nothing can be concluded from comparing them; run them again alike."


def what_next(
    case: Case,
    look: Look | None,
    outcome: Outcome,
    asks: Sequence[Wanted],
    is_futile: bool,
) -> str:
    """What becomes of a question that is open: its next look, or why there is none."""
    if outcome is not Outcome.INCONCLUSIVE or (look is None and not asks):
        return ""
    last = case.question.looks[-1]
    if is_futile:
        return (
            f"So it is given up: more seeds, up to the {last} an arm that are registered, would"
            f" settle it in fewer than {_percent(FUTILE)} of such cases."
        )
    if not asks:
        return f"That was the last look, at {last} seeds an arm."
    seeds = max(each.seeds for each in asks)
    if look is None and len(asks) == len(case.arms) > 1:
        return f"It is first looked at with {seeds} seeds an arm."
    return "" if look is None else f"The next look is at {seeds} seeds an arm."


def looks_of(case: Case) -> str:
    """The registered looks, and how strict the one is that a verdict rests on."""
    looks = _list([str(seeds) for seeds in case.question.looks])
    if case.look is None:
        return f"Looked at with {looks} seeds an arm."
    ways = [
        f"{word} at p ≤ {level:.2g}"
        for word, level in (("confirms", case.look.confirm), ("refutes", case.look.refute))
        if level
    ]
    many = len(case.question.looks) > 1
    told = f"Looks at {looks} seeds an arm share an error of {_percent(ALPHA)} either way; this one"
    if not many:
        told = f"One look, at {looks} seeds an arm, which"
    return f"{told} {_list(ways) or 'decides nothing'}."


def difference(case: Case, found: Comparison, outcome: Outcome, held_back: int) -> str:
    """For `a > b`."""
    if lacking := _lacking(case, found):
        return lacking
    if found.counts is not None:
        return _by_counts(case, found, found.counts, outcome, held_back)
    return _by_means(case, found, outcome, held_back)


def threshold(case: Case, found: Reliability, outcome: Outcome, _held_back: int) -> str:
    """For `metric(arm) >= level`."""
    if nothing := _nothing(case):
        return nothing
    if found.n == 0:
        return (
            f"All runs of {found.arm.arm} diverged, which is no evidence that it stayed below a"
            " level or exceeded it; it takes runs that end with a number."
        )
    told = f"{_reaching(case, found)}{_scores_of(case, found)}."
    if outcome is Outcome.INCONCLUSIVE:
        return f"{told} {_open_reliability(found)}"
    if outcome is Outcome.CONFIRMED:
        rule = (
            "An arm that succeeds with only half of its seeds would rarely do this well, so it"
            " counts as reliable, which is 9 seeds in 10; the test errs about 1 time in 20."
        )
    else:
        rule = (
            "An arm that succeeds with 9 seeds in 10 would rarely do this badly, so it does not"
            " count as reliable; the test errs about 1 time in 20."
        )
    return f"{told} {rule} {_true_share(found)} {_reopening(found)}"


def chain(
    case: Case, links: Sequence[Comparison], weakest: Comparison, outcome: Outcome, held_back: int
) -> str:
    """For `a > b > c`."""
    if len(links) == 1:
        return difference(case, weakest, outcome, held_back)
    order = " > ".join(arm.arm for arm in case.arms)
    if outcome is Outcome.INCONCLUSIVE and (nothing := _nothing(case)):
        return nothing
    singles = all(len(arm.runs) == 1 for arm in case.arms)
    values = _list([f"{arm.arm} {_score(case, arm)}" for arm in case.arms])
    if singles:
        return (
            f"{values} {case.metric}, one run each: seed noise cannot be told from an effect."
            f" {_at_least(CONFIRM_SEEDS_MIN - 1)}"
        )
    told = f"The claim is {order}; average {case.metric} was {values}."
    link = difference(case, weakest, outcome, held_back)
    if outcome is Outcome.CONFIRMED:
        lead = "Every link holds; the weakest is"
    elif outcome is Outcome.REFUTED:
        lead = "One broken link breaks the chain:"
    else:
        held = sum(each.p_confirm <= case.alpha for each in links)
        lead = f"{held} of {len(links)} links hold; the weakest is"
    return f"{told} {lead} {weakest.left.arm} over {weakest.right.arm}. {link}"


def insensitive(
    case: Case,
    form: claims.Insensitive,
    found: Spread,
    further: int | None,
    outcome: Outcome,
    held_back: int,
) -> str:
    """For `metric insensitive to parameter within m`."""
    if nothing := _nothing(case):
        return nothing
    levels = _list([_level_name(form.parameter, arm) for arm in case.arms])
    fewest = min(len(arm.runs) for arm in case.arms)
    if fewest == 1:
        return (
            f"Of {form.parameter} = {levels}, some level has one run only: seed noise cannot be"
            f" told from an effect. {_at_least(CONFIRM_SEEDS_MIN - 1, 'a level')}"
        )
    if found.level is not None:
        return _insensitive_by_counts(case, form, found, outcome, held_back)
    assert found.equivalence is not None, "two runs a level and no split leave means"
    pair = found.equivalence
    first, second = (case.arms[index] for index in pair.widest)
    margin = number(found.margin, case.gap_unit)
    gap = number(abs(pair.estimate), case.gap_unit)
    told = (
        f"Over {form.parameter} = {levels} ({_seed_counts(case.arms)} a level), the averages of"
        f" {case.metric} differ by up to {gap}: the widest pair is"
        f" {_level_name(form.parameter, first)} ({_score(case, first)}) and"
        f" {_level_name(form.parameter, second)} ({_score(case, second)})"
        f"{_span_of_pair(case, pair)}."
    )
    if outcome is Outcome.CONFIRMED:
        return (
            f"{told} Every pair passes for lying within the {margin} allowed: if some pair were"
            f" truly that far apart, all would pass {_chance(pair.p)}; {_limit(case)} A level"
            f" whose average moves by more than {margin} would overturn it."
        )
    if outcome is Outcome.REFUTED:
        worst = _list(
            [
                f"{_level_name(form.parameter, case.arms[i])} against"
                f" {_level_name(form.parameter, case.arms[j])}"
                for i, j in pair.different
            ]
        )
        least = number(min(abs(pair.low), abs(pair.high)), case.gap_unit)
        return (
            f"{told} That is more than the {margin} allowed ({worst}): if the levels were within"
            f" it, a gap this wide would come up {_chance(pair.p_different)}; {_limit(case)} A"
            f" claim that allows {least} or more would not have been refuted."
        )
    return f"{told} {_open_insensitive(case, found, further, margin, held_back)}"


def trend(
    case: Case,
    form: claims.Trend,
    found: Order | None,
    further: int | None,
    outcome: Outcome,
    held_back: int,
) -> str:
    """For `metric increases with parameter`."""
    if nothing := _nothing(case):
        return nothing
    if found is None:
        return f"A trend needs two levels of {form.parameter}; there are fewer."
    rises = "rises" if found.rises else "falls"
    averages = _list(
        [f"{_score(case, arm)} at {_level_name(form.parameter, arm)}" for arm in case.arms]
    )
    name = _name_of(form.parameter)
    each = f" (averages of {_seed_counts(case.arms)} a level)" if found.seeds > 1 else ""
    if any(arm.diverged for arm in case.arms):
        each = " (averages of the seeds that did not diverge)"
    told = f"By {name}, {case.metric} was {averages}{each}."
    if found.seeds < TREND_SEEDS_MIN:
        return (
            f"{told} Some level has one run only: seed noise cannot be told from an effect."
            f" {_at_least(TREND_SEEDS_MIN - 1, 'a level')}"
        )
    ordered = (
        f"Of {found.pairs} pairs of runs from different levels,"
        f" {found.trend.statistic:g} are in the claimed order"
    )
    if any(arm.diverged for arm in case.arms):
        ordered += " (a run that diverged ranks last)"
    if outcome is Outcome.CONFIRMED:
        return (
            f"{told} {ordered}. If {name} made no difference, so clear an order would"
            f" come up {_chance(found.trend.p)}; {_limit(case)} It says that {case.metric}"
            f" {rises} overall, not at every step; further seeds out of order would weaken it."
        )
    if outcome is Outcome.REFUTED and found.trend.p_opposite > ALPHA and found.worth is not None:
        return (
            f"{told} {ordered}. That is no trend worth having: if the two ends differed by a"
            f" standard deviation over seeds, {number(found.worth, case.gap_unit)}, in the claimed"
            f" direction, a result this far short of it would come up {_chance(found.p_refute)};"
            f" {_limit(case)} Levels further apart could come out otherwise."
        )
    if outcome is Outcome.REFUTED:
        return (
            f"{told} {ordered}: the opposite is the case. If {name} made no difference,"
            f" so clear an opposite order would come up {_chance(found.trend.p_opposite)};"
            f" {_limit(case)} Further seeds in the claimed order would weaken this."
        )
    if held_back:
        return f"{told} {ordered}. {_held(held_back)} {_more(further, 'a level')}"
    if found.trend.p_opposite <= case.alpha and found.seeds < REFUTE_SEEDS_MIN:
        return (
            f"{told} {ordered}. That points the other way, but refuting takes"
            f" {REFUTE_SEEDS_MIN} seeds a level: {REFUTE_SEEDS_MIN - found.seeds} more."
        )
    chance = _chance(min(found.trend.p, found.trend.p_opposite))
    more = _more(further, "a level")
    if abs(found.trend.effect) >= _CLEAR_ORDER:
        against = ", which points the other way" if found.trend.effect < 0.0 else ""
        return (
            f"{told} {ordered}{against}. That is clear, but of too few runs to tell: if {name} made"
            f" no difference, an order at least as clear would come up {chance};"
            f" {_limit(case)} {more}"
        )
    return (
        f"{told} {ordered}. That is too mixed to tell: if {name} made no difference, an"
        f" order at least as clear would come up {chance}. {more}"
    )


def smallest(
    case: Case,
    form: claims.Smallest,
    found: Sequence[Reliability],
    open_levels: Sequence[Reliability],
    outcome: Outcome,
    _held_back: int,
) -> str:
    """For `smallest parameter with metric >= level`."""
    if len(case.empty) == len(case.arms):
        return _nothing(case)
    level = Level(form.level, form.relation)
    name = _name_of(form.parameter)
    goal = f"{case.metric} reliably {_verb(level, _REACHES)} {number(form.level, case.unit)}"
    tally = f"Seeds that do: {_tally(form.parameter, found)}."
    rule = (
        "Reliably means with 9 seeds in 10 rather than half of them;"
        " the test errs about 1 time in 20."
    )
    reached = [each for each in found if each.sprt.decision == "reached"]
    least = _level_name(form.parameter, reached[0].arm) if reached else ""
    if form.at_most is not None:
        told = _at_most(form, found, outcome, f"{name} with which {goal}", least)
    elif outcome is Outcome.CONFIRMED:
        below = _level_name(form.parameter, found[found.index(reached[0]) - 1].arm)
        told = (
            f"Of the levels tried, {least} is the smallest {name} with which {goal}; {below}, the"
            f" next one down, was shown not to be enough. A level between {below} and {least}, had"
            " it been tried, could move the boundary down."
        )
    elif outcome is Outcome.REFUTED:
        largest = _level_name(form.parameter, found[-1].arm)
        told = (
            f"There is no {name} up to {largest} with which {goal}: {largest} itself was shown not"
            " to be enough, and smaller ones are taken to do no better. Only a larger one could be."
        )
    elif reached and reached[0] is found[0]:
        told = (
            f"Already {least}, the smallest {name} tried, is enough: {goal}. So the boundary lies"
            " below the range, and only smaller levels would find it."
        )
    else:
        told = f"Asked is the smallest {name} with which {goal}. {_bracket(form, found, least)}"
    ways = _open_levels(form, open_levels) if outcome is Outcome.INCONCLUSIVE else ""
    return " ".join(part for part in (told, tally, rule, ways) if part)


def _bracket(form: claims.Smallest, found: Sequence[Reliability], least: str) -> str:
    below = []
    for each in found:
        if each.sprt.decision == "reached":
            break
        if each.sprt.decision == "not_reached":
            below.append(_level_name(form.parameter, each.arm))
    above = f"{least} is shown to be enough" if least else "No level is shown to be enough yet"
    if not below:
        return f"{above}; none below is shown not to be."
    return f"{above}; {below[-1]} is shown not to be."


def _lacking(case: Case, found: Comparison) -> str:
    empty = [arm for arm in (found.left, found.right) if not arm.runs]
    if empty:
        return _nothing_of(empty)
    left, right = found.left, found.right
    if found.fewest == 1 and found.counts is None:
        if len(left.runs) == len(right.runs) == 1:
            return (
                f"{left.arm} has {_score(case, left)} {case.metric} and {right.arm}"
                f" {_score(case, right)}, one run each: seed noise cannot be told from an effect."
                f" {_at_least(CONFIRM_SEEDS_MIN - 1)}"
            )
        single = left if len(left.runs) == 1 else right
        return (
            f"{_averages(case, left, right)}, but {single.arm} has one run only: seed noise cannot"
            f" be told from an effect. {_at_least(CONFIRM_SEEDS_MIN - 1)}"
        )
    return ""


def _by_means(case: Case, found: Comparison, outcome: Outcome, held_back: int) -> str:
    assert found.advantage is not None, "two runs an arm and no split leave means"
    gap, left = found.advantage, found.left
    up, down = ("higher", "lower") if found.upward else ("lower", "higher")
    margin = number(found.margin or 0.0, case.gap_unit)
    amount = number(abs(gap.estimate), case.gap_unit)
    averages = _averages(case, found.left, found.right)
    if math.isinf(gap.standard_error):
        return (
            f"{averages}. No two seeds of an arm differ, so nothing is known of how much they vary"
            " and no difference can be judged. Check that the seed reaches the trainer."
        )
    if outcome is Outcome.REFUTED and found.is_ahead and found.is_smaller_than_claimed:
        is_so = f"{left.arm} is {up}, but by only {amount}"
    else:
        is_so = f"{left.arm} is {amount} {up if gap.estimate >= 0.0 else down}"
    told = f"{averages}; {is_so} ({_percent(CONFIDENCE)} interval: {_range(case, gap, up, down)})."
    # Half the interval is what the one-sided test asks for at this spread.
    reach = number((gap.high - gap.low) / 2.0, case.gap_unit)
    if outcome is Outcome.CONFIRMED:
        asked = ""
        if found.margin and gap.low >= found.margin:
            asked = f" The whole interval lies above the {margin} that the claim asks for."
        elif found.margin:
            asked = f" Whether it is as much as the {margin} claimed stays open."
        return (
            f"{told}{asked} If there were no difference, a gap this large would come up"
            f" {_chance(gap.p_above(0.0))}; {_limit(case)} With seeds that vary this much, a gap"
            f" under {reach} would not have been enough."
        )
    if outcome is Outcome.REFUTED:
        return f"{told} {_why_refuted(case, found, margin, up, reach)}"
    return f"{told} {_open_means(case, found, held_back, margin)}"


def _why_refuted(case: Case, found: Comparison, margin: str, up: str, reach: str) -> str:
    assert found.advantage is not None, "called with means"
    if found.worth is not None and not found.is_behind:
        worth = number(found.worth, case.gap_unit)
        return (
            f"The claim names no margin, so a lead worth having is taken to be {worth}, a standard"
            f" deviation over seeds. If there were one, a result this far short of it would come up"
            f" {_chance(found.p_refute)}; {_limit(case)} A claim that names a smaller margin could"
            " come out otherwise."
        )
    chance = _chance(found.advantage.p_below(found.margin or 0.0))
    if not found.margin:
        return (
            f"That is the opposite of the claim: if {found.left.arm} were not behind, a gap this"
            f" large would come up {chance}; {_limit(case)} With seeds that vary this much, a gap"
            f" under {reach} would have left it open."
        )
    high = number(found.advantage.high, case.gap_unit)
    least = f"A claim of less than {high} would not have been refuted."
    if found.advantage.high <= 0.0:
        least = "No lead, however small, is left in the interval."
    smaller = ""
    if found.is_ahead:
        smaller = f"That is smaller than claimed: the claim asks for {margin}. "
    elif found.is_behind:
        smaller = "That is the opposite of the claim. "
    else:
        smaller = f"That is no such lead as the {margin} claimed. "
    return (
        f"{smaller}If it were really {margin} {up}, a result this far short of it would"
        f" come up {chance}; {_limit(case)} {least}"
    )


def _open_means(case: Case, found: Comparison, held_back: int, margin: str) -> str:
    assert found.advantage is not None, "called with means"
    more = _more(found.seeds_needed)
    if found.is_smaller_than_claimed and found.fewest < REFUTE_SEEDS_MIN:
        return (
            f"That is less than the {margin} claimed, but refuting takes {REFUTE_SEEDS_MIN} seeds"
            f" an arm: {REFUTE_SEEDS_MIN - found.fewest} more."
        )
    if found.fewest < CONFIRM_SEEDS_MIN:
        return (
            f"With fewer than {CONFIRM_SEEDS_MIN} seeds an arm nothing is decided, since their"
            f" spread is hardly known. {more}"
        )
    if held_back:
        return f"{_held(held_back)} {more}"
    if found.is_behind and found.fewest < REFUTE_SEEDS_MIN:
        return (
            f"That points against the claim, but refuting takes {REFUTE_SEEDS_MIN} seeds an arm:"
            f" {REFUTE_SEEDS_MIN - found.fewest} more."
        )
    if found.margin and found.advantage.high >= found.margin:
        return (
            f"The interval includes both zero and the {margin} claimed: it could be either. {more}"
        )
    return f"The interval includes zero, so seed noise alone could have made this gap. {more}"


def _by_counts(
    case: Case, found: Comparison, counts: Counts, outcome: Outcome, held_back: int
) -> str:
    left, right = found.left, found.right
    goal = _goal(case, counts.level)
    rates = counts.rates
    more_often, less_often = "more often", "less often"
    how = more_often if rates.estimate >= 0.0 else less_often
    told = (
        f"{_why_counts(case, found, counts)} {counts.left} of {len(left.runs)} seeds of {left.arm}"
        f" and {counts.right} of {len(right.runs)} of {right.arm} {goal}; {left.arm} does so"
        f" {number(abs(rates.estimate), 'pt')} {how} ({_percent(CONFIDENCE)} interval:"
        f" {_between(rates.low, rates.high, 'pt', more_often, less_often)})."
    )
    above = (counts.level.relation in (">", ">=")) == found.upward
    p_for = rates.p_above if above else rates.p_below
    p_against = rates.p_below if above else rates.p_above
    if outcome is Outcome.CONFIRMED:
        asked = ""
        if found.margin:
            margin = number(found.margin, case.gap_unit)
            asked = f" Counts cannot say whether the difference is the {margin} claimed."
        return (
            f"{told} If both did so equally often, a split this uneven would come up"
            f" {_chance(p_for)}; {_limit(case)}{asked} {_undone(found, counts)}"
        )
    if outcome is Outcome.REFUTED:
        return (
            f"{told} That is the opposite of the claim: if both did so equally often, a split this"
            f" uneven would come up {_chance(p_against)}; {_limit(case)} Only a cause for the"
            " diverged runs that has nothing to do with the arm would change it."
        )
    more = _more(found.seeds_needed)
    if counts.refuting is not None and not held_back:
        up, down = ("higher", "lower") if found.upward else ("lower", "higher")
        lead = counts.refuting.estimate
        asked = f"the {number(found.margin, case.gap_unit)} claimed" if found.margin else "a lead"
        return (
            f"{told} But the runs that ended speak against {asked}: by them {left.arm} is on"
            f" average {number(abs(lead), case.gap_unit)} {up if lead >= 0.0 else down}. So counts"
            " do not confirm it; a recipe under which every seed trains would let averages be"
            " compared."
        )
    if held_back:
        return f"{told} {_held(held_back)} {more}"
    if found.fewest < CONFIRM_SEEDS_MIN:
        return f"{told} With fewer than {CONFIRM_SEEDS_MIN} seeds an arm nothing is decided. {more}"
    if p_against <= case.alpha and counts.split:
        return (
            f"{told} That points against the claim, but seeds in two groups never refute one; a"
            " recipe under which every seed trains would let averages be compared."
        )
    if counts.split is None:
        return (
            f"{told} Counts this close cannot be told from chance, and they tell only who ended: a"
            f" recipe under which every seed trains would let averages be compared. {more}"
        )
    return f"{told} Counts this close cannot be told from chance. {more}"


def _undone(found: Comparison, counts: Counts) -> str:
    """How many seeds would have had to go the other way; asked of the test itself."""
    ahead, behind = (found.left, counts.left), (found.right, counts.right)
    if counts.rates.estimate < 0.0:
        ahead, behind = behind, ahead
    n_ahead, n_behind = len(ahead[0].runs), len(behind[0].runs)
    for failed in range(1, ahead[1] + 1):
        if fisher(ahead[1] - failed, n_ahead, behind[1], n_behind).p_above > ALPHA:
            return f"It would be open had {_seeds(failed, 'more ')} of {ahead[0].arm} failed."
    return ""


def _why_counts(case: Case, found: Comparison, counts: Counts) -> str:
    split = counts.split
    if split is None:
        which = _list(
            [
                f"{arm.diverged} of {len(arm.runs)} seeds of {arm.arm}"
                for arm in (found.left, found.right)
                if arm.diverged
            ]
        )
        return f"{which} diverged, which leaves no number to average, so successes are counted."
    return (
        f"The seeds of {split.arm} fall into two groups, {split.below} near"
        f" {number(split.low_typical, case.unit)} and {split.above} near"
        f" {number(split.high_typical, case.unit)}, so an average would mislead and successes are"
        " counted."
    )


def _insensitive_by_counts(
    case: Case, form: claims.Insensitive, found: Spread, outcome: Outcome, held_back: int
) -> str:
    assert found.level is not None, "called with counts"
    assert found.counts_pair is not None, "every pair was counted"
    tally = _list(
        [
            f"{found.level.successes(arm)} of {len(arm.runs)} at {_level_name(form.parameter, arm)}"
            for arm in case.arms
        ]
    )
    if found.split is not None:
        why = (
            f"The seeds of {found.split.arm} fall into two groups, near"
            f" {number(found.split.low_typical, case.unit)} and near"
            f" {number(found.split.high_typical, case.unit)}"
        )
    else:
        runs = sum(arm.diverged for arm in case.arms)
        why = f"{runs} run{'' if runs == 1 else 's'} diverged"
    first, second = (_level_name(form.parameter, case.arms[i]) for i in found.counts_pair)
    told = (
        f"{why}, so averages would mislead and successes are counted. Seeds that"
        f" {_goal(case, found.level)}: {tally}."
    )
    if outcome is Outcome.REFUTED:
        return (
            f"{told} {first} and {second} differ: if they succeeded equally often, counts this far"
            f" apart would come up {_chance(found.p_counts)}; {_limit(case)} Only a cause for the"
            " failed runs that has nothing to do with the level would change it."
        )
    if held_back:
        return f"{told} {_held(held_back)} {_more(None)}"
    return (
        f"{told} No pair of levels differs beyond chance, and counts cannot show that all are"
        " alike. A recipe under which every seed trains would let averages be compared."
    )


def _open_insensitive(
    case: Case, found: Spread, further: int | None, margin: str, held_back: int
) -> str:
    assert found.equivalence is not None, "called with means"
    fewest = min(len(arm.runs) for arm in case.arms)
    pair = found.equivalence
    if math.isinf(pair.low):
        return (
            "No two seeds of a level differ, so nothing is known of how much they vary. Check that"
            " the seed reaches the trainer."
        )
    apart = abs(pair.estimate)
    if fewest < CONFIRM_SEEDS_MIN:
        return (
            f"With fewer than {CONFIRM_SEEDS_MIN} seeds a level nothing is decided."
            f" {_at_least(CONFIRM_SEEDS_MIN - fewest, 'a level')}"
        )
    more = _more(further, "a level")
    if held_back:
        return f"{_held(held_back)} {more}"
    if found.sd > found.margin / 2.0:
        return (
            f"Seeds of one level vary by {number(found.sd, case.gap_unit)} (standard deviation),"
            f" more than half of the {margin} allowed: with so much spread few seeds show the"
            f" levels neither alike nor apart. {more} A wider margin or a steadier recipe would"
            " help more."
        )
    if apart > found.margin:
        return f"That is beyond the {margin} allowed, but seed noise could have made it. {more}"
    return f"The interval still reaches beyond the {margin} allowed. {more}"


def _nothing(case: Case) -> str:
    return _nothing_of(case.empty) if case.empty else ""


def _nothing_of(arms: Sequence[ArmResult]) -> str:
    names = _list([arm.arm for arm in arms], "or")
    return f"No run of {names} has ended with a result, so there is nothing to judge yet."


def _averages(case: Case, left: ArmResult, right: ArmResult) -> str:
    one, other = _score(case, left), _score(case, right)
    if len(left.runs) == len(right.runs):
        return (
            f"Over {_seeds(len(left.runs))} each, {left.arm} averaged {one} {case.metric} and"
            f" {right.arm} {other}"
        )
    return (
        f"{left.arm} averaged {one} {case.metric} over {_seeds(len(left.runs))} and {right.arm}"
        f" {other} over {_seeds(len(right.runs))}"
    )


def _score(case: Case, arm: ArmResult) -> str:
    if not arm.runs:
        return "no result"
    if not arm.values:
        return "no number, since it diverged"
    return number(sample(arm.values, arm.arm).mean, case.unit)


def _reaching(case: Case, found: Reliability) -> str:
    ended = ""
    if found.n < sum(len(arm.runs) for arm in case.arms if arm.arm == found.arm.arm):
        ended = " that ended"
    goal = _goal(case, found.level)
    return f"{found.successes} of {_seeds(found.n)} of {found.arm.arm}{ended} {goal}"


def _scores_of(case: Case, found: Reliability) -> str:
    if not found.arm.values:
        return ""
    low, high = (number(end(found.arm.values), case.unit) for end in (min, max))
    if low == high:
        return f" (scored {low})"
    return f" (scores {_span(min(found.arm.values), max(found.arm.values), case.unit)})"


_REACHED: Mapping[Relation, str] = {
    ">=": "reached",
    ">": "went above",
    "<=": "got down to",
    "<": "went below",
}
_REACHES: Mapping[Relation, str] = {
    ">=": "reaches",
    ">": "goes above",
    "<=": "gets down to",
    "<": "goes below",
}


def _goal(case: Case, level: Level) -> str:
    if level.value is None:
        return "ended without diverging"
    name = f" ({level.name})" if level.name else ""
    return f"{_verb(level, _REACHED)} {number(level.value, case.unit)}{name}"


def _verb(level: Level, verbs: Mapping[Relation, str]) -> str:
    return verbs[level.relation]


def _open_reliability(found: Reliability) -> str:
    few = (
        "That is too few to tell an arm that succeeds with 9 seeds in 10 from one that does with"
        " half of them."
    )
    if found.n == 1:
        few = "One run cannot tell a reliable arm from a lucky or an unlucky one."
    misses = found.sprt.failures_needed
    return (
        f"{few} {_true_share(found)} {found.sprt.successes_needed} more in a row that succeed would"
        f" confirm it, {misses} more that {'fails' if misses == 1 else 'fail'} would refute it."
    )


def _true_share(found: Reliability) -> str:
    return (
        f"In the long run between {_span(found.low, found.high, '%').replace(' to ', ' and ')} of"
        " its seeds would succeed (95 % interval)."
    )


def _reopening(found: Reliability) -> str:
    """How many further seeds of the other kind undo the decision; asked of the test itself."""
    confirmed = found.sprt.decision == "reached"
    for extra in range(1, found.n + 10):
        successes = found.successes + (0 if confirmed else extra)
        if sprt(successes, found.n + extra).decision != found.sprt.decision:
            what = "failed" if confirmed else "succeeded"
            return f"It would be open again if {_next_seeds(extra)} {what}."
    return ""


def _next_seeds(count: int) -> str:
    return "the next seed" if count == 1 else f"the next {count} seeds"


def _at_most(
    form: claims.Smallest, found: Sequence[Reliability], outcome: Outcome, what: str, least: str
) -> str:
    assert form.at_most is not None, "called with a limit"
    limit = _level(form.parameter, form.at_most)
    inside = [each for each in found if (v := _value(each.arm)) is not None and v <= form.at_most]
    asked = f"The claim puts the smallest {what} at {limit} or less"
    if not inside:
        return f"{asked}, and no level that small was planned; one would have to be."
    largest = _level_name(form.parameter, inside[-1].arm)
    if outcome is Outcome.CONFIRMED:
        return f"{asked}: {least} is enough, so it is that or smaller."
    if outcome is Outcome.REFUTED:
        beyond = f"{least} is" if least else "no larger one is shown to be"
        return (
            f"{asked}: no level up to there is enough, {beyond}. The largest tried up to there was"
            f" {largest}; one between that and {limit} could change this."
        )
    return f"{asked}, which is open."


def _open_levels(form: claims.Smallest, open_levels: Sequence[Reliability]) -> str:
    ways = []
    for each in open_levels:
        name = _level_name(form.parameter, each.arm)
        ways.append(
            f"{each.sprt.successes_needed} more that reach it (or {each.sprt.failures_needed} that"
            f" miss) at {name}"
        )
    return f"What would settle it: {_list(ways)}." if ways else ""


def _tally(parameter: str, found: Sequence[Reliability]) -> str:
    return _list(
        [f"{each.successes} of {each.n} at {_level_name(parameter, each.arm)}" for each in found]
    )


def _name_of(parameter: str) -> str:
    return "parameter count" if parameter == "params" else parameter


def _level_name(parameter: str, arm: ArmResult) -> str:
    if arm.level is None:
        return size(arm.params) if parameter == "params" and arm.params else arm.arm
    return _level(parameter, arm.level)


def _level(parameter: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return size(value) if parameter == "params" else f"{value:g}"
    return str(value)


def _value(arm: ArmResult) -> float | None:
    level = arm.level if arm.level is not None else arm.params
    return None if level is None or isinstance(level, (str, bool)) else float(level)


def _range(case: Case, gap: Difference, up: str, down: str) -> str:
    return _between(gap.low, gap.high, case.gap_unit, up, down)


def _between(low: float, high: float, unit: str, up: str, down: str) -> str:
    if low >= 0.0:
        return f"{_span(low, high, unit)} {up}"
    if high <= 0.0:
        return f"{_span(-high, -low, unit)} {down}"
    return f"from {number(-low, unit)} {down} to {number(high, unit)} {up}"


def _span(low: float, high: float, unit: str) -> str:
    first = number(low, unit).removesuffix(unit).rstrip()
    return f"{first} to {number(high, unit)}"


def _span_of_pair(case: Case, pair: Equivalence) -> str:
    if math.isinf(pair.low):
        return ""
    low, high = sorted((pair.low, pair.high))
    if pair.estimate < 0.0:
        low, high = -high, -low
    return (
        f", with a {_percent(CONFIDENCE)} interval of the difference of"
        f" {_span(low, high, case.gap_unit)}"
    )


def _chance(p: float) -> str:
    """How often chance alone does as much, in words."""
    if p < 1e-4:
        return "in fewer than 1 of 10,000 such experiments"
    if p > 2.0 / 3.0:
        return "in most such experiments"
    every = 1.0 / p
    rounded = round(every) if every < 100 else round(every, 1 - math.floor(math.log10(every)))
    return f"in about 1 of {max(2, int(rounded)):,} such experiments"


def _limit(case: Case) -> str:
    shared = []
    if case.look and len(case.look.of) > 1:
        shared.append(f"its {len(case.look.of)} looks")
    if case.family > 1:
        shared.append(f"the {case.family} hypotheses judged together")
    return f"the rule allows 1 in 20{' over ' if shared else ''}{_list(shared)}."


def _held(held_back: int) -> str:
    return (
        f"Alone this would be enough, but {held_back} hypotheses are judged together, and among so"
        " many a chance find is likelier, so more evidence is asked for."
    )


def _more(further: int | None, what: str = "an arm") -> str:
    if further is None:
        return "No number of seeds that a lab would run is likely to settle it."
    seeds = f"{_seeds(further, 'more ')} {what}"
    if further > _WORTH_IT:
        return f"It would take about {seeds} to settle it, likely more than it is worth."
    return f"About {seeds} would probably settle it."


def _at_least(further: int, what: str = "an arm") -> str:
    return f"It takes at least {_seeds(further, 'more ')} {what}."


def _seeds(count: int, more: str = "") -> str:
    return f"{count} {more}seed{'' if count == 1 else 's'}"


def _seed_counts(arms: Sequence[ArmResult]) -> str:
    counts = sorted({len(arm.runs) for arm in arms})
    if len(counts) == 1:
        return _seeds(counts[0])
    return f"{counts[0]} to {_seeds(counts[-1])}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _list(items: Sequence[str], word: str = "and") -> str:
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {word} {items[-1]}"
