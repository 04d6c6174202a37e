"""TECHSPEC.md in, Spec out. Reading never fails on bad text; judging it is lint's work."""

import re
from collections.abc import Iterator
from pathlib import Path

from techspec.errors import TechspecError
from techspec.spec import budget, criteria, grid, predictions, ranges, settings
from techspec.spec.model import NamedArm, Parameter, Problem, Spec, Value
from techspec.spec.names import KeyOf, key_of, own_key_of
from techspec.spec.sections import Outline, kind_of, outline

LARGEST = 1_000_000
"""Bytes of a spec. The longest we have seen is 20 KB; this keeps reading under a few seconds."""

_TITLE = re.compile(r"^techspec(?:\.md)?\s*[:–—-]\s*", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TABULAR = ("ranges", "grid", "matched", "criteria", "budget", "baseline")


class SpecNotFound(TechspecError):
    """No spec file where the user pointed."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"There is no spec at {str(path)!r}.",
            "write one with 'techspec init', or pass the path of yours.",
        )


class SpecIsFolder(TechspecError):
    """A folder where the path of a spec belongs."""

    def __init__(self, path: Path) -> None:
        inside = path / "TECHSPEC.md"
        super().__init__(
            f"{str(path)!r} is a folder, and a spec is a file.",
            f"pass {str(inside)!r}."
            if inside.is_file()
            else "pass the path of a spec, or write one with 'techspec init'.",
        )


class SpecNotReadable(TechspecError):
    """A path that the system does not open: no permission, or no path at all."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The spec at {str(path)!r} cannot be opened: {reason}.",
            "make it readable for you (chmod u+r), or pass the path of another.",
        )


class SpecNotText(TechspecError):
    """A file that is not UTF-8 text: `offset` is the first byte that is not, from 0."""

    def __init__(self, path: Path, offset: int) -> None:
        super().__init__(
            f"{str(path)!r} is not UTF-8 text: byte {offset} cannot be read.",
            "save it as UTF-8, or pass the path of a TECHSPEC.md.",
        )
        self.offset = offset


class SpecTooLarge(TechspecError):
    """A file that no person wrote as a spec."""

    def __init__(self, path: Path, size: int) -> None:
        super().__init__(
            f"{str(path)!r} has {size:,} bytes; a spec has at most {LARGEST:,}.",
            "keep results and logs in files of their own, and pass the spec alone.",
        )
        self.size = size


def read_file(path: Path) -> Spec:
    """The spec in a file; `spec.text` keeps its byte order mark and line endings.

    Raises:
        SpecIsFolder: it is a folder.
        SpecNotFound: there is no such file.
        SpecNotReadable: the system does not open it.
        SpecTooLarge: it has more bytes than a spec can have.
        SpecNotText: it is not UTF-8, or holds a NUL.
    """
    data = _bytes_of(path)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise SpecNotText(path, error.start) from None
    if b"\0" in data:
        raise SpecNotText(path, data.index(b"\0"))
    return read(text)


def _bytes_of(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise SpecIsFolder(path)
        if not path.is_file():
            raise SpecNotFound(path)
        size = path.stat().st_size
        if size > LARGEST:
            raise SpecTooLarge(path, size)
        return path.read_bytes()
    except OSError as error:
        raise SpecNotReadable(path, error.strerror or str(error)) from None


def read(text: str) -> Spec:
    """The spec that `text` is, however little. What could not be read is in `problems`."""
    parts = outline(text)
    run, run_problems = settings.run_settings(parts.of("run"))
    spell = own_key_of if run.trainer else key_of
    arms, arm_problems = grid.arms(parts.of("grid", "matched"), spell)
    parameters, parameter_problems = ranges.parameters(parts.of("ranges"), spell)
    baseline, lines, baseline_problems = settings.baseline(parts.of("baseline"), spell)
    factors, factor_problems = settings.factors(parts.of("factors"), spell)
    bands, band_problems = criteria.bands(parts.of("criteria"), run.metric)
    spent, budget_problems = budget.budget(parts.of("budget"))
    hypotheses, claim_problems = predictions.hypotheses(
        parts.of("hypotheses", "predictions"), _names(arms, parameters, baseline, spell)
    )
    problems = (
        *parts.problems,
        *_broken_tables(parts),
        *run_problems,
        *arm_problems,
        *parameter_problems,
        *baseline_problems,
        *factor_problems,
        *band_problems,
        *budget_problems,
        *claim_problems,
    )
    return Spec(
        text=text,
        title=_title(parts),
        objective=" ".join(_prose(parts, "objective").split()),
        hypotheses=hypotheses,
        parameters=parameters,
        arms=arms,
        matching=grid.matching(parts.of("matched")),
        factors=factors,
        bands=bands,
        budget=spent,
        baseline=baseline,
        baseline_lines=lines,
        run=run,
        context=_prose(parts, "context"),
        sections=parts.sections,
        problems=tuple(sorted(problems, key=lambda problem: problem.line)),
    )


def _names(
    arms: tuple[NamedArm, ...],
    parameters: tuple[Parameter, ...],
    baseline: dict[str, Value],
    spell: KeyOf,
) -> predictions.Names:
    keys = {"params", *baseline, *(parameter.key for parameter in parameters)}
    for arm in arms:
        keys.update(arm.settings)
    return predictions.Names(tuple(arm.name for arm in arms), frozenset(keys), spell)


def _title(parts: Outline) -> str:
    """The text of the first heading of level 1 that opens no section of the form."""
    for heading in parts.headings:
        if heading.level == 1 and not kind_of(heading.title):
            return _TITLE.sub("", heading.title)
    return ""


def _prose(parts: Outline, kind: str) -> str:
    bodies = (_COMMENT.sub("", parts.body(part)).strip() for part in parts.of(kind))
    return "\n\n".join(body for body in bodies if body)


def _broken_tables(parts: Outline) -> Iterator[Problem]:
    """Lines that were meant as a table, and that markdown reads as prose."""
    for part in parts.of(*_TABULAR):
        for text in part.texts:
            for line, written in enumerate(text.content.split("\n"), start=text.line):
                if written.startswith("|"):
                    yield Problem(
                        line,
                        "The table that begins here cannot be read as one.",
                        "put a blank line above it, and |---|---| below its header with one group "
                        "of dashes a column.",
                    )
                    break
