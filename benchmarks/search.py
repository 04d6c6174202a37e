"""Run /advise's search over a corpus of pages and write what it found, for eval_search.py.

    python benchmarks/search.py --corpus DIR --queries FILE [--keywords FILE] --out results.jsonl

The corpus is a folder of .md files; an id is a file's path in it without `.md`. Queries are
lines {"qid", "query", "relevant"}; keywords are lines {"qid", "keywords": [...]}.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

from techspec.skill.page import read_file
from techspec.skill.search import Index, document


def main() -> None:
    """Read, index, ask every query, write one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--keywords", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    keywords = {}
    if args.keywords:
        keywords = {line["qid"]: line["keywords"] for line in _lines(args.keywords)}
    began = time.process_time()
    pages = sorted(args.corpus.rglob("*.md"))
    index = Index(
        document(read_file(page, args.corpus), str(page.relative_to(args.corpus))[:-3])
        for page in pages
    )
    built = time.process_time() - began
    seconds = []
    with args.out.open("w") as out:
        for query in _lines(args.queries):
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


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


if __name__ == "__main__":
    main()
