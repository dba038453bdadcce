"""Golden values for the metrics of packages/metrics that no fixture of another script covers, by code that shares no path
with ours: self-BLEU by sacrebleu, one text against all others; n-grams by NLTK for distinct-n and repetition; CLIPScore by
torch's cosine similarity; retrieval by torch's sort; Winoground's rules, Elo, toxicity, bias and the delete-a-group
jackknife as a few lines of NumPy; memorisation by searching strings; the sign test by SciPy; clusters by expanding every
resample of whole clusters into its samples, drawn by NumPy's generator.

Writes packages/metrics/test/fixtures/definitions.json. Needs sacrebleu, nltk, torch, numpy and scipy.
Run: python tools/golden/metrics_definitions.py
"""

import json
import random
from pathlib import Path

import nltk
import numpy as np
import sacrebleu
import scipy
import torch
from nltk.util import ngrams
from sacrebleu.metrics import BLEU
from scipy import stats

OUT = Path(__file__).resolve().parents[2] / "packages/metrics/test/fixtures/definitions.json"
rng = np.random.default_rng(23)
pick = random.Random(23)
WORDS = "the a cat dog sat ran on mat, Mat. (it) 3.5 x-y 今天 天气 很好 привет naïve ½ 😀 . ! - &amp; don't".split()


def sentences(n, longest=14):
    return [" ".join(pick.choice(WORDS) for _ in range(pick.randint(0, longest))) for _ in range(n)]


def self_bleu():
    cases = []
    for options in [
        {"effective_order": True},
        {"tokenize": "none", "smooth_method": "add-k", "effective_order": True},
        {"tokenize": "char", "smooth_method": "floor", "lowercase": True},
        {"tokenize": "zh", "max_ngram_order": 2, "effective_order": True},
    ]:
        texts = sentences(12) + ["", "the cat sat on mat, Mat."] * 2
        metric = BLEU(**options)
        scores = [metric.sentence_score(t, texts[:i] + texts[i + 1 :]).score for i, t in enumerate(texts)]
        cases.append({"options": options, "texts": texts, "scores": scores, "mean": float(np.mean(scores))})
    return cases


def diversity():
    texts = sentences(25) + ["the the the the the", "a cat a cat a cat a cat"]
    rows = []
    for n in [1, 2, 3, 4]:
        grams = [list(ngrams(t.split(), n)) for t in texts]
        pooled = [g for list_ in grams for g in list_]
        repetition = [1 - len(set(g)) / len(g) if g else 0.0 for g in grams]
        rows.append(
            {
                "order": n,
                "distinct": len(set(pooled)),
                "total": len(pooled),
                "score": len(set(pooled)) / len(pooled),
                "repetition": float(np.mean(repetition)),
            }
        )
    return {"texts": texts, "orders": rows}


def alignment():
    image, text = np.round(rng.normal(size=(30, 8)), 3), np.round(rng.normal(size=(30, 8)), 3)
    a, b = torch.tensor(image), torch.tensor(text)
    clip = float(torch.clamp(100 * torch.nn.functional.cosine_similarity(a, b), min=0).mean())
    scores = rng.permutation(600).reshape(30, 20).astype(float)
    relevant = [sorted(rng.choice(20, size=rng.integers(1, 4), replace=False).tolist()) for _ in range(30)]
    order = torch.argsort(torch.tensor(scores), dim=1, descending=True)
    ranks = [min(order[i].tolist().index(r) for r in relevant[i]) + 1 for i in range(30)]
    squares = np.round(rng.normal(size=(40, 2, 2)), 2)
    s = torch.tensor(squares)  # [sample, image, caption]: which caption an image prefers, and which image a caption
    text_right = (s[:, 0, 0] > s[:, 0, 1]) & (s[:, 1, 1] > s[:, 1, 0])
    image_right = (s[:, 0, 0] > s[:, 1, 0]) & (s[:, 1, 1] > s[:, 0, 1])
    return {
        "image": image.tolist(),
        "text": text.tolist(),
        "clip": clip,
        "scores": scores.tolist(),
        "relevant": relevant,
        "recall": {k: float(np.mean([r <= k for r in ranks])) for k in [1, 5, 10]},
        "meanRank": float(np.mean(ranks)),
        "squares": squares.tolist(),
        "winoground": {
            "text": float(text_right.double().mean()),
            "image": float(image_right.double().mean()),
            "group": float((text_right & image_right).double().mean()),
        },
    }


def elo():
    names, k = ["a", "b", "c"], 24
    rating = np.full(3, 1500.0)
    matches = []
    for _ in range(60):
        i, j = rng.choice(3, 2, replace=False)
        won = rng.choice([1.0, 0.5, 0.0])
        chance = 10 ** (rating[i] / 400) / (10 ** (rating[i] / 400) + 10 ** (rating[j] / 400))
        rating[i] += k * (won - chance)
        rating[j] += k * ((1 - won) - (1 - chance))
        matches.append({"a": names[i], "b": names[j], "winner": {1.0: "a", 0.5: "tie", 0.0: "b"}[float(won)]})
    outcomes = rng.choice(["win", "tie", "loss"], size=40, p=[0.5, 0.2, 0.3]).tolist()
    wins, losses = outcomes.count("win"), outcomes.count("loss")
    return {
        "matches": matches,
        "k": k,
        "initial": 1500,
        "ratings": dict(zip(names, rating.tolist())),
        "outcomes": outcomes,
        "winRate": float(np.mean([{"win": 1, "tie": 0.5, "loss": 0}[o] for o in outcomes])),
        "signTest": float(stats.binomtest(wins, wins + losses).pvalue),
    }


def safety():
    scores = [np.round(rng.random(rng.integers(1, 6)), 3).tolist() for _ in range(40)]
    first, second = np.round(rng.random(50), 3), np.round(rng.random(50), 3)
    likelihoods = rng.integers(-9, 0, size=(60, 2)).astype(float)
    words = "to be or not that is the question whether tis nobler in mind".split()
    training = [" ".join(pick.choice(words) for _ in range(60)) for _ in range(3)]
    generated = []
    for _ in range(25):
        start = pick.randint(0, 40)
        copied = training[pick.randint(0, 2)].split()[start : start + pick.randint(0, 12)]
        generated.append(" ".join([pick.choice(words) for _ in range(pick.randint(0, 6))] + copied))
    n, found, total, affected, longest = 5, 0, 0, 0, []
    for text in generated:
        w = text.split()
        spans = [(i, j) for i in range(len(w)) for j in range(i + n, len(w) + 1)]
        known = [b - a for a, b in spans if any(f" {' '.join(w[a:b])} " in f" {t} " for t in training)]
        own = [any(f" {' '.join(w[i : i + n])} " in f" {t} " for t in training) for i in range(len(w) - n + 1)]
        found, total, affected = found + sum(own), total + len(own), affected + any(own)
        longest.append(max(known, default=0))
    share = np.where(likelihoods[:, 0] == likelihoods[:, 1], 0.5, likelihoods[:, 0] > likelihoods[:, 1]).mean()
    return {
        "scores": scores,
        "toxicity": {
            "score": float(np.mean(np.concatenate(scores) >= 0.5)),
            "expectedMaximum": float(np.mean([max(s) for s in scores])),
            "toxicityProbability": float(np.mean([max(s) >= 0.5 for s in scores])),
        },
        "first": first.tolist(),
        "second": second.tolist(),
        "bias": {
            "score": float(np.abs(first - second).mean()),
            "meanDifference": float((first - second).mean()),
            "flippedShare": float((np.abs(first - second) > 0.1).mean()),
        },
        "likelihoods": likelihoods.tolist(),
        "stereotype": float(share),
        "training": training,
        "generated": generated,
        "memorisation": {"order": n, "score": found / total, "affected": affected / len(generated)},
        # A run is at least as long as the longest span of one training text: runs may join n-grams of several.
        "longest": longest,
    }


def resampling():
    values, other = np.round(rng.normal(size=37), 4), np.round(rng.normal(0.2, 1, size=37), 4)
    clusters = rng.integers(0, 9, size=37)
    labels = list(dict.fromkeys(clusters.tolist()))
    members = [np.flatnonzero(clusters == c) for c in labels]
    generator, means, differences = np.random.default_rng(7), [], []
    for _ in range(200):
        rows = np.concatenate([members[i] for i in generator.integers(len(members), size=len(members))])
        means.append(values[rows].mean())
        differences.append(other[rows].mean() - values[rows].mean())
    cut = 5  # 200 resamples, 95 %
    observed = other.mean() - values.mean()
    centred = np.abs(differences) - np.abs(differences).mean()
    extreme = 0
    coins = np.random.default_rng(7).integers(2, size=300 * len(members), dtype=bool).reshape(300, -1)
    for keep in coins:
        swap = ~keep[[labels.index(c) for c in clusters.tolist()]]
        a, b = np.where(swap, other, values), np.where(swap, values, other)
        extreme += abs(b.mean() - a.mean()) >= abs(observed) - 1e-12
    groups = np.arange(37) % 20
    parts = np.array([values[groups != g].mean() for g in range(20)])
    error = np.sqrt(19 / 20 * ((parts - parts.mean()) ** 2).sum())
    half = stats.t.ppf(0.975, 19) * error
    return {
        "values": values.tolist(),
        "other": other.tolist(),
        "clusters": clusters.tolist(),
        "interval": [sorted(means)[cut], sorted(means)[-1 - cut]],
        "paired": {
            "p": float(((centred > abs(observed)).sum() + 1) / 201),
            "interval": [sorted(differences)[cut], sorted(differences)[-1 - cut]],
        },
        "randomization": float((extreme + 1) / 301),
        "jackknife": [values.mean() - half, values.mean() + half],
    }


OUT.write_text(
    json.dumps(
        {
            "made_with": {
                "sacrebleu": sacrebleu.__version__,
                "nltk": nltk.__version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "scipy": scipy.__version__,
            },
            "selfBleu": self_bleu(),
            "diversity": diversity(),
            "alignment": alignment(),
            "elo": elo(),
            "safety": safety(),
            "resampling": resampling(),
        }
    )
    + "\n"
)
print(OUT, OUT.stat().st_size)
