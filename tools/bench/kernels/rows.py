"""The peer of rows.mjs. Forward softmax, gelu and silu have real out= variants and use them; the norms and
cross-entropy have none. AdamW is the fused one."""
import torch
import torch.nn.functional as F
from data import integers, random


def prepare(case):
    op, shape = case["op"], case["shape"]
    grad = case.get("backward", False)
    x = random(shape, 1, requires_grad=grad)
    leaves = [x]
    if op == "adamw":
        piece = [shape[0] // 4, shape[1]]
        parameters = [random(piece, 10 + i, requires_grad=True) for i in range(4)]
        gradients = [random(piece, 20 + i, std=0.01) for i in range(4)]
        for p, g in zip(parameters, gradients):
            p.grad = g
        optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01, fused=True)

        def step():
            optimizer.step()
            return parameters

        def whole_step():
            # Forgetting the gradients costs nothing on either side; the next backward pass would bring them again.
            for p, g in zip(parameters, gradients):
                p.grad = g
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            return parameters

        return whole_step if case.get("clip") else step
    y = None if grad else torch.empty(shape)
    if op == "layerNorm":
        leaves += [random([shape[1]], 2, requires_grad=grad), random([shape[1]], 3, requires_grad=grad)]
        forward = lambda: F.layer_norm(x, [shape[1]], leaves[1], leaves[2])
    elif op == "rmsNorm":
        leaves += [random([shape[1]], 2, requires_grad=grad)]
        forward = lambda: F.rms_norm(x, [shape[1]], leaves[1], eps=1e-5)
    elif op == "softmax":
        forward = (lambda: torch.softmax(x, -1)) if grad else (lambda: torch.softmax(x, -1, out=y))
    elif op in ("gelu", "gelu tanh"):
        approximate = "tanh" if op == "gelu tanh" else "none"
        forward = (
            (lambda: F.gelu(x, approximate=approximate))
            if grad
            else (lambda: torch.ops.aten.gelu.out(x, approximate=approximate, out=y))
        )
    elif op == "silu":
        forward = (lambda: F.silu(x)) if grad else (lambda: torch.ops.aten.silu.out(x, out=y))
    elif op == "swiglu":
        leaves += [random(shape, 2, requires_grad=grad)]
        forward = lambda: F.silu(x) * leaves[1]
    elif op == "dropout":
        forward = lambda: F.dropout(x, 0.1)
    elif op == "rope":
        angles = torch.outer(torch.arange(1024).float(), 10000.0 ** (-torch.arange(0, 64, 2).float() / 64))
        cos, sin = torch.cat([angles, angles], -1).cos()[None, :, None], torch.cat([angles, angles], -1).sin()[None, :, None]

        def forward():
            # As transformers writes it.
            t = x.view(4, 1024, 16, 64)
            turned = torch.cat([-t[..., 32:], t[..., :32]], -1)
            return (t * cos + turned * sin).reshape(shape)

    elif op == "crossEntropy":
        target = integers([shape[0]], 4, shape[1])
        forward = lambda: F.cross_entropy(x, target)
    else:
        raise NotImplementedError(op)
    if not grad:
        return forward
    seed = None if op == "crossEntropy" else random(shape, 5)
    return lambda: torch.autograd.grad(forward(), leaves, seed)
