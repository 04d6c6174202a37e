"""The program: `run`, `cost`, `check`, `export`. The only module that prints; it computes nothing.

torch is imported when a trial is about to be trained, not before: `cost` answers without it.
"""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

from trainer import config, protocol, shape
from trainer.protocol import Ended, Event, Mistake, TrainerError

DONE, NO, CHANGE_FIRST = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer",
        description="Train small decoders to add, as docs/trainer-contract.md says.",
        epilog="example: python -m trainer run request.json",
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("run", help="train the trials of a request")
    verb.add_argument("request", type=Path)
    verb.set_defaults(run=run)
    verb = verbs.add_parser("cost", help="say what configs would cost, without training")
    verb.add_argument("request", type=Path)
    verb.set_defaults(run=cost)
    verb = verbs.add_parser("check", help="say what would be trained on here, and try it")
    verb.add_argument("--json", action="store_true", help="one JSON object, for tools")
    verb.set_defaults(run=check)
    verb = verbs.add_parser("export", help="write a trained model to a plain file")
    verb.add_argument("folder", type=Path, help="a trial's folder, which holds its checkpoint")
    verb.add_argument("out", type=Path, help="the file to write, for torch.load")
    verb.set_defaults(run=export)
    args = parser.parse_args(arguments)
    try:
        return int(args.run(args))
    except TrainerError as error:
        print(error, file=sys.stderr)
        return CHANGE_FIRST


def run(args: argparse.Namespace) -> int:
    """Train every trial of the request to its `ended` line."""
    asked = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    request = protocol.read_run(args.request)
    sound = []
    for trial in request.trials:
        try:
            sound.append((trial, config.read(trial.config)))
        except TrainerError as error:
            emit(Ended(trial.trial, "refused", 0, 0.0, str(error)))
    if not sound:
        return DONE
    _need_torch()
    from trainer import machine, train

    device = machine.device_for(request.device)
    train.train(sound, device, emit, lambda: bool(asked))
    return DONE


def cost(args: argparse.Namespace) -> int:
    """Say what each config of the request would cost."""
    request = protocol.read_cost(args.request)
    costs: list[dict[str, Any]] = []
    sound = []
    for given in request.configs:
        try:
            settings = config.read(given)
        except TrainerError as error:
            costs.append({"params": None, "flops": None, "seconds": None, "problem": str(error)})
            continue
        told = {
            "params": shape.params(settings),
            "flops": shape.flops(settings),
            "seconds": {
                device: round(shape.seconds(settings, shape.nominal(settings, device)), 2)
                for device in ("cpu", "cuda")
            },
            "problem": None,
        }
        costs.append(told)
        sound.append((settings, told))
    if request.calibrate and sound:
        _need_torch()
        from trainer import calibrate

        measured = calibrate.seconds([settings for settings, _ in sound], request.device)
        for (_, told), seconds in zip(sound, measured, strict=True):
            told["measured_seconds"] = round(seconds, 2)
    answer = {
        "trainer": {"name": "addition", "code": protocol.code_digest()},
        "parameters": config.parameters(),
        "metrics": config.METRICS,
        "costs": costs,
    }
    print(json.dumps(answer))
    return DONE


def check(args: argparse.Namespace) -> int:
    """Say what this machine would train on, and prove it on a few steps."""
    try:
        _need_torch()
    except TrainerError as error:
        print(json.dumps({"ready": False, "problem": str(error)}) if args.json else error)
        return NO
    from trainer import calibrate

    told = calibrate.check()
    if args.json:
        print(json.dumps(told))
    else:
        for name, value in told.items():
            print(f"{name}: {value}")
    return DONE if told["ready"] else NO


def export(args: argparse.Namespace) -> int:
    """Write the weights and config of a trial to a file of their own."""
    _need_torch()
    from trainer.export import export as write

    step, weights = write(args.folder, args.out)
    print(f"{args.out}: {weights} weights after step {step}")
    return DONE


def emit(event: Event) -> None:
    """Write one event where techspec reads it, at once."""
    print(protocol.line(event), flush=True)


def _need_torch() -> None:
    try:
        import torch  # noqa: F401
    except ImportError:
        raise TrainerError(
            Mistake(
                "training needs torch, which is not installed here",
                "install it with 'pip install torch' (any version from 2.9)",
            )
        ) from None


if __name__ == "__main__":
    sys.exit(main())
