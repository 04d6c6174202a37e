"""TS202: a hypothesis that no result would settle. Suggests the claim that its words come to."""

import math
import re
from collections.abc import Iterator

from techspec.lint.case import Case
from techspec.lint.finding import Finding
from techspec.lint.names import named_in, words, written
from techspec.lint.rule import Rule
from techspec.plan.ablate import SIZE, levels_of
from techspec.spec.claims import ClaimUnreadable, parse
from techspec.spec.model import NamedArm, Priority, Value


class NoClaim(Rule):
    """A hypothesis has a claim: one line in backticks that a test can settle.

    ## Why
    "RoPE theta matters less" is confirmed by any result, for whoever wants it confirmed. A
    claim says of which metric, against what, and by how much, before the runs are in.

    The forms are `exact_match(Wide) > exact_match(Deep) by 2pt`, `exact_match(Upper) >= 95%`,
    `exact_match insensitive to rope_theta within 2pt`, `exact_match increases with d_model`,
    `smallest params with exact_match >= 70%` and `Wide > Balanced > Deep`.

    ## When to break it
    A thought that guides the spec but is not to be judged belongs under
    `## Context for Claude`.
    """

    code = "TS202"
    name = "no-claim"
    message = '{hypothesis} has no claim that a test could settle: "{text}"'
    fix = "write below it `{claim}`, or what you mean in that form."

    bad = """\
## Hypotheses
1. RoPE theta values matter less for short sequences <!-- TS202 -->

## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| RoPE theta | [10, 100, 10000] | Medium |
"""
    good = """\
## Hypotheses
1. RoPE theta values matter less for short sequences
   `exact_match insensitive to rope_theta within 2pt`

## Parameter Ranges
| Parameter | Values | Priority |
|-----------|--------|----------|
| RoPE theta | [10, 100, 10000] | Medium |
"""

    def check(self, case: Case) -> Iterator[Finding]:
        for hypothesis in case.spec.hypotheses:
            if hypothesis.claim is None and hypothesis.problem is None:
                text = " ".join(hypothesis.text.split())
                yield self.finding(
                    hypothesis.line,
                    hypothesis=hypothesis.id,
                    text=text if len(text) <= 80 else text[:79].rstrip() + "…",
                    claim=suggested(text, case),
                )


def suggested(text: str, case: Case) -> str:
    """The claim that a sentence comes to, in the names of its spec; a guess, to be corrected."""
    return _Suggestion(text, case).claim()


class _Suggestion:
    """What a sentence is about: each question is answered by its words and the spec's names."""

    def __init__(self, text: str, case: Case) -> None:
        self.text, self.case = text, case
        spec = case.spec
        self.metric = spec.run.metric
        self.beats = ">" if case.higher_is_better(self.metric) else "<"
        self.levels = {p.key: _numbers(levels_of(p)) for p in spec.parameters}
        names = {parameter.key: parameter.name for parameter in spec.parameters}
        names |= {key: key for arm in spec.arms for key in arm.settings if key not in names}
        names |= {key: key for key in case.parameters or {} if "_" in key and key in words(text)}
        self.parameters = [key for key in named_in(text, names) if key != SIZE]
        self.about_size = bool(named_in(text, {SIZE: names.get(SIZE, SIZE)}))
        self.arms = [arm for arm in spec.arms if _says(text, arm.name)]

    def claim(self) -> str:
        """The first form that the words ask for."""
        asked = (
            (
                r"matters? (?:much )?less|n[o']t matter|insensitiv|irrelevant"
                r"|no (?:effect|differ|influ)|regardless|robust to|independent of|same for",
                self._insensitive,
            ),
            (r"bottleneck|hurts?\b|harms?\b|loses?\b|too (?:small|low|narrow|few)", self._shortage),
            (r"minim|smallest|fewest|least", self._smallest),
            (r"beat|outperform|better|worse|superior|exceed|\bthan\b|>", self._comparison),
            (r"increas|grow|scale|degrad|decreas|declin|improv|the more|gracefully", self._trend),
            (r"learn|reach|achiev|\bcan\b|solve|reliab|accura|\d\s*%", self._threshold),
        )
        for pattern, form in asked:
            if self._says(pattern) and (claim := self._read(form())):
                return claim
        for form in (self._comparison, self._trend, self._threshold):
            if claim := self._read(form()):
                return claim
        return self._blank()

    def _read(self, claim: str | None) -> str | None:
        """A claim that can be read; names of arms may hold anything."""
        try:
            return parse(claim, [arm.name for arm in self.case.spec.arms]).text if claim else None
        except ClaimUnreadable:
            return None

    def _insensitive(self) -> str | None:
        if not self.parameters:
            return None
        margin = self.case.margin(self.metric)
        return f"{self.metric} insensitive to {self.parameters[0]} within {margin}"

    def _shortage(self) -> str | None:
        """`d_proj=32 causes a bottleneck`: the next value is better."""
        said = re.search(r"(\w+)\s*=\s*(\d+(?:\.\d+)?)\b", self.text)
        if said is None:
            return None
        key, low = said[1], float(said[2]) if "." in said[2] else int(said[2])
        enough = next((v for v in self.levels.get(key, ()) if v > low), low * 2)
        return self._difference({key: enough}, {key: low})

    def _smallest(self) -> str | None:
        key = SIZE if self.about_size or not self.parameters else self.parameters[0]
        size = re.search(r"~?\s*(\d+(?:\.\d+)?\s*[KMB])\b", self.text)
        at_most = f" is at most {size[1].replace(' ', '')}" if size and key == SIZE else ""
        return f"smallest {key} with {self._reaches}{at_most}"

    def _comparison(self) -> str | None:
        """Named arms in the order of the sentence, else the ends of the two that it names."""
        arms = sorted(self.arms, key=lambda arm: self.text.lower().find(arm.name.lower()))
        if len(self.case.spec.arms) == 2 and not self.parameters:
            arms = arms if len(arms) == 2 else list(self.case.spec.arms)
        if self._says(r"worse than|loses to|behind"):
            arms = arms[1::-1]
        if len(arms) >= 2:
            left, right = (f"{self.metric}({arm.name})" for arm in arms[:2])
            return f"{left} {self.beats} {right} by {self.case.margin(self.metric)}"
        swept = [key for key in self.parameters if len(self.levels.get(key, ())) > 1]
        swept.sort(key=self._place)
        if len(swept) < 2:
            return self._trend()
        (low, high), (few, many) = (
            (self.levels[key][0], self.levels[key][-1]) for key in swept[:2]
        )
        first, second = swept[:2]
        return self._difference({first: high, second: few}, {first: low, second: many})

    def _says(self, pattern: str) -> bool:
        return re.search(pattern, self.text, re.IGNORECASE) is not None

    def _trend(self) -> str | None:
        key = SIZE if self.about_size and not self.parameters else next(iter(self.parameters), "")
        if not key:
            return None
        worse = self._says(r"decreas|declin|hurt|harm|worse")
        less = self._says(r"\b(?:small|narrow|shallow|low|few|less)(?:er)?\b")
        better = worse == less
        rises = better == (self.beats == ">")
        return f"{self.metric} {'increases' if rises else 'decreases'} with {key}"

    def _threshold(self) -> str | None:
        """Of the arm that is named; else of the smallest that the spec has a priority for."""
        rows = self.arms or [arm for arm in self.case.spec.arms if arm.priority]
        if not (rows := rows or list(self.case.spec.arms)):
            return None
        arm = min(rows, key=_urgent_and_small) if self.about_size else rows[0]
        return f"{self.metric}({arm.name}) {self._reaches.removeprefix(self.metric).strip()}"

    def _blank(self) -> str:
        key = next((key for key, levels in self.levels.items() if len(levels) > 1), "d_model")
        return f"{self.metric} increases with {key}"

    @property
    def _reaches(self) -> str:
        return f"{self.metric} {self.beats}= {self.case.level(self.metric)}"

    def _difference(self, left: dict[str, int | float], right: dict[str, int | float]) -> str:
        sides = (
            f"{self.metric}({', '.join(f'{k}={written(v)}' for k, v in side.items())})"
            for side in (left, right)
        )
        return f" {self.beats} ".join(sides) + f" by {self.case.margin(self.metric)}"

    def _place(self, key: str) -> int:
        """Which word of the sentence first names a parameter."""
        said = words(self.text)
        return next((n for n, word in enumerate(said) if named_in(word, {key: key})), len(said))


def _says(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


def _urgent_and_small(arm: NamedArm) -> tuple[int, float]:
    size = float(arm.claimed_params.value) if arm.claimed_params else math.inf
    return (arm.priority or Priority.LOW), size


def _numbers(values: tuple[Value, ...]) -> list[int | float]:
    return sorted(v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool))
