"""Runs transformers' logits processors on rows of logits, ties included, and writes what they keep.

    python tools/golden/gpt2_sampling.py

Needs torch and transformers. Output: packages/transformer/test/fixtures/sampling.json
"""

import json
from pathlib import Path

import torch
import transformers
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

OUT = Path(__file__).parents[2] / "packages/transformer/test/fixtures/sampling.json"

torch.manual_seed(5)
ROWS = {
    "normal": torch.randn(60) * 3,
    "flat": torch.zeros(20),
    "rounded": (torch.randn(40) * 2).round(),
    "peaked": torch.cat([torch.tensor([30.0]), torch.randn(30)]),
    "two": torch.tensor([1.0, -1.0]),
}
SEEN = [0, 3, 3, 7, 1]
OPTIONS = [
    {},
    {"temperature": 0.7},
    {"topK": 5},
    {"topK": 100},
    {"topP": 0.9},
    {"topP": 0.3},
    {"minP": 0.1},
    {"repetitionPenalty": 1.3},
    {"repetitionPenalty": 0.8},
    {"temperature": 1.7, "topK": 12, "topP": 0.8, "minP": 0.05, "repetitionPenalty": 1.2},
]


def processors(o: dict) -> LogitsProcessorList:
    out = LogitsProcessorList()
    if "repetitionPenalty" in o:
        out.append(RepetitionPenaltyLogitsProcessor(o["repetitionPenalty"]))
    if "temperature" in o:
        out.append(TemperatureLogitsWarper(o["temperature"]))
    if "topK" in o:
        out.append(TopKLogitsWarper(o["topK"]))
    if "topP" in o:
        out.append(TopPLogitsWarper(o["topP"]))
    if "minP" in o:
        out.append(MinPLogitsWarper(o["minP"]))
    return out


cases = []
for name, row in ROWS.items():
    row = row.double()
    seen = [i for i in SEEN if i < len(row)]
    for options in OPTIONS:
        kept = processors(options)(torch.tensor([seen]), row[None].clone())[0]
        cases.append(
            {
                "row": name,
                "options": options,
                "seen": seen,
                "kept": [None if v == float("-inf") else round(v, 9) for v in kept.tolist()],
            }
        )
OUT.write_text(
    json.dumps(
        {
            "made_with": f"torch {torch.__version__}, transformers {transformers.__version__}",
            "rows": {k: v.double().tolist() for k, v in ROWS.items()},
            "cases": cases,
        }
    )
    + "\n"
)
