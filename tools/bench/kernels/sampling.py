"""The peer of sampling.mjs: the filters as transformers' logits processors compute them (top-k by topk, top-p by a
full sort), then softmax and multinomial."""
import math

import torch
from data import random


def prepare(case):
    x = random([case["rows"], 150000], 1, std=3)
    if case.get("op") == "topk":
        return lambda: torch.topk(x, 50).values
    o = case["options"]

    def choose():
        y = x / o.get("temperature", 1)
        if "topK" in o:
            y = y.masked_fill(y < torch.topk(y, o["topK"])[0][..., -1, None], -math.inf)
        if "topP" in o:
            values, order = torch.sort(y, descending=False)
            remove = values.softmax(-1).cumsum(-1) <= 1 - o["topP"]
            remove[..., -1:] = False
            y = y.masked_fill(remove.scatter(1, order, remove), -math.inf)
        if "minP" in o:
            p = y.softmax(-1)
            y = y.masked_fill(p < o["minP"] * p.amax(-1, keepdim=True), -math.inf)
        return torch.multinomial(y.softmax(-1), 1).squeeze(1)

    return choose
