"""The peer of matmul.mjs: torch.mm into preallocated memory; oneDNN multiplies bf16."""
import torch
from data import random

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def prepare(case):
    if case["dtype"] not in DTYPES:
        raise NotImplementedError(case["dtype"])
    dtype = DTYPES[case["dtype"]]
    m, k, n = case["m"], case["k"], case["n"]
    a = random([k, m], 1, dtype=dtype).t() if case["layout"][0] == "T" else random([m, k], 1, dtype=dtype)
    b = random([n, k], 2, dtype=dtype).t() if case["layout"][1] == "T" else random([k, n], 2, dtype=dtype)
    c = torch.empty([m, n], dtype=dtype)
    return lambda: torch.mm(a, b, out=c)
