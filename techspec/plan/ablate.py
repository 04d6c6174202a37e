"""Spec in, Design out: the arms it asks for, one factor at a time around a baseline, or by name.

Nothing is solved, priced or dropped here; an arm that cannot be run says so and is carried on.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TypeGuard

from techspec.plan.model import Change
from techspec.plan.trainer import TrainerFacts
from techspec.spec.claims import ArmRef, Chain, Difference, Threshold
from techspec.spec.model import NamedArm, Parameter, Priority, Spec, Value

BASELINE = "baseline"
SIZE = "params"
"""The swept name that is a size to be matched, unless the trainer has a parameter of that name."""
FREE_WIDTH = "d_ff"
"""The width that is solved for a size: it is in no claim of the field's usual ones."""
UNSTATED = Priority.MEDIUM
"""Where the spec gives no priority: after what it calls high, before what it calls low."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An arm as the spec asks for it, before sizes are matched."""

    name: str
    config: Mapping[str, Value]
    """Everything but its size."""
    changes: tuple[Change, ...] = ()
    is_baseline: bool = False
    size: int | None = None
    """Parameters that it is to have."""
    size_of: str = ""
    """The draft whose computed count it is to have, where the spec names no number."""
    as_written: bool = False
    """A row of an unmatched grid: nothing is added to it."""
    problem: str | None = None
    """Why it cannot be run."""


@dataclass(frozen=True, slots=True)
class Group:
    """Drafts that answer one thing: the levels of a factor, or the named arms of one priority."""

    name: str
    keys: tuple[str, ...]
    """The parameters that its drafts set."""
    priority: Priority
    arms: tuple[str, ...]
    """Names of drafts; the baseline is among them where it has one of the levels."""
    levels: tuple[tuple[Value, ...], ...] = ()
    """Beside `arms`, a value for each of `keys`; empty for named arms."""


@dataclass(frozen=True, slots=True)
class Design:
    """All drafts, the baseline first, and their groups in the order of the file."""

    drafts: tuple[Draft, ...]
    groups: tuple[Group, ...]
    named: tuple[str, ...]
    """The drafts that are rows of a table."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Factor:
    """What moves as one: a swept parameter, or several that a `## Factors` line ties together."""

    name: str
    keys: tuple[str, ...]
    priority: Priority
    levels: tuple[tuple[Value, ...], ...]
    problem: str | None = None


def design(spec: Spec, facts: TrainerFacts) -> Design:
    """Draft the arms that the spec asks for, from all its tables and claims."""
    notes: list[str] = []
    factors = _factors(spec, facts, notes)
    row = next((arm for arm in spec.arms if _is_baseline(arm)), None)
    base = _base(spec, row, factors, facts, notes)
    drafting = _Drafting(spec, facts, base, row)
    groups = [*drafting.rows(), *(drafting.factor(factor) for factor in factors)]
    groups += drafting.claimed()
    drafts = sorted(drafting.drafts.values(), key=lambda draft: not draft.is_baseline)
    if FREE_WIDTH in base and any(draft.size or draft.size_of for draft in drafts):
        notes.append(
            f"{FREE_WIDTH} of the baseline gives way: it is solved for the size of each arm."
        )
    return Design(tuple(drafts), tuple(groups), tuple(drafting.names), tuple(notes))


def shown(value: Value) -> str:
    """Write a value as arm names have it.

    >>> shown(True), shown(0.001), shown(512)
    ('true', '0.001', '512')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def size_shown(params: float) -> str:
    """Write a number of parameters as people do: three digits and K or M.

    >>> size_shown(3_175_424), size_shown(252_800), size_shown(800)
    ('3.18M', '253K', '800')
    """
    for unit, name in ((1e6, "M"), (1e3, "K")):
        if params >= unit * 0.9995:
            return f"{params / unit:.3g}{name}"
    return f"{params:.3g}"


def same(left: Value | None, right: Value | None) -> bool:
    """Tell whether two values are one level: 10 is 10.0, but 1 is not true."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def is_size(key: str, facts: TrainerFacts) -> bool:
    """Whether `key` is the size to be matched, and no parameter of the trainer."""
    return key == SIZE and SIZE not in (facts.parameters or {})


def levels_of(parameter: Parameter) -> tuple[Value, ...]:
    """List the values to run: those named, or low, middle and high of a range; () if it names none.

    The middle is geometric where the range spans a factor of ten, as people sweep such ranges.

    >>> levels_of(Parameter("lr", "lr", 1, "0.0001-0.01", low=0.0001, high=0.01))
    (0.0001, 0.001, 0.01)
    """
    if parameter.values:
        return _without_repeats(parameter.values)
    low, high = parameter.low, parameter.high
    if low is None or high is None:
        return ()
    wide = low > 0 and high / low >= 10
    middle = math.sqrt(low * high) if wide else (low + high) / 2
    if isinstance(low, int) and isinstance(high, int):
        return _without_repeats((low, round(middle), high))
    return _without_repeats((low, float(f"{middle:.{2 if wide else 12}g}"), high))


def claim_arms(spec: Spec) -> Iterator[ArmRef]:
    """Every arm that a claim names, in the order of the file."""
    for hypothesis in spec.hypotheses:
        match hypothesis.claim.form if hypothesis.claim else None:
            case Difference(left=left, right=right):
                yield from (left, right)
            case Threshold(arm=arm):
                yield arm
            case Chain(arms=arms):
                yield from arms


class _Drafting:
    """Collects drafts by name, so that no two have the same one."""

    def __init__(
        self, spec: Spec, facts: TrainerFacts, base: Mapping[str, Value], row: NamedArm | None
    ) -> None:
        self.spec, self.facts, self.row = spec, facts, row
        self.base = {**base, **(row.settings if row else {})}
        self.drafts: dict[str, Draft] = {}
        self.names = _names(spec.arms)
        self.target, self.target_of = self._target()

    def rows(self) -> list[Group]:
        """Draft the named arms; one group a priority, in the order of the file."""
        by_priority: dict[Priority, list[int]] = {}
        for place, arm in enumerate(self.spec.arms):
            sized = SIZE in self.spec.baseline and arm.claimed_params is None
            self._add(
                self.names[place],
                {**self.base, **arm.settings},
                is_baseline=arm is self.row,
                size=(self.target, self.target_of) if arm.matched else (None, ""),
                as_written=not arm.matched and not sized,
                fixed=arm.settings,
            )
            by_priority.setdefault(arm.priority or UNSTATED, []).append(place)
        if self.row is None and self._needs_baseline():
            self._add(BASELINE, self.base, is_baseline=True)
        groups = [self._row_group(priority, places) for priority, places in by_priority.items()]
        if len(groups) == 1:
            return [replace(groups[0], name="named arms")]
        return groups

    def factor(self, factor: _Factor) -> Group:
        """Draft the levels of one factor; the baseline serves as the level that it has."""
        arms = []
        for level in factor.levels:
            values = dict(zip(factor.keys, level, strict=True))
            if factor.problem is None and self._is_base(values):
                arms.append(self._baseline_name)
                continue
            name = self._free_name(_level_name(values, self.facts), " (swept)")
            arms.append(name)
            self._add(
                name,
                {**self.base, **values},
                size=self._swept_size,
                fixed=values,
                problem=factor.problem,
            )
        return Group(factor.name, factor.keys, factor.priority, tuple(arms), factor.levels)

    def claimed(self) -> list[Group]:
        """Draft the arms that claims write in parentheses: high, as they are what it is all for."""
        arms, keys = [], []
        for ref in claim_arms(self.spec):
            if ref.name or ref.label in arms or ref.label in self.drafts:
                continue
            values = dict(ref.settings)
            matched = any(arm.matched for arm in self.spec.arms)
            size = (self.target, self.target_of) if matched else self._swept_size
            self._add(ref.label, {**self.base, **values}, size=size, fixed=values)
            arms.append(ref.label)
            keys += [key for key in values if key not in keys]
        if not arms:
            return []
        return [Group("arms in claims", tuple(keys), Priority.HIGH, tuple(arms))]

    def _add(
        self,
        name: str,
        settings: Mapping[str, Value],
        *,
        is_baseline: bool = False,
        size: tuple[int | None, str] = (None, ""),
        as_written: bool = False,
        fixed: Mapping[str, Value] | None = None,
        problem: str | None = None,
    ) -> None:
        fixed = fixed or {}
        target, target_of = size
        wanted = fixed.get(SIZE) if as_written else settings.get(SIZE)
        if is_size(SIZE, self.facts) and _is_count(wanted) and (SIZE in fixed or target is None):
            target = round(wanted)
        if is_size(SIZE, self.facts) and wanted is not None and not _is_count(wanted):
            problem = problem or f"{SIZE}={shown(wanted)} is not a number of parameters: write 1M"
        if FREE_WIDTH in fixed and SIZE not in fixed:
            target, target_of = None, ""  # A width that the arm itself sets is not ours to solve.
        config = {k: self._typed(k, v) for k, v in settings.items() if not is_size(k, self.facts)}
        changes = [
            Change(key, value)
            for key, value in settings.items()
            if not is_baseline and not (key in self.base and same(value, self.base[key]))
        ]
        self.drafts[name] = Draft(
            name=name,
            config=config,
            changes=tuple(changes),
            is_baseline=is_baseline,
            size=target,
            size_of="" if target is not None or target_of == name else target_of,
            as_written=as_written,
            problem=problem or _unknown(config, self.facts),
        )

    def _target(self) -> tuple[int | None, str]:
        """Find the size that matched rows share: a number, or else the row whose count it is."""
        matched = [place for place, arm in enumerate(self.spec.arms) if arm.matched]
        if not matched:
            return None, ""
        if self.spec.matching and self.spec.matching.target:
            return round(self.spec.matching.target.value), ""
        return None, self.names[matched[0]] if self.row is None else self._baseline_name

    @property
    def _swept_size(self) -> tuple[int | None, str]:
        """What the named baseline is matched to, or else the count that it comes to."""
        if self.row is None:
            return None, ""
        if self.row.matched:
            return self.target, self.target_of
        return None, self._baseline_name if self._has_sizes else ""

    @property
    def _has_sizes(self) -> bool:
        swept = any(parameter.key == SIZE for parameter in self.spec.parameters)
        return is_size(SIZE, self.facts) and (swept or SIZE in self.spec.baseline)

    @property
    def _baseline_name(self) -> str:
        if self.row is None:
            return BASELINE
        return next(
            name for name, arm in zip(self.names, self.spec.arms, strict=True) if arm is self.row
        )

    def _needs_baseline(self) -> bool:
        claimed = list(claim_arms(self.spec))
        asked = any(ref.name.casefold() == BASELINE for ref in claimed)
        alone = bool(self.spec.baseline) and not self.spec.arms and not claimed
        return asked or alone or any(levels_of(parameter) for parameter in self.spec.parameters)

    def _is_base(self, values: Mapping[str, Value]) -> bool:
        return all(key in self.base and same(self.base[key], values[key]) for key in values)

    def _row_group(self, priority: Priority, places: Sequence[int]) -> Group:
        arms = [self.spec.arms[place] for place in places]
        keys = dict.fromkeys(key for arm in arms for key in arm.settings)
        names = tuple(self.names[place] for place in places)
        return Group(f"named arms, {priority.name.lower()}", tuple(keys), priority, names)

    def _free_name(self, name: str, otherwise: str) -> str:
        taken = {known.casefold() for known in self.drafts}
        while name.casefold() in taken:
            name += otherwise
        return name

    def _typed(self, key: str, value: Value) -> Value:
        """`1e3` is a float to the reader; a trainer that wants a whole number gets one."""
        info = (self.facts.parameters or {}).get(key)
        if info and info.type == "int" and isinstance(value, float) and value.is_integer():
            return int(value)
        return value


def _factors(spec: Spec, facts: TrainerFacts, notes: list[str]) -> list[_Factor]:
    swept = {p.key: p for p in spec.parameters if levels_of(p)}
    for parameter in spec.parameters:
        if not levels_of(parameter):
            notes.append(
                f"{parameter.key} is not swept: its cell {parameter.text!r} names no values."
            )
    tied = {key: factor for factor in spec.factors for key in factor.parameters if key in swept}
    found: list[_Factor] = []
    for key, parameter in swept.items():
        if key not in tied:
            levels = tuple((value,) for value in levels_of(parameter))
            problem = _unknown({key: levels[0][0]}, facts) if not is_size(key, facts) else None
            priority = parameter.priority or UNSTATED
            found.append(_Factor(key, (key,), priority, levels, problem))
        elif key == next(k for k in swept if tied.get(k) is tied[key]):
            members = [swept[k] for k in swept if tied.get(k) is tied[key]]
            found.append(_tied(tied[key].name, members, facts))
    return found


def _tied(name: str, members: Sequence[Parameter], facts: TrainerFacts) -> _Factor:
    """Parameters that move as one: their first values are one level, their second the next."""
    keys = tuple(member.key for member in members)
    columns = [levels_of(member) for member in members]
    problem = None
    if len({len(column) for column in columns}) > 1:
        counts = ", ".join(f"{k} has {len(c)}" for k, c in zip(keys, columns, strict=True))
        problem = f"the factor {name!r} moves its parameters together, but {counts} values"
        problem += ": give them the same number"
    levels = tuple(zip(*columns, strict=False))
    unknown = _unknown({key: 0 for key in keys if not is_size(key, facts)}, facts)
    priority = min(member.priority or UNSTATED for member in members)
    return _Factor(name, keys, priority, levels, problem or unknown)


def _base(
    spec: Spec,
    row: NamedArm | None,
    factors: Sequence[_Factor],
    facts: TrainerFacts,
    notes: list[str],
) -> dict[str, Value]:
    """Collect what every arm shares: the spec's baseline, and a level of each open factor."""
    given = {**spec.baseline, **(row.settings if row else {})}
    base = dict(spec.baseline)
    taken = []
    for factor in factors:
        if factor.problem or all(key in given for key in factor.keys):
            continue
        if row and SIZE in factor.keys and is_size(SIZE, facts):
            continue  # The named baseline's size is the count that it comes to.
        level, why = _middle(factor, given, facts)
        for key, value in zip(factor.keys, level, strict=True):
            if key not in given:
                base[key] = value
                taken.append(f"{_level_name({key: value}, facts)} ({why})")
    if taken:
        notes.append(f"Baseline values that the spec leaves open: {', '.join(taken)}.")
    return base


def _middle(
    factor: _Factor, given: Mapping[str, Value], facts: TrainerFacts
) -> tuple[tuple[Value, ...], str]:
    """Choose the level that the baseline has, and say why it is this one."""
    pairs = [list(zip(factor.keys, level, strict=True)) for level in factor.levels]
    fitting = [
        level
        for level, values in zip(factor.levels, pairs, strict=True)
        if all(key not in given or same(given[key], value) for key, value in values)
    ] or list(factor.levels)
    known = facts.parameters or {}
    for level in fitting:
        values = zip(factor.keys, level, strict=True)
        if all(key in known and same(known[key].default, value) for key, value in values):
            return level, "the trainer's default"
    return fitting[(len(fitting) - 1) // 2], "the lower middle of its values"


def _level_name(values: Mapping[str, Value], facts: TrainerFacts) -> str:
    words = []
    for key, value in values.items():
        written = shown(value)
        if is_size(key, facts) and _is_count(value):
            short = size_shown(value)
            digits, unit = short.rstrip("KM"), {"K": 1e3, "M": 1e6}.get(short[-1], 1.0)
            written = short if round(float(digits) * unit) == value else written
        words.append(f"{key}={written}")
    return words[0] if len(words) == 1 else f"({', '.join(words)})"


def _is_count(value: Value | None) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and value >= 1


def _names(arms: Sequence[NamedArm]) -> list[str]:
    """Name the rows, each with its line where an earlier row has it too."""
    names: list[str] = []
    for arm in arms:
        name = arm.name
        while name.casefold() in (taken.casefold() for taken in names):
            name += f" (line {arm.line})"
        names.append(name)
    return names


def _unknown(config: Mapping[str, Value], facts: TrainerFacts) -> str | None:
    """Say which names the trainer does not know; None if it knows all."""
    if facts.parameters is None:
        return None
    names = [key for key in config if key not in facts.parameters]
    if not names:
        return None
    near = get_close_matches(names[0], facts.parameters, n=1)
    way_out = f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(facts.parameters)}."
    return f"the trainer {facts.name!r} has no parameter {' or '.join(map(repr, names))}: {way_out}"


def _is_baseline(arm: NamedArm) -> bool:
    return arm.is_baseline or arm.name.casefold() == BASELINE


def _without_repeats(values: Sequence[Value]) -> tuple[Value, ...]:
    kept: list[Value] = []
    for value in values:
        if not any(same(value, other) for other in kept):
            kept.append(value)
    return tuple(kept)
