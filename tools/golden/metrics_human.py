"""Golden values for packages/metrics agreement and ranking.

Fleiss' kappa from statsmodels, weighted Cohen's kappa from scikit-learn, nominal Krippendorff's alpha from NLTK; ordinal,
interval and ratio alpha by a slow pairwise definition (Krippendorff 2011), which NLTK's interval alpha checks; the
Bradley-Terry fit as a logistic regression by statsmodels.

Writes packages/metrics/test/fixtures/human.json. Run: python tools/golden/metrics_human.py
"""

import json
import math
from itertools import permutations
from pathlib import Path

import nltk
import numpy as np
import sklearn
import statsmodels
import statsmodels.api as sm
from nltk.metrics.agreement import AnnotationTask
from nltk.metrics.distance import binary_distance, interval_distance
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa

OUT = Path(__file__).resolve().parents[2] / "packages/metrics/test/fixtures/human.json"
rng = np.random.default_rng(17)


def alpha(ratings, level):
    units = [[r[i] for r in ratings if r[i] is not None] for i in range(len(ratings[0]))]
    units = [u for u in units if len(u) > 1]
    pool = [x for u in units for x in u]

    def distance(a, b):
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return (a - b) ** 2
        if level == "ratio":
            return ((a - b) / (a + b)) ** 2 if a != b else 0.0
        low, high = min(a, b), max(a, b)
        between = sum(1 for x in pool if low <= x <= high) - (pool.count(low) + pool.count(high)) / 2
        return between**2 if a != b else 0.0

    observed = sum(sum(distance(a, b) for a, b in permutations(u, 2)) / (len(u) - 1) for u in units) / len(pool)
    expected = sum(distance(a, b) for a, b in permutations(pool, 2)) / (len(pool) * (len(pool) - 1))
    return 1 - observed / expected


def krippendorff():
    cases = []
    for raters, items, missing in [(2, 12, 0.0), (3, 15, 0.2), (4, 20, 0.4)]:
        truth = rng.integers(1, 6, size=items)
        ratings = []
        for _ in range(raters):
            row = np.clip(truth + rng.integers(-1, 2, size=items), 1, 5).tolist()
            ratings.append([None if rng.random() < missing else x for x in row])
        values = {level: alpha(ratings, level) for level in ["nominal", "ordinal", "interval", "ratio"]}
        triples = [(str(r), str(i), x) for r, row in enumerate(ratings) for i, x in enumerate(row) if x is not None]
        counts = {}
        for _, i, _ in triples:
            counts[i] = counts.get(i, 0) + 1
        triples = [t for t in triples if counts[t[1]] > 1]
        assert abs(AnnotationTask(triples, distance=binary_distance).alpha() - values["nominal"]) < 1e-12
        assert abs(AnnotationTask(triples, distance=interval_distance).alpha() - values["interval"]) < 1e-12
        cases.append({"ratings": ratings, "alpha": values})
    return cases


def fleiss():
    cases = []
    for items, raters, classes in [(10, 4, 3), (25, 6, 5)]:
        table = rng.multinomial(raters, rng.dirichlet(np.ones(classes)), size=items)
        cases.append({"counts": table.tolist(), "kappa": float(fleiss_kappa(table))})
    return cases


def cohen():
    a = rng.integers(4, size=40)
    b = np.where(rng.random(40) < 0.6, a, rng.integers(4, size=40))
    return {
        "first": a.tolist(),
        "second": b.tolist(),
        "kappa": {w: float(cohen_kappa_score(a, b, weights=None if w == "none" else w)) for w in ["none", "linear", "quadratic"]},
    }


def bradley_terry():
    names = ["p", "q", "r", "s"]
    truth = np.array([0.8, 0.2, 0.0, -0.6])
    matches, rows, wins = [], [], []
    for _ in range(160):
        i, j = rng.choice(4, size=2, replace=False)
        won = rng.random() < 1 / (1 + math.exp(truth[j] - truth[i]))
        matches.append({"a": names[i], "b": names[j], "winner": "a" if won else "b"})
        row = np.zeros(4)
        row[i], row[j] = 1, -1
        rows.append(row[1:])
        wins.append(float(won))
    fit = sm.Logit(np.array(wins), np.array(rows)).fit(disp=0, method="newton", tol=1e-14, maxiter=200)
    theta = np.concatenate([[0], fit.params])
    ratings = (theta - theta.mean()) * 400 / math.log(10) + 1000
    return {"matches": matches, "ratings": dict(zip(names, ratings.tolist()))}


OUT.write_text(
    json.dumps(
        {
            "made_with": {"nltk": nltk.__version__, "statsmodels": statsmodels.__version__, "scikit-learn": sklearn.__version__},
            "krippendorff": krippendorff(),
            "fleiss": fleiss(),
            "cohen": cohen(),
            "bradleyTerry": bradley_terry(),
        }
    )
    + "\n"
)
print(OUT, OUT.stat().st_size)
