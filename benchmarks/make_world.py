"""Nothing in, a table of real runs out: every cell of a small grid, many seeds, with its curves.

    python benchmarks/make_world.py --runs DIR --part 1/2    # and 2/2 beside it
    python benchmarks/make_world.py --runs DIR --out benchmarks/worlds/addition.jsonl.gz

Trains with the bundled trainer on one thread, a whole seed before the next. Cut short and called
again, it goes on where it was: a run that has its file is not repeated. Only seeds of which every
cell has ended are written, so that no cell is favoured by an early end.
"""

import argparse
import gzip
import itertools
import json
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME))

FIXED: dict[str, Any] = {
    "d_model": 64,
    "depth": 1,
    "digits": 2,
    "base": 10,
    "train_size": 8000,
    "eval_size": 1000,
    "batch_size": 64,
    "max_steps": 600,
    "eval_every": 100,
    "early_stopping": False,
    "learning_rate": 5e-3,
    "schedule": "cosine",
    "warmup_steps": 50,
    "gradient_clip": 1.0,
}
"""The recipe of examples/two-minutes/TECHSPEC.md, evaluated more often."""
FACTORS: dict[str, tuple[Any, ...]] = {
    "heads": (1, 4, 8),
    "answer_order": ("msd", "lsd"),
    "d_ff": (64, 512),
}
"""All that its hypotheses are about, crossed."""
FIRST_SEED = 1000
"""Its recipe was chosen on seeds 0 to 4, so that they would lean to the good side."""


def main() -> int:
    """Train a part, or write the table of what was trained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of raw events")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--part", help="train the runs of this part, such as 1/2")
    parser.add_argument("--out", type=Path, help="write the table here")
    args = parser.parse_args()
    args.runs.mkdir(parents=True, exist_ok=True)
    seeds = range(FIRST_SEED, FIRST_SEED + args.seeds)
    if args.part:
        part, parts = map(int, args.part.split("/"))
        for seed, (number, cell) in itertools.product(seeds, enumerate(cells(), start=seeds[0])):
            if (seed + number) % parts == part - 1 and not _file(args.runs, cell, seed).exists():
                print(_train(args.runs, cell, seed), flush=True)
    if args.out:
        write(args.runs, seeds, args.out)
    return 0


def write(runs: Path, seeds: Iterable[int], out: Path) -> None:
    """Put the runs that have ended into one file: a head, then a line a run."""
    rows = [json.dumps(row) for row in _rows(runs, seeds)]
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
        file.write("".join(f"{row}\n" for row in rows).encode())
    print(f"{len(rows) - 1} runs in {out}, {out.stat().st_size} bytes")


def cells() -> list[dict[str, Any]]:
    """Every combination of the factors."""
    return [
        dict(zip(FACTORS, values, strict=True)) for values in itertools.product(*FACTORS.values())
    ]


def name_of(cell: dict[str, Any]) -> str:
    """A cell in one word, for files and people."""
    return "-".join(f"{cell[factor]}" for factor in FACTORS)


def _train(runs: Path, cell: dict[str, Any], seed: int) -> str:
    import torch

    from trainer import config, protocol, train

    torch.set_num_threads(1)
    folder = runs / f"{name_of(cell)}-{seed}.tmp"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    events: list[protocol.Event] = []
    trial = protocol.Trial(f"{name_of(cell)}-{seed}", folder, seed, {})
    began = time.process_time()
    settings = config.read({**FIXED, **cell})
    train.train([(trial, settings)], torch.device("cpu"), events.append, lambda: False)
    cpu_seconds = time.process_time() - began
    lines = [protocol.line(event) for event in events if event.event != "checkpoint"]
    lines.append(json.dumps({"event": "cost", "cpu_seconds": cpu_seconds}))
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "events.jsonl").replace(_file(runs, cell, seed))
    shutil.rmtree(folder)
    return f"{trial.trial}: {cpu_seconds:.1f} CPU s"


def _rows(runs: Path, seeds: Iterable[int]) -> Iterator[dict[str, Any]]:
    """A head with what all runs share, then a row a run."""
    whole = [seed for seed in seeds if all(_file(runs, cell, seed).exists() for cell in cells())]
    head: dict[str, Any] | None = None
    for seed, cell in itertools.product(whole, cells()):
        lines = _file(runs, cell, seed).read_text().splitlines()
        events = [json.loads(line) for line in lines]
        started = next(event for event in events if event["event"] == "started")
        ended = next(event for event in events if event["event"] == "ended")
        evals = [event for event in events if event["event"] == "eval"]
        shared = {
            "fixed": FIXED,
            "factors": FACTORS,
            "seeds": whole,
            **{key: started[key] for key in ("device", "versions", "code")},
            "processor": _processor(),
        }
        if head is None:
            head = shared
            yield head
        assert head == shared, f"{ended['trial']} was run in another way than the first"
        yield {
            "cell": cell,
            "seed": seed,
            "params": started["params"],
            "data": started["data"],
            "outcome": ended["outcome"],
            "cpu_seconds": round(events[-1]["cpu_seconds"], 3),
            "steps": [event["step"] for event in evals],
            "exact_match": [event["metrics"]["exact_match"] for event in evals],
            "eval_loss": [round(event["metrics"]["eval_loss"], 5) for event in evals],
        }


def _file(runs: Path, cell: dict[str, Any], seed: int) -> Path:
    return runs / f"{name_of(cell)}-{seed}.jsonl"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else ""


if __name__ == "__main__":
    sys.exit(main())
