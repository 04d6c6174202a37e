"""The parts between a decoder's matrix products, each as one pass in C there and one back.

They compute what `trainer.plain` writes out, each lane for itself and sum by sum in an order that
the shape alone decides. For one thread and float32; the source is `fused_cpu.c`.
"""

import ctypes
import functools
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer import native, plain

# Numbers of the MLP's hidden layer that are worked on at once: 1 MiB, which a second cache holds.
_HIDDEN_AT_ONCE = 1 << 18
_LONG, _FLOAT, _AT = ctypes.c_long, ctypes.c_float, ctypes.c_void_p


class _Attention(ctypes.Structure):
    """As the struct of that name in the source."""

    _fields_ = (
        *((name, _LONG) for name in ("problems", "length", "wanted", "heads", "channels")),
        *((name, _AT) for name in ("query", "key_value", "cosines", "sines")),
    )


@functools.cache
def library() -> ctypes.CDLL:
    """Load what the source is compiled to.

    Raises:
        NoLibrary: that cannot be had here.
    """
    loaded = native.load(Path(__file__).with_suffix(".c"))
    loaded.gelu.argtypes = [_LONG, _AT, _AT]
    loaded.gelu_back.argtypes = [_LONG, _AT, _AT, _AT]
    loaded.add_norm.argtypes = [_LONG, _LONG, _FLOAT, *[_AT] * 5]
    loaded.add_norm_back.argtypes = [_LONG, _LONG, _FLOAT, *[_AT] * 6]
    loaded.attend.argtypes = [ctypes.POINTER(_Attention), _AT]
    loaded.attend_back.argtypes = [ctypes.POINTER(_Attention), *[_AT] * 3]
    return loaded


def lowered(weights: Tensor) -> Tensor:
    """As `plain.lowered`: nothing here is lowered."""
    return weights


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """As `plain.linear`."""
    return plain.linear(x, weight)


def add_norm(x: Tensor, delta: Tensor | None, weight: Tensor) -> tuple[Tensor, Tensor]:
    """As `plain.add_norm`."""
    total, normed = _AddNorm.apply(x, delta, weight)  # type: ignore[no-untyped-call]
    return total, normed


def mix(
    normed: Tensor, weight: Tensor, cos: Tensor, sin: Tensor, heads: int, wanted: int
) -> Tensor:
    """As `plain.mix`."""
    query, key_value = plain.query_key_value(normed, weight, wanted)
    return _Attend.apply(query, key_value, cos, sin, heads)  # type: ignore


def mlp(normed: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """As `plain.mlp`; what is hidden is worked on while it is in the processor's cache."""
    return _Mlp.apply(normed, up, down, torch.is_grad_enabled())  # type: ignore


class _AddNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, delta: Tensor | None, weight: Tensor) -> tuple[Tensor, Tensor]:
        x = x.contiguous()
        delta = delta if delta is None else delta.contiguous()
        total = x if delta is None else torch.empty_like(x)
        normed = torch.empty_like(x)
        rows, width = x[0].numel() // x.shape[-1], x.shape[-1]
        for lane in range(len(x)):
            library().add_norm(
                rows,
                width,
                plain.EPSILON,
                _at(x, lane),
                None if delta is None else _at(delta, lane),
                _at(weight, lane),
                _at(total, lane),
                _at(normed, lane),
            )
        ctx.save_for_backward(total, weight)
        ctx.set_materialize_grads(False)
        ctx.adds = delta is not None
        return total, normed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor]:
        total, weight = ctx.saved_tensors
        d_total, d_normed = gradients
        assert d_normed is not None, "what is normed is read"
        d_normed = d_normed.contiguous()
        d_total = d_total if d_total is None else d_total.contiguous()
        d_x, d_weight = torch.empty_like(total), torch.zeros(weight.shape)
        rows, width = total[0].numel() // total.shape[-1], total.shape[-1]
        for lane in range(len(total)):
            library().add_norm_back(
                rows,
                width,
                plain.EPSILON,
                _at(total, lane),
                _at(weight, lane),
                None if d_total is None else _at(d_total, lane),
                _at(d_normed, lane),
                _at(d_x, lane),
                _at(d_weight, lane),
            )
        return d_x, d_x if ctx.adds else None, d_weight


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key_value: Tensor, cos: Tensor, sin: Tensor, heads: int
    ) -> Tensor:
        mixed = torch.empty_like(query)
        ctx.save_for_backward(query, key_value, cos, sin)
        ctx.heads = heads
        for lane in range(len(query)):
            attention = _attention(lane, query, key_value, cos, sin, heads)
            _need_room(library().attend(attention, _at(mixed, lane)))
        return mixed

    @staticmethod
    def backward(ctx: Any, d_mixed: Tensor) -> tuple[Tensor | None, ...]:
        query, key_value, cos, sin = ctx.saved_tensors
        d_mixed = d_mixed.contiguous()
        d_query, d_key_value = torch.empty_like(query), torch.empty_like(key_value)
        for lane in range(len(query)):
            attention = _attention(lane, query, key_value, cos, sin, ctx.heads)
            tensors = (_at(t, lane) for t in (d_mixed, d_query, d_key_value))
            _need_room(library().attend_back(attention, *tensors))
        return d_query, d_key_value, None, None, None


class _Mlp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, normed: Tensor, up: Tensor, down: Tensor, keep: bool) -> Tensor:
        lanes, inner, width = up.shape
        rows = normed[0].numel() // width
        out, active = torch.empty_like(normed), torch.empty(_at_once(rows, inner), inner)
        hidden = torch.empty(lanes, rows if keep else 0, inner)
        for lane in range(lanes):
            x, y = (each[lane].view(rows, width) for each in (normed, out))
            for piece in _pieces(rows, inner):
                some = active[: len(x[piece])]
                before = hidden[lane, piece] if keep else some
                torch.mm(x[piece], up[lane].T, out=before)
                library().gelu(some.numel(), before.data_ptr(), some.data_ptr())
                torch.mm(some, down[lane].T, out=y[piece])
        ctx.save_for_backward(normed, up, down, hidden)
        return out

    @staticmethod
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor | None, ...]:
        normed, up, down, hidden = ctx.saved_tensors
        lanes, rows, inner = hidden.shape
        d_out, d_normed = d_out.contiguous(), torch.empty_like(normed)
        # Both with their longer rows, in which a product is added up fastest.
        d_up, d_down = torch.empty(2, lanes, normed.shape[-1], inner)
        active, d_hidden = torch.empty(2, _at_once(rows, inner), inner)
        for lane in range(lanes):
            x, d_x, d_y = (each[lane].view(rows, -1) for each in (normed, d_normed, d_out))
            for piece in _pieces(rows, inner):
                before, added = hidden[lane, piece], int(piece.start > 0)
                some, d_some = active[: len(before)], d_hidden[: len(before)]
                torch.mm(d_y[piece], down[lane], out=d_some)
                library().gelu_back(before.numel(), *(t.data_ptr() for t in (before, some, d_some)))
                d_down[lane].addmm_(d_y[piece].T, some, beta=added)
                d_up[lane].addmm_(x[piece].T, d_some, beta=added)
                torch.mm(d_some, up[lane], out=d_x[piece])
        return d_normed, d_up.mT, d_down, None


def _at_once(rows: int, inner: int) -> int:
    return min(rows, max(1, _HIDDEN_AT_ONCE // inner))


def _pieces(rows: int, inner: int) -> list[slice]:
    step = _at_once(rows, inner)
    return [slice(start, start + step) for start in range(0, rows, step)]


def _at(tensor: Tensor, lane: int) -> int:
    return tensor.data_ptr() + lane * tensor.stride(0) * tensor.element_size()


def _attention(
    lane: int, query: Tensor, key_value: Tensor, cos: Tensor, sin: Tensor, heads: int
) -> _Attention:
    _, batch, wanted, width = query.shape
    length = key_value.shape[2]
    tensors = (_at(t, lane) for t in (query, key_value, cos, sin))
    return _Attention(batch, length, wanted, heads, width // heads, *tensors)


def _need_room(failed: int) -> None:
    if failed:
        raise MemoryError("no memory for attention")
