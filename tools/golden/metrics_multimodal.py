"""Golden values for packages/metrics multimodal metrics: torchmetrics on given features, probabilities and images.

FID uses torchmetrics' own formula (its `_compute_fid`) and SciPy's matrix square root as a second opinion; KID its
`poly_mmd`; the inception score its splits without the shuffle. Singular covariances use exact closed forms.

Writes packages/metrics/test/fixtures/multimodal.json. Run: python tools/golden/metrics_multimodal.py
"""

import json
from pathlib import Path

import numpy as np
import scipy.linalg
import torch
import torchmetrics
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure as ms_ssim,
    peak_signal_noise_ratio as psnr,
    structural_similarity_index_measure as ssim,
)
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import poly_mmd

OUT = Path(__file__).resolve().parents[2] / "packages/metrics/test/fixtures/multimodal.json"
rng = np.random.default_rng(3)
torch.set_default_dtype(torch.float64)


def frechet():
    cases = []
    for d, n, m in [(3, 20, 15), (12, 60, 50), (24, 200, 120)]:
        a = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
        b = rng.normal(size=(m, d)) @ rng.normal(size=(d, d)) * 0.7
        a, b = np.round(a, 4), np.round(b, 4)
        args = [torch.tensor(x) for x in (a.mean(0), np.cov(a.T), b.mean(0), np.cov(b.T))]
        fid = float(_compute_fid(*args))
        root = scipy.linalg.sqrtm(np.cov(a.T) @ np.cov(b.T)).real
        check = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)
        assert abs(check - fid) < 1e-8 * max(1, fid)
        k = min(n, m)
        kid = float(poly_mmd(torch.tensor(a[:k]), torch.tensor(b[:k])))
        cases.append({"real": a.tolist(), "fake": b.tolist(), "fid": fid, "kid": kid, "kidSize": k})
    return cases


def eigenvalues():
    out = []
    for n in [1, 2, 5, 30]:
        a = rng.normal(size=(n, n))
        a = np.round(a + a.T, 5)
        out.append({"matrix": a.ravel().tolist(), "n": n, "values": np.linalg.eigvalsh(a).tolist()})
    return out


def inception():
    p = rng.dirichlet(np.ones(5) * 0.5, size=40)
    scores = []
    for part in np.split(p, 8):
        kl = (part * (np.log(part) - np.log(part.mean(0)))).sum(1).mean()
        scores.append(np.exp(kl))
    return {"probabilities": p.tolist(), "splits": 8, "mean": float(np.mean(scores)), "std": float(np.std(scores, ddof=1))}


def images():
    """Images are made by a formula on both sides, so that the fixture stays small."""

    def image(seed, c, h, w):
        i = np.arange(c * h * w, dtype=np.float64)
        smooth = 0.5 + 0.35 * np.sin(i * 0.013 * (seed + 1)) * np.cos(i / w * 0.11)
        noise = ((i * 7919 + seed * 104729) % 1009) / 1009
        return torch.tensor((smooth * 0.8 + noise * 0.2).reshape(1, c, h, w))

    cases = []
    for c, h, w, sigma in [(1, 16, 16, 1.5), (3, 24, 31, 1.5), (2, 20, 25, 0.8)]:
        pairs = [(image(s, c, h, w), image(s + (s > 0), c, h, w) * 0.9 + 0.05) for s in range(3)]
        a, b = torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs])
        cases.append(
            {
                "shape": [c, h, w],
                "sigma": sigma,
                "ssim": float(ssim(a, b, data_range=1.0, sigma=sigma)),
                "psnr": float(psnr(a, b, data_range=1.0)),
            }
        )
    a, b = image(0, 2, 178, 183), image(0, 2, 178, 183) * 0.7 + image(5, 2, 178, 183) * 0.3
    return {"cases": cases, "multiscale": {"shape": [2, 178, 183], "value": float(ms_ssim(a, b, data_range=1.0, normalize="relu"))}}


OUT.write_text(
    json.dumps(
        {
            "made_with": {"torchmetrics": torchmetrics.__version__, "torch": torch.__version__, "numpy": np.__version__},
            "frechet": frechet(),
            "eigenvalues": eigenvalues(),
            "inception": inception(),
            "images": images(),
        }
    )
    + "\n"
)
print(OUT, OUT.stat().st_size)
