"""The peer of generation.mjs: the same step in eager PyTorch, keys and values in memory allocated once."""
import torch
import torch.nn.functional as F
from data import integers, random

WIDTH, LAYERS, HEADS, VOCABULARY, PAST = 768, 12, 12, 50257, 64


def prepare(case):
    batch = case["batchSize"]
    seeds = iter(range(1, 1000))
    matrix = lambda *shape: random(list(shape), next(seeds), std=0.02)
    wte, wpe = matrix(VOCABULARY, WIDTH), matrix(PAST + 1, WIDTH)
    shapes = [(3 * WIDTH, WIDTH), (WIDTH, WIDTH), (4 * WIDTH, WIDTH), (WIDTH, 4 * WIDTH)]
    blocks = [[(matrix(*shape), torch.zeros(shape[0])) for shape in shapes] for _ in range(LAYERS)]
    one, zero = torch.ones(WIDTH), torch.zeros(WIDTH)
    norm = lambda x: F.layer_norm(x, [WIDTH], one, zero)
    keys, values = (torch.zeros(LAYERS, batch, HEADS, PAST + 1, WIDTH // HEADS) for _ in range(2))

    def hidden(ids, start):
        count = ids.shape[1]
        end = start + count
        x = F.embedding(ids, wte) + wpe[start:end]
        for layer, (attn, proj, up, down) in enumerate(blocks):
            q, k, v = (
                y.view(batch, count, HEADS, -1).transpose(1, 2) for y in F.linear(norm(x), *attn).split(WIDTH, dim=2)
            )
            keys[layer, :, :, start:end] = k
            values[layer, :, :, start:end] = v
            y = F.scaled_dot_product_attention(q, keys[layer, :, :, :end], values[layer, :, :, :end], is_causal=count > 1)
            x = x + F.linear(y.transpose(1, 2).reshape(batch, count, WIDTH), *proj)
            x = x + F.linear(F.gelu(F.linear(norm(x), *up), approximate="tanh"), *down)
        return norm(x)

    with torch.inference_mode():
        hidden(integers([batch, PAST], 1, VOCABULARY), 0)
    ids = integers([batch, 1], 2, VOCABULARY)

    def step():
        with torch.inference_mode():
            return F.linear(hidden(ids, PAST), wte)

    return step
