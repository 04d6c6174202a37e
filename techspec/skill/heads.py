"""The pages of a registry by what they say of themselves at their top, while no index is there."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from techspec.skill import page
from techspec.skill.embedding import Model
from techspec.skill.listing import Seen
from techspec.skill.meaning import Meanings
from techspec.skill.page import Skill
from techspec.skill.registry import leads_out, read_inside
from techspec.skill.search import Counts, Index, attempt_document, document


class Heads:
    """What pages say of themselves at their top; the rest is read when it is asked for."""

    def __init__(self, roots: Sequence[str], seen: Seen) -> None:
        self.seen = seen
        self.pages = Counts()
        self.meanings: Meanings | None = None
        self.model: Model | None = None
        self.index: Index | None = None
        self.page_heads: Sequence[Skill] | None = None
        self.labels: dict[int, str] | None = None
        self.numbers: dict[str, int] = {}
        self.roots = roots
        self._folders = [Path(root) for root in roots]
        self._places = list(seen)
        self._names: list[tuple[int, str]] = []
        self._read: dict[int, Skill] = {}
        for number, (root, path) in enumerate(seen, start=1):
            key = os.path.join(roots[root], path)  # noqa: PTH118 as in Cache._load
            self.numbers[key] = number
            folder = self._folders[root]
            is_out = leads_out(key, folder)
            head = read_inside(Path(key), folder) if is_out else page.read_head(key)
            self._names.append((number, head.name))
            self.pages.add(document(head, key))

    def attempts(self) -> Index:
        """The failed attempts of all pages, which are read whole for it."""
        skills = {key: self._now(number) for key, number in self.numbers.items()}
        return Index(
            attempt_document(skill, row, f"{row}:{key}")
            for key, skill in skills.items()
            for row in range(len(skill.attempts))
        )

    def names(self) -> list[tuple[int, str]]:
        """The number and the name of each page."""
        return self._names

    def place(self, number: int) -> tuple[int, str]:
        """The number of its folder, and its path below."""
        return self._places[number - 1]

    def forget(self) -> None:
        """Read pages anew from here on."""
        self._read.clear()

    def page(self, number: int) -> Skill:
        """The whole page but for its sections, read since `forget`."""
        if number not in self._read:
            self._read[number] = self._now(number)
        return self._read[number]

    def excerpt(self, number: int) -> Skill:
        """As `page.excerpt`."""
        return page.excerpt(self.page(number))

    def _now(self, number: int) -> Skill:
        root, path = self.place(number)
        folder = self._folders[root]
        return replace(read_inside(folder / path, folder), sections=())
