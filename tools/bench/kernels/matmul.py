"""The peer of matmul.mjs: torch.mm into preallocated memory; oneDNN multiplies bf16. Integers: torch._int_mm."""
import torch
from data import integers, random

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def prepare(case):
    if "format" in case:
        raise NotImplementedError(case["format"])
    m, k, n = case["m"], case["k"], case["n"]
    if case["dtype"] == "int8":
        draw = lambda shape, seed: (integers(shape, seed, 255) - 127).to(torch.int8)
    else:
        draw = lambda shape, seed: random(shape, seed, dtype=DTYPES[case["dtype"]])
    a = draw([k, m], 1).t() if case["layout"][0] == "T" else draw([m, k], 1)
    b = draw([n, k], 2).t() if case["layout"][1] == "T" else draw([k, n], 2)
    if case["dtype"] == "int8":
        c = torch.empty([m, n], dtype=torch.int32)
        return lambda: torch._int_mm(a, b, out=c)
    c = torch.empty([m, n], dtype=DTYPES[case["dtype"]])
    return lambda: torch.mm(a, b, out=c)
