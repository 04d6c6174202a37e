"""techspec calibrate: rehearse a spec many times, and say how often its verdicts would be wrong."""

import argparse
import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from techspec.commands.shared_arguments import add_spec
from techspec.commands.show import as_json, columns, count, duration, plain
from techspec.errors import TechspecError
from techspec.ledger.state import State
from techspec.plan.build import build
from techspec.plan.model import Plan
from techspec.run.trainer_call import trainer_of
from techspec.spec.reader import read_file
from techspec.spec.units import quantity
from techspec.verdict.campaign import state_of
from techspec.verdict.prospects import Outlook, outlooks
from techspec.verdict.worlds import Truth

EXAMPLE = "techspec calibrate TECHSPEC.md --spread 2pt"
_DRAWS = 400
_FAILS_MOST = 0.9
_WRONG = {"as claimed": "refuted", "not so": "confirmed"}


class NoSpread(TechspecError):
    """Text that is no spread of a metric."""

    def __init__(self, given: str) -> None:
        super().__init__(
            f"{given!r} is no standard deviation over seeds.",
            "write one above 0, such as 2pt for a share or 0.05 for a loss.",
        )


class NoShare(TechspecError):
    """A number that is no share of seeds that may collapse."""

    def __init__(self, given: float) -> None:
        super().__init__(
            f"{given:g} is no share of seeds that collapse.",
            f"give --fails a number from 0 to {_FAILS_MOST}, such as 0.2 for every fifth seed.",
        )


class NoDraws(TechspecError):
    """Fewer rehearsals than one."""

    def __init__(self, given: int) -> None:
        super().__init__(
            f"{given} rehearsals tell nothing.", "give --draws a whole number from 1 on."
        )


class NothingToRehearse(TechspecError):
    """No hypothesis of the spec can be answered by its plan."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"No hypothesis of {str(path)!r} could be settled by its plan.",
            "see 'techspec plan' for why; each needs a claim in backticks.",
        )


def arguments(parser: argparse.ArgumentParser) -> None:
    """The spec, and what the invented worlds are like."""
    add_spec(parser)
    parser.add_argument(
        "--spread",
        metavar="SD",
        help="standard deviation over seeds, such as 2pt; else what Run states as seed_sd, "
        "else what the campaign has measured",
    )
    parser.add_argument(
        "--fails",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of seeds that collapse, from 0 to 0.9 (default 0): outcomes in two groups",
    )
    parser.add_argument(
        "--draws", type=int, default=_DRAWS, help=f"rehearsals a world (default {_DRAWS})"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for tools")


def run(args: argparse.Namespace) -> int:
    """Exit 0: it advises, and decides nothing."""
    stated = _checked(args)
    spec = read_file(args.spec)
    plan = build(spec, trainer_of(spec, args.spec.resolve().parent))
    state = state_of(args.spec) or State()
    sd = spec.run.seed_sd if stated is None else stated
    found = outlooks(plan, state, sd, args.draws, args.fails)
    if not found:
        raise NothingToRehearse(args.spec)
    if args.json:
        print(json.dumps(as_json(outlooks=found)))
        return 0
    for line in _lines(plan, found, args.draws, args.fails):
        print(plain(line))
    print(f"\nnext: techspec plan {shlex.quote(str(args.spec))}")
    return 0


def _lines(plan: Plan, found: Sequence[Outlook], draws: int, fails: float) -> Iterator[str]:
    collapse = f"; {fails:.0%} of seeds collapse" if fails else ""
    yield (
        f"Rehearsed {count(draws, 'time')} in each of two worlds{collapse}; nothing was trained."
    )
    yield "as claimed: the effect is just what the claim asks for. not so: there is none.\n"
    rows = [["", "if it is", "confirmed", "refuted", "open", "wrong", "runs", "device time"]]
    for each in found:
        for met in each.prospects:
            wrong = met.refuted if _WRONG[met.truth] == "refuted" else met.confirmed
            rows.append(
                [
                    each.hypothesis if met.truth == "as claimed" else "",
                    met.truth,
                    *(f"{100 * share:.1f} %" for share in (met.confirmed, met.refuted, met.open)),
                    f"{100 * wrong:.1f} %",
                    f"{met.runs:.1f}",
                    duration(met.seconds) if met.seconds else "unknown",
                ]
            )
    yield columns(rows)
    yield ""
    for each in found:
        question = next(q for q in plan.questions if q.id == each.hypothesis)
        yield f"  {each.hypothesis}: {question.claim}"
        yield f"      {spread_of(each)}"
        if each.advice:
            yield f"      {each.advice}"


def spread_of(each: Outlook) -> str:
    """With which spread a hypothesis was rehearsed, and who says so."""
    if each.sd is None:
        return "whatever the seed spread"
    shown = f"{100 * each.sd:.2g} pt" if each.unit else f"{each.sd:.3g}"
    if each.source == "assumed":
        return f"at a seed spread of {shown}, half the margin: state seed_sd under Run if you know"
    return f"at a seed spread of {shown}, as {each.source}"


def chances(each: Outlook) -> str:
    """How often it would be settled, in each of its two worlds."""
    told = [f"{10 * met.settled:.0f} of 10 times if {_IF[met.truth]}" for met in each.prospects]
    runs = sum(met.runs for met in each.prospects) / len(each.prospects)
    return f"settled {', '.join(told)}, with {runs:.0f} runs on average"


_IF: dict[Truth, str] = {"as claimed": "it is as claimed", "not so": "it is not"}


def _checked(args: argparse.Namespace) -> float | None:
    """The spread that was given, if any; complains of what no world could be made of."""
    if not 0.0 <= args.fails <= _FAILS_MOST:
        raise NoShare(args.fails)
    if args.draws < 1:
        raise NoDraws(args.draws)
    return None if args.spread is None else _spread(args.spread)


def _spread(text: str) -> float:
    found = quantity(text)
    if found is None or found.value <= 0:
        raise NoSpread(text)
    return float(found.value)
