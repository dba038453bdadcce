"""Golden values for packages/metrics classification, from scikit-learn and (calibration) torchmetrics.

Writes packages/metrics/test/fixtures/classification.json. Run: python tools/golden/metrics_classification.py
"""

import json
import warnings
from pathlib import Path

import numpy as np
import sklearn
import torch
import torchmetrics
from sklearn import metrics
from torchmetrics.functional.classification.calibration_error import _ce_compute

warnings.filterwarnings("ignore")
OUT = Path(__file__).resolve().parents[2] / "packages/metrics/test/fixtures/classification.json"
rng = np.random.default_rng(11)


def scores(average, y, p, **kw):
    return list(metrics.precision_recall_fscore_support(y, p, average=average, zero_division=0, **kw))[:3]


def labelled(classes, n, names=None):
    y = rng.integers(classes, size=n)
    p = np.where(rng.random(n) < 0.6, y, rng.integers(classes + (n > 50), size=n) % (classes + 1))
    labels = [names[i] for i in y] if names else y.tolist()
    predictions = [names[i] for i in p] if names else p.tolist()
    case = {
        "labels": labels,
        "predictions": predictions,
        "accuracy": metrics.accuracy_score(labels, predictions),
        "micro": scores("micro", labels, predictions),
        "macro": scores("macro", labels, predictions),
        "weighted": scores("weighted", labels, predictions),
        "perClass": np.array(metrics.precision_recall_fscore_support(labels, predictions, zero_division=0)).T.tolist(),
        "matrix": metrics.confusion_matrix(labels, predictions).tolist(),
        "mcc": metrics.matthews_corrcoef(labels, predictions),
        "kappa": {str(w): metrics.cohen_kappa_score(labels, predictions, weights=w) for w in [None, "linear", "quadratic"]},
    }
    return case


def probabilities(classes, n):
    x = rng.dirichlet(np.ones(classes) * 0.7, size=n)
    y = np.array([rng.choice(classes, p=r * 0.7 + 0.3 / classes) for r in x])
    y[:classes] = np.arange(classes)
    case = {
        "classes": classes,
        "labels": y.tolist(),
        "probabilities": x.tolist(),
        "logLoss": metrics.log_loss(y, x, labels=list(range(classes))),
        "topK": {},
        "ece": {},
    }
    for k in range(1, classes):
        if classes > 2:
            case["topK"][k] = metrics.top_k_accuracy_score(y, x, k=k, labels=list(range(classes)))
    for bins in [5, 15]:
        # The public function rounds the confidences to float32 first; its inner one keeps float64.
        confidence, predicted = torch.tensor(x).max(1)
        right = (predicted == torch.tensor(y)).double()
        case["ece"][bins] = [float(_ce_compute(confidence, right, bins, norm)) for norm in ["l1", "max"]]
    onehot = np.eye(classes)[y]
    case["brier"] = float(((x - onehot) ** 2).sum(1).mean() / (2 if classes == 2 else 1))
    if classes == 2:
        assert abs(case["brier"] - metrics.brier_score_loss(y, x[:, 1])) < 1e-12
    else:
        assert abs(case["brier"] - metrics.brier_score_loss(y, x)) < 1e-12
        case["auc"] = {
            f"{s} {a}": metrics.roc_auc_score(y, x, multi_class=s, average=a)
            for s in ["ovr", "ovo"]
            for a in ["macro", "weighted"]
        }
    return case


def ranking(n, ties):
    y = rng.random(n) < 0.4
    s = rng.normal(size=n) + y
    if ties:
        s = np.round(s * 2) / 2
    fpr, tpr, thresholds = metrics.roc_curve(y, s, drop_intermediate=False)
    precision, recall, pr_thresholds = metrics.precision_recall_curve(y, s)
    return {
        "labels": y.tolist(),
        "scores": s.tolist(),
        "rocAuc": metrics.roc_auc_score(y, s),
        "averagePrecision": metrics.average_precision_score(y, s),
        "fpr": fpr.tolist(),
        "tpr": tpr.tolist(),
        "precision": precision[:-1][::-1].tolist(),
        "recall": recall[:-1][::-1].tolist(),
        "thresholds": pr_thresholds[::-1].tolist(),
    }


OUT.write_text(
    json.dumps(
        {
            "made_with": {
                "scikit-learn": sklearn.__version__,
                "torchmetrics": torchmetrics.__version__,
                "torch": torch.__version__,
            },
            "labelled": [labelled(2, 40), labelled(5, 80), labelled(3, 60, ["cat", "Dog", "猫", "zebra"]), labelled(4, 6)],
            "probabilities": [probabilities(2, 60), probabilities(4, 80)],
            "ranking": [ranking(50, False), ranking(80, True), ranking(5, True)],
        }
    )
    + "\n"
)
print(OUT, OUT.stat().st_size)
