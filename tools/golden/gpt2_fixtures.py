"""Makes a tiny random GPT-2 with transformers, and what it computes: logits, training losses, generated ids.

    python tools/golden/gpt2_fixtures.py

Needs torch and transformers. Output in packages/transformer/test/fixtures: gpt2/ (a model folder as transformers
saves it) and gpt2_expected.safetensors, whose metadata says what each tensor is.
"""

import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

OUT = Path(__file__).parents[2] / "packages/transformer/test/fixtures"
SEED = 20240607
CONFIG = dict(vocab_size=96, n_positions=32, n_embd=32, n_layer=2, n_head=4, bos_token_id=94, eos_token_id=95)
ADAMW = dict(lr=3e-3, betas=(0.9, 0.95), eps=1e-8)
WEIGHT_DECAY = 0.1
STEPS, BATCH, T = 20, 4, 16


def randomize(model: GPT2LMHeadModel) -> None:
    """Larger weights than a fresh model's, and biases and norms that are not 0 and 1, so that each of them counts."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.normal_(0, 0.2)
            if "ln_" in name and name.endswith("weight"):
                p.add_(1)


def losses(model: GPT2LMHeadModel, batches: torch.Tensor) -> list[float]:
    """AdamW with decoupled decay on matrices only; each loss is taken before the step it leads to."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [dict(params=matrices, weight_decay=WEIGHT_DECAY), dict(params=others, weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, **ADAMW)
    out = []
    for batch in batches:
        logits = model(batch[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        out.append(loss.item())
    return out


def greedy(model: GPT2LMHeadModel, prompt: torch.Tensor, **options) -> torch.Tensor:
    mask = torch.ones_like(prompt)
    out = model.generate(
        prompt, attention_mask=mask, do_sample=False, max_new_tokens=24, pad_token_id=0, **options
    )
    return out[0, prompt.shape[1] :]


def main() -> None:
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    model = GPT2LMHeadModel(GPT2Config(**CONFIG)).eval()
    randomize(model)
    (OUT / "gpt2").mkdir(parents=True, exist_ok=True)
    model.save_pretrained(OUT / "gpt2")

    ids = torch.randint(0, 96, (2, 32))
    expected = {"ids": ids, "logits": model(ids).logits.detach()}

    variant_config = GPT2Config(
        **CONFIG, activation_function="gelu", scale_attn_by_inverse_layer_idx=True, scale_attn_weights=False
    )
    variant = GPT2LMHeadModel(variant_config).eval()
    variant.load_state_dict(model.state_dict())
    expected["variant_logits"] = variant(ids[:1, :8]).logits.detach()

    prompt = torch.tensor([[5, 17, 3, 88]])
    expected["prompt"] = prompt[0]
    expected["greedy"] = greedy(model, prompt)
    expected["greedy_penalty"] = greedy(model, prompt, repetition_penalty=1.5)

    # A short cycle with noise, so that there is something to learn and the losses fall.
    steps = torch.arange(T + 1)
    batches = (steps[None, None] * 7 + torch.randint(0, 96, (STEPS, BATCH, 1))) % 90
    batches = torch.where(torch.rand(batches.shape) < 0.1, torch.randint(0, 96, batches.shape), batches)
    expected["batches"] = batches
    expected["losses"] = torch.tensor(losses(model, batches), dtype=torch.float64)

    about = {
        "made_with": f"torch {torch.__version__}, transformers {transformers.__version__}",
        "variant": "activation_function gelu, scale_attn_by_inverse_layer_idx true, scale_attn_weights false",
        "greedy_penalty": "repetition_penalty 1.5",
        "training": json.dumps({**ADAMW, "weight_decay_of_matrices": WEIGHT_DECAY}),
    }
    save_file({k: v.contiguous() for k, v in expected.items()}, OUT / "gpt2_expected.safetensors", metadata=about)
    for file in [OUT / "gpt2_expected.safetensors", *(OUT / "gpt2").iterdir()]:
        file.chmod(0o644)
    print(expected["losses"].tolist(), expected["greedy"].tolist(), expected["greedy_penalty"].tolist())


main()
