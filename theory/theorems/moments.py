"""Formulas of S1: the four moments of a design and generator that its scaling law is made of.

Proved by writing the empirical gradient at the balanced optimum as a sum over seeds and synthetic
samples, splitting it into its oversampling and its augmentation part, and taking expectations.
"""

from __future__ import annotations

import functools

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula, instantiate
from synthetic_oversampling.theory.formula.proofs import expected
from synthetic_oversampling.theory.theorems.weights import sample_weights

__all__ = ["MOMENT_FORMULAS"]


@functools.cache
def _second_moments(groups: int):
    """Oversampling and augmentation parts of two groups' gradient, along one direction, H = 1.

    A seed of group k enters its own score and, through what the generators fit, the synthetic
    samples of every group h (a pooled covariance): influences f_kh, of any joint law.
    """
    sizes = sp.symbols(f"n_1:{groups + 1}", positive=True)
    bias = sp.symbols(f"B_1:{groups + 1}", real=True)
    noise = sp.symbols(f"v_1:{groups + 1}", real=True)
    level, extra = (
        w.subs(nt.alpha, a) for w, a in zip(sample_weights(sp.Integer(groups)), (0, 1), strict=True)
    )
    moments: dict[tuple[sp.Symbol, ...], sp.Expr] = {}
    over, aug, fresh = sp.Integer(0), sp.Integer(0), sp.Integer(0)
    rows = []  # score and influences of a seed of each group
    for k, size in enumerate(sizes):
        names = ["s", *(f"f_{h}" for h in range(groups))]
        seed = [sp.Symbol(f"{name}_{k}", real=True) for name in names]
        for i, left in enumerate(seed):
            moments[(left,)] = sp.Integer(0)
            for right in seed[i:]:  # averages of iid samples: moments of one, over their number
                one = sp.Symbol(f"cov_{left}_{right}", real=True)
                moments[tuple(sorted((left, right), key=str))] = one / size
        rows.append(seed)
    for h, size in enumerate(sizes):
        drawn = sp.Symbol(f"e_{h}", real=True)
        added = nt.n_max - size
        moved = bias[h] + sum(row[1 + h] for row in rows)
        moments |= {(drawn,): sp.Integer(0), (drawn, drawn): added * level**2 * noise[h]}
        over += size * level * rows[h][0] + added * level * moved + drawn
        aug += moved / groups
        fresh += nt.N * extra**2 * noise[h]
    ratios = [size / nt.n_max for size in sizes]

    def traces(left, right) -> list[sp.Expr]:
        return [
            sp.expand(n * expected(sp.expand(left(row) * right(row)), moments))
            for n, row in zip(sizes, rows, strict=True)
        ]

    def score(row):
        return row[0]

    def through_over(row):
        return sum((1 - ratio) * f for ratio, f in zip(ratios, row[1:], strict=True))

    def through_aug(row):
        return sum(row[1:])

    arrays = {
        nt.trace_score: traces(score, score),
        nt.trace_score_over: traces(score, through_over),
        nt.trace_score_aug: traces(score, through_aug),
        nt.trace_over: traces(through_over, through_over),
        nt.trace_over_aug: traces(through_over, through_aug),
        nt.trace_aug: traces(through_aug, through_aug),
        nt.trace_syn: noise,
        nt.size: sizes,
        nt.ratio: ratios,
        nt.bias_product: [[left * right for right in bias] for left in bias],
    }
    values = {
        "A": expected(sp.expand(over**2), moments),
        "C": expected(sp.expand(over * aug), moments),
        "D": expected(sp.expand(aug**2), moments),
        "S": fresh * nt.N,
    }
    return values, arrays


def _prove_moment(name: str):
    def prove(rhs):
        values, arrays = _second_moments(2)
        return instantiate(rhs, arrays, 2) - values[name]

    return prove


_g, _h = nt.g, nt.h
_each = (_g, 1, nt.G)
_rho = nt.ratio[_g]
_pairs = nt.bias_product[_g, _h]


def _over_groups(body: sp.Expr) -> sp.Expr:
    return sp.Sum(body, _each) / nt.G**2


def _over_pairs(body: sp.Expr) -> sp.Expr:
    return sp.Sum(body, (_h, 1, nt.G), _each) / nt.G**2


_seed_over = _rho**2 * nt.trace_score[_g] + 2 * _rho * nt.trace_score_over[_g] + nt.trace_over[_g]
_seed_both = _rho * nt.trace_score_aug[_g] + nt.trace_over_aug[_g]
_bias_over = (1 - _rho) * (1 - nt.ratio[_h]) * _pairs

# the formulas of A, C, D and S of S1
MOMENT_FORMULAS = (
    Formula(
        id="S1.A",
        claim="Second moment of the oversampling part: bias, seeds, and its own synthetic noise",
        lhs="A",
        rhs=_over_pairs(_bias_over)
        + _over_groups(_seed_over / nt.size[_g])
        + sp.Sum((1 - _rho) * nt.trace_syn[_g], _each) / (nt.G**2 * nt.n_max),
        kind="exact",
        residual=_prove_moment("A"),
    ),
    Formula(
        id="S1.C",
        claim="Cross moment of the two parts, which share their bias and their seeds",
        lhs="C",
        rhs=_over_pairs((1 - _rho) * _pairs) + _over_groups(_seed_both / nt.size[_g]),
        kind="exact",
        residual=_prove_moment("C"),
    ),
    Formula(
        id="S1.D",
        claim="Second moment of the augmentation part, without its sampling noise",
        lhs="D",
        rhs=_over_pairs(_pairs) + _over_groups(nt.trace_aug[_g] / nt.size[_g]),
        kind="exact",
        residual=_prove_moment("D"),
    ),
    Formula(
        id="S1.S",
        claim="Sampling noise of one synthetic sample per group",
        lhs="S",
        rhs=_over_groups(nt.trace_syn[_g]),
        kind="exact",
        residual=_prove_moment("S"),
    ),
)
