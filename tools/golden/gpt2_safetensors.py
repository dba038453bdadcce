"""Writes a safetensors file of every dtype that can be read, by the reference implementation, with its values.

    python tools/golden/gpt2_safetensors.py

Needs torch and safetensors. Output: packages/transformer/test/fixtures/dtypes.{safetensors,json}
"""

import json
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file

OUT = Path(__file__).parents[2] / "packages/transformer/test/fixtures"

torch.manual_seed(3)
tensors = {
    "f32": torch.randn(3, 4),
    "f64": torch.randn(2, 1, 3, dtype=torch.float64),
    "bf16": torch.randn(5).to(torch.bfloat16),
    "f16": torch.randn(5).to(torch.float16),
    "i64": torch.tensor([-(2**31), 2**31 - 1, 0]),
    "i64_wide": torch.tensor([2**31]),
    "i32": torch.tensor([[-7, 2**31 - 1]], dtype=torch.int32),
    "i16": torch.tensor([-32768, 32767], dtype=torch.int16),
    "i8": torch.tensor([-128, 127], dtype=torch.int8),
    "u16": torch.tensor([0, 65535], dtype=torch.uint16),
    "u32": torch.tensor([0, 2**31 - 1], dtype=torch.uint32),
    "u64": torch.tensor([0, 2**31 - 1], dtype=torch.uint64),
    "u8": torch.tensor([0, 255], dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 3),
    "f8": torch.randn(4).to(torch.float8_e4m3fn),
    "名字": torch.tensor([1.0]),
}
save_file(tensors, OUT / "dtypes.safetensors", metadata={"format": "pt", "note": "é"})
(OUT / "dtypes.safetensors").chmod(0o644)
expected = {
    "made_with": f"torch {torch.__version__}, safetensors {safetensors.__version__}",
    "tensors": {
        k: {"shape": list(v.shape), "values": v.double().flatten().tolist()} for k, v in tensors.items()
    },
}
(OUT / "dtypes.json").write_text(json.dumps(expected, indent=1) + "\n")
