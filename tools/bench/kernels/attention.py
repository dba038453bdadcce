"""The peer of attention.mjs: scaled_dot_product_attention, whose flash kernel has no out= variant. The inputs lie as
[B, T, H, D], as a projection gives them, and are seen as [B, H, T, D]. Windows, documents and biases are masks to it."""
import torch
import torch.nn.functional as F
from data import random

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def mask_of(case, dtype):
    length, window, documents = case["T"], case.get("window"), case.get("documents")
    if not (window or documents or case.get("bias")):
        return None
    at = torch.arange(length)
    sees = at[:, None] >= at[None, :]
    if window:
        sees &= at[:, None] - at[None, :] < window
    if documents:
        sees &= at[:, None] // documents == at[None, :] // documents
    if not case.get("bias"):
        return sees
    bias = random([1, case["H"], length, case["S"]], 5, dtype=dtype)
    return bias.masked_fill(~sees, float("-inf"))


def prepare(case):
    dtype = DTYPES[case["dtype"]]
    query = [case["B"], case["T"], case["H"], case["D"]]
    key = [case["B"], case["S"], case["G"], case["D"]]
    grad = bool(case.get("backward"))
    leaves = [random(shape, seed, dtype=dtype, requires_grad=grad) for shape, seed in ((query, 1), (key, 2), (key, 3))]
    mask = mask_of(case, dtype)
    # One query sees the whole cache; is_causal would let it see the first key alone.
    causal = mask is None and case["T"] == case["S"]
    grouped = case["G"] != case["H"]

    def forward():
        q, k, v = (t.transpose(1, 2) for t in leaves)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=grouped)
        return y.transpose(1, 2)

    if not grad:
        return forward
    seed = random(query, 4, dtype=dtype)
    return lambda: torch.autograd.grad(forward(), leaves, seed)
