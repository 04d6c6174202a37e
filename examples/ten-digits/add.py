"""A model that learned to add, without its trainer: python add.py MODEL 1234567890 9876543210"""

import sys

import torch
from torch.nn.functional import gelu, rms_norm, scaled_dot_product_attention


def logits(model, tokens):
    """Score each token as the one that follows `tokens`."""
    heads, half = (
        model["config"]["heads"],
        model["config"]["d_proj"] // model["config"]["heads"] // 2,
    )
    speeds = model["config"]["rope_theta"] ** -(torch.arange(half) / half)
    turn = torch.exp(1j * torch.outer(torch.arange(len(tokens)), speeds))  # RoPE
    embedding, *layers, last = model["weights"].values()
    x = embedding[tokens]
    for norm, query_key_value, out, mlp_norm, up, down in zip(*[iter(layers)] * 6, strict=True):
        made = rms_norm(x, norm.shape, norm, 1e-6) @ query_key_value.T
        *pairs, value = made.view(len(x), 3, heads, 2 * half).transpose(0, 2).unbind(1)
        turned = [torch.complex(*each.chunk(2, -1)) * turn for each in pairs]
        query, key = (torch.cat((each.real, each.imag), -1) for each in turned)
        mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + mixed.transpose(0, 1).flatten(1) @ out.T
        x = x + gelu(rms_norm(x, mlp_norm.shape, mlp_norm, 1e-6) @ up.T) @ down.T
    return rms_norm(x[-1], last.shape, last, 1e-6) @ embedding.T


def add(model, a, b):
    """Write the sum as the model does: its likeliest digit each time, the last one first."""
    places = model["config"]["digits"]
    signs = f"{a:0{places}}"[::-1] + "P+" + f"{b:0{places}}"[::-1] + "P="
    tokens = ["0123456789P+=".index(sign) for sign in signs]
    for _ in range(places + 1):
        tokens.append(int(logits(model, tokens).argmax()))
    return sum(digit * 10**place for place, digit in enumerate(tokens[-places - 1 :]))


if __name__ == "__main__":
    print(add(torch.load(sys.argv[1]), *map(int, sys.argv[2:])))
