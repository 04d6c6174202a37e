"""The parts of a decoder, each in torch's own operations: what is computed, everywhere.

`trainer.fused_cpu` and `trainer.fused_gpu` compute the same faster where a machine lets them.
"""

import torch
from torch import Tensor, nn

EPSILON = 1e-6


def lowered(weights: Tensor) -> Tensor:
    """Give the weights as they are: autocast lowers them where it meets them."""
    return weights


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply x (lanes, ..., inputs) by each lane's weight (lanes, outputs, inputs)."""
    out = torch.bmm(x.flatten(1, -2), weight.mT)
    return out.view(*x.shape[:-1], weight.shape[1])


def add_norm(x: Tensor, delta: Tensor | None, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Add `delta` to the stream, and bring the sum to root mean square 1, times the weight.

    Args:
        x: (lanes, batch, length, width).
        delta: of the same shape, or None for nothing.
        weight: (lanes, width).

    Returns:
        The sum, and the sum as the next product reads it: both of the shape of x.
    """
    x = x if delta is None else x + delta
    return x, norm(x, weight)


def norm(x: Tensor, weight: Tensor) -> Tensor:
    """Bring x (lanes, batch, length, width) to root mean square 1, times weight (lanes, width)."""
    scale = (x.square().mean(-1, keepdim=True) + EPSILON).rsqrt()
    return x * scale * weight[:, None, None]


def mix(
    normed: Tensor, weight: Tensor, cos: Tensor, sin: Tensor, heads: int, wanted: int
) -> Tensor:
    """Attend from the last `wanted` positions.

    Args:
        normed: (lanes, batch, length, d_model).
        weight: (lanes, 3 * d_proj, d_model), of queries, keys and values, each of whole heads.
        cos: (lanes, 1, length, 1, pairs of a head), of the angles that positions are turned by.
        sin: likewise.
        heads: how many.
        wanted: positions that somebody reads; keys and values are made of all of them.

    Returns:
        (lanes, batch, wanted, d_proj).
    """
    skipped = normed.shape[2] - wanted
    query, key_value = query_key_value(normed, weight, wanted)
    key, value = key_value.view(*normed.shape[:3], 2, heads, -1).unbind(3)
    query = query.view(*query.shape[:3], heads, -1)
    query = rotate(query, cos[:, :, skipped:], sin[:, :, skipped:])
    return attend(query, rotate(key, cos, sin), value).flatten(3)


def query_key_value(normed: Tensor, weight: Tensor, wanted: int) -> tuple[Tensor, Tensor]:
    """Make the queries of the last `wanted` positions, and the keys and values of all.

    Args:
        normed: (lanes, batch, length, d_model).
        weight: (lanes, 3 * d_proj, d_model).
        wanted: positions that somebody reads.

    Returns:
        (lanes, batch, wanted, d_proj) and (lanes, batch, length, 2 * d_proj).
    """
    skipped, width = normed.shape[2] - wanted, weight.shape[1] // 3
    of_query, of_key_value = weight.split((width, 2 * width), dim=1)  # type: ignore[no-untyped-call]
    return linear(normed[:, :, skipped:], of_query), linear(normed, of_key_value)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Mix the values that each query may see: (lanes, batch, wanted, heads, head width).

    Args:
        query: (lanes, batch, wanted, heads, head width), of the last positions.
        key: (lanes, batch, length, heads, head width).
        value: (lanes, batch, length, heads, head width).
    """
    wanted, length = query.shape[2], key.shape[2]
    causal = torch.ones(wanted, length, dtype=torch.bool, device=query.device)
    causal = causal.tril(length - wanted)
    if torch.compiler.is_compiling():
        # A compiler makes one pass of this; the library's kernels are made for longer sequences.
        scores = (query.unsqueeze(3) * key.unsqueeze(2)).sum(-1) * query.shape[-1] ** -0.5
        scores = scores.masked_fill(~causal[..., None], float("-inf"))
        mixed: Tensor = (scores.softmax(3).unsqueeze(-1) * value.unsqueeze(2)).sum(3)
        return mixed
    q, k, v = (part.flatten(0, 1).transpose(1, 2) for part in (query, key, value))
    mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=causal)
    return mixed.transpose(1, 2).reshape(query.shape)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn x (..., length, heads, head width) by its positions' angles (..., length, 1, pairs)."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def mlp(normed: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """Work on each position by itself.

    Args:
        normed: (lanes, batch, length, d_model).
        up: (lanes, d_ff, d_model).
        down: (lanes, d_model, d_ff).
    """
    return linear(nn.functional.gelu(linear(normed, up)), down)
