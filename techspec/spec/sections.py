"""The text of a spec in, its blocks out, grouped by the section of the form they belong to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from techspec.spec import results
from techspec.spec.blocks import Block, Code, Heading, Text, blocks, split_lines
from techspec.spec.model import Problem, Section
from techspec.spec.tables import Table

KINDS = {
    "objective": ("objective", "objectives", "goal"),
    "hypotheses": ("hypothesis", "hypotheses"),
    "predictions": ("prediction", "predictions"),
    "ranges": ("parameter ranges", "parameter range"),
    "grid": ("parameter grid", "arms"),
    "matched": ("parameter-matched pairs", "parameter matched pairs", "parameter-matched arms"),
    "criteria": ("success criteria", "success criterion"),
    "budget": ("budget constraints", "budget constraint", "budget"),
    "factors": ("factors",),
    "baseline": ("baseline",),
    "run": ("run",),
    "context": ("context for claude", "context"),
    "results": ("results",),
}
"""What each section of the form is called in a spec, in lower case."""

_KIND_OF = {title: kind for kind, titles in KINDS.items() for title in titles}


@dataclass(frozen=True, slots=True)
class Part:
    """One section of the form, with what stands in it; sections without a title of theirs too."""

    kind: str
    heading: Heading
    end: int
    """The line after its last."""
    blocks: list[Block] = field(default_factory=list)

    @property
    def tables(self) -> list[Table]:
        """Its tables, in order."""
        return [block for block in self.blocks if isinstance(block, Table)]

    @property
    def codes(self) -> list[Code]:
        """Its code blocks, in order."""
        return [block for block in self.blocks if isinstance(block, Code)]

    @property
    def texts(self) -> list[Text]:
        """Its paragraphs and list items, in order, with lines that touch a table from below."""
        texts: list[Text] = []
        for block in self.blocks:
            if isinstance(block, Text):
                texts.append(block)
            elif isinstance(block, Table):
                texts.extend(Text(line, content) for line, content in block.after)
        return texts


@dataclass(frozen=True, slots=True)
class Outline:
    """A spec cut at its headings."""

    lines: list[str]
    headings: list[Heading]
    parts: list[Part]
    problems: list[Problem]

    def of(self, *kinds: str) -> list[Part]:
        """The parts of these kinds, in the order of the file."""
        return [part for part in self.parts if part.kind in kinds]

    def body(self, part: Part) -> str:
        """The lines of a part as written, without its heading."""
        return "\n".join(self.lines[part.heading.end - 1 : part.end - 1]).strip()

    @property
    def sections(self) -> tuple[Section, ...]:
        """Every heading, as the model has it."""
        return tuple(Section(each.title, each.level, each.line) for each in self.headings)


def outline(text: str) -> Outline:
    """Cut the text at its headings.

    A heading below a section of the form stays part of it (`### Primary` under Hypotheses),
    unless it has a title of the form itself; below Results all is results.
    """
    lines = split_lines(text)
    found = blocks("\n".join(_without_frontmatter(_without_results(text, lines))))
    headings = [block for block in found if isinstance(block, Heading)]
    return Outline(lines, headings, list(_parts(found, len(lines) + 1)), list(_unclosed(found)))


def kind_of(title: str) -> str:
    """The section of the form that a heading opens, or ""."""
    return _KIND_OF.get(" ".join(title.lower().split()), "")


def _parts(found: Sequence[Block], end: int) -> Iterator[Part]:
    open_parts: list[Part] = []
    current: Part | None = None
    starts = [block for block in found if isinstance(block, Heading)]
    ends = {each.line: below.line for each, below in pairwise(starts)}
    for block in found:
        if isinstance(block, Heading):
            while open_parts and open_parts[-1].heading.level >= block.level:
                open_parts.pop()
            above = open_parts[-1].kind if open_parts else ""
            kind = above if above == "results" else kind_of(block.title) or above
            if current is not None:
                yield current
            current = Part(kind, block, ends.get(block.line, end))
            open_parts.append(current)
        elif current is not None:
            current.blocks.append(block)
    if current is not None:
        yield current


def _without_results(text: str, lines: list[str]) -> list[str]:
    """The lines with what techspec wrote itself left blank."""
    block = results.find(text)
    if block is None:
        return lines
    first, last = block
    return [*lines[:first], *[""] * (last - first), *lines[last:]]


def _without_frontmatter(lines: list[str]) -> list[str]:
    """The lines with a leading block between `---` left blank: markdown would read a heading."""
    if lines[0].removeprefix("\ufeff").rstrip() != "---":
        return lines
    for index, line in enumerate(lines[1:], start=1):
        if line.rstrip() == "---":
            return [*[""] * (index + 1), *lines[index + 1 :]]
    return lines


def _unclosed(found: Sequence[Block]) -> Iterator[Problem]:
    for block in found:
        if isinstance(block, Code) and not block.is_closed:
            yield Problem(
                block.line - 1,
                "The code block that opens here is never closed, so nothing below it was read.",
                "close it with a line of its own that repeats the opening fence.",
            )
