"""Fits the polynomials of native/cpu/math.h and prints their coefficients, constant term first.

Each is a minimax fit by Lawson's iteration: weighted least squares on Chebyshev nodes, the weights multiplied by the
error until it is level (Lawson 1961; C. L. Lawson, "Contributions to the theory of linear least maximum
approximation"). Run: python3 fit_polynomials.py (needs numpy and mpmath).
"""
import mpmath as mp
import numpy as np

mp.mp.dps = 40


def fit(name, f, weight, low, high, degree, digits=np.float32):
    """Minimax p of `degree` for f on [low, high]; the error counts as weight(x) * (p(x) - f(x))."""
    nodes = 0.5 * (low + high) + 0.5 * (high - low) * np.cos(np.pi * (np.arange(1200) + 0.5) / 1200)
    target = np.array([float(f(mp.mpf(x))) for x in nodes])
    scale = np.array([float(weight(mp.mpf(x))) for x in nodes])
    unit = (2 * nodes - low - high) / (high - low)
    basis = np.polynomial.chebyshev.chebvander(unit, degree)
    lawson = np.ones_like(nodes)
    for _ in range(200):
        w = np.sqrt(lawson) * scale
        c, *_ = np.linalg.lstsq(basis * w[:, None], target * w, rcond=None)
        error = np.abs(scale * (basis @ c - target))
        lawson *= error / error.max() + 1e-9
        lawson /= lawson.max()
    series = np.polynomial.chebyshev.Chebyshev(c, domain=[low, high])
    p = series.convert(kind=np.polynomial.Polynomial).coef
    p = np.pad(p, (0, degree + 1 - len(p))).astype(digits)
    worst = np.max(np.abs(scale * (np.polynomial.polynomial.polyval(nodes, p.astype(np.float64)) - target)))
    print(f"{name}: degree {degree}, weighted error {worst:.2e}")
    print("  " + ", ".join(f"{v:.9g}f" if digits is np.float32 else f"{v:.17g}" for v in p))


def near(f, limit):
    """f, with its limit where the quotient is 0 / 0."""
    return lambda x: limit if abs(x) < mp.mpf("1e-12") else f(x)


half_ln2 = float(mp.log(2) / 2) * 1.002
fit("exp: (e^r - 1 - r) / r^2", near(lambda r: (mp.expm1(r) - r) / r**2, mp.mpf(1) / 2), lambda r: r**2 / mp.exp(r),
    -half_ln2, half_ln2, 4)
fit("log: (log1p(f) - f + f^2/2) / f^3", near(lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3, mp.mpf(1) / 3),
    lambda f: f**2, 0.7071 - 1, 1.4143 - 1, 8)
fit("tanh: (tanh(x)/x - 1) / z, z = x^2", near(lambda z: (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, -mp.mpf(1) / 3),
    lambda z: z, 0.0, 0.625**2, 4)
fit("erf: erf(x)/x - 1, z = x^2", near(lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1, 2 / mp.sqrt(mp.pi) - 1),
    lambda z: 1, 0.0, 1.0, 6)
fit("normal tail: Phi(-x) exp(x^2/2) / t, t = 1 / (1 + 0.35 x)",
    lambda t: mp.erfc((1 / t - 1) / mp.mpf("0.35") / mp.sqrt(2)) / 2 * mp.exp(((1 / t - 1) / mp.mpf("0.35")) ** 2 / 2) / t,
    lambda t: 1 / (mp.erfc((1 / t - 1) / mp.mpf("0.35") / mp.sqrt(2)) / 2 * mp.exp(((1 / t - 1) / mp.mpf("0.35")) ** 2 / 2) / t),
    1 / (1 + 0.35 * 14.3), 1.0, 8)
quarter = float(mp.pi / 4) * 1.001
fit("sin: (sin(r)/r - 1) / z, z = r^2", near(lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, -mp.mpf(1) / 6),
    lambda z: z, 0.0, quarter**2, 3)
fit("cos: (cos(r) - 1 + z/2) / z^2, z = r^2", near(lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2, mp.mpf(1) / 24),
    lambda z: z**2, 0.0, quarter**2, 3)
widest = float((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) * 1.001
fit("pow, log2((1+s)/(1-s)) / s, z = s^2",
    near(lambda z: mp.log((1 + mp.sqrt(z)) / (1 - mp.sqrt(z)), 2) / mp.sqrt(z), 2 / mp.log(2)),
    lambda z: 1, 0.0, widest**2, 6, np.float64)
fit("pow, 2^r", lambda r: mp.power(2, r), lambda r: mp.power(2, -r), -0.501, 0.501, 7, np.float64)
