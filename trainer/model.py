"""Decoders of one shape, side by side: token ids in, logits of the last positions out.

Each lane has weights of its own and computes what it would compute alone. Nothing here knows a task
or training. RoPE, RMSNorm before each part, no biases, tied embedding; `shape.params` counts it.
"""

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor, nn

from trainer.config import Config

EPSILON = 1e-6


class Decoder(nn.Module):
    """`lanes` decoders; their weights are the rows of one parameter, laid out by `layout`.

    Args:
        config: its widths, depth and task give the shape.
        weights: (lanes, weights of one), shared and not copied.
        thetas: the base of the RoPE frequencies, for each lane.
    """

    cos: Tensor
    sin: Tensor
    causal: Tensor

    def __init__(self, config: Config, weights: Tensor, thetas: Sequence[float]) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)
        self.depth, self.heads = config.depth, config.heads
        self.layout = layout(config)
        length = config.task.length - 1  # the last token is predicted, never read
        angles = torch.stack([rope_angles(length, config.head_width, theta) for theta in thetas])
        angles = angles[:, None, :, None].to(weights.device)  # (lanes, 1, length, 1, pairs)
        causal = torch.ones(length, length, dtype=torch.bool, device=weights.device).tril()
        for name, value in {"cos": angles.cos(), "sin": angles.sin(), "causal": causal}.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, tokens: Tensor, scored: int) -> Tensor:
        """Predict the token that follows each of the last `scored` positions.

        Args:
            tokens: (lanes, batch, length), token ids; length at most that of a problem less one.
            scored: how many positions at the end are wanted; the rest is not computed to the end.

        Returns:
            Logits, (lanes, batch, scored, vocabulary).
        """
        weights = unpacked(self.weights, self.layout)
        length = tokens.shape[2]
        x = embed(tokens, weights["embedding.weight"])  # (lanes, batch, length, d_model)
        for number in range(self.depth):
            wanted = scored if number == self.depth - 1 else length
            x = self._block(x, wanted, _under(f"blocks.{number}.", weights))
        return linear(norm(x, weights["norm.weight"]), weights["embedding.weight"])

    def _block(self, x: Tensor, wanted: int, weights: Mapping[str, Tensor]) -> Tensor:
        """Compute the stream after a layer at the last `wanted` positions, the only ones read.

        Args:
            x: (lanes, batch, length, d_model).
            wanted: positions that somebody reads; keys and values are made of all of them.
            weights: the layer's own, each with a first dimension of lanes.
        """
        length = x.shape[2]
        skipped = length - wanted
        normed = norm(x, weights["attention_norm.weight"])
        x = x[:, :, skipped:]
        query = linear(normed[:, :, skipped:], weights["query.weight"])
        key_value = linear(normed, weights["key_value.weight"])
        key_value = key_value.view(*normed.shape[:3], 2, self.heads, -1)
        key, value = key_value.unbind(3)  # (lanes, batch, length, heads, head width)
        query = query.view(*x.shape[:3], self.heads, -1)
        query = rotate(query, self.cos[:, :, skipped:length], self.sin[:, :, skipped:length])
        key = rotate(key, self.cos[:, :, :length], self.sin[:, :, :length])
        mixed = attend(query, key, value, self.causal[skipped:length, :length])
        x = x + linear(mixed.flatten(3), weights["out.weight"])
        hidden = nn.functional.gelu(
            linear(norm(x, weights["mlp_norm.weight"]), weights["up.weight"])
        )
        return x + linear(hidden, weights["down.weight"])


def layout(config: Config) -> dict[str, tuple[int, ...]]:
    """Name the weights of one decoder in the order in which they lie, each with its shape."""
    d, p, f = config.d_model, config.d_proj, config.d_ff
    block = {
        "attention_norm.weight": (d,),
        "query.weight": (p, d),
        "key_value.weight": (2 * p, d),
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


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply x (lanes, ..., inputs) by each lane's weight (lanes, outputs, inputs)."""
    out = torch.bmm(x.flatten(1, -2), weight.mT)
    return out.view(*x.shape[:-1], weight.shape[1])


def norm(x: Tensor, weight: Tensor) -> Tensor:
    """Bring x (lanes, batch, length, width) to root mean square 1, times weight (lanes, width)."""
    scale = (x.square().mean(-1, keepdim=True) + EPSILON).rsqrt()
    return x * scale * weight[:, None, None]


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
    return linear(chosen, weight.mT).to(weight.dtype)


def attend(query: Tensor, key: Tensor, value: Tensor, causal: Tensor) -> Tensor:
    """Mix the values that each query may see: (lanes, batch, wanted, heads, head width).

    Args:
        query: (lanes, batch, wanted, heads, head width).
        key: (lanes, batch, length, heads, head width).
        value: (lanes, batch, length, heads, head width).
        causal: (wanted, length), True where a position may look.
    """
    if torch.compiler.is_compiling():
        # A compiler makes one pass of this; the library's kernels are made for longer sequences.
        scores = (query.unsqueeze(3) * key.unsqueeze(2)).sum(-1) * query.shape[-1] ** -0.5
        scores = scores.masked_fill(~causal[..., None], float("-inf"))
        mixed: Tensor = (scores.softmax(3).unsqueeze(-1) * value.unsqueeze(2)).sum(3)
        return mixed
    q, k, v = (part.flatten(0, 1).transpose(1, 2) for part in (query, key, value))
    mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=causal)
    return mixed.transpose(1, 2).reshape(query.shape)


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


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn x (..., length, heads, head width) by its positions' angles (..., length, 1, pairs)."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def _under(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): weight
        for name, weight in weights.items()
        if name.startswith(prefix)
    }
