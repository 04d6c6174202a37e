"""The sections Hypotheses and Prediction in, hypotheses with their claims out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from techspec.spec import markup
from techspec.spec.blocks import Text
from techspec.spec.claims import (
    Claim,
    ClaimProblem,
    ClaimUnreadable,
    looks_like_claim,
    parse,
    parse_chain,
)
from techspec.spec.model import Hypothesis, Problem
from techspec.spec.names import KeyOf, key_of
from techspec.spec.sections import Part
from techspec.spec.units import quantity

_EXPLORATORY = re.compile(r" ?\( ?exploratory ?\)", re.IGNORECASE)
_LABEL = re.compile(r"^H\d+\s*[:.)–—-]\s*", re.IGNORECASE)
_CONDITION = re.compile(r"(\w[\w ]*?) ?(?:[<>]=?|[≥≤]) ?(\S+)$")


@dataclass(frozen=True, slots=True)
class Names:
    """What the spec names elsewhere: the arms, and the keys of its parameters."""

    arms: tuple[str, ...]
    parameters: frozenset[str]
    key_of: KeyOf = key_of


@dataclass(frozen=True, slots=True)
class _Statement:
    """A paragraph or list item: its prose, and its claim or why that could not be read."""

    line: int
    prose: str
    in_list: bool
    claim: Claim | None = None
    claim_line: int | None = None
    problem: ClaimProblem | None = None
    further: tuple[tuple[int, str], ...] = ()
    """Claims after the first, with their lines."""

    @property
    def claims(self) -> bool:
        return self.claim_line is not None


def hypotheses(
    parts: Sequence[Part], names: Names
) -> tuple[tuple[Hypothesis, ...], tuple[Problem, ...]]:
    """Every hypothesis in the order of the file, and the claims that found no place.

    Where a section has a list, its other paragraphs are comment, unless they hold a claim.
    A statement that is nothing but a claim, and one in a Prediction, gives its claim to the
    hypothesis above, if that has none; else it is a hypothesis of its own.
    """
    found: list[Hypothesis] = []
    problems: list[Problem] = []
    for part in parts:
        is_prediction = part.kind == "predictions"
        statements = [_statement(texts, names, is_prediction) for texts in _grouped(part.texts)]
        has_list = any(each.in_list for each in statements)
        has_claim = any(each.claims for each in statements)
        for each in statements:
            comment = has_claim if is_prediction else has_list and not each.in_list
            if comment and not each.claims:
                continue
            problems.extend(_second_claims(each))
            gives = each.claims and (is_prediction or not each.prose)
            if gives and found and found[-1].claim_line is None:
                found[-1] = _given(found[-1], each)
            elif each.prose or each.claims:
                found.append(_hypothesis(f"H{len(found) + 1}", each))
    return tuple(found), tuple(problems)


def _grouped(texts: Sequence[Text]) -> Iterator[list[Text]]:
    """The texts by list item; a paragraph outside of lists stands alone."""
    group: list[Text] = []
    for text in texts:
        if group and (text.item is None or text.item != group[-1].item):
            yield group
            group = []
        group.append(text)
    if group:
        yield group


def _statement(texts: list[Text], names: Names, is_prediction: bool) -> _Statement:
    pieces = [
        (text.line + piece.row, piece)
        for text in texts
        for piece in [*markup.pieces(text.content), markup.Piece("\n", False, 0)]
    ]
    spans = [
        index
        for index, (_, piece) in enumerate(pieces)
        if piece.is_code and looks_like_claim(piece.text) and not _is_condition(piece.text, names)
    ]
    statement = _Statement(texts[0].line, "", texts[0].item is not None)
    if spans:
        line, piece = pieces[spans[0]]
        further = tuple((pieces[index][0], pieces[index][1].text) for index in spans[1:])
        behind = "".join(each.text for _, each in pieces[spans[0] + 1 :])
        if not _EXPLORATORY.sub("", _joined(behind)).strip(" .;"):
            # At the end: the prose says it, then the claim.
            mark = "(exploratory)" if _EXPLORATORY.search(_joined(behind)) else ""
            pieces = [*pieces[: spans[0]], (line, markup.Piece(mark, False, 0))]
        prose = "".join(each.text for _, each in pieces)
        statement = replace(statement, prose=_joined(prose), claim_line=line, further=further)
        return _with_claim(statement, piece.text, names)
    prose = "".join(each.text for _, each in pieces)
    statement = replace(statement, prose=_joined(prose))
    return _with_bare_chain(statement, prose, names) if is_prediction else statement


def _with_claim(statement: _Statement, text: str, names: Names) -> _Statement:
    try:
        return replace(statement, claim=parse(text, names.arms, names.key_of))
    except ClaimUnreadable as error:
        return replace(statement, problem=error.problem)


def _with_bare_chain(statement: _Statement, prose: str, names: Names) -> _Statement:
    """The statement with the first of its lines that is a claim without backticks."""
    read = [
        (line, found)
        for line, written in enumerate(prose.split("\n"), start=statement.line)
        if (found := _bare_claim(_LABEL.sub("", _joined(written)), names)) is not None
    ]
    if not read:
        return statement
    (line, first), *others = read
    further = tuple((line, other.text) for line, other in others)
    if isinstance(first, Claim):
        return replace(statement, claim=first, claim_line=line, further=further)
    return replace(statement, problem=first, claim_line=line, further=further)


def _bare_claim(text: str, names: Names) -> Claim | ClaimProblem | None:
    """The claim of a line without backticks; None if the line is prose."""
    if not looks_like_claim(text):
        return None
    try:
        return parse(text, names.arms, names.key_of)
    except ClaimUnreadable as error:
        whole = error.problem
    try:
        return parse_chain(text, names.arms, names.key_of)
    except ClaimUnreadable as error:
        # Begins with an arm of the spec, or with `metric(`: meant as a claim.
        if error.problem.start > 0:
            return error.problem
    return whole if "(" in text[: whole.start] else None


def _is_condition(text: str, names: Names) -> bool:
    """Whether it says where a prediction holds, `d_model >= 64`, and predicts nothing itself."""
    found = _CONDITION.match(_joined(text))
    return (
        found is not None
        and names.key_of(found[1]) in names.parameters
        and quantity(found[2]) is not None
    )


def _second_claims(statement: _Statement) -> Iterator[Problem]:
    for line, text in statement.further:
        yield Problem(
            line,
            f"The claim `{text}` is the second of its hypothesis; only the first is tested.",
            "write it as a hypothesis of its own.",
        )


def _given(hypothesis: Hypothesis, statement: _Statement) -> Hypothesis:
    return replace(
        hypothesis,
        claim=statement.claim,
        claim_line=statement.claim_line,
        problem=statement.problem,
        exploratory=hypothesis.exploratory or bool(_EXPLORATORY.search(statement.prose)),
    )


def _hypothesis(name: str, statement: _Statement) -> Hypothesis:
    text = _EXPLORATORY.sub("", _LABEL.sub("", statement.prose)).lstrip().rstrip(" :–—-")
    if not text and statement.claim is not None:
        text = statement.claim.text
    elif not text and statement.problem is not None:
        text = statement.problem.text
    return Hypothesis(
        id=name,
        text=text,
        line=statement.line,
        claim=statement.claim,
        claim_line=statement.claim_line,
        problem=statement.problem,
        exploratory=bool(_EXPLORATORY.search(statement.prose)),
    )


def _joined(prose: str) -> str:
    return " ".join(prose.split())
