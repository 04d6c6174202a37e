"""What is said of a question of any form: why it has no answer, and what it waits for."""

import re
from collections.abc import Sequence

from techspec.plan.model import Question
from techspec.verdict.findings import ALPHA, FUTILE, Case, Look
from techspec.verdict.model import Outcome, Wanted
from techspec.verdict.words.numbers import listed, n_seeds, percent

# Reasons of the planner are short, for its table; here they become sentences.
_NO_SEEDS = re.compile(r"has 0 of (\d+) seeds: the others are")
_ADVICE = re.compile(r": (list|name|set|write) ")
_UNREADABLE = "its claim cannot be read"


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
        return ""  # of one that is decided seed by seed, its form says that all have run
    last = case.question.looks[-1]
    if is_futile:
        return (
            f"So it is given up: the {last} seeds an arm that are registered would settle fewer"
            f" than {percent(FUTILE)} of such cases."
        )
    if not asks:
        return f"That was the last look, at {last} seeds an arm."
    seeds = max(each.seeds for each in asks)
    if look is not None:
        return f"The next look is at {seeds} seeds an arm."
    if len(asks) == 1:
        return f"Next it is looked at with {n_seeds(seeds)} of {asks[0].arm}."
    return f"It is first looked at with {seeds} seeds an arm."


def held_back_since(look: Look, way: Outcome, hypotheses: int) -> str:
    """Why an earlier look, though enough for this hypothesis alone, has decided nothing."""
    return (
        f"Alone, the look at {look.seeds} seeds an arm would have been enough to call it"
        f" {way.lower()}, but {hypotheses} hypotheses are judged together, and among so many a"
        " chance find is likelier, so more evidence is asked for."
    )


def looks_of(case: Case) -> str:
    """The registered looks, and how strict the one is that a verdict rests on."""
    looks = listed([str(seeds) for seeds in case.question.looks])
    if case.look is None:
        return f"Looked at with {looks} seeds an arm."
    ways = [
        f"{word} at p ≤ {level:.2g}"
        for word, level in (("confirms", case.look.confirm), ("refutes", case.look.refute))
        if level
    ]
    many = len(case.question.looks) > 1
    told = f"Looks at {looks} seeds an arm share an error of {percent(ALPHA)} either way; this one"
    if not many:
        told = f"One look, at {looks} seeds an arm, which"
    return f"{told} {listed(ways) or 'decides nothing'}."
