"""The peer of attention.mjs: scaled_dot_product_attention, whose flash kernel has no out= variant. The inputs lie as
[B, T, H, D], as a projection gives them, and are seen as [B, H, T, D]."""
import torch
import torch.nn.functional as F
from data import random


def prepare(case):
    shape = [case["B"], case["T"], case["H"], case["D"]]
    grad = bool(case.get("backward"))
    leaves = [random(shape, seed, requires_grad=grad) for seed in (1, 2, 3)]

    def forward():
        q, k, v = (t.transpose(1, 2) for t in leaves)
        return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)

    if not grad:
        return forward
    seed = random(shape, 4)
    return lambda: torch.autograd.grad(forward(), leaves, seed)
