"""Random inputs that data.mjs makes alike: a hash of the element's number and a seed."""
import math

import torch

MASK = 0xFFFFFFFF


def _hash(count, seed):
    h = (torch.arange(count, dtype=torch.int64) + seed * 7919 + 1) * 2654435761 & MASK
    h = (h ^ (h >> 15)) * 2246822519 & MASK
    return h ^ (h >> 13)


def random(shape, seed, std=1.0, dtype=torch.float32, requires_grad=False):
    """Uniform values of mean 0 and the given standard deviation."""
    x = (_hash(math.prod(shape), seed).double() / 2**32 - 0.5) * (2 * math.sqrt(3) * std)
    return x.float().reshape(shape).to(dtype).requires_grad_(requires_grad)


def integers(shape, seed, below):
    """Integers in [0, below)."""
    return (_hash(math.prod(shape), seed) % below).reshape(shape)
