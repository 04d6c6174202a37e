"""The claim grammar: one line of text in, one testable statement out, or the word that stopped us.

    claim     = smallest | response | chain
    smallest  = "smallest" parameter "with" metric relation number ["is at most" number]
    response  = metric "insensitive to" parameter "within" margin
              | metric ("increases" | "decreases") "with" parameter
              | metric "(" arm ")" relation number
              | metric "(" arm ")" {order metric "(" arm ")"} ["by" margin] [[","] "paired"]
    chain     = [metric ":"] arm order arm {order arm} ["by" margin]
    arm       = name | "(" key "=" value {"," key "=" value} ")"
    relation  = ">" | "<" | ">=" | "<=" | "≥" | "≤"      order = ">" | "<"
    margin    = ["at least"] number                       `2pt` or `0.02`, never `2%`

Spacing is free, and case too where a name is one of the arms that are passed in.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from techspec.errors import TechspecError
from techspec.spec.names import KeyOf, key_of, metric_of
from techspec.spec.units import Quantity, quantity, value

Relation = Literal[">", "<", ">=", "<="]


@dataclass(frozen=True, slots=True)
class ArmRef:
    """An arm in a claim: a named row, or values in parentheses such as `(d_model=512, depth=2)`."""

    name: str = ""
    settings: tuple[tuple[str, bool | int | float | str], ...] = ()

    @property
    def label(self) -> str:
        """How the arm is written."""
        if self.name:
            return self.name
        return "(" + ", ".join(f"{key}={_plain(value)}" for key, value in self.settings) + ")"


@dataclass(frozen=True, slots=True)
class Difference:
    """`exact_match(wide) > exact_match(deep) by 2pt`: a mean over seeds beats another."""

    metric: str
    left: ArmRef
    right: ArmRef
    relation: Literal[">", "<"]
    margin: float | None = None
    """The smallest difference worth having, in the metric's own units; None if not stated."""
    paired: bool = False
    """Compared seed by seed: for arms of which one seed has the same start and data in both."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """`exact_match(upper) >= 95%`: nearly every seed reaches a level."""

    metric: str
    arm: ArmRef
    relation: Relation
    level: float


@dataclass(frozen=True, slots=True)
class Insensitive:
    """`exact_match insensitive to rope_theta within 2pt`: no two levels differ by more."""

    metric: str
    parameter: str
    margin: float


@dataclass(frozen=True, slots=True)
class Trend:
    """`exact_match increases with d_model`: more of the one goes with more of the other."""

    metric: str
    parameter: str
    direction: Literal["increases", "decreases"]


@dataclass(frozen=True, slots=True)
class Smallest:
    """`smallest params with exact_match >= 70%`, and optionally `is at most 250K`."""

    parameter: str
    metric: str
    relation: Relation
    level: float
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """`Wide-shallow > Balanced > Narrow-deep`: each beats the next.

    `metric` is None where the claim leaves it to the spec's own metric.
    """

    arms: tuple[ArmRef, ...]
    metric: str | None = None
    margin: float | None = None


Form = Difference | Threshold | Insensitive | Trend | Smallest | Chain


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement that a campaign can settle, with the text it was read from."""

    text: str
    form: Form


@dataclass(frozen=True, slots=True)
class ClaimProblem:
    """Text that was meant as a claim, and the first word of it that could not be read."""

    text: str
    start: int
    """Offset of the word in `text`, from 0."""
    end: int
    what: str
    fix: str


class ClaimUnreadable(TechspecError):
    """Text meant as a claim that is outside the grammar; `problem` points at the word."""

    def __init__(self, problem: ClaimProblem) -> None:
        super().__init__(f"The claim {problem.text!r} cannot be read: {problem.what}.", problem.fix)
        self.problem = problem


def parse(text: str, arms: Sequence[str] = (), key_of: KeyOf = key_of) -> Claim:
    """The claim that the whole of `text` makes.

    Args:
        text: one claim, without the backticks.
        arms: names of the spec's arms. They may then hold any character, are found in any case,
            and come back as spelled here; other names stay as the claim writes them.
        key_of: by which parameters get their keys.

    Raises:
        ClaimUnreadable: it makes none; the problem has the first word that does not fit.

    >>> parse("exact_match(Wide) > exact_match(deep) by 2pt", arms=["wide", "deep"]).form.left
    ArmRef(name='wide', settings=())
    """
    reader = _Reader(text, arms, key_of)
    form = reader.claim()
    reader.expect_end()
    return Claim(text, form)


def parse_chain(text: str, arms: Sequence[str], key_of: KeyOf = key_of) -> Claim:
    """The chain of known arms that `text` begins with; prose behind the last one is left out.

    Raises:
        ClaimUnreadable: it does not begin with two known arms in an order.

    >>> parse_chain("wide > deep for local tasks", arms=["Wide", "Deep"]).text
    'wide > deep'
    """
    reader = _Reader(text, arms, key_of, only_known=True)
    form = reader.chain(metric=None)
    return Claim(text[: reader.read_until].strip(), form)


def looks_like_claim(text: str) -> bool:
    """Whether a code span was meant as a claim: a comparison, or one of the grammar's verbs.

    >>> looks_like_claim("a > b"), looks_like_claim("d_model"), looks_like_claim(">95%")
    (True, False, False)
    """
    return bool(_COMPARISON.search(text) or _VERB.search(text))


def write(form: Form) -> str:
    """The claim in its canonical form; `parse` reads it back as an equal one."""
    match form:
        case Difference():
            return (
                f"{_measured(form.metric, form.left)} {form.relation} "
                f"{_measured(form.metric, form.right)}{_by(form.margin)}"
                f"{', paired' if form.paired else ''}"
            )
        case Threshold():
            return f"{_measured(form.metric, form.arm)} {form.relation} {form.level}"
        case Insensitive():
            return f"{form.metric} insensitive to {form.parameter} within {form.margin}"
        case Trend():
            return f"{form.metric} {form.direction} with {form.parameter}"
        case Smallest():
            most = "" if form.at_most is None else f" is at most {form.at_most}"
            return (
                f"smallest {form.parameter} with {form.metric} {form.relation} {form.level}{most}"
            )
        case Chain():
            metric = "" if form.metric is None else f"{form.metric}: "
            return metric + " > ".join(arm.label for arm in form.arms) + _by(form.margin)


@lru_cache(maxsize=8)
def _spellings(arms: tuple[str, ...]) -> dict[str, str]:
    """Each arm as the spec spells it, by its lower-case form; the first of equals holds."""
    return {arm.lower(): arm for arm in reversed(arms) if arm}


def _measured(metric: str, arm: ArmRef) -> str:
    return f"{metric}({arm.name})" if arm.name else f"{metric}{arm.label}"


def _by(margin: float | None) -> str:
    return "" if margin is None else f" by {margin}"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_TOKEN = re.compile(
    r"(?P<relation>>=|<=|[≥≤<>])|(?P<mark>[(),:=])|(?P<word>[^\s()<>=≥≤,:]+)",
)
_COMPARISON = re.compile(r"[\w)\]%'\"]\s*[<>≥≤]=?\s*[\w(~.+-]")
_VERB = re.compile(
    r"\binsensitive\b|\b(?:in|de)creases?\s+with\b|^\s*smallest\s.*\bwith\b", re.IGNORECASE
)
_RELATIONS: dict[str, Relation] = {
    ">": ">",
    "<": "<",
    ">=": ">=",
    "<=": "<=",
    "≥": ">=",
    "≤": "<=",
}
_FORMS = "write one such as `exact_match(wide) > exact_match(deep) by 2pt`."


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    """`word`, `mark`, `relation`, or `end` behind the last one."""
    text: str
    start: int
    end: int


class _Reader:
    """Recursive descent over the tokens of one claim, one method a rule of the grammar."""

    def __init__(
        self, text: str, arms: Sequence[str], key_of: KeyOf, only_known: bool = False
    ) -> None:
        self.text = text
        self.key_of = key_of
        self.arms = _spellings(tuple(arms))
        self.longest_arm = max(map(len, self.arms), default=0)
        self.only_known = only_known
        self.tokens = [
            _Token(str(found.lastgroup), found.group(), found.start(), found.end())
            for found in _TOKEN.finditer(text)
        ]
        self.tokens.append(_Token("end", "", len(text), len(text)))
        self.at = 0

    # Rules of the grammar.

    def claim(self) -> Form:
        head = self._phrase()
        after = self.tokens[self.at + len(head)]
        known = self._known_arm()
        if known is not None and self.tokens[known[1]].kind in ("relation", "end"):
            return self.chain(metric=None)
        if self._is(0, "smallest") and len(head) > 1:
            return self._smallest()
        for position, token in enumerate(head[1:], start=1):
            word = token.text.lower()
            if word == "insensitive":
                return self._insensitive(self._metric(position))
            if word in ("increases", "decreases"):
                return self._trend(self._metric(position))
        if head and after.text == "(":
            return self._measured()
        if head and after.text == ":":
            metric = self._metric(len(head))
            self._take(":")
            return self.chain(metric)
        return self.chain(metric=None)

    def chain(self, metric: str | None) -> Chain:
        arms, relation = [self._arm()], ""
        while self._now.kind == "relation":
            self._refuse_level(metric or arms[-1].label)
            relation = self._order(relation)
            arms.append(self._arm())
        if not relation:
            raise self._stop("a claim compares something, and nothing is compared here", _FORMS)
        # Read as "each beats the next": `a < b` says that b beats a.
        return Chain(tuple(arms if relation == ">" else arms[::-1]), metric, self._by())

    def _smallest(self) -> Smallest:
        self._take("smallest")
        fix = "write `smallest params with exact_match >= 70%`."
        parameter = self._parameter("with", what="the parameter to make small", fix=fix)
        self._take("with", fix)
        metric = self._words(what="the metric to reach", fix=fix)
        relation = self._relation(fix)
        level = self._number("level", fix)
        at_most = None
        if self._is(0, "is"):
            fix = "write `is at most 250K` behind the level."
            for word in ("is", "at", "most"):
                self._take(word, fix)
            at_most = self._number("limit", fix)
        return Smallest(parameter, metric_of(metric), relation, level, at_most)

    def _insensitive(self, metric: str) -> Insensitive:
        self._take("insensitive")
        fix = f"write `{metric} insensitive to rope_theta within 2pt`."
        self._take("to", fix)
        parameter = self._parameter("within", what="the parameter that should not matter", fix=fix)
        if not self._is(0, "within"):
            raise self._stop(
                "it does not say how close the levels must be to count as equal",
                f"add a margin: `{metric} insensitive to {parameter} within 2pt`.",
            )
        self._take("within")
        return Insensitive(metric, parameter, self._margin("within"))

    def _trend(self, metric: str) -> Trend:
        direction: Literal["increases", "decreases"] = (
            "increases" if self._is(0, "increases") else "decreases"
        )
        self._take(direction)
        fix = f"write `{metric} {direction} with d_model`."
        self._take("with", fix)
        parameter = self._parameter(what="the parameter it goes with", fix=fix)
        return Trend(metric, parameter, direction)

    def _measured(self) -> Threshold | Difference | Chain:
        metric, first = self._metric_of_arm()
        fix = f"compare it: `{metric}({first.label}) >= 95%`, or with another arm."
        if self._now.kind != "relation":
            raise self._stop("nothing is compared with it", fix)
        if self._phrase(1) and self.tokens[self.at + 1 + len(self._phrase(1))].text == "(":
            return self._difference(metric, first)
        relation = self._relation(fix)
        if self._now.kind == "word" and quantity(self._now.text) is None:
            raise self._stop(
                f"{self._now.text!r} is neither a level nor a metric of an arm",
                f"write a level such as 95%, or `{metric}({self._now.text})` for an arm.",
            )
        return Threshold(metric, first, relation, self._number("level", fix))

    def _difference(self, metric: str, first: ArmRef) -> Difference | Chain:
        arms, relation = [first], ""
        while self._now.kind == "relation":
            relation = self._order(relation)
            word = self._now
            other, arm = self._metric_of_arm()
            if other != metric:
                raise self._stop(
                    f"it compares {other} with {metric}, which are not on one scale",
                    f"compare one metric: `{metric}({arm.label})`, or write two claims.",
                    at=word,
                )
            arms.append(arm)
        margin = self._by()
        if len(arms) > 2:
            return Chain(tuple(arms if relation == ">" else arms[::-1]), metric, margin)
        order: Literal[">", "<"] = ">" if relation == ">" else "<"
        return Difference(metric, arms[0], arms[1], order, margin, self._paired())

    def _paired(self) -> bool:
        ahead = 1 if self._now.text == "," else 0
        if not self._is(ahead, "paired"):
            return False
        self.at += ahead + 1
        return True

    def _metric_of_arm(self) -> tuple[str, ArmRef]:
        metric = self._metric(len(self._phrase()))
        if not metric:
            raise self._stop("a metric is missing here", _FORMS)
        if self._now.text != "(":
            raise self._stop(
                f"{metric!r} does not say of which arm", f"write `{metric}(name)` with an arm."
            )
        self._take("(")
        inside = self._phrase()
        if inside and self.tokens[self.at + len(inside)].text == "=":
            return metric, self._settings()
        arm = self._arm()
        self._take(")", f"close the parenthesis: `{metric}({arm.label})`.")
        return metric, arm

    def _arm(self) -> ArmRef:
        known = self._known_arm()
        if known is not None:
            name, self.at = known
            return ArmRef(name)
        if self._now.text == "(":
            self._take("(")
            return self._settings()
        if self.only_known:
            names = ", ".join(list(self.arms.values())[:6])
            raise self._stop("no arm of this name is in the spec", f"name one of: {names}.")
        if quantity(self._now.text) is not None:
            raise self._stop(
                f"{self._now.text!r} is a number where the name of an arm belongs",
                "name the arm behind the metric: `exact_match(name) >= 95%`.",
            )
        return ArmRef(self._words("by", what="the name of an arm", fix=_FORMS))

    def _settings(self) -> ArmRef:
        """The values of an arm, behind the opening parenthesis."""
        fix = "write values as `(d_model=512, depth=2)`."
        settings: list[tuple[str, bool | int | float | str]] = []
        while True:
            key = self._parameter(what="the name of a parameter", fix=fix)
            self._take("=", fix)
            settings.append((key, value(self._words(what=f"the value of {key}", fix=fix))))
            if self._now.text != ",":
                break
            self._take(",")
        self._take(")", "close the parenthesis: `(d_model=512, depth=2)`.")
        return ArmRef("", tuple(settings))

    # Numbers and orders.

    def _by(self) -> float | None:
        if not self._is(0, "by"):
            return None
        if self.only_known and quantity(self.tokens[self.at + 1].text) is None:
            return None  # prose: "by a wide margin"
        self._take("by")
        return self._margin("by")

    def _margin(self, word: str) -> float:
        if self._is(0, "at") and self._is(1, "least"):
            self.at += 2
        start = self.at
        number = self._quantity("margin", f"write a margin in points: `{word} 2pt`.")
        written = self.tokens[start]
        digits = written.text.rstrip("%")
        if number.unit == "%":
            raise self._stop(
                f"{number.text!r} could mean points or a share of the value",
                f"write `{word} {digits}pt` for percentage points.",
                at=written,
            )
        if number.value < 0:
            raise self._stop(
                f"the margin {number.text!r} is below zero",
                "turn the comparison round, and write the margin without a sign.",
                at=written,
            )
        return float(number.value)

    def _number(self, name: str, fix: str) -> float:
        return float(self._quantity(name, fix).value)

    def _quantity(self, name: str, fix: str) -> Quantity:
        words = self._phrase()[:3]
        # The longest that is a number: `2 percentage points`, but `70%` of `70% is at most`.
        for count in range(len(words), 0, -1):
            number = quantity(self.text[words[0].start : words[count - 1].end])
            if number is not None:
                self.at += count
                return number
        found = repr(self._now.text) if self._now.text else "the end"
        raise self._stop(f"a {name} belongs here, and {found} is no number", fix)

    def _relation(self, fix: str) -> Relation:
        if self._now.kind != "relation":
            raise self._stop("a relation belongs here: > < >= <=", fix)
        relation = _RELATIONS[self._now.text]
        self.at += 1
        return relation

    def _order(self, before: str) -> str:
        relation = _RELATIONS[self._now.text]
        if relation in (">=", "<="):
            raise self._stop(
                "arms are compared with > or <; noise decides between those and equality",
                f"write {relation[0]}, and `by 2pt` for the smallest difference that matters.",
            )
        if before and relation != before:
            raise self._stop("the order turns round here", f"write {before} throughout.")
        self.at += 1
        return relation

    def _refuse_level(self, metric: str) -> None:
        relation, level = self.tokens[self.at : self.at + 2]
        if level.text.lower() not in self.arms and quantity(level.text) is not None:
            raise self._stop(
                f"{level.text!r} is a level, and the claim does not say of which arm",
                f"write `{metric}(name) {relation.text} {level.text}` with the name of an arm.",
                at=level,
            )

    # Words.

    @property
    def _now(self) -> _Token:
        return self.tokens[self.at]

    @property
    def read_until(self) -> int:
        """Offset behind the last word that was read."""
        return self.tokens[self.at - 1].end if self.at else 0

    def expect_end(self) -> None:
        if self._now.kind != "end":
            raise self._stop(
                f"the claim is complete before {self._now.text!r}",
                "end it there, and move the rest out of the backticks.",
            )

    def _is(self, ahead: int, word: str) -> bool:
        index = self.at + ahead
        return index < len(self.tokens) and self.tokens[index].text.lower() == word

    def _phrase(self, ahead: int = 0) -> list[_Token]:
        """The words from here to the next mark or relation."""
        end = start = self.at + ahead
        while end < len(self.tokens) and self.tokens[end].kind == "word":
            end += 1
        return self.tokens[start:end]

    def _metric(self, words: int) -> str:
        phrase = self.tokens[self.at : self.at + words]
        self.at += words
        return metric_of(" ".join(token.text for token in phrase)) if phrase else ""

    def _words(self, stop: str = "", *, what: str, fix: str) -> str:
        """One or more words, up to a mark, a relation or the word `stop`."""
        words: list[str] = []
        while self._now.kind == "word" and not (words and self._is(0, stop)):
            words.append(self._now.text)
            self.at += 1
        if not words:
            raise self._stop(f"{what} belongs here", fix)
        return " ".join(words)

    def _parameter(self, stop: str = "", *, what: str, fix: str) -> str:
        """The key of a parameter, which may be written in several words."""
        first = self._now
        key = self.key_of(self._words(stop, what=what, fix=fix))
        if not key:
            raise self._stop(f"{what} belongs here, and {first.text!r} is none", fix, at=first)
        return key

    def _known_arm(self) -> tuple[str, int] | None:
        """The longest known arm that is written here, and the index of the token behind it."""
        start, found = self._now.start, None
        for index in range(self.at, len(self.tokens) - 1):
            end = self.tokens[index].end
            if end - start > self.longest_arm:
                break
            name = self.arms.get(self.text[start:end].lower())
            found = (name, index + 1) if name is not None else found
        return found

    def _take(self, text: str, fix: str = _FORMS) -> None:
        if not self._is(0, text):
            raise self._stop(f"{text!r} belongs here", fix)
        self.at += 1

    def _stop(self, what: str, fix: str, at: _Token | None = None) -> ClaimUnreadable:
        token = at or self._now
        return ClaimUnreadable(ClaimProblem(self.text, token.start, token.end, what, fix))
