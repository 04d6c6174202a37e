"""What a process printed in, each trial's own metrics.jsonl out.

A process of one trial prints into that file; one of several prints into output.jsonl beside its
request, and each trial is handed its lines from there. Of a line it knows only whose it is.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from techspec import durable
from techspec.ledger.events import Launched
from techspec.ledger.folder import CampaignFolder
from techspec.run.protocol import trial_of


def launch(
    folder: CampaignFolder, trials: Sequence[str], reserved_seconds: float, time: str
) -> Launched:
    """The start of a process for these trials, behind all that earlier starts left behind."""
    shared = len(trials) > 1
    printed = folder.output(trials[0]) if shared else folder.metrics(trials[0])
    return Launched(
        time=time,
        request=trials[0],
        trials=tuple(trials),
        reserved_seconds=round(reserved_seconds, 3),
        offset=_end_of_whole_lines(printed),
        trial_offsets=tuple(_end_of_whole_lines(folder.metrics(trial)) for trial in trials)
        if shared
        else (),
    )


def printed_by(folder: CampaignFolder, launched: Launched) -> Path:
    """The file that takes what this process prints."""
    if launched.trial_offsets:
        return folder.output(launched.request)
    return folder.metrics(launched.request)


def hand_out(folder: CampaignFolder, launched: Launched, lines: Sequence[bytes]) -> None:
    """Append to each trial's metrics.jsonl the lines that name it; the others stay as printed.

    Raises:
        CannotWrite: the system refuses to store them.
    """
    if not launched.trial_offsets:
        return
    own: dict[str, list[bytes]] = {}
    for line in lines:
        if trial := trial_of(line, launched.trials):
            own.setdefault(trial, []).append(line + b"\n")
    for trial, said in own.items():
        path = folder.metrics(trial)
        try:
            with path.open("ab") as file:
                file.writelines(said)
        except OSError as error:
            raise durable.CannotWrite(path, error) from error


def take_back(folder: CampaignFolder, launched: Launched) -> None:
    """Undo what an earlier runner handed out of this start, so that all of it can be again."""
    if launched.trial_offsets:
        for trial, offset in zip(launched.trials, launched.trial_offsets, strict=True):
            _cut(folder.metrics(trial), offset)


def _end_of_whole_lines(path: Path) -> int:
    """Length of the file, after a half line that a kill left behind was cut off."""
    if not path.exists():
        return 0
    whole = path.read_bytes().rfind(b"\n") + 1
    _cut(path, whole)
    return whole


def _cut(path: Path, length: int) -> None:
    if path.exists() and path.stat().st_size > length:
        os.truncate(path, length)
