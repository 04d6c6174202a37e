"""A config in, JSON lines out: the training loop that one writes for this task in an afternoon.

    python -m benchmarks.plain_loop '{"d_model": 32, "depth": 2, "max_steps": 500}' --seed 0

The named baseline of trainer_cpu.py and trainer_gpu.py, after the custom of nanoGPT: every problem
padded to 32 tokens, causal attention by torch's own kernel, logits at all positions, the loss
masked to the answer, torch's AdamW, batches drawn at random. It shares with the trainer what is
being learned and from which settings, and not how: no line of trainer/model.py or train.py.
What it has no code for (schedules, warm-up, clipping, early stopping) it refuses.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (its customary name)

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trainer import addition, config
from trainer.config import Config

IGNORED = -100
"""The target that cross_entropy passes over."""
EVAL_BATCH = {"cpu": 500, "cuda": 2500}
"""On a CPU the fastest of 250, 500, 1,000 and 2,500, by a third: larger ones leave the cache."""


def main() -> int:
    """Train once and print what happens."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=json.loads, help="settings by the trainer's names, as JSON")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="torch's own choice if not given")
    parser.add_argument("--precision", choices=("float32", "tf32", "bf16"), default="float32")
    parser.add_argument(
        "--compile", nargs="?", const="default", metavar="MODE", help="by torch.compile"
    )
    parser.add_argument("--print-every", type=int, default=100)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    settings = config.read({"early_stopping": False, **args.config})
    if unknown := unsupported(settings):
        parser.error(f"the plain loop has no {', '.join(unknown)}; leave it out")
    for event in train(
        settings, args.seed, args.device, args.precision, args.compile, args.print_every
    ):
        print(json.dumps(event), flush=True)
    return 0


def unsupported(settings: Config) -> list[str]:
    """Name what is set and has no code here."""
    wanted = {
        "schedule": settings.schedule != "constant",
        "warmup_steps": settings.warmup_steps > 0,
        "gradient_clip": settings.gradient_clip > 0,
        "early_stopping": settings.early_stopping,
    }
    return [name for name, is_set in wanted.items() if is_set]


def train(
    settings: Config,
    seed: int,
    device: str,
    precision: str = "float32",
    compile_mode: str | None = None,
    print_every: int = 100,
) -> Iterator[dict[str, Any]]:
    """Train to max_steps; yields `started`, a `step` now and then, every `eval`, and `ended`."""
    torch.manual_seed(seed)
    if precision != "float32":
        torch.set_float32_matmul_precision("high")
    train_pairs, eval_pairs = addition.split(settings.task, settings.train_size, settings.eval_size)
    inputs, targets = examples(settings, train_pairs, device)
    held_out = examples(settings, eval_pairs, device)
    model: nn.Module = Transformer(settings).to(device)
    params = sum(weight.numel() for weight in model.parameters())
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    if compile_mode is not None:
        model.compile(mode=compile_mode)

    def mixed() -> AbstractContextManager[Any]:
        return torch.autocast(device, torch.bfloat16) if precision == "bf16" else nullcontext()

    yield {"event": "started", "params": params, "threads": torch.get_num_threads()}
    begun = time.perf_counter()
    metrics: dict[str, float] = {}
    for step in range(1, settings.max_steps + 1):
        rows = torch.randint(len(inputs), (settings.batch_size,), device=device)
        with mixed():
            logits = model(inputs[rows])  # (batch, length, vocabulary)
            loss = F.cross_entropy(logits.flatten(0, 1), targets[rows].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % print_every == 0:
            told = {"step": step, "loss": loss.item()}
            yield {"event": "step", **told, "seconds": time.perf_counter() - begun}
        if step % settings.eval_every == 0 or step == settings.max_steps:
            with mixed():
                metrics = evaluate(model, *held_out)
            seconds = time.perf_counter() - begun
            yield {"event": "eval", "step": step, "metrics": metrics, "seconds": seconds}
    seconds = time.perf_counter() - begun
    yield {
        "event": "ended",
        "outcome": "finished",
        "step": settings.max_steps,
        "metrics": metrics,
        "seconds": seconds,
    }


@torch.no_grad()
def evaluate(model: nn.Module, inputs: Tensor, targets: Tensor) -> dict[str, float]:
    """Measure, teacher-forced, the share of problems answered right and the loss of a token."""
    right, loss = 0, 0.0
    size = EVAL_BATCH[inputs.device.type]
    for rows, wanted in zip(torch.split(inputs, size), torch.split(targets, size), strict=True):
        logits = model(rows)
        is_right = (logits.argmax(-1) == wanted) | (wanted == IGNORED)
        right += int(is_right.all(-1).sum())
        loss += F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="sum").item()
    scored = int((targets != IGNORED).sum())
    return {"exact_match": right / len(inputs), "eval_loss": loss / scored}


def examples(settings: Config, pairs: list[addition.Pair], device: str) -> tuple[Tensor, Tensor]:
    """Write problems as inputs and targets, each (pairs, max_tokens - 1), targets one ahead."""
    task = settings.task
    padding = [task.base] * (settings.max_tokens - task.length)
    tokens = torch.tensor([[*task.tokens(a, b), *padding] for a, b in pairs])
    targets = tokens[:, 1:].clone()
    targets[:, : task.length - 1 - settings.scored] = IGNORED
    targets[:, task.length - 1 :] = IGNORED
    return tokens[:, :-1].contiguous().to(device), targets.to(device)


class Transformer(nn.Module):
    """Token ids (batch, length) in, logits (batch, length, vocabulary) out."""

    def __init__(self, settings: Config) -> None:
        super().__init__()
        self.embedding = nn.Embedding(settings.task.vocabulary, settings.d_model)
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.depth))
        self.norm = nn.RMSNorm(settings.d_model, eps=1e-6)
        width = settings.head_width
        rates = settings.rope_theta ** (-torch.arange(0, width, 2) / width)
        turns = torch.arange(settings.max_tokens - 1)[:, None] * rates  # (length, width / 2)
        self.register_buffer("cos", turns.cos().repeat(1, 2), persistent=False)
        self.register_buffer("sin", turns.sin().repeat(1, 2), persistent=False)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Predict the token after each position."""
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        return F.linear(self.norm(x), self.embedding.weight)


class Layer(nn.Module):
    """Attention, then the MLP, each normed before and added after."""

    def __init__(self, settings: Config) -> None:
        super().__init__()
        d_model, d_proj = settings.d_model, settings.d_proj
        self.heads = settings.heads
        self.norm1 = nn.RMSNorm(d_model, eps=1e-6)
        self.qkv = nn.Linear(d_model, 3 * d_proj, bias=False)
        self.out = nn.Linear(d_proj, d_model, bias=False)
        self.norm2 = nn.RMSNorm(d_model, eps=1e-6)
        self.up = nn.Linear(d_model, settings.d_ff, bias=False)
        self.down = nn.Linear(settings.d_ff, d_model, bias=False)
        # From the trainer's distributions, so that both learn alike.
        for linear in (self.qkv, self.out, self.up, self.down):
            nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
        for linear in (self.out, self.down):
            linear.weight.data /= (2 * settings.depth) ** 0.5

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Compute the stream after this layer, (batch, length, d_model)."""
        batch, length, _ = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).chunk(3, dim=-1)
        )
        q, k = rope(q, cos, sin), rope(k, cos, sin)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, -1))
        mlp: Tensor = self.down(F.gelu(self.up(self.norm2(x))))
        return x + mlp


def rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn (batch, heads, length, width) by its positions."""
    left, right = x.chunk(2, dim=-1)
    return (x * cos + torch.cat((-right, left), dim=-1) * sin).type_as(x)


if __name__ == "__main__":
    sys.exit(main())
