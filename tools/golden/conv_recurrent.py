"""What PyTorch computes for convolution, pooling, resizing, normalization over channels and recurrent layers: results
and gradients under a random cotangent, in float64.

    python tools/golden/conv_recurrent.py

Needs torch. Output: packages/tensor-core/test/fixtures/conv_recurrent.json, a list of cases
{op, args, inputs: {name: tensor}, outputs: [tensor], cotangents: [tensor], gradients: {name: tensor}},
a tensor being {shape, values}.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

OUT = Path(__file__).parents[2] / "packages/tensor-core/test/fixtures/conv_recurrent.json"
SEED = 20240611

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(SEED)
cases = []


def random(*shape: int) -> torch.Tensor:
    """Values of few digits, so that the file is small and every dtype from f32 on holds them closely."""
    return (torch.rand(shape, generator=generator) * 200 - 100).round() / 64


def plain(t: torch.Tensor) -> dict:
    return {"shape": list(t.shape), "values": [float(f"{v:.9g}") for v in t.detach().flatten().tolist()]}


def case(op: str, args: dict, inputs: dict[str, torch.Tensor], f, differentiable: set[str] | None = None) -> None:
    wanted = differentiable if differentiable is not None else set(inputs)
    leaves = {k: v.clone().requires_grad_(k in wanted) for k, v in inputs.items()}
    outputs = f(**leaves)
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    cotangents = [random(*y.shape) for y in outputs]
    torch.autograd.backward(outputs, cotangents)
    cases.append({
        "op": op,
        "args": args,
        "inputs": {k: plain(v) for k, v in inputs.items()},
        "outputs": [plain(y) for y in outputs],
        "cotangents": [plain(c) for c in cotangents],
        "gradients": {k: plain(v.grad) for k, v in leaves.items() if k in wanted},
    })


# ---- convolution ----
for shape, weight, bias, args in [
    ((2, 3, 5, 6), (4, 3, 3, 2), True, {}),
    ((1, 4, 7, 6), (6, 2, 3, 3), True, {"stride": [2, 3], "padding": [1, 2], "groups": 2}),
    ((1, 6, 6, 5), (12, 1, 3, 3), False, {"padding": 1, "groups": 6, "stride": 2}),
    ((1, 2, 6, 8), (3, 2, 2, 4), True, {"padding": "same", "dilation": [2, 1]}),
    ((1, 2, 9, 7), (5, 2, 3, 2), False, {"padding": [3, 0], "dilation": [3, 2], "stride": [3, 1]}),
    ((2, 5, 3, 3), (7, 5, 1, 1), True, {}),
    ((1, 3, 5, 5), (2, 3, 1, 1), True, {"stride": 3}),
]:
    inputs = {"x": random(*shape), "weight": random(*weight)}
    if bias:
        inputs["bias"] = random(weight[0])
    case("conv2d", args, inputs, lambda x, weight, bias=None, args=args: F.conv2d(x, weight, bias, **args))
for shape, weight, args in [
    ((2, 3, 9), (4, 3, 4), {"padding": "same"}),
    ((1, 4, 11), (4, 1, 3), {"groups": 4, "stride": 2, "padding": 1, "dilation": 2}),
]:
    case("conv1d", args, {"x": random(*shape), "weight": random(*weight), "bias": random(weight[0])},
         lambda x, weight, bias, args=args: F.conv1d(x, weight, bias, **args))

# ---- pooling ----
for kernel, args in [
    ([2, 3], {}),
    ([3, 3], {"stride": [2, 2], "padding": [1, 1]}),
    ([3, 2], {"stride": [2, 3], "padding": [0, 1], "ceilMode": True}),
]:
    # Distinct values, so that no two compete.
    x = (torch.randperm(2 * 2 * 7 * 8, generator=generator).double() / 16).reshape(2, 2, 7, 8)
    options = {"ceil_mode" if k == "ceilMode" else k: v for k, v in args.items()}
    case("maxPool2d", {"kernel": kernel, **args}, {"x": x}, lambda x, k=kernel, o=options: F.max_pool2d(x, k, **o))
    for include in (True, False):
        case("avgPool2d", {"kernel": kernel, **args, "countIncludePad": include}, {"x": random(1, 2, 7, 8)},
             lambda x, k=kernel, o=options, i=include: F.avg_pool2d(x, k, count_include_pad=i, **o))
for size in ([1, 1], [3, 4], [8, 2]):
    case("adaptiveAvgPool2d", {"size": size}, {"x": random(1, 2, 5, 7)},
         lambda x, size=size: F.adaptive_avg_pool2d(x, size))

# ---- resizing ----
for args in [
    {"size": [3, 9], "mode": "nearest"},
    {"scaleFactor": [2, 1.5], "mode": "nearest"},
    {"size": [4, 7], "mode": "bilinear"},
    {"size": [8, 3], "mode": "bilinear", "alignCorners": True},
    {"size": [1, 5], "mode": "bilinear", "alignCorners": True},
    {"scaleFactor": [1.6, 0.7], "mode": "bilinear"},
]:
    options = {{"scaleFactor": "scale_factor", "alignCorners": "align_corners"}.get(k, k): v for k, v in args.items()}
    case("interpolate", args, {"x": random(1, 2, 5, 5)}, lambda x, o=options: F.interpolate(x, **o))

# ---- normalization ----
for shape in [(6, 3), (3, 2, 4), (2, 3, 2, 3)]:
    c = shape[1]
    inputs = {"x": random(*shape), "weight": random(c), "bias": random(c)}
    mean, var = random(c), random(c).abs() + 0.5
    after_mean, after_var = mean.clone(), var.clone()
    F.batch_norm(inputs["x"], after_mean, after_var, training=True, momentum=0.3)
    moved = {"momentum": 0.3, "training": True, "movedMean": plain(after_mean), "movedVar": plain(after_var)}
    both = {**inputs, "runningMean": mean, "runningVar": var}
    affine = {"x", "weight", "bias"}
    case("batchNorm", moved, both,
         lambda x, weight, bias, runningMean, runningVar: F.batch_norm(
             x, runningMean.clone(), runningVar.clone(), weight, bias, training=True), affine)
    case("batchNorm", {"training": False, "eps": 1e-3}, both,
         lambda x, weight, bias, runningMean, runningVar: F.batch_norm(
             x, runningMean, runningVar, weight, bias, training=False, eps=1e-3), affine)
for groups in (1, 2, 4):
    case("groupNorm", {"groups": groups}, {"x": random(2, 4, 3, 2), "weight": random(4), "bias": random(4)},
         lambda x, weight, bias, g=groups: F.group_norm(x, g, weight, bias))

# ---- recurrence ----
for name, kind, states in [("LSTM", torch.nn.LSTM, ("h", "c")), ("GRU", torch.nn.GRU, ("h",))]:
    for args in [
        {},
        {"layers": 2, "bidirectional": True, "batchFirst": True},
        {"layers": 2, "bias": False},
    ]:
        I, H, T, B = 3, 4, 4, 2
        layers, directions = args.get("layers", 1), 2 if args.get("bidirectional") else 1
        first = args.get("batchFirst", False)
        model = kind(I, H, layers, bias=args.get("bias", True), batch_first=first, bidirectional=directions == 2)
        parameters = {k: random(*p.shape) / 2 for k, p in model.named_parameters()}
        inputs = {"x": random(*((B, T, I) if first else (T, B, I)))}
        inputs |= {s: random(layers * directions, B, H) for s in states}

        def run(x, h, c=None, model=model, **weights):
            y, end = torch.func.functional_call(model, weights, (x, h if c is None else (h, c)))
            return (y, *end) if c is not None else (y, end)

        case(name, {"inputSize": I, "hiddenSize": H, **args}, {**inputs, **parameters}, run)

OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(f"{OUT}: {len(cases)} cases, {OUT.stat().st_size} bytes, torch {torch.__version__}")
