"""Golden values for packages/metrics statistics: NumPy's PCG64, SciPy's distributions, statsmodels' tests.

Writes packages/metrics/test/fixtures/statistics.json.
Needs numpy, scipy and statsmodels. Run: python tools/golden/metrics_statistics.py
"""

import json
from pathlib import Path

import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

OUT = Path(__file__).resolve().parents[2] / "packages/metrics/test/fixtures/statistics.json"


def random_streams():
    cases = []
    for seed in (0, 1, 12345, 2**31, 2**40 + 7, 2**53 - 1):
        generator = np.random.default_rng(seed)
        cases.append(
            {
                "seed": seed,
                "integers": generator.integers(1000003, size=20).tolist(),
                "coins": [int(x) for x in np.random.default_rng(seed).integers(2, size=70, dtype=bool)],
                "doubles": np.random.default_rng(seed).random(5).tolist(),
                "choice": np.random.default_rng(seed).choice(3, size=30).tolist(),
            }
        )
    return cases


def distributions():
    rng = np.random.default_rng(1)
    normal = [[z, stats.norm.cdf(z)] for z in [-8, -3.5, -1, -0.1, 0, 0.3, 1.96, 4, 7]]
    quantile = [[p, stats.norm.ppf(p)] for p in [1e-9, 0.001, 0.025, 0.4, 0.5, 0.9, 0.975, 0.99999]]
    student = [[t, df, stats.t.cdf(t, df)] for t in [-4, -0.5, 0, 0.2, 1, 3, 40] for df in [1, 2, 5, 30, 1000]]
    student_quantile = [[p, df, stats.t.ppf(p, df)] for p in [0.01, 0.4, 0.975] for df in [1, 3, 10, 200]]
    chi = [[x, df, stats.chi2.sf(x, df)] for x in [0.01, 0.5, 1, 3.84, 20, 80] for df in [1, 2, 7]]
    binomial = [[k, n, stats.binomtest(k, n).pvalue] for k, n in [(0, 1), (3, 10), (5, 10), (1, 24), (40, 100)]]
    values = rng.normal(3, 2, 17)
    interval = stats.t.interval(0.95, 16, values.mean(), stats.sem(values))
    wilson = []
    for k, n in [(0, 10), (10, 10), (3, 7), (501, 1000)]:
        wilson.append([k, n, *proportion_confint(k, n, 0.05, "wilson")])
    return {
        "normal": normal,
        "normalQuantile": quantile,
        "student": student,
        "studentQuantile": student_quantile,
        "chiSquared": chi,
        "binomial": binomial,
        "meanInterval": {"values": values.tolist(), "interval": list(interval)},
        "wilson": wilson,
    }


def tests():
    rng = np.random.default_rng(2)
    mc = []
    for n, p, q in [(20, 0.5, 0.8), (400, 0.6, 0.5), (60, 0.5, 0.5)]:
        a = rng.random(n) < p
        b = rng.random(n) < q
        table = [[int((a & b).sum()), int((a & ~b).sum())], [int((~a & b).sum()), int((~a & ~b).sum())]]
        exact = mcnemar(table, exact=True)
        chi = mcnemar(table, exact=False, correction=True)
        mc.append(
            {
                "first": a.astype(int).tolist(),
                "second": b.astype(int).tolist(),
                "exact": float(exact.pvalue),
                "statistic": float(chi.statistic),
                "chi": float(chi.pvalue),
            }
        )
    p_values = rng.random(12) ** 3
    corrections = {
        "bonferroni": multipletests(p_values, method="bonferroni")[1].tolist(),
        "holm": multipletests(p_values, method="holm")[1].tolist(),
        "benjamini-hochberg": multipletests(p_values, method="fdr_bh")[1].tolist(),
    }
    # Cluster-robust standard error of a mean as an intercept-only regression, without small-sample correction.
    import statsmodels.api as sm

    x = rng.normal(size=60) + np.repeat(rng.normal(size=12), 5)
    groups = np.repeat(np.arange(12), 5)
    fit = sm.OLS(x, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
    return {
        "mcnemar": mc,
        "pValues": p_values.tolist(),
        "corrections": corrections,
        "clustered": {
            "values": x.tolist(),
            "clusters": groups.tolist(),
            "mean": float(fit.params[0]),
            "standardError": float(fit.bse[0]),
        },
    }


OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text(
    json.dumps(
        {
            "made_with": {"numpy": np.__version__, "scipy": scipy.__version__, "statsmodels": statsmodels.__version__},
            "random": random_streams(),
            "distributions": distributions(),
            "tests": tests(),
        }
    )
    + "\n"
)
print(OUT)
