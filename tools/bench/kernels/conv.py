"""The peer of conv.mjs. None of these has an out= variant; the recurrent layers are torch.nn's."""
import torch
import torch.nn.functional as F
from data import random


def prepare(case):
    op, shape, options = case["op"], case["x"], case.get("options", {})
    dtype = torch.bfloat16 if case.get("dtype") == "bf16" else torch.float32
    x = random(shape, 1, dtype=dtype)
    if op in ("conv2d", "conv1d"):
        leaves = [x, random(case["weight"], 2, std=0.1, dtype=dtype), random([case["weight"][0]], 3, dtype=dtype)]
        f = F.conv2d if op == "conv2d" else F.conv1d
        forward = lambda: f(*leaves, **options)
    elif op in ("lstm", "gru"):
        size, gates = case["H"], case["gates"]
        model = (torch.nn.LSTM if op == "lstm" else torch.nn.GRU)(shape[2], size)
        names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
        shapes = [[gates * size, shape[2]], [gates * size, size], [gates * size], [gates * size]]
        with torch.no_grad():
            for i, (name, s) in enumerate(zip(names, shapes)):
                getattr(model, name).copy_(random(s, 2 + i, std=0.05))
        leaves = [x, *(getattr(model, name) for name in names)]
        forward = lambda: model(x)[0]
    elif op == "maxPool2d":
        leaves, forward = [x], lambda: F.max_pool2d(x, 3, **options)
    elif op == "avgPool2d":
        leaves, forward = [x], lambda: F.avg_pool2d(x, 2)
    elif op == "interpolate":
        leaves, forward = [x], lambda: F.interpolate(x, scale_factor=2, mode="bilinear")
    else:
        leaves = [x, random([shape[1]], 2), random([shape[1]], 3)]
        if op == "batchNorm":
            forward = lambda: F.batch_norm(x, None, None, leaves[1], leaves[2], training=True)
        else:
            forward = lambda: F.group_norm(x, 8, leaves[1], leaves[2])
    if not case.get("backward"):

        def run():
            with torch.no_grad():
                return forward()

        return run
    with torch.no_grad():
        seed = random(list(forward().shape), 9, dtype=dtype)
    for leaf in leaves:
        leaf.requires_grad_(True)

    def run():
        for leaf in leaves:
            leaf.grad = None
        forward().backward(seed)
        return [leaf.grad for leaf in leaves]

    return run
