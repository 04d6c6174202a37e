"""Findings of several pages in, what they say together out: agreed, in conflict, or one alone.

Findings are about one thing only where everything else was equal: the metric, the trainer, its
evaluation data, and every value of every arm's configuration. When in doubt they stay apart.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from pathlib import Path

from techspec.identity import canonical, digest
from techspec.plan.model import Arm, Plan, Question
from techspec.plan.trainer import TrainerFacts
from techspec.skill import findings, listing
from techspec.skill.findings import Finding, spelled
from techspec.skill.registry import Registry
from techspec.spec import claims
from techspec.spec.model import Value
from techspec.stats.multiplicity import holm
from techspec.stats.pooling import random_effects
from techspec.stats.rates import fisher
from techspec.stats.reliability import clopper_pearson
from techspec.verdict.gather import form_of
from techspec.verdict.model import Estimate, Outcome
from techspec.verdict.words.numbers import interval, number, size

P_CONFLICT = 0.10
"""Below it, estimates differ by more than chance. Source: Cochrane Handbook 10.10.2, since the
test has little power with few studies."""

CONFIDENCE = 0.90
"""Of a pooled difference; as the intervals of single ones."""

_DECIDED = (Outcome.CONFIRMED, Outcome.REFUTED)


@dataclass(frozen=True, slots=True)
class Cited:
    """A finding and where it stands."""

    finding: Finding
    source: str
    """Name of the page; of a version before it, with the place where that is kept."""
    folder: Path
    """Of the page."""
    is_kept: bool = False
    """Of a version before: it adds to what is said elsewhere, and says nothing by itself."""


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one thing."""

    cited: tuple[Cited, ...]
    """Studies with runs of their own; the one to quote first."""
    repeats: tuple[Cited, ...] = ()
    """Findings that rest on the same runs as one of these: they count once."""
    pooled: Estimate | None = None
    """In the direction of the first; None with one study, or where numbers cannot be pooled."""
    pooled_over: int = 0
    """Studies whose numbers are in it; one whose average says nothing is left out."""
    p_agree: float | None = None
    conflict: str = ""
    """Why the studies contradict each other; empty where they do not."""

    @property
    def first(self) -> Finding:
        """The finding to quote."""
        return self.cited[0].finding

    @property
    def outcome(self) -> Outcome | None:
        """What became of the first's claim by all of them; None where that is open."""
        first = self.first
        if self.conflict or first.outcome not in _DECIDED or first.seeds_min < 2:
            return None
        if not first.is_as_planned:
            return None
        if self.pooled is not None and isinstance(first.form, claims.Difference):
            ahead = self.pooled.value > (first.form.margin or 0.0)
            if first.outcome is Outcome.CONFIRMED and self.pooled.value <= 0.0:
                return None
            if first.outcome is Outcome.REFUTED and ahead:
                return None
        return first.outcome

    @property
    def evidence(self) -> str:
        """`replicated` where two studies decided the same claim alike and none contradicts."""
        alike = [c for c in self.cited if _claimed(c.finding) == _claimed(self.first)]
        decided = [c for c in alike if c.finding.outcome is self.first.outcome]
        if self.outcome is not None and len(decided) > 1:
            return "replicated"
        return self.first.evidence


@dataclass(frozen=True, slots=True)
class Bearing:
    """What is known of a plan's hypothesis."""

    hypothesis: str
    known: Known
    outcome: Outcome | None
    """What became of its very claim; None where that is open, or findings contradict."""


def of_registry(registry: Registry) -> list[Cited]:
    """Every finding of every skill whose evidence gives it, in the order of the folders."""
    return [
        cited
        for root in registry.folders
        for folder in _folders(root)
        for cited in of_skill(folder)
    ]


def of_skill(folder: Path, source: str = "") -> list[Cited]:
    """The findings of one skill's folder, and of the versions before it that are kept there.

    Files are read again only when one has changed.
    """
    name = source or folder.name
    places = {folder: name} | {path: f"{name}/evidence/{path.name}" for path in _kept(folder)}
    return [
        Cited(each, place, folder, is_kept=path != folder)
        for path, place in places.items()
        for each in _read(path, tuple(_stamp(path / file) for file in findings.FILES))
    ]


def _kept(folder: Path) -> list[Path]:
    """The folders of the versions before a page, the newest of them; no link leads out of it."""
    try:
        found = [path for path in (folder / "evidence").iterdir() if _VERSION.fullmatch(path.name)]
    except OSError:
        return []
    newest = sorted(found, key=lambda path: int(path.name.removeprefix("version-")))[-_KEPT_MAX:]
    inside = Path(os.path.realpath(folder))
    return [path for path in newest if Path(os.path.realpath(path)).is_relative_to(inside)]


_VERSION = re.compile(r"version-[0-9]{1,9}")

_KEPT_MAX = 20
"""Versions before a page that count, at most: each is looked at for every question."""


@lru_cache(maxsize=1_000)
def _read(folder: Path, stamps: tuple[object, ...]) -> tuple[Finding, ...]:
    return findings.read(folder)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """By which a change is noticed; None where there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size


def together(cited: Sequence[Cited]) -> list[Known]:
    """What findings say together, one entry a subject, in the order in which they are first met."""
    subjects: dict[str, list[Cited]] = {}
    for each in cited:
        subjects.setdefault(subject(each.finding), []).append(each)
    said = (group for group in subjects.values() if not all(each.is_kept for each in group))
    return [_known(group) for group in said]


def subject(finding: Finding) -> str:
    """Equal for findings that are about one thing, whichever of two arms their claims favour."""
    form = finding.form
    asked: list[object]
    configs = sorted(map(canonical, finding.configs))
    match form:
        case claims.Difference():
            asked = []
        case claims.Threshold():
            asked = [form.relation, form.level]
        case claims.Chain():
            asked, configs = [form.margin], list(map(canonical, finding.configs))
        case claims.Insensitive():
            asked = [form.parameter, form.margin]
        case claims.Trend():
            asked = [form.parameter]
        case claims.Smallest():
            asked = [form.parameter, form.relation, form.level, form.at_most]
    kind = type(form).__name__
    return digest([kind, asked, finding.metric, finding.trainer, _task(finding), configs])


def _task(finding: Finding) -> str:
    """What tells apart the tasks of one trainer: its data, else its source.

    `python train.py` is the name of many programs.
    """
    return finding.data or finding.trainer_code


def bearing(plan: Plan, facts: TrainerFacts, known: Iterable[Known]) -> list[Bearing]:
    """What is known of a plan's hypotheses, on the same claim and settings, in the plan's order.

    Args:
        plan: of the spec at hand; what it found itself is no news to it.
        facts: of its trainer, for the defaults of what the spec leaves open.
        known: what is known.
    """
    news = [each for each in known if each.first.plan != plan.hash]
    found = []
    for question in plan.questions:
        for each in news:
            asked = [c for c in each.cited if _is_asked(plan, question, facts, c.finding)]
            if asked:
                outcome = each.outcome if asked[0] is each.cited[0] else None
                found.append(Bearing(question.id, each, outcome))
    return found


def near(plan: Plan, facts: TrainerFacts, known: Iterable[Known]) -> dict[str, tuple[Known, str]]:
    """By hypothesis, what is known of the same arms by another claim, and how that differs.

    Args:
        plan: of the spec at hand, as of `bearing`.
        facts: of its trainer.
        known: what is known.
    """
    found: dict[str, tuple[Known, str]] = {}
    for each in known:
        for question in plan.questions:
            for cited in each.cited if each.first.plan != plan.hash else ():
                other = _differs_in(plan, question, facts, cited.finding)
                if other and question.id not in found:
                    found[question.id] = each, f"{other}: {cited.source}:{cited.finding.hypothesis}"
    return found


def bases(entries: Sequence[Known]) -> list[str]:
    """Of each entry, the values that tell it from others which make the same claim, if any do."""
    alike: dict[str, list[Finding]] = {}
    for each in entries:
        alike.setdefault(_claim(each.first), []).append(each.first)
    shared = {
        claim: Counter((key, str(value)) for each in group for key, value in each.holds_for.items())
        for claim, group in alike.items()
    }
    claims_of = [_claim(each.first) for each in entries]
    return [
        _base(each.first, alike[claim], shared[claim])
        for each, claim in zip(entries, claims_of, strict=True)
    ]


def _base(own: Finding, alike: Sequence[Finding], shared: Mapping[tuple[str, str], int]) -> str:
    """`shared` counts, of each value, the findings alike that have it."""
    keys = sorted(own.holds_for, key=lambda key: (key not in own.given, key))
    differing = [
        f"{key}={own.holds_for[key]}"
        for key in keys
        if shared[key, str(own.holds_for[key])] < len(alike)
    ]
    said = differing[:_BASES_TOLD]
    if any(other.trainer != own.trainer for other in alike):
        said.append(f"trainer {own.trainer}")
    elif not said and any(_task(other) != _task(own) for other in alike):
        said.append(f"{'evaluation data' if own.data else 'trainer source'} {_task(own)[:8]}")
    return ", ".join(said)


def say(finding: Finding, base: str = "") -> str:
    """A finding in words: claim, the base that tells it apart, outcome, effect, interval, seeds."""
    effect, form = "", finding.form
    if finding.estimate:
        effect = f", {interval(finding.estimate)}"
        if isinstance(form, claims.Threshold):
            effect += " of seeds meet it"  # or the share would be read as the metric's value
        elif isinstance(form, claims.Smallest):  # an open search has not shown the next one down
            level = finding.estimate.value
            least = size(level) if form.parameter == "params" else number(level)
            effect = f", {least} is the smallest shown to reach it"
    seeds = " + ".join(str(len(side.seeds)) for side in finding.sides if side.seeds)
    return f"{_claim(finding)}{_at(base)}: {finding.outcome}{effect}, {seeds} seeds"


def _at(base: str) -> str:
    return f", at {base}" if base else ""


_BASES_TOLD = 3
"""Values that are told of what sets a finding apart."""

_SIDES_TOLD = 3
"""Sides of a conflict up to which each is told."""


def told(known: Known, base: str = "") -> str:
    """What is known of one thing, in one line: both sides where they contradict each other.

    Args:
        known: what is known.
        base: of it, as `bases` has it.
    """
    if known.conflict:
        claim = _claim(known.first)
        prefix = f"{claim}: "
        told = _ends(known.cited)
        sides = "; ".join(
            f"{each.source} says {say(each.finding).removeprefix(prefix)}" for each in told
        )
        more = len(known.cited) - len(told)
        between = f"; {more} more lie between" if more else ""
        return f"CONFLICT on {claim}{_at(base)}, as {known.conflict}: {sides}{between}"
    if known.pooled is None:
        return say(known.first, base)
    pooled = f"pooled over {known.pooled_over} studies {interval(known.pooled)}"
    return f"{say(known.first, base)}; {pooled}"


def _ends(sides: Sequence[Cited]) -> Sequence[Cited]:
    """Of many studies that contradict each other, the two that lie farthest apart."""
    measured = [each for each in sides if each.finding.estimate is not None]
    if len(sides) <= _SIDES_TOLD or len(measured) < len(sides):
        return sides
    in_order = sorted(measured, key=_estimated)
    return in_order[0], in_order[-1]


def _estimated(cited: Cited) -> float:
    estimate = cited.finding.estimate
    return estimate.value if estimate else 0.0


def cited(known: Known) -> str:
    """The same with its pages and their grade behind it."""
    names = ", ".join(dict.fromkeys(each.source for each in known.cited))
    return f"{told(known)} [{names}, {known.evidence}]"


def _claim(finding: Finding) -> str:
    """The claim, its margin in the unit of the effect: `by 20pt` beside one in points."""
    margin = getattr(finding.form, "margin", None)
    if not margin or finding.estimate is None or finding.estimate.unit != "pt":
        return finding.claim
    return f"{finding.claim.removesuffix(str(margin))}{100 * margin:g}pt"


def _folders(root: Path) -> Iterator[Path]:
    """Those with findings; nothing hidden, such as a half-written page, as for pages."""
    for current, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if listing.is_searched(name, False))
        if os.path.basename(current) == "evidence":  # noqa: PTH119
            folders.clear()  # the versions before a page are its own
            if Path(findings.FILE).name in names:
                yield Path(current).parent


def _known(group: Sequence[Cited]) -> Known:
    studies, repeats = _independent(group)
    pooled, pooled_over, p_agree = None, 0, None
    if len(studies) > 1:
        pooled, pooled_over, p_agree = _pooled([each.finding for each in studies])
    conflict = ""
    if any(opposed(a.finding, b.finding) for a, b in combinations(studies, 2)):
        conflict = "their verdicts are opposite"
    elif p_agree is not None and p_agree < P_CONFLICT:
        conflict = f"their estimates differ by more than chance (p = {p_agree:.2g})"
    return Known(tuple(studies), tuple(repeats), pooled, pooled_over, p_agree, conflict)


def _independent(group: Sequence[Cited]) -> tuple[list[Cited], list[Cited]]:
    """Studies with runs of their own, the first to be quoted first; and the others."""

    def worth(each: Cited) -> tuple[bool, bool, int]:
        runs = sum(len(side.seeds) for side in each.finding.sides)
        return each.finding.outcome in _DECIDED, each.finding.is_as_planned, runs

    studies: list[Cited] = []
    repeats: list[Cited] = []
    for each in sorted(group, key=worth, reverse=True):
        taken = any(_share_runs(each.finding, other.finding) for other in studies)
        (repeats if taken else studies).append(each)
    return studies, repeats


def _share_runs(a: Finding, b: Finding) -> bool:
    """Whether two findings about one thing rest on some of the same runs.

    The same trainer's source with the same seed gives the same run; so do, as far as anybody can
    tell, other sources that came to exactly the same numbers.
    """
    if a.gap is not None and b.gap is not None and abs(a.gap.difference) == abs(b.gap.difference):
        return True
    if a.trainer_code != b.trainer_code:
        return False
    seeds = [
        {canonical(c): set(s.seeds) for c, s in zip(each.configs, each.sides, strict=True)}
        for each in (a, b)
    ]
    return any(of_arm & seeds[1].get(config, set()) for config, of_arm in seeds[0].items())


def _pooled(studies: Sequence[Finding]) -> tuple[Estimate | None, int, float | None]:
    """The pooled estimate, how many studies are in it, and the p-value that they agree."""
    first = studies[0]
    if isinstance(first.form, claims.Threshold):
        return _pooled_counts(studies)
    gaps = [(each.gap, _direction(each) * _direction(first)) for each in studies if each.gap]
    if not isinstance(first.form, claims.Difference) or len(gaps) < 2:
        return None, 0, None
    found = random_effects(
        [gap.difference * sign for gap, sign in gaps],
        [gap.standard_error for gap, _ in gaps],
        [gap.degrees_of_freedom for gap, _ in gaps],
        CONFIDENCE,
    )
    unit = next((each.estimate.unit for each in studies if each.estimate), "")
    what = f"mean difference over {len(gaps)} studies"
    pooled = Estimate(what, found.estimate, found.low, found.high, CONFIDENCE, unit)
    return pooled, len(gaps), found.p_agree


def _pooled_counts(studies: Sequence[Finding]) -> tuple[Estimate | None, int, float | None]:
    """Successes are counts: they add up, unless two studies differ in how often seeds succeed."""
    counts = [
        (round(each.estimate.value * each.seeds_min), each.seeds_min)
        for each in studies
        if each.estimate is not None and each.seeds_min
    ]
    if len(counts) < 2:
        return None, 0, None
    successes, n = sum(hit for hit, _ in counts), sum(of for _, of in counts)
    low, high = clopper_pearson(successes, n)
    pairs = [fisher(a, n_a, b, n_b) for (a, n_a), (b, n_b) in combinations(counts, 2)]
    p_agree = min(holm([min(1.0, 2.0 * min(each.p_above, each.p_below)) for each in pairs]))
    what = f"share of seeds that reach the level, over {len(counts)} studies"
    return Estimate(what, successes / n, low, high, unit="%"), len(counts), p_agree


def _direction(finding: Finding) -> int:
    """1 or -1, so that claims which favour opposite sides have opposite ones."""
    form = finding.form
    if isinstance(form, claims.Trend):
        return 1 if form.direction == "increases" else -1
    if isinstance(form, claims.Difference):
        left, right = map(canonical, finding.configs)
        return 1 if left <= right else -1
    return 1


def _claimed(finding: Finding) -> tuple[int, float]:
    margin = getattr(finding.form, "margin", None)
    return _direction(finding), margin or 0.0


def opposed(a: Finding, b: Finding) -> bool:
    """Whether not both verdicts can be right.

    CONFIRMED says that an effect is there; REFUTED, that it is smaller than the margin, or that
    there is none.
    """
    if a.outcome is Outcome.REFUTED:
        a, b = b, a
    if a.outcome is not Outcome.CONFIRMED:
        return False
    (way, margin), (other_way, other_margin) = _claimed(a), _claimed(b)
    if b.outcome is Outcome.CONFIRMED:
        return way != other_way
    return b.outcome is Outcome.REFUTED and way == other_way and other_margin in (0.0, margin)


def _is_asked(plan: Plan, question: Question, facts: TrainerFacts, finding: Finding) -> bool:
    """Whether a question of the plan is the finding's, under the finding's conditions."""
    form = form_of(plan, question)
    if form is None or not _is_same_form(form, finding.form):
        return False
    return _has_same_arms(plan, question, facts, finding)


def _differs_in(plan: Plan, question: Question, facts: TrainerFacts, finding: Finding) -> str:
    """In what a question about the finding's arms asks something else; empty where it does not."""
    form, found = form_of(plan, question), finding.form
    if form is None or type(form) is not type(found):
        return ""
    if getattr(form, "parameter", "") != getattr(found, "parameter", ""):
        return ""
    if _has_same_arms(plan, question, facts, finding):
        if _is_same_form(form, found):
            return ""
        return "at another margin" if hasattr(form, "margin") else "at another level"
    turned = replace(question, arms=question.arms[::-1])
    is_turned = isinstance(form, claims.Difference | claims.Chain)
    return "its opposite" if is_turned and _has_same_arms(plan, turned, facts, finding) else ""


def _has_same_arms(plan: Plan, question: Question, facts: TrainerFacts, finding: Finding) -> bool:
    """Whether a question compares the finding's arms, in its order, under its conditions."""
    arms = question.arms
    form = form_of(plan, question)
    if facts.name != finding.trainer or not arms or form is None:
        return False
    if not finding.data and facts.code != finding.trainer_code:
        return False
    if (form.metric or plan.metric) != finding.metric:
        return False
    if isinstance(form, claims.Difference) and form.relation == "<":
        arms = arms[::-1]
    planned = [plan.arm(name) for name in arms]
    sides = list(finding.configs)
    if len(planned) != len(sides):
        return False
    if isinstance(form, claims.Insensitive | claims.Trend | claims.Smallest):  # levels, any order
        return all(any(_is_same(arm, side, finding, facts) for side in sides) for arm in planned)
    return all(
        _is_same(arm, side, finding, facts) for arm, side in zip(planned, sides, strict=True)
    )


def _is_same_form(asked: claims.Form, found: claims.Form) -> bool:
    match asked, found:
        case claims.Difference(), claims.Difference():
            return (asked.margin or 0.0) == (found.margin or 0.0)
        case claims.Chain(), claims.Chain():
            return (asked.margin or 0.0) == (found.margin or 0.0)
        case claims.Threshold(), claims.Threshold():
            return (asked.relation, asked.level) == (found.relation, found.level)
        case _:
            return asked == found


def _is_same(arm: Arm, config: Mapping[str, str], finding: Finding, facts: TrainerFacts) -> bool:
    """Whether a planned arm would be trained as the finding's was, as far as that can be told.

    What neither sets must have the default that the finding's runs had; a default of 0 is the
    trainer's to derive from the rest.
    """
    defaults = {key: info.default for key, info in (facts.parameters or {}).items()}
    for key in {*arm.config, *config}:
        value = arm.config.get(key, defaults.get(key))
        if key in config and value is not None and _spelled(value) == config[key]:
            continue
        if key in arm.config or key in finding.given:
            return False
        if value is not None and not (type(value) is int and value == 0):
            return False
    return True


def _spelled(value: Value) -> str:
    return spelled(str(value).lower() if isinstance(value, bool) else str(value))
