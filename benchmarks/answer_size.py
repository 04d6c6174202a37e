"""Measure how many tokens /advise's answers take, over many requests to one corpus.

    python benchmarks/answer_size.py --corpus DIR --queries FILE [--keywords FILE] [--spec FILE]

The corpus is a folder of pages in any layout that a registry may have; queries are lines
{"qid", "query"}, keywords lines {"qid", "keywords": [...]}. Tokens are counted with tiktoken,
which has to be installed beside techspec and fetches its vocabulary once (TIKTOKEN_CACHE_DIR).
"""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tiktoken

from techspec.advice.advise import advise
from techspec.advice.text import MOST_TOKENS, text, tokens
from techspec.skill.index import build
from techspec.skill.registry import Registry
from techspec.spec.reader import read_file


def main() -> None:
    """Ask every query; print median, 90th percentile and maximum, for each tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--keywords", type=Path)
    parser.add_argument("--spec", type=Path, help="ask every query with this spec at hand")
    args = parser.parse_args()
    keywords = {}
    if args.keywords:
        keywords = {line["qid"]: line["keywords"] for line in _lines(args.keywords)}
    spec = read_file(args.spec) if args.spec else None
    registry = Registry([args.corpus])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TECHSPEC_CACHE"] = folder
        build(registry)  # else the first answers know pages by their descriptions alone
        found = [
            advise(query["query"], keywords.get(query["qid"], []), spec, registry)
            for query in _lines(args.queries)
        ]
    said = [text(advice) for advice in found]
    relevant = [answer for answer, advice in zip(said, found, strict=True) if advice.sources]
    print(f"{len(said)} answers, {len(relevant)} of them with sources; tokens:")
    print(f"  {'':28}{'median':>8}{'p90':>8}{'max':>8}   median of those with sources")
    for name in ("cl100k_base", "o200k_base"):
        encoding = tiktoken.get_encoding(name)
        _row(f"tiktoken {name}", [len(encoding.encode(each)) for each in said],
             [len(encoding.encode(each)) for each in relevant])  # fmt: skip
    _row("our own estimate", [tokens(each) for each in said], [tokens(each) for each in relevant])
    print(f"the limit of our own estimate is {MOST_TOKENS}")


def _row(name: str, counts: Sequence[int], relevant: Sequence[int]) -> None:
    p90 = sorted(counts)[int(0.9 * len(counts))]
    middle = statistics.median(relevant) if relevant else 0
    print(f"  {name:28}{statistics.median(counts):8.0f}{p90:8}{max(counts):8}   {middle:.0f}")


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


if __name__ == "__main__":
    main()
