"""A spec and quotes in, what they mean for its parts out. Nothing is concluded that none says."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from techspec.advice.model import Covered, KnownToFail, Planned, Quote, SettledHere, Skip
from techspec.plan.budget import hours
from techspec.plan.savings import without_sweep
from techspec.skill.page import visible
from techspec.skill.words import terms
from techspec.spec.model import Parameter, Spec, Value
from techspec.spec.units import value as value_of

_SKIP = re.compile(
    r"\b(sweep|search|tuning|grid|ablation|it)\b.{0,40}\b(skipped|not needed|needless|can wait)\b"
    r"|\bskip(ping)?\b.{0,40}\b(sweep|search|tuning|grid|ablation|at first|initially)\b"
    r"|\binsensitive\b|\bmakes? no difference\b|\b(do|does|did)(n.t| not) matter\b"
    r"|\bno (measurable )?effect\b",
    re.I,
)
_NOT_SKIP = re.compile(
    r"\b(not|never|cannot|can.t|don.t|no longer)\s+(be\s+|safe to\s+)?(skip|insensitive)"
    r"|\b(REFUTED|INCONCLUSIVE|VOID|DEVIATED)\b",
    re.I,
)
_START = re.compile(r"\b(start|begin) with\b", re.I)
_ASSIGNMENT = re.compile(r"\w\s?=\s?[\"'`]?[\w.+-]")
_IDENTIFIER = re.compile(r"[A-Za-z]\w*_\w+")
_COVERS = 0.35
"""Share of a hypothesis' terms that a row must have to speak of it; chosen by hand."""


def parts(spec: Spec) -> list[str]:
    """What a source may speak of: parameters, then hypotheses."""
    return [p.name for p in spec.parameters] + [h.id for h in spec.hypotheses]


def covered(spec: Spec, quotes: Sequence[Quote]) -> tuple[Covered, ...]:
    """The parts of the spec that quotes speak of, each with at most two."""
    found = []
    for parameter in spec.parameters:
        about = [quote for quote in quotes if _is_about(parameter, quote.text)]
        if about:
            about.sort(key=lambda quote: not any(letter.isdigit() for letter in quote.text))
            found.append(Covered(parameter.name, parameter.line, tuple(about[:2])))
    for hypothesis in spec.hypotheses:
        asked = set(terms(hypothesis.text))
        named = [_mentions(name) for name in _IDENTIFIER.findall(hypothesis.text)]
        scored: list[tuple[float, int, Quote]] = []
        for quote in quotes:
            shared = len(asked & set(terms(quote.text)))
            same_parameter = shared > 1 and any(is_named(quote.text) for is_named in named)
            if same_parameter or (shared > 2 and shared >= _COVERS * len(asked)):
                scored.append((-shared / len(asked), len(scored), quote))
        if scored:
            best = tuple(quote for *_, quote in sorted(scored, key=lambda entry: entry[:2])[:2])
            found.append(Covered(hypothesis.id, hypothesis.line, best))
    return tuple(found)


def skips(spec: Spec, quotes: Sequence[Quote], planned: Planned | None) -> Iterator[Skip]:
    """Sweeps that a source says can wait, and what the plan saves without them."""
    for parameter in spec.parameters:
        for quote in quotes:
            if not _is_about(parameter, quote.text):
                continue
            if _SKIP.search(quote.text) and not _NOT_SKIP.search(quote.text):
                last = re.split(r"[\s_-]+", parameter.name)[-1]
                # `baseline less lr=0.2` names two arms that were compared, and no value to take.
                assigned = rf"(?<!less )\b{re.escape(last)}\s?=\s?[\w.]+\b"
                value = re.search(assigned, quote.text, re.I)
                asked = [h.id for h in spec.hypotheses if _is_about(parameter, h.text)]
                saving = without_sweep(planned.plan, parameter.key) if planned else None
                start_with = value[0] if value else ""
                yield Skip(parameter.name, quote, start_with, tuple(asked), saving)
                break


def starts(
    spec: Spec, quotes: Sequence[Quote], planned: Planned | None, settled: Sequence[SettledHere]
) -> Iterator[Quote]:
    """What to run first: the first stage with an open question, the spec's order, and sources."""
    if planned and (first := _first_stage(planned, {each.hypothesis for each in settled})):
        yield first
    if spec.budget and spec.budget.order:
        line = spec.budget.order_line or spec.budget.line
        order = " > ".join(visible(item) for item in spec.budget.order)
        yield Quote(f"the spec's own order: {order}", f"your spec:{line}")
    for quote in quotes:
        named = sum(_mentions(p.name)(quote.text) for p in spec.parameters)
        if named and _START.search(quote.text):
            yield quote


def failing(spec: Spec, failed: Iterable[Quote]) -> tuple[KnownToFail, ...]:
    """Values of the spec that a failed attempt had; of a combination, only where all are there.

    Where not every value is swept, a row of the spec that has just these values is the arm that
    failed. An attempt that sets what the spec does not name says nothing of the values it does.
    """
    once: dict[tuple[tuple[str, str], ...], KnownToFail] = {}
    for found in _failing(spec, failed):
        once.setdefault(found.values, found)
    return tuple(once.values())


def _failing(spec: Spec, failed: Iterable[Quote]) -> Iterator[KnownToFail]:
    swept = {parameter.key: parameter for parameter in spec.parameters}
    of_arms = {
        key: tuple(arm.settings[key] for arm in spec.arms if key in arm.settings)
        for key in dict.fromkeys(key for arm in spec.arms for key in arm.settings)
    }
    named = {key: Parameter(key, key, 0, "", values) for key, values in of_arms.items()}
    readers = {key: _value_in(parameter) for key, parameter in {**named, **swept}.items()}
    for quote in failed:
        attempt = quote.text.partition("; failed:")[0]
        read = {key: reader(attempt) for key, reader in readers.items()}
        had = {key: written for key, written in read.items() if written}
        if not had or len(_ASSIGNMENT.findall(attempt)) > len(had):
            continue
        if all(key in swept and _is_in(w, swept[key].values) for key, w in had.items()):
            yield KnownToFail(tuple((swept[key].name, w) for key, w in had.items()), quote)
            continue
        for arm in spec.arms:
            if arm.settings.keys() == had.keys() and all(
                _is_in(written, [arm.settings[key]]) for key, written in had.items()
            ):
                yield KnownToFail((("arm", arm.name),), quote)


def _first_stage(planned: Planned, settled: set[str]) -> Quote | None:
    """The first stage of the plan that serves a hypothesis which is not settled."""
    plan = planned.plan
    for number, stage in enumerate(plan.stages):
        trials = [trial for trial in plan.trials if trial.stage == number]
        serves = sorted({h for trial in trials for h in trial.serves} - settled)
        if serves:
            known = [trial.seconds for trial in trials if trial.seconds is not None]
            time = f", {hours(sum(known))} device hours" if len(known) == len(trials) else ""
            what = f"stage '{visible(stage.name)}' ({len(trials)} trials{time})"
            return Quote(f"{what} serves {', '.join(serves)}", "your plan")
    return None


def _mentions(name: str) -> Callable[[str], bool]:
    """A test for texts that name a parameter, as `rope_theta`, `RoPE theta` or `rope-theta`."""
    pattern = re.compile(_named(name), re.I)
    return lambda text: bool(name.strip()) and pattern.search(text) is not None


def _named(name: str) -> str:
    words = [re.escape(word) for word in re.split(r"[\s_-]+", name.strip()) if word]
    return r"(?<![A-Za-z0-9_])" + r"[\s_-]?".join(words) + r"(?![A-Za-z0-9])"


def _is_about(parameter: Parameter, text: str) -> bool:
    return _mentions(parameter.name)(text) or _mentions(parameter.key)(text)


def _value_in(parameter: Parameter) -> Callable[[str], str]:
    """What a text gives a parameter, as written: `d_model=32`, `d_model 32` or `77K params`."""
    names = [name for name in dict.fromkeys([parameter.name, parameter.key]) if name.strip()]
    behind = [
        re.compile(_named(name) + r"\s*(?:[=:]\s*)?[\"'`]?([\w.+-]*\w)", re.I) for name in names
    ]
    # From where a word begins: from each of its letters it would be read to its end again.
    before = [re.compile(r"(?<![\w.])([\w.]*\w)\s+" + _named(name), re.I) for name in names]

    def read(text: str) -> str:
        for pattern in (*behind, *before):
            for found in pattern.finditer(text):
                value = value_of(found[1])
                if not isinstance(value, str) or value in parameter.values:
                    return found[1]
        return ""

    return read


def _is_in(written: str, values: Sequence[Value]) -> bool:
    value = value_of(written)
    return any(value == v and isinstance(value, bool) == isinstance(v, bool) for v in values)
