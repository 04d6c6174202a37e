"""Two arms compared in, a paragraph out: by their averages, or by their success counts."""

import math

from techspec.stats.rates import fisher
from techspec.verdict.findings import (
    ALPHA,
    CONFIDENCE,
    CONFIRM_SEEDS_MIN,
    REFUTE_SEEDS_MIN,
    Case,
    Comparison,
    Counts,
)
from techspec.verdict.model import Outcome
from techspec.verdict.words.numbers import between, listed, n_seeds, number, percent, stated
from techspec.verdict.words.phrases import (
    averages_of,
    goal_of,
    held_back_by,
    how_many_more,
    how_often,
    limit,
    nothing_of,
    score,
    takes_at_least,
)


def sentence(case: Case, found: Comparison, outcome: Outcome, held_back: int) -> str:
    """For `a > b`."""
    if lacking := _lacking(case, found):
        return lacking
    if found.counts is not None:
        return _by_counts(case, found, found.counts, outcome, held_back)
    return _by_means(case, found, outcome, held_back)


def _lacking(case: Case, found: Comparison) -> str:
    empty = [arm for arm in (found.left, found.right) if not arm.runs]
    if empty and found.is_paired:
        return (
            f"No seed of both {found.left.arm} and {found.right.arm} has ended with a result, so"
            " there is nothing to compare yet."
        )
    if empty:
        return nothing_of(empty)
    left, right = found.left, found.right
    if found.fewest == 1 and found.counts is None:
        if len(left.runs) == len(right.runs) == 1:
            return (
                f"{left.arm} has {score(case, left)} {case.metric} and {right.arm}"
                f" {score(case, right)}, one run each: seed noise cannot be told from an effect."
                f" {takes_at_least(CONFIRM_SEEDS_MIN - 1)}"
            )
        single = left if len(left.runs) == 1 else right
        return (
            f"{averages_of(case, left, right)}, but {single.arm} has one run only: seed noise"
            f" cannot be told from an effect. {takes_at_least(CONFIRM_SEEDS_MIN - 1)}"
        )
    return ""


def _by_means(case: Case, found: Comparison, outcome: Outcome, held_back: int) -> str:
    assert found.advantage is not None, "two runs an arm, none diverged, leave means"
    gap, left = found.advantage, found.left
    up, down = ("higher", "lower") if found.upward else ("lower", "higher")
    margin = stated(found.margin or 0.0, case.gap_unit)
    amount = number(abs(gap.estimate), case.gap_unit)
    averages = averages_of(case, found.left, found.right)
    if math.isinf(gap.standard_error):
        return (
            f"{averages}. No two seeds of an arm differ, so nothing is known of how much they vary"
            " and no difference can be judged. Check that the seed reaches the trainer."
        )
    if outcome is Outcome.REFUTED and found.is_ahead and found.is_smaller_than_claimed:
        is_so = f"{left.arm} is {up}, but by only {amount}"
    elif amount == number(0.0, case.gap_unit):
        is_so = "they are level"
    else:
        is_so = f"{left.arm} is {amount} {up if gap.estimate >= 0.0 else down}"
    if found.is_paired:
        is_so = f"seed by seed, {is_so}"
    ends = ""
    if math.isfinite(gap.low) and math.isfinite(gap.high):
        ends = between(gap.low, gap.high, case.gap_unit, up, down)
        ends = f" ({percent(CONFIDENCE)} interval: {ends})"
    told = f"{_two_groups(case, found)}{averages}; {is_so}{ends}."
    if outcome is Outcome.CONFIRMED:
        asked = ""
        # From the estimate to its end is what the one-sided test asks for at this spread.
        reach = number(gap.estimate - gap.low, case.gap_unit)
        if found.margin and gap.low >= found.margin:
            asked = f" The whole interval lies above the {margin} that the claim asks for."
        elif found.margin:
            asked = f" Whether it is as much as the {margin} claimed stays open."
        least = f"With seeds that vary this much, a gap under {reach}"
        if found.must_reach and found.margin and gap.estimate - gap.low < found.margin:
            least = f"Where seeds fall into two groups, a gap under {margin}"
        return (
            f"{told}{asked} If there were no difference, a gap this large would come up"
            f" {how_often(found.p_confirm)}; {limit(case)} {least} would not have been enough."
        )
    if outcome is Outcome.REFUTED:
        return f"{told} {_why_refuted(case, found, margin, up)}"
    return f"{told} {_open_means(case, found, held_back, margin)}"


def _why_refuted(case: Case, found: Comparison, margin: str, up: str) -> str:
    assert found.advantage is not None, "called with means"
    if found.worth is not None and not found.is_behind:
        worth = number(found.worth, case.gap_unit)
        return (
            f"The claim names no margin, so a lead worth having is taken to be {worth}, a standard"
            f" deviation over seeds. If there were one, a result this far short of it would come up"
            f" {how_often(found.p_refute)}; {limit(case)} A claim that names a smaller margin could"
            " come out otherwise."
        )
    chance = how_often(found.p_refute)
    if not found.margin or found.split:
        least = "No lead, however small, is left in the interval."
        if found.is_paired or found.split:
            reach = number(found.advantage.high - found.advantage.estimate, case.gap_unit)
            least = f"With seeds that vary this much, a gap under {reach} would have left it open."
        return (
            f"That is the opposite of the claim: if {found.left.arm} were not behind, a gap this"
            f" large would come up {chance}; {limit(case)} {least}"
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
        smaller = f"That is less than the {margin} claimed. "
    return (
        f"{smaller}If it were really {margin} {up}, a result this far short of it would"
        f" come up {chance}; {limit(case)} {least}"
    )


def _open_means(case: Case, found: Comparison, held_back: int, margin: str) -> str:
    assert found.advantage is not None, "called with means"
    more = how_many_more(found.seeds_needed)
    if found.is_smaller_than_claimed and not found.split and found.fewest < REFUTE_SEEDS_MIN:
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
        return f"{held_back_by(held_back)} {more}"
    is_less = found.is_smaller_than_claimed or (found.is_short and found.is_ahead)
    if found.split and is_less and found.advantage.estimate > 0.0:
        by = "The interval lies above zero, but by" if found.is_ahead else "By"
        return (
            f"{by} these averages it is less than the {margin} claimed, so it is not confirmed;"
            " where seeds fall into two groups, only the opposite of a claim is refuted. A recipe"
            " under which every seed trains would tell."
        )
    if found.must_reach and found.is_short and found.advantage.estimate > 0.0:
        more = f"While it is less than {margin} on average, more seeds do not settle it."
    if found.is_behind and found.fewest < REFUTE_SEEDS_MIN:
        return (
            f"That points against the claim, but refuting takes {REFUTE_SEEDS_MIN} seeds an arm:"
            f" {REFUTE_SEEDS_MIN - found.fewest} more."
        )
    if found.is_ahead and found.is_smaller_than_claimed:
        return (
            f"The interval lies above zero, and probably it is less than the {margin} claimed; but"
            f" that is not clear enough for this look. {more}"
        )
    if found.margin and found.margin <= found.advantage.high < math.inf:
        return (
            f"The interval includes both zero and the {margin} claimed: it could be either. {more}"
        )
    if math.isinf(found.advantage.high):
        return f"So few seeds in two groups tell nothing: chance alone deals them so. {more}"
    return f"The interval includes zero, so seed noise alone could have made this gap. {more}"


def _two_groups(case: Case, found: Comparison) -> str:
    """Why no t-test is used; empty where one is."""
    split = found.split
    if split is None:
        return ""
    return (
        f"The seeds of {split.arm} fall into two groups, {split.below} near"
        f" {number(split.low_typical, case.unit)} and {split.above} near"
        f" {number(split.high_typical, case.unit)}, which no t-test allows for, so chance is judged"
        " by exchanging runs between the arms. "
    )


def _by_counts(
    case: Case, found: Comparison, counts: Counts, outcome: Outcome, held_back: int
) -> str:
    left, right = found.left, found.right
    goal = goal_of(case, counts.level)
    rates = counts.rates
    more_often, less_often = "more often", "less often"
    how = f"{left.arm} does so {number(abs(rates.estimate), 'pt')}"
    how += f" {more_often if rates.estimate >= 0.0 else less_often}"
    if rates.estimate == 0.0:
        how = "both do so equally often"
    told = (
        f"{_why_counts(found)} {counts.left} of {len(left.runs)} seeds of {left.arm}"
        f" and {counts.right} of {len(right.runs)} of {right.arm} {goal}; {how}"
        f" ({percent(CONFIDENCE)} interval:"
        f" {between(rates.low, rates.high, 'pt', more_often, less_often)})."
    )
    above = (counts.level.relation in (">", ">=")) == found.upward
    p_for = rates.p_above if above else rates.p_below
    p_against = rates.p_below if above else rates.p_above
    if outcome is Outcome.CONFIRMED:
        asked = ""
        if found.margin:
            margin = stated(found.margin, case.gap_unit)
            asked = f" Counts cannot say whether the difference is the {margin} claimed."
        return (
            f"{told} If both did so equally often, a split this uneven would come up"
            f" {how_often(p_for)}; {limit(case)}{asked} {_undone(case, found, counts)}"
        )
    if outcome is Outcome.REFUTED:
        return (
            f"{told} That is the opposite of the claim: if both did so equally often, a split this"
            f" uneven would come up {how_often(p_against)}; {limit(case)} Only a cause for the"
            " failed runs that has nothing to do with the arm would change it."
        )
    more = how_many_more(found.seeds_needed)
    if counts.refuting is not None and not held_back:
        up, down = ("higher", "lower") if found.upward else ("lower", "higher")
        lead = counts.refuting.estimate
        asked = f"the {stated(found.margin, case.gap_unit)} claimed" if found.margin else "a lead"
        return (
            f"{told} But the runs that ended speak against {asked}: by them {left.arm} is on"
            f" average {number(abs(lead), case.gap_unit)} {up if lead >= 0.0 else down}. So counts"
            " do not confirm it; a recipe under which every seed trains would let averages be"
            " compared."
        )
    if held_back:
        return f"{told} {held_back_by(held_back)} {more}"
    if found.fewest < CONFIRM_SEEDS_MIN:
        return f"{told} With fewer than {CONFIRM_SEEDS_MIN} seeds an arm nothing is decided. {more}"
    close = "Counts this close cannot be told from chance"
    if min(p_for, p_against) <= ALPHA:
        close = "That is clear, but not clear enough for so early a look"
    if counts.level.value is None:
        return (
            f"{told} {close}, and counts tell only who ended: a recipe under which every seed"
            f" trains would let averages be compared. {more}"
        )
    return f"{told} {close}. {more}"


def _why_counts(found: Comparison) -> str:
    which = listed(
        [
            f"{arm.diverged} of {len(arm.runs)} seeds of {arm.arm}"
            for arm in (found.left, found.right)
            if arm.diverged
        ]
    )
    return f"{which} diverged, which leaves no number to average, so successes are counted."


def _undone(case: Case, found: Comparison, counts: Counts) -> str:
    """How many seeds would have had to go the other way; asked of the test itself."""
    ahead, behind = (found.left, counts.left), (found.right, counts.right)
    if counts.rates.estimate < 0.0:
        ahead, behind = behind, ahead
    n_ahead, n_behind = len(ahead[0].runs), len(behind[0].runs)
    for failed in range(1, ahead[1] + 1):
        if fisher(ahead[1] - failed, n_ahead, behind[1], n_behind).p_above > (
            case.confirm_level or ALPHA
        ):
            return f"It would be open had {n_seeds(failed, 'more ')} of {ahead[0].arm} failed."
    return ""
