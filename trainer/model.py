"""Decoders of one shape, side by side: token ids in, logits of the last positions out.

Each lane has weights of its own and computes what it would compute alone. Nothing here knows a task
or training. RoPE, RMSNorm before each part, no biases, tied embedding; `shape.params` counts it.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Protocol

import torch
from torch import Tensor, nn

from trainer import plain
from trainer.config import Config


class Parts(Protocol):
    """What a decoder is put together from: `trainer.plain`, or one of the fused."""

    def lowered(self, weights: Tensor) -> Tensor:
        """Give the weights in the precision that products are taken in."""

    def linear(self, x: Tensor, weight: Tensor) -> Tensor:
        """Multiply x (lanes, ..., inputs) by each lane's weight (lanes, outputs, inputs)."""

    def add_norm(self, x: Tensor, delta: Tensor | None, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Add to the stream x; returns it, and it brought to root mean square 1 times weight."""

    def mix(
        self, normed: Tensor, weight: Tensor, cos: Tensor, sin: Tensor, heads: int, wanted: int
    ) -> Tensor:
        """Attend from the last `wanted` positions: (lanes, batch, wanted, d_proj)."""

    def mlp(self, normed: Tensor, up: Tensor, down: Tensor) -> Tensor:
        """Work on each position by itself: of the shape of `normed`."""


class Decoder(nn.Module):
    """`lanes` decoders; their weights are the rows of one parameter, laid out by `layout`.

    Args:
        config: its widths, depth and task give the shape.
        weights: (lanes, weights of one), shared and not copied.
        thetas: the base of the RoPE frequencies, for each lane.
        parts: what computes each part.
    """

    cos: Tensor
    sin: Tensor

    def __init__(
        self,
        config: Config,
        weights: Tensor,
        thetas: Sequence[float],
        parts: Parts = plain,
    ) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)
        self.depth, self.heads = config.depth, config.heads
        self.layout = layout(config)
        self.parts = parts
        length = config.task.length - 1  # the last token is predicted, never read
        angles = torch.stack([rope_angles(length, config.head_width, theta) for theta in thetas])
        angles = angles[:, None, :, None].to(weights.device)  # (lanes, 1, length, 1, pairs)
        for name, value in {"cos": angles.cos(), "sin": angles.sin()}.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, tokens: Tensor, scored: int) -> Tensor:
        """Predict the token that follows each of the last `scored` positions.

        Args:
            tokens: (lanes, batch, length), token ids; length at most that of a problem less one.
            scored: how many positions at the end are wanted; the rest is not computed to the end.

        Returns:
            Logits, (lanes, batch, scored, vocabulary).
        """
        parts, length = self.parts, tokens.shape[2]
        weights = factors = unpacked(self.weights, self.layout)
        if (low := parts.lowered(self.weights)) is not self.weights:
            factors = unpacked(low, self.layout)
        cos, sin = self.cos[:, :, :length], self.sin[:, :, :length]
        x = embed(tokens, weights["embedding.weight"])  # (lanes, batch, length, d_model)
        delta = None  # what the part before adds to the stream x
        for number in range(self.depth):
            norms, products = (_under(f"blocks.{number}.", each) for each in (weights, factors))
            # Of the last layer only the positions that are scored are read.
            wanted = scored if number == self.depth - 1 else length
            x, normed = parts.add_norm(x, delta, norms["attention_norm.weight"])
            weight = products["query_key_value.weight"]
            mixed = parts.mix(normed, weight, cos, sin, self.heads, wanted)
            x, delta = x[:, :, length - wanted :], parts.linear(mixed, products["out.weight"])
            x, normed = parts.add_norm(x, delta, norms["mlp_norm.weight"])
            delta = parts.mlp(normed, products["up.weight"], products["down.weight"])
        _, normed = parts.add_norm(x, delta, weights["norm.weight"])
        return parts.linear(normed, factors["embedding.weight"])


def layout(config: Config) -> dict[str, tuple[int, ...]]:
    """Name the weights of one decoder in the order in which they lie, each with its shape."""
    d, p, f = config.d_model, config.d_proj, config.d_ff
    block = {
        "attention_norm.weight": (d,),
        "query_key_value.weight": (3 * p, d),
        "out.weight": (d, p),
        "mlp_norm.weight": (d,),
        "up.weight": (f, d),
        "down.weight": (d, f),
    }
    names: dict[str, tuple[int, ...]] = {"embedding.weight": (config.task.vocabulary, d)}
    for number in range(config.depth):
        names |= {f"blocks.{number}.{name}": shape for name, shape in block.items()}
    return names | {"norm.weight": (d,)}


def unpacked(weights: Tensor, layout: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """View weights (..., weights of one) under their names, each (..., *its shape)."""
    sizes = [prod(shape) for shape in layout.values()]
    parts = torch.split(weights, sizes, dim=-1)
    return {
        name: part.view(*weights.shape[:-1], *shape)
        for (name, shape), part in zip(layout.items(), parts, strict=True)
    }


def initial(config: Config, generator: torch.Generator) -> Tensor:
    """Draw the weights of one decoder from `generator` alone: (weights of one,), on the CPU.

    Normal with standard deviation 1/sqrt(inputs); what writes to the residual stream is divided
    by sqrt(2 depth), so that the stream does not grow with depth. The embedding gets 0.02, as
    in the source; larger ones looked no better on two seeds of one small shape.

    Source:
        Radford et al. (2019), "Language Models are Unsupervised Multitask Learners", 2.3.
    """
    shapes = layout(config)
    weights = torch.empty(sum(map(prod, shapes.values())))
    for name, weight in unpacked(weights, shapes).items():
        if weight.dim() < 2:
            nn.init.ones_(weight)
            continue
        std = 0.02 if name == "embedding.weight" else weight.shape[1] ** -0.5
        if name.endswith(("out.weight", "down.weight")):
            std *= (2 * config.depth) ** -0.5
        nn.init.normal_(weight, std=std, generator=generator)
    return weights


def embed(tokens: Tensor, weight: Tensor) -> Tensor:
    """Look up tokens (lanes, ...) in each lane's weight (lanes, vocabulary, width).

    On a GPU by a product with ones and zeros: the gradient of a look-up adds rows up in whatever
    order they come in there, that of a product does not.
    """
    lanes, vocabulary, _ = weight.shape
    if weight.is_cuda:
        return embed_by_product(tokens, weight)
    first = torch.arange(lanes).view(-1, *[1] * (tokens.dim() - 1)) * vocabulary
    return nn.functional.embedding(tokens.long() + first, weight.flatten(0, 1))


def embed_by_product(tokens: Tensor, weight: Tensor) -> Tensor:
    """Look up as `embed` does, in the same type, so that the stream is not kept in bfloat16."""
    ids = torch.arange(weight.shape[1], dtype=tokens.dtype, device=tokens.device)
    chosen = (tokens.unsqueeze(-1) == ids).to(weight.dtype)
    return plain.linear(chosen, weight.mT).to(weight.dtype)


def rope_angles(length: int, head_width: int, theta: float) -> Tensor:
    """List the angle by which RoPE turns each pair of channels: (length, head_width / 2).

    Channel i is paired with channel i + head_width / 2 and both turn by the same angle. Written
    with whole heads in mind, each angle has to be there twice, `cat((freqs, freqs))`, or the shapes
    do not fit ("dimension mismatch [32] vs [16]"); `rotate` works on the halves instead.

    Source:
        Su et al. (2021), "RoFormer", arXiv:2104.09864, in the half-split form of GPT-NeoX.
    """
    frequency = theta ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    return torch.outer(torch.arange(length, dtype=torch.float64), frequency).float()


def _under(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): weight
        for name, weight in weights.items()
        if name.startswith(prefix)
    }
