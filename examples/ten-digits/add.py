"""A model that learned to add, without its trainer: python add.py MODEL 1234567890 9876543210"""

import sys

import torch
from torch.nn.functional import gelu, linear, rms_norm, scaled_dot_product_attention


def logits(model, tokens):
    """Score each token as the one that follows `tokens`."""
    config, weights = model["config"], model["weights"]
    length, heads, half = len(tokens), config["heads"], config["d_proj"] // config["heads"] // 2
    angles = torch.outer(torch.arange(length), config["rope_theta"] ** -(torch.arange(half) / half))

    def turned(x):  # RoPE: each pair of channels, by its position
        first, second = x.chunk(2, -1)
        one = first * angles.cos() - second * angles.sin()
        return torch.cat((one, second * angles.cos() + first * angles.sin()), -1)

    x = weights["embedding.weight"][tokens]  # (length, d_model)
    for n in range(config["depth"]):
        w = {name: weights[f"blocks.{n}.{name}.weight"] for name in LAYER}
        seen = rms_norm(x, x.shape[1:], w["attention_norm"], 1e-6)
        read = linear(seen, w["query_key_value"])
        query, key, value = read.view(length, 3, heads, -1).transpose(0, 2).unbind(1)
        mixed = scaled_dot_product_attention(turned(query), turned(key), value, is_causal=True)
        x = x + linear(mixed.transpose(0, 1).flatten(1), w["out"])
        seen = rms_norm(x, x.shape[1:], w["mlp_norm"], 1e-6)
        x = x + linear(gelu(linear(seen, w["up"])), w["down"])
    last = rms_norm(x[-1], x.shape[1:], weights["norm.weight"], 1e-6)
    return linear(last, weights["embedding.weight"])


LAYER = ("attention_norm", "query_key_value", "out", "mlp_norm", "up", "down")


def add(model, a, b):
    """Write the sum as the model does: its likeliest digit each time, the last one first."""
    digits = model["config"]["digits"]
    signs = f"{a:0{digits}}"[::-1] + "P+" + f"{b:0{digits}}"[::-1] + "P="
    tokens = ["0123456789P+=".index(sign) for sign in signs]
    for _ in range(digits + 1):
        tokens.append(int(logits(model, tokens).argmax()))
    return sum(digit * 10**place for place, digit in enumerate(tokens[-digits - 1 :]))


if __name__ == "__main__":
    print(add(torch.load(sys.argv[1]), *map(int, sys.argv[2:])))
