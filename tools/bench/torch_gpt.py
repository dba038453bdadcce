"""The peer of inkstone_gpt.mjs: GPT-2-shaped training steps in PyTorch on the CPU, eager unless told to compile the
model (which the first steps wait for). Prints one JSON line.

usage: torch_gpt.py LAYERS HEADS WIDTH CONTEXT BATCH VOCAB STEPS [compile] [bf16]
"""
import json
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

layers, heads, width, context, batch, vocab, steps = map(int, sys.argv[1:8])
bf16 = "bf16" in sys.argv[8:]
torch.manual_seed(0)
torch.set_num_threads(2)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (
            y.view(b, t, heads, c // heads).transpose(1, 2) for y in self.c_attn(self.ln_1(x)).split(c, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(y.transpose(1, 2).reshape(b, t, c))
        return x + self.down(F.gelu(self.up(self.ln_2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block() for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)

    def forward(self, ids, targets):
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return F.cross_entropy(logits.view(-1, vocab), targets.view(-1))


model = GPT()
for p in model.parameters():
    if p.dim() > 1:
        nn.init.normal_(p, std=0.02)
forward = torch.compile(model) if "compile" in sys.argv[8:] else model
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, fused=True)
x, y = (torch.randint(0, vocab, (batch, context)) for _ in range(2))
seconds = []
for _ in range(steps):
    start = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        loss = forward(x, y)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    seconds.append(time.perf_counter() - start)

y = torch.randn(16)
count = 100_000
start = time.perf_counter()
for _ in range(count):
    y = y + 1.0
small = (time.perf_counter() - start) / count

print(
    json.dumps(
        {
            "seconds": sorted(seconds[2:]),
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "smallOpMicroseconds": small * 1e6,
            "version": torch.__version__,
            "loss": loss.item(),
        }
    )
)
