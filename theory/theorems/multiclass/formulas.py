"""Formulas of theorem K: more than two classes and the softmax loss."""

from __future__ import annotations

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula

__all__ = ["MULTICLASS_FORMULAS"]


def _prove_shift(rhs):
    """Bayes' rule for three densities of any kind, weighted by sizes and weighted alike."""
    other = sp.Symbol("n_2", positive=True)
    sizes = (nt.n_0, nt.n_k, other)
    densities = sp.symbols("f_0:3", positive=True)

    def score(weights):
        joint = [weight * density for weight, density in zip(weights, densities, strict=True)]
        total = sum(joint)
        return sp.log(joint[1] / total) - sp.log(joint[0] / total)

    yield sp.expand_log(rhs - score(sizes) + score((1, 1, 1)), force=True)


def _saturated(shares: list[sp.Expr]) -> tuple[sp.Expr, sp.Expr]:
    """``tr(H^{-1} V) / 2`` for one sample a class, and the mean squared posterior.

    One feature with values 0 and 1, of which class k takes 1 with probability ``shares[k]``: with
    an intercept every posterior is reached, so the model is well specified.
    """
    count = len(shares)
    size = 2 * (count - 1)
    hessian, noise, purity = sp.zeros(size), sp.zeros(size), sp.Integer(0)
    means = [sp.zeros(size, 1) for _ in range(count)]
    for x in (0, 1):
        row = sp.Matrix([1, x])
        chances = [share if x else 1 - share for share in shares]
        total = sum(chances)
        posterior = [chance / total for chance in chances]
        q = sp.Matrix(posterior[1:])
        bend = sp.diag(*q) - q * q.T
        hessian += total / count * sp.kronecker_product(bend, row * row.T)
        purity += total / count * sum(part**2 for part in posterior)
        for g, chance in enumerate(chances):
            residual = q - sp.Matrix([int(g == k) for k in range(1, count)])
            score = sp.kronecker_product(residual, row)
            means[g] += chance * score
            noise += chance * score * score.T / count**2
    for mean in means:
        noise -= mean * mean.T / count**2
    return (hessian.inv(method="ADJ") * noise).trace() / 2, purity


def _prove_balanced(rhs):
    """Against the sandwich of gradient and Hessian, written out for two and, at numbers, three."""
    u, v = sp.symbols("u v", positive=True)
    third, fifth = sp.Rational(1, 3), sp.Rational(1, 5)
    for shares in ([u, v], [third, fifth, 3 * fifth], [2 * fifth, 2 * third, third / 2]):
        noise, purity = _saturated(shares)
        values = {nt.classes: len(shares), nt.features: 1, nt.per_class: 1, nt.purity: purity}
        yield sp.cancel(sp.together(rhs.subs(values) - noise))


# the formulas of family K
MULTICLASS_FORMULAS: tuple[Formula, ...] = (
    Formula(
        id="K1.shift",
        claim="Intercept of class k against class 0 that raw training adds (logit adjustment)",
        lhs=r"b_k - b_k^*",
        rhs=sp.log(nt.n_k / nt.n_0),
        kind="exact",
        residual=_prove_shift,
    ),
    Formula(
        id="K2.balanced",
        claim="Excess risk of a well-specified fit on as many samples of every class",
        lhs=r"\mathbb{E}\,R_{\mathrm{bal}}(\hat\theta) - R_{\mathrm{bal}}(\theta^*)",
        rhs=((nt.classes - 1) * (nt.features + 1) - nt.classes * (1 - nt.purity))
        / (2 * nt.classes * nt.per_class),
        kind="asymptotic",
        residual=_prove_balanced,
    ),
)
