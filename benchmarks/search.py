"""Run /advise's search over a corpus of pages: write what it found, for a scorer, or time it.

    python benchmarks/search.py --corpus DIR --queries FILE [--keywords FILE] --out results.jsonl
    python benchmarks/search.py --corpus DIR --queries FILE --time [--pages 20000]

The corpus is a folder of .md files; an id is a file's path in it without `.md`. Queries are
lines {"qid", "query", "relevant"}; keywords are lines {"qid", "keywords": [...]}. Beside it, in
the same run and over the same pages: grep-like counting, SQLite FTS5, bm25s and tantivy (`pip
install bm25s tantivy`); what they found is written as results.NAME.jsonl. Timing works on a copy
of the corpus, with a cache of its own, and leaves neither; with more pages than it has, each
further copy of a page has a fifth of its lines left out, by chance with a fixed seed.
"""

import argparse
import json
import os
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from techspec.advice.advise import advise
from techspec.skill.index import ask, build
from techspec.skill.registry import Registry
from techspec.skill.tried import tried
from techspec.skill.words import terms

WARM = 10
"""Questions after which a process counts as warm: its registry is loaded, and watched."""

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
    parser.add_argument("--pages", type=int, default=0, help="with --time: copy up to as many")
    args = parser.parse_args()
    if bool(args.out) == args.time:
        parser.error("say either --out FILE or --time")

    keywords = {}
    if args.keywords:
        keywords = {line["qid"]: line["keywords"] for line in _lines(args.keywords)}
    if args.time:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TECHSPEC_CACHE"] = f"{folder}/cache"
            corpus = Path(shutil.copytree(args.corpus, f"{folder}/corpus"))
            _multiply(corpus, args.pages)
            asked = {line["query"]: keywords.get(line["qid"], []) for line in _lines(args.queries)}
            _time(corpus, asked)
    else:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TECHSPEC_CACHE"] = folder
            _rank(args.corpus.absolute(), _lines(args.queries), keywords, args.out)


def _rank(corpus: Path, queries: list[dict], keywords: dict[str, list[str]], to: Path) -> None:
    registry = Registry([corpus])
    began = time.process_time()
    build(registry)
    built = time.process_time() - began
    count = ask(registry, lambda library: len(library.pages()))
    print(f"{count} pages read, indexed and learned from in {built:.1f} s of CPU time")

    def ours(query: dict) -> dict:
        asked = keywords.get(query["qid"], [])
        found = ask(registry, lambda library: library.index().search(query["query"], asked))
        return {
            "ranked": [[_id(hit.key, corpus), hit.score] for hit in found.hits],
            "confidence": found.confidence - found.limits.possible,
            "abstain": found.strength == "none",
        }

    _answer(queries, ours, to)
    for name, search in _peers(corpus).items():

        def theirs(query: dict, search: Callable[[str], list[str]] = search) -> dict:
            words = " ".join([query["query"], *keywords.get(query["qid"], [])])
            return {"ranked": [_id(path, corpus) for path in search(words)]}

        _answer(queries, theirs, to.with_suffix(f".{name}.jsonl"))


def _id(path: str, corpus: Path) -> str:
    return str(Path(path).relative_to(corpus).with_suffix(""))


def _answer(queries: list[dict], answer: Callable[[dict], dict], to: Path) -> None:
    seconds = []
    with to.open("w") as out:
        for query in queries:
            began = time.process_time()
            result = answer(query)
            seconds.append(time.process_time() - began)
            out.write(json.dumps({"qid": query["qid"], **result}) + "\n")
    median = 1000 * statistics.median(seconds)
    print(f"{to}: {len(seconds)} queries, median {median:.1f} ms of CPU time")


def _time(corpus: Path, asked: dict[str, list[str]]) -> None:
    """Time requests, each a query with the keywords beside it, if any."""
    registry, queries = Registry([corpus]), list(asked)
    print("first answer of a fresh process, s: without its imports (with them)")
    print(f"  no index    {_first_answers(corpus, queries[:1])}")
    build(registry)  # what another process still builds is waited for
    print(f"  warm index  {_first_answers(corpus, queries[1:8])}")
    for _ in range(WARM):
        ask(registry, lambda library: library.index())
    print("one request of a warm process, ms: median, p95, and the median against `advise`")
    unit = _requests("advise", lambda query: advise(query, [], None, registry), queries)
    for name, answer in (
        ("with keywords", lambda query: advise(query, asked[query], None, registry)),
        ("tried", lambda query: tried(query, registry)),
        ("the check for changes", lambda query: ask(registry, lambda library: 0)),
        ("pages ranked, checked", lambda query: _ranked(registry, query)),
        *_peers(corpus).items(),
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


def _peers(corpus: Path) -> dict[str, Callable[[str], list[str]]]:
    """By name, searches of whole files; all but the first hold an index and look for no changes."""
    peers = {"grep": lambda query: _counted(corpus, query), "fts5": _full_text(corpus)}
    for name, made in (("bm25s", _bm25s), ("tantivy", _tantivy)):
        try:
            peers[name] = made(corpus)
        except ImportError:
            print(f"  {name} is not installed, so not measured")
    return peers


def _counted(corpus: Path, query: str) -> list[str]:
    """What a prompt that greps does: files with most of the words, then with them most often."""
    words = {word.encode() for word in terms(query)}
    counts = {}
    for page in corpus.rglob("*.md"):
        text = page.read_bytes().lower()
        found = [text.count(word) for word in words]
        counts[str(page)] = (sum(map(bool, found)), sum(found))
    return sorted(counts, key=counts.__getitem__, reverse=True)[:10]


def _texts(corpus: Path) -> Iterator[tuple[str, str]]:
    for page in sorted(corpus.rglob("*.md")):
        yield str(page), page.read_text(encoding="utf-8", errors="replace")


def _full_text(corpus: Path) -> Callable[[str], list[str]]:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE pages USING fts5(path UNINDEXED, text, tokenize = porter)")
    db.executemany("INSERT INTO pages VALUES (?, ?)", _texts(corpus))

    def search(query: str) -> list[str]:
        words = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", query))
        ranked = "SELECT path FROM pages WHERE pages MATCH ? ORDER BY bm25(pages) LIMIT 10"
        return [path for (path,) in db.execute(ranked, [words])]

    return search


def _bm25s(corpus: Path) -> Callable[[str], list[str]]:
    import bm25s

    paths, texts = zip(*_texts(corpus), strict=True)
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)

    def search(query: str) -> list[str]:
        asked = bm25s.tokenize(query, stopwords="en", show_progress=False)
        found, _ = index.retrieve(asked, k=10, show_progress=False)
        return [paths[number] for number in found[0]]

    return search


def _tantivy(corpus: Path) -> Callable[[str], list[str]]:
    import tantivy

    schema = tantivy.SchemaBuilder()
    schema.add_text_field("path", stored=True, tokenizer_name="raw")
    schema.add_text_field("text", tokenizer_name="en_stem")
    index = tantivy.Index(schema.build())
    writer = index.writer()
    for path, text in _texts(corpus):
        writer.add_document(tantivy.Document(path=path, text=text))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def search(query: str) -> list[str]:
        words = " ".join(re.findall(r"\w+", query))
        found = searcher.search(index.parse_query(words, ["text"]), 10).hits
        return [searcher.doc(address)["path"][0] for _, address in found]

    return search


def _multiply(corpus: Path, pages: int) -> None:
    originals = sorted(corpus.rglob("*.md"))
    chosen = random.Random(0)
    for number in range(pages - len(originals)):
        page = originals[number % len(originals)]
        copy = corpus / f"copy-{number // len(originals)}" / page.relative_to(corpus)
        copy.parent.mkdir(parents=True, exist_ok=True)
        lines = page.read_bytes().splitlines(keepends=True)
        kept = (line for at, line in enumerate(lines) if at < 5 or chosen.random() < 0.8)
        copy.write_bytes(b"".join(kept))


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


if __name__ == "__main__":
    main()
