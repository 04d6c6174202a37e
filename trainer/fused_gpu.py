"""The parts between a decoder's matrix products, each as one GPU kernel there and one back.

They compute what `trainer.plain` writes out, sum by sum in a fixed order, so that a step taken
twice is the same to the last bit. In Triton, which torch brings along for NVIDIA GPUs; imported
where `trainer.machine` has found it, and nowhere else.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from trainer import plain
from trainer.config import Config

# Numbers that a program holds of one tensor: of attention 8 in a thread, of a norm 16 in each of
# four warps.
_OF_A_WARP, _NORM_TILE = 256, 2048
# Parts that the gradient of a norm's weight is summed up in, whatever the number of lanes.
_PARTS = 256
_LARGEST_TILE = 8192


def bears(config: Config) -> bool:
    """Say whether a row of each kernel fits into what one program can hold."""
    rows = _power_of_two(config.task.length - 1) * _power_of_two(config.head_width // 2)
    return max(rows, _power_of_two(config.d_model)) <= _LARGEST_TILE


def lowered(weights: Tensor) -> Tensor:
    """Give the weights in autocast's precision, all at once."""
    return weights.to(_dtype_of_products(weights))


def add_norm(x: Tensor, delta: Tensor | None, weight: Tensor) -> tuple[Tensor, Tensor]:
    """As `plain.add_norm`; what is normed comes in the precision that products are taken in."""
    total, normed = _AddNorm.apply(x, delta, weight)  # type: ignore[no-untyped-call]
    return total, normed


def mix(
    normed: Tensor, weight: Tensor, cos: Tensor, sin: Tensor, heads: int, wanted: int
) -> Tensor:
    """As `plain.mix`. Queries that nobody wants are made too: one product more costs more."""
    made = linear(normed, weight)
    return _Mix.apply(made, cos.contiguous(), sin.contiguous(), heads, wanted)  # type: ignore


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """As `plain.linear`; the weight's gradient is written as the weight lies, not across it."""
    return _Linear.apply(x, weight)  # type: ignore


def mlp(normed: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """As `plain.mlp`."""
    return linear(torch.nn.functional.gelu(linear(normed, up)), down)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return plain.linear(x, weight)

    @staticmethod
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        d_out = d_out.flatten(1, -2)
        return torch.bmm(d_out, weight).view_as(x), torch.bmm(d_out.mT, x.flatten(1, -2))


class _AddNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, delta: Tensor | None, weight: Tensor) -> tuple[Tensor, Tensor]:
        x = x.contiguous()
        delta = delta if delta is None else delta.contiguous()
        lanes, width, rows = len(x), x.shape[-1], x[0].numel() // x.shape[-1]
        total = x if delta is None else torch.empty_like(x)
        normed = torch.empty_like(x, dtype=_dtype_of_products(x))
        tile = _norm_tile(width)
        _add_norm_there[(triton.cdiv(rows, tile["ROWS"]), lanes)](
            x,
            x if delta is None else delta,
            weight,
            total,
            normed,
            rows,
            weight.stride(0),
            int(delta is not None),
            **tile,
        )
        ctx.save_for_backward(total, weight)
        ctx.set_materialize_grads(False)
        ctx.delta_dtype = None if delta is None else delta.dtype
        return total, normed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor]:
        total, weight = ctx.saved_tensors
        d_total, d_normed = gradients
        assert d_normed is not None, "what is normed is read"
        d_normed = d_normed.contiguous()
        d_total = d_total if d_total is None else d_total.contiguous()
        lanes, width, rows = len(total), total.shape[-1], total[0].numel() // total.shape[-1]
        tile = _norm_tile(width)
        parts = min(_PARTS, triton.cdiv(rows, tile["ROWS"]))
        d_x = torch.empty_like(total)
        d_weight = torch.empty(lanes, parts, width, device=total.device)
        _add_norm_back[(parts, lanes)](
            total,
            weight,
            d_normed if d_total is None else d_total,
            d_normed,
            d_x,
            d_weight,
            rows,
            weight.stride(0),
            int(d_total is not None),
            **tile,
        )
        d_delta = None if ctx.delta_dtype is None else d_x.to(ctx.delta_dtype)
        return d_x, d_delta, d_weight.sum(1)


class _Mix(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query_key_value: Tensor, cos: Tensor, sin: Tensor, heads: int, wanted: int
    ) -> Tensor:
        # Fresh from its product: it is turned where it lies, and nobody else reads it.
        lanes, batch, length, thrice = query_key_value.shape
        mixed = query_key_value.new_empty(lanes, batch, wanted, thrice // 3)
        logsums = torch.empty(
            lanes, batch, heads, length, dtype=torch.float32, device=query_key_value.device
        )
        grid, sizes = _attention(query_key_value, heads, wanted)
        _attend_there[grid](query_key_value, cos, sin, mixed, logsums, **sizes)
        ctx.save_for_backward(query_key_value, cos, sin, mixed, logsums)
        ctx.heads = heads
        return mixed

    @staticmethod
    def backward(ctx: Any, d_mixed: Tensor) -> tuple[Tensor | None, ...]:
        query_key_value, cos, sin, mixed, logsums = ctx.saved_tensors
        d_mixed = d_mixed.contiguous()
        grad = torch.empty_like(query_key_value)
        grid, sizes = _attention(query_key_value, ctx.heads, mixed.shape[2])
        commons = torch.empty_like(logsums)
        tensors = (query_key_value, cos, sin, mixed, logsums, commons, d_mixed, grad)
        _attend_back[grid](*tensors, **sizes)
        return grad, None, None, None, None


def _dtype_of_products(x: Tensor) -> torch.dtype:
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


def _norm_tile(width: int) -> dict[str, int]:
    wide = _power_of_two(width)
    return {"WIDTH": width, "WIDE": wide, "ROWS": max(1, _NORM_TILE // wide)}


def _attention(
    query_key_value: Tensor, heads: int, wanted: int
) -> tuple[tuple[int], dict[str, Any]]:
    lanes, batch, length, thrice = query_key_value.shape
    half = thrice // 3 // heads // 2
    times, wide = _power_of_two(length), _power_of_two(half)
    pairs = max(1, _OF_A_WARP // (times * wide))
    sizes = {
        "batch": batch,
        "heads": heads,
        "length": length,
        "skipped": length - wanted,
        "count": lanes * batch * heads,
        "scale": (2 * half) ** -0.5,
        "HALF": half,
        "TIMES": times,
        "WIDE": wide,
        "PAIRS": pairs,
        "num_warps": min(8, max(1, times * wide // _OF_A_WARP)),
    }
    return (triton.cdiv(lanes * batch * heads, pairs),), sizes


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()


_EPSILON = tl.constexpr(plain.EPSILON)


@triton.jit(do_not_specialize=["rows", "adds"])  # type: ignore[untyped-decorator]
def _add_norm_there(  # type: ignore[no-untyped-def]
    x, delta, weight, total, normed, rows, weight_stride, adds,
    WIDTH: tl.constexpr, WIDE: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Some rows of one lane; x and what is made of it are (lanes, rows, WIDTH)."""
    lane = tl.program_id(1)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, WIDE)
    inside = (row < rows)[:, None] & (column < WIDTH)[None, :]
    at = (lane.to(tl.int64) * rows + row)[:, None] * WIDTH + column[None, :]
    value = tl.load(x + at, inside, 0.0)
    if adds:
        value += tl.load(delta + at, inside, 0.0).to(tl.float32)
        tl.store(total + at, value, inside)
    scale = tl.rsqrt(tl.sum(value * value, 1) / WIDTH + _EPSILON)
    own = tl.load(weight + lane.to(tl.int64) * weight_stride + column, column < WIDTH, 0.0)
    tl.store(normed + at, value * scale[:, None] * own[None, :], inside)


@triton.jit(do_not_specialize=["rows", "adds"])  # type: ignore[untyped-decorator]
def _add_norm_back(  # type: ignore[no-untyped-def]
    total, weight, d_total, d_normed, d_x, d_weight, rows, weight_stride, adds,
    WIDTH: tl.constexpr, WIDE: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Every so many rows of one lane, which add up to one row of d_weight (lanes, parts, WIDTH)."""
    part, parts, lane = tl.program_id(0), tl.num_programs(0), tl.program_id(1).to(tl.int64)
    column = tl.arange(0, WIDE)
    own = tl.load(weight + lane * weight_stride + column, column < WIDTH, 0.0)
    gathered = tl.zeros((WIDE,), tl.float32)
    for first in range(part * ROWS, rows, parts * ROWS):
        row = first + tl.arange(0, ROWS)
        inside = (row < rows)[:, None] & (column < WIDTH)[None, :]
        at = (lane * rows + row)[:, None] * WIDTH + column[None, :]
        value = tl.load(total + at, inside, 0.0)
        given = tl.load(d_normed + at, inside, 0.0).to(tl.float32)
        scale = tl.rsqrt(tl.sum(value * value, 1) / WIDTH + _EPSILON)[:, None]
        unit = value * scale
        gathered += tl.sum(given * unit, 0)
        given = given * own[None, :]
        back = scale * (given - unit * (tl.sum(given * unit, 1) / WIDTH)[:, None])
        if adds:
            back += tl.load(d_total + at, inside, 0.0)
        tl.store(d_x + at, back, inside)
    tl.store(d_weight + (lane * parts + part) * WIDTH + column, gathered, column < WIDTH)


# Below, qkv and its gradient are (problems, length, 3, heads, 2, HALF), the problems of all lanes
# one after the other; mixed and its gradient (problems, length - skipped, heads, 2, HALF); logsums
# and commons (problems, heads, length); cos and sin (lanes, length, HALF). A program has PAIRS
# pairs of a problem and a head; tiles are (PAIRS, TIMES, WIDE), of either half of a head.
_SIZES = ["batch", "heads", "length", "skipped", "count"]


@triton.jit  # type: ignore[untyped-decorator]
def _halves(at, mask, HALF: tl.constexpr):  # type: ignore[no-untyped-def]
    first = tl.load(at, mask, 0.0).to(tl.float32)
    return first, tl.load(at + HALF, mask, 0.0).to(tl.float32)


@triton.jit  # type: ignore[untyped-decorator]
def _store(at, first, second, mask, HALF: tl.constexpr):  # type: ignore[no-untyped-def]
    tl.store(at, first, mask)
    tl.store(at + HALF, second, mask)


@triton.jit  # type: ignore[untyped-decorator]
def _turned(at, cos, sin, mask, HALF: tl.constexpr):  # type: ignore[no-untyped-def]
    """As `plain.rotate`."""
    first, second = _halves(at, mask, HALF)
    return first * cos - second * sin, second * cos + first * sin


@triton.jit(do_not_specialize=_SIZES)  # type: ignore[untyped-decorator]
def _attend_there(  # type: ignore[no-untyped-def]
    qkv, cos, sin, mixed, logsums, batch, heads, length, skipped, count, scale,
    HALF: tl.constexpr, TIMES: tl.constexpr, WIDE: tl.constexpr, PAIRS: tl.constexpr,
):  # fmt: skip
    """Turn queries and keys where they lie; then go over the keys once.

    The softmax is rescaled wherever a score is the highest so far.
    """
    pair = tl.program_id(0) * PAIRS + tl.arange(0, PAIRS)[:, None, None]  # of a problem and a head
    time, channel = tl.arange(0, TIMES)[None, :, None], tl.arange(0, WIDE)[None, None, :]
    problem, width = (pair // heads).to(tl.int64), 2 * HALF * heads
    of_head = pair % heads * 2 * HALF + channel
    one = (pair < count) & (channel < HALF) & (time >= 0)
    every = one & (time < length)
    # One row for all times: each thread reads it for itself, and none waits for another.
    first = qkv + problem * length * 3 * width + of_head + 0 * time
    own = first + time * (3 * width)
    turn = problem // batch * length * HALF + channel + time * HALF

    c, s = tl.load(cos + turn, every, 0.0), tl.load(sin + turn, every, 0.0)
    q1, q2 = _turned(own, c, s, every, HALF)
    k1, k2 = _turned(own + width, c, s, every, HALF)
    _store(own, q1, q2, every, HALF)
    _store(own + width, k1, k2, every, HALF)
    tl.debug_barrier()
    q1, q2 = _halves(own, every, HALF)  # as they are rounded there, for the way back
    most = tl.full((PAIRS, TIMES), float("-inf"), tl.float32)
    whole = tl.zeros((PAIRS, TIMES), tl.float32)
    out1 = tl.zeros((PAIRS, TIMES, WIDE), tl.float32)
    out2 = tl.zeros((PAIRS, TIMES, WIDE), tl.float32)
    for seen in range(length):
        k1, k2 = _halves(first + width + seen * 3 * width, one, HALF)
        v1, v2 = _halves(first + 2 * width + seen * 3 * width, one, HALF)
        score = scale * tl.sum(q1 * k1 + q2 * k2, 2)
        score = tl.where(tl.arange(0, TIMES)[None, :] >= seen, score, float("-inf"))
        highest = tl.maximum(most, score)  # never -inf: all see the first key
        fading, share = tl.exp(most - highest), tl.exp(score - highest)
        out1 = out1 * fading[:, :, None] + share[:, :, None] * v1
        out2 = out2 * fading[:, :, None] + share[:, :, None] * v2
        whole, most = whole * fading + share, highest

    answer = problem * (length - skipped) * width + of_head + (time - skipped) * width
    answered = every & (time >= skipped)
    _store(mixed + answer, out1 / whole[:, :, None], out2 / whole[:, :, None], answered, HALF)
    pair, time = tl.reshape(pair, (PAIRS, 1)), tl.arange(0, TIMES)[None, :]
    inside = (pair < count) & (time < length)
    tl.store(logsums + pair.to(tl.int64) * length + time, most + tl.log(whole), inside)


@triton.jit(do_not_specialize=_SIZES)  # type: ignore[untyped-decorator]
def _attend_back(  # type: ignore[no-untyped-def]
    qkv, cos, sin, mixed, logsums, commons, d_mixed, d_qkv,
    batch, heads, length, skipped, count, scale,
    HALF: tl.constexpr, TIMES: tl.constexpr, WIDE: tl.constexpr, PAIRS: tl.constexpr,
):  # fmt: skip
    """Go over the keys for the queries' gradients, then over the queries for those of the keys.

    Twice, so that no sum runs over times, which lie in different threads.
    """
    pair = tl.program_id(0) * PAIRS + tl.arange(0, PAIRS)[:, None, None]  # of a problem and a head
    time, channel = tl.arange(0, TIMES)[None, :, None], tl.arange(0, WIDE)[None, None, :]
    problem, width = (pair // heads).to(tl.int64), 2 * HALF * heads
    of_head = pair % heads * 2 * HALF + channel
    one = (pair < count) & (channel < HALF) & (time >= 0)
    every = one & (time < length)
    key = problem * length * 3 * width + of_head + 0 * time
    own = key + time * (3 * width)
    answer = problem * (length - skipped) * width + of_head - skipped * width + 0 * time
    answered = every & (time >= skipped)
    when = tl.arange(0, TIMES)[None, :]
    of_pair = tl.reshape(pair, (PAIRS, 1)).to(tl.int64) * length
    inside = (tl.reshape(pair, (PAIRS, 1)) < count) & (when >= 0)

    q1, q2 = _halves(qkv + own, every, HALF)
    g1, g2 = _halves(d_mixed + answer + time * width, answered, HALF)
    o1, o2 = _halves(mixed + answer + time * width, answered, HALF)
    common = tl.sum(g1 * o1 + g2 * o2, 2)
    tl.store(commons + of_pair + when, common, inside & (when < length))
    logsum = tl.load(logsums + of_pair + when, inside & (when < length), float("inf"))
    dq1 = tl.zeros((PAIRS, TIMES, WIDE), tl.float32)
    dq2 = tl.zeros((PAIRS, TIMES, WIDE), tl.float32)
    for seen in range(length):
        k1, k2 = _halves(qkv + key + width + seen * 3 * width, one, HALF)
        v1, v2 = _halves(qkv + key + 2 * width + seen * 3 * width, one, HALF)
        score = scale * tl.sum(q1 * k1 + q2 * k2, 2)
        share = tl.where(when >= seen, tl.exp(score - logsum), 0.0)
        d_score = (scale * share * (tl.sum(g1 * v1 + g2 * v2, 2) - common))[:, :, None]
        dq1 += d_score * k1
        dq2 += d_score * k2
    turn = problem // batch * length * HALF + channel + time * HALF
    c, s = tl.load(cos + turn, every, 0.0), tl.load(sin + turn, every, 0.0)
    _store(d_qkv + own, dq1 * c + dq2 * s, dq2 * c - dq1 * s, every, HALF)

    k1, k2 = _halves(qkv + own + width, every, HALF)
    v1, v2 = _halves(qkv + own + 2 * width, every, HALF)
    dk1 = tl.zeros((PAIRS, TIMES, WIDE), tl.float32)
    dk2 = tl.zeros((PAIRS, TIMES, WIDE), tl.float32)
    dv1 = tl.zeros((PAIRS, TIMES, WIDE), tl.float32)
    dv2 = tl.zeros((PAIRS, TIMES, WIDE), tl.float32)
    tl.debug_barrier()
    for asking in range(skipped, length):
        q1, q2 = _halves(qkv + key + asking * 3 * width, one, HALF)
        g1, g2 = _halves(d_mixed + answer + asking * width, one, HALF)
        at = of_pair + asking + 0 * when
        logsum, common = tl.load(logsums + at, inside, 0.0), tl.load(commons + at, inside, 0.0)
        score = scale * tl.sum(q1 * k1 + q2 * k2, 2)
        share = tl.where(when <= asking, tl.exp(score - logsum), 0.0)
        d_score = (scale * share * (tl.sum(g1 * v1 + g2 * v2, 2) - common))[:, :, None]
        dk1 += d_score * q1
        dk2 += d_score * q2
        dv1 += share[:, :, None] * g1
        dv2 += share[:, :, None] * g2
    _store(d_qkv + own + width, dk1 * c + dk2 * s, dk2 * c - dk1 * s, every, HALF)
    _store(d_qkv + own + 2 * width, dv1, dv2, every, HALF)
