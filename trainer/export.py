"""A trial's folder in, its weights and config in one plain file out, for programs that add.

The file needs torch to be read, and nothing of the trainer: `examples/ten-digits/add.py` does.
"""

from pathlib import Path

import torch

from trainer import checkpoint
from trainer.protocol import Mistake, TrainerError


def export(folder: Path, out: Path) -> tuple[int, int]:
    """Write the newest whole checkpoint in `folder` to `out` as {"config": ..., "weights": ...}.

    Returns:
        The step that the weights come from, and how many they are.

    Raises:
        TrainerError: there is no checkpoint to export, or no place for the file.
    """
    state = checkpoint.newest(folder)
    if state is None:
        raise TrainerError(
            Mistake(
                f"the folder {str(folder)!r} holds no whole checkpoint",
                "pass a trial's folder, such as .techspec/CAMPAIGN/runs/TRIAL",
            )
        )
    try:
        with out.open("wb") as file:
            torch.save({"config": state["identity"]["config"], "weights": state["model"]}, file)
    except OSError as error:
        raise TrainerError(
            Mistake(f"{str(out)!r} cannot be written ({error.strerror})", "pass another file")
        ) from None
    return state["progress"]["step"], sum(weight.numel() for weight in state["model"].values())
