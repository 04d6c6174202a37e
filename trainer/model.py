"""The decoder: token ids in, logits of the last positions out. It knows no task and no training.

RoPE, RMSNorm before each part, no biases, tied embedding; `shape.params` counts it without torch.
"""

import torch
from torch import Tensor, nn


class Decoder(nn.Module):
    """A decoder over sequences of `length` tokens."""

    causal: Tensor
    cos: Tensor
    sin: Tensor

    def __init__(
        self,
        *,
        vocabulary: int,
        length: int,
        d_model: int,
        depth: int,
        d_proj: int,
        d_ff: int,
        heads: int,
        rope_theta: float,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, d_model)
        self.blocks = nn.ModuleList(Block(d_model, d_proj, d_ff, heads) for _ in range(depth))
        self.norm = nn.RMSNorm(d_model, eps=1e-6)
        angles = rope_angles(length, d_proj // heads, rope_theta)
        causal = torch.ones(length, length, dtype=torch.bool).tril()
        for name, value in {"cos": angles.cos(), "sin": angles.sin(), "causal": causal}.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, tokens: Tensor, scored: int) -> Tensor:
        """Predict the token that follows each of the last `scored` positions.

        Args:
            tokens: (batch, length), token ids; length at most the one the model was made for.
            scored: how many positions at the end are wanted; the rest is not computed to the end.

        Returns:
            Logits, (batch, scored, vocabulary).
        """
        length = tokens.shape[1]
        rope = (self.cos[:length], self.sin[:length])
        x = self.embedding(tokens)  # (batch, length, d_model)
        for block in self.blocks[:-1]:
            x = block(x, length, rope, self.causal[:length, :length])
        x = self.blocks[-1](x, scored, rope, self.causal[length - scored : length, :length])
        return nn.functional.linear(self.norm(x), self.embedding.weight)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights from `generator` alone, on the CPU, whatever device comes later.

        Normal with standard deviation 1/sqrt(inputs); what writes to the residual stream is divided
        by sqrt(2 depth), so that the stream does not grow with depth. The embedding gets 0.02, as
        in the source; larger ones looked no better on two seeds of one small shape.

        Source:
            Radford et al. (2019), "Language Models are Unsupervised Multitask Learners", 2.3.
        """
        writes = (2 * len(self.blocks)) ** -0.5
        for name, weight in self.named_parameters():
            if weight.dim() < 2:
                nn.init.ones_(weight)
                continue
            std = 0.02 if weight is self.embedding.weight else weight.shape[1] ** -0.5
            if name.endswith(("out.weight", "down.weight")):
                std *= writes
            nn.init.normal_(weight, std=std, generator=generator)


class Block(nn.Module):
    """One layer: attention, then the MLP, each added to the residual stream."""

    def __init__(self, d_model: int, d_proj: int, d_ff: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.RMSNorm(d_model, eps=1e-6)
        self.query = nn.Linear(d_model, d_proj, bias=False)
        self.key_value = nn.Linear(d_model, 2 * d_proj, bias=False)
        self.out = nn.Linear(d_proj, d_model, bias=False)
        self.mlp_norm = nn.RMSNorm(d_model, eps=1e-6)
        self.up = nn.Linear(d_model, d_ff, bias=False)
        self.down = nn.Linear(d_ff, d_model, bias=False)

    def forward(
        self, x: Tensor, wanted: int, rope: tuple[Tensor, Tensor], causal: Tensor
    ) -> Tensor:
        """Compute the stream after this layer at its last positions: (batch, wanted, d_model).

        Args:
            x: (batch, length, d_model).
            wanted: positions that somebody reads; keys and values are made of all of them.
            rope: cosines and sines, each (length, head width).
            causal: (wanted, length), True where a position may look.
        """
        batch, length, _ = x.shape
        normed = self.attention_norm(x)
        x = x[:, length - wanted :]
        query = self.query(normed[:, length - wanted :]).view(batch, wanted, self.heads, -1)
        key, value = self.key_value(normed).view(batch, length, 2, self.heads, -1).unbind(2)
        cos, sin = (angle.unsqueeze(1) for angle in rope)  # (length, 1, head width)
        query = rotate(query, cos[length - wanted :], sin[length - wanted :])
        mixed = nn.functional.scaled_dot_product_attention(
            query.transpose(1, 2),
            rotate(key, cos, sin).transpose(1, 2),
            value.transpose(1, 2),
            attn_mask=causal,
        )
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, wanted, -1))
        mlp: Tensor = self.down(nn.functional.gelu(self.up(self.mlp_norm(x))))
        return x + mlp


def rope_angles(length: int, head_width: int, theta: float) -> Tensor:
    """List the angle by which RoPE turns each channel at each position: (length, head width).

    Each of the head_width / 2 frequencies is there twice, once for each half that `rotate` pairs:
    without it the shapes do not fit ("dimension mismatch [32] vs [16]").

    Source:
        Su et al. (2021), "RoFormer", arXiv:2104.09864, in the half-split form of GPT-NeoX.
    """
    frequency = theta ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
    freqs = torch.outer(torch.arange(length, dtype=torch.float64), frequency)
    return torch.cat((freqs, freqs), dim=-1).float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn x (..., length, heads, head width) by its positions' angles."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin
