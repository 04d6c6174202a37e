"""Run /advise's search over a corpus of pages: write what it found, for eval_search.py, or time it.

    python benchmarks/search.py --corpus DIR --queries FILE [--keywords FILE] --out results.jsonl
    python benchmarks/search.py --corpus DIR --queries FILE --time

The corpus is a folder of .md files; an id is a file's path in it without `.md`. Queries are
lines {"qid", "query", "relevant"}; keywords are lines {"qid", "keywords": [...]}. Timing works on
a copy of the corpus, with a cache of its own, and leaves neither.
"""

import argparse
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from techspec.advice.advise import advise
from techspec.skill.index import ask
from techspec.skill.page import read_file
from techspec.skill.registry import Registry
from techspec.skill.search import Index, document
from techspec.skill.tried import tried

FRESH = """
import sys, time
began = time.perf_counter()
from pathlib import Path
from techspec.advice.advise import advise
from techspec.skill.registry import Registry
imported = time.perf_counter()
advise(sys.argv[2], [], None, Registry([Path(sys.argv[1])]))
print(imported - began, time.perf_counter() - imported)
"""


def main() -> None:
    """Read, index, ask every query; write one line each, or the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--keywords", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--time", action="store_true")
    args = parser.parse_args()
    if bool(args.out) == args.time:
        parser.error("say either --out FILE or --time")

    if args.time:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TECHSPEC_CACHE"] = f"{folder}/cache"
            corpus = Path(shutil.copytree(args.corpus, f"{folder}/corpus"))
            _time(corpus, [line["query"] for line in _lines(args.queries)])
    else:
        keywords = {}
        if args.keywords:
            keywords = {line["qid"]: line["keywords"] for line in _lines(args.keywords)}
        _rank(args.corpus, _lines(args.queries), keywords, args.out)


def _rank(corpus: Path, queries: list[dict], keywords: dict[str, list[str]], to: Path) -> None:
    began = time.process_time()
    pages = sorted(corpus.rglob("*.md"))
    index = Index(
        document(read_file(page, corpus), str(page.relative_to(corpus))[:-3]) for page in pages
    )
    built = time.process_time() - began
    seconds = []
    with to.open("w") as out:
        for query in queries:
            began = time.process_time()
            found = index.search(query["query"], keywords.get(query["qid"], []))
            seconds.append(time.process_time() - began)
            result = {
                "qid": query["qid"],
                "ranked": [[hit.key, hit.score] for hit in found.hits],
                "confidence": found.confidence,
                "abstain": found.strength == "none",
            }
            out.write(json.dumps(result) + "\n")
    print(f"{len(pages)} pages read and indexed in {built:.1f} s of CPU time")
    print(f"{len(seconds)} queries, median {1000 * statistics.median(seconds):.1f} ms of CPU time")


def _time(corpus: Path, queries: list[str]) -> None:
    registry = Registry([corpus])
    print("first answer of a fresh process, s: without its imports (with them)")
    print(f"  no index    {_first_answers(corpus, queries[:1])}")
    print(f"  warm index  {_first_answers(corpus, queries[1:8])}")
    print("one request of a warm process, ms: median, p95, and the median against `advise`")
    unit = _requests("advise", lambda query: advise(query, [], None, registry), queries)
    for name, answer in (
        ("tried", lambda query: tried(query, registry)),
        ("the check for changes", lambda query: ask(registry, lambda library: 0)),
        ("pages ranked, checked", lambda query: _ranked(registry, query)),
        ("grep-like counting", lambda query: _counted(corpus, query)),
        ("SQLite FTS5, unchecked", _full_text(corpus)),
    ):
        _requests(name, answer, queries, unit)
    seconds = []
    pages = sorted(corpus.rglob("*.md"))
    for first in range(5):
        for page in pages[first :: len(pages) // 10][:10]:
            page.write_bytes(page.read_bytes() + b"\nA line more.\n")
        time.sleep(0.05)  # a page younger than that is read twice
        began = time.perf_counter()
        advise(queries[first], [], None, registry)
        seconds.append(time.perf_counter() - began)
    print(f"answer after 10 changed files, ms: {1000 * statistics.median(seconds):.0f}")


def _first_answers(corpus: Path, queries: Sequence[str]) -> str:
    imports, answers = [], []
    for query in queries:
        command = [sys.executable, "-c", FRESH, str(corpus), query]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        imports.append(float(told[0]))
        answers.append(float(told[1]))
    answer = statistics.median(answers)
    return f"{answer:.2f} ({answer + statistics.median(imports):.2f})"


def _requests(
    name: str, answer: Callable[[str], object], queries: Iterable[str], unit: float = 0.0
) -> float:
    seconds = []
    for query in queries:
        began = time.perf_counter()
        answer(query)
        seconds.append(time.perf_counter() - began)
    median = statistics.median(seconds)
    p95 = sorted(seconds)[int(0.95 * len(seconds))]
    print(f"  {name:24}{1000 * median:7.1f} {1000 * p95:7.1f} {median / (unit or median):7.2f}x")
    return median


def _ranked(registry: Registry, query: str) -> object:
    return ask(registry, lambda library: library.index().search(query))


def _counted(corpus: Path, query: str) -> list[str]:
    """What a prompt that greps does: the files with most of the words, read anew."""
    words = [word.encode() for word in re.findall(r"\w{3,}", query.lower())]
    counts = {}
    for page in corpus.rglob("*.md"):
        text = page.read_bytes().lower()
        counts[str(page)] = sum(text.count(word) for word in words)
    return sorted(counts, key=lambda page: -counts[page])[:10]


def _full_text(corpus: Path) -> Callable[[str], list[str]]:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE pages USING fts5(path UNINDEXED, text, tokenize = porter)")
    for page in corpus.rglob("*.md"):
        text = page.read_text(encoding="utf-8", errors="replace")
        db.execute("INSERT INTO pages VALUES (?, ?)", [str(page), text])

    def search(query: str) -> list[str]:
        words = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", query))
        ranked = "SELECT path FROM pages WHERE pages MATCH ? ORDER BY bm25(pages) LIMIT 10"
        return [path for (path,) in db.execute(ranked, [words])]

    return search


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


if __name__ == "__main__":
    main()
