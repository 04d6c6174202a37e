"""Servers that ask and writers that save, all on one registry: what any of them gets wrong.

    python benchmarks/registry_concurrency.py [--seconds 60] [--servers 8] [--writers 8] [--busy 0]

Each writer saves pages of its own and notes when each was saved; each server asks for the newest
notes, and for pages that were replaced. Wrong is: an error in any process, a page that is not
there at the end, a page that is not found 2 s after it was saved, and an old text that is still
found 2 s after it was replaced. Exit 1 if anything was. Beside them run as many processes that only
keep a core busy as `--busy` says.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from techspec.skill.index import ask
from techspec.skill.registry import Registry

STALE_SECONDS = 2.0

PAGE = """---
name: {name}
description: "Use when testing {word} with many writers at once."
metadata:
  version: "1"
  techspec-campaign: "{name}"
---
# {name}

## Failed Attempts

| Attempt | Why it failed | Lesson |
|---|---|---|
| Save {word} without a lock | another writer overwrote it | take the lock |
"""


def main() -> None:
    """Run all processes for the time asked; say what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--servers", type=int, default=8)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--busy", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TECHSPEC_CACHE"] = f"{folder}/cache"
        root, notes = Path(folder, "registry"), Path(folder, "notes")
        for place in (root, notes):
            place.mkdir()
        for number in range(100):
            _save(root, f"old-{number}", f"oldword{number}")
        end = time.monotonic() + args.seconds
        told = multiprocessing.Queue()
        each = [(_write, n) for n in range(args.writers)]
        each += [(_serve, n) for n in range(args.servers)]
        running = [
            multiprocessing.Process(target=_guarded, args=(work, n, root, notes, end, told))
            for work, n in each
        ]
        others = [multiprocessing.Process(target=_count, daemon=True) for _ in range(args.busy)]
        for process in [*others, *running]:
            process.start()
        reports = [told.get() for _ in running]
        for process in running:
            process.join()
        for process in others:
            process.kill()
        lost = _lost(root, notes)
        shutil.rmtree(root)
    errors = [report["error"] for report in reports if "error" in report]
    stale = [line for report in reports for line in report.get("stale", [])]
    saved = sum(report.get("saved", 0) for report in reports)
    asked = sum(report.get("asked", 0) for report in reports)
    checked = sum(report.get("checked", 0) for report in reports)
    beside = f", beside {args.busy} busy processes" if args.busy else ""
    print(f"{args.servers} servers, {args.writers} writers, {args.seconds:.0f} s{beside}")
    print(f"saved {saved}, asked {asked}, of which {checked} for a page over 2 s old")
    print(f"errors {len(errors)}, lost pages {len(lost)}, stale answers {len(stale)}")
    for line in [*errors, *lost, *stale][:10]:
        print(f"  {line}")
    sys.exit(1 if errors or lost or stale or not checked else 0)


def _count() -> None:
    """Take what a core has to give."""
    number = 0
    while True:
        number += 1


def _guarded(
    work: Callable[..., dict], number: int, root: Path, notes: Path, end: float, told: object
) -> None:
    try:
        told.put(work(number, root, notes, end))
    except Exception:  # the outermost frame of this process: every error is what we look for
        told.put({"error": traceback.format_exc()})


def _write(number: int, root: Path, notes: Path, end: float) -> dict:
    """Save new pages and replace own ones; note each once it is on disk."""
    chosen = random.Random(number)
    saved = 0
    with (notes / f"{number}.jsonl").open("a") as out:
        while time.monotonic() < end:
            page = f"page-{number}-{chosen.randrange(20)}"
            word = f"word{number}x{saved}"
            _save(root, page, word)
            saved += 1
            out.write(json.dumps([page, word, time.monotonic()]) + "\n")
            out.flush()
            time.sleep(0.05)
    return {"saved": saved}


def _save(root: Path, name: str, word: str) -> None:
    Registry([root]).save(name, PAGE.format(name=name, word=word))


def _serve(number: int, root: Path, notes: Path, end: float) -> dict:
    """Ask for pages that writers noted, and hold the answers against the notes."""
    chosen = random.Random(1000 + number)
    registry = Registry([root])
    asked = checked = 0
    stale = []
    while time.monotonic() < end:
        history = _history(notes, chosen)
        word = chosen.choice(history)[1] if history else "oldword7"
        began = time.monotonic()
        found = _found(registry, word)
        asked += 1
        if not history:
            continue
        for page, its_word, since, until in _spans(history):
            if its_word != word:
                continue
            settled = began - since > STALE_SECONDS
            checked += settled
            if settled and until is None and page not in found:
                if not _replaced_since(notes, page, word):
                    stale.append(f"{page} not found by {word}, saved {began - since:.1f} s before")
            elif until is not None and began - until > STALE_SECONDS and page in found:
                stale.append(f"{page} found by {word}, replaced {began - until:.1f} s before")
    return {"asked": asked, "checked": checked, "stale": stale}


def _found(registry: Registry, word: str) -> set[str]:
    hits = ask(registry, lambda library: library.index().search(word).hits)
    return {Path(hit.key).parent.name for hit in hits}


def _history(notes: Path, chosen: random.Random) -> list:
    files = sorted(notes.iterdir())
    if not files:
        return []
    lines = chosen.choice(files).read_text().split("\n")[:-1]  # the last is empty, or torn
    return [json.loads(line) for line in lines][-40:]


def _spans(history: list) -> list[tuple[str, str, float, float | None]]:
    """Each saved text: page, word, since when it stood, and until when, None if it still does."""
    replaced: dict[str, float] = {}
    spans = []
    for page, word, when in reversed(history):
        spans.append((page, word, when, replaced.get(page)))
        replaced[page] = when
    return spans


def _replaced_since(notes: Path, page: str, word: str) -> bool:
    """Whether the page got another text while we asked; a writer notes it just after."""
    time.sleep(STALE_SECONDS)
    lines = (notes / f"{page.split('-')[1]}.jsonl").read_text().split("\n")[:-1]
    last = [json.loads(line) for line in lines]
    return next(its_word for its, its_word, _ in reversed(last) if its == page) != word


def _lost(root: Path, notes: Path) -> list[str]:
    """Pages that do not hold, at the end, what was saved last."""
    newest: dict[str, str] = {}
    for file in notes.iterdir():
        for line in file.read_text().splitlines():
            page, word, _ = json.loads(line)
            newest[page] = word
    return [
        f"{page} does not hold {word}"
        for page, word in newest.items()
        if word not in (root / page / "SKILL.md").read_text()
    ]


if __name__ == "__main__":
    main()
