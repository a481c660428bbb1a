"""Tools of the proofs: moments of sums of samples, random gradients, explicit small matrices.

A proof starts from a definition (an empirical risk written sample by sample, an estimating equation
expanded to second order, a pair of Gaussian densities) and takes expectations by these rules only:
linearity, identical laws, independence. None of them knows a formula that it is used to prove.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import sympy as sp

__all__ = [
    "coefficients_of_variance",
    "expected",
    "gaussian_log_density",
    "generic_matrix",
    "second_order_bias",
    "stationary_points",
    "symmetric",
]


def generic_matrix(name: str, rows: int, columns: int) -> sp.MatrixBase:
    """A matrix of unrelated real symbols.

    Args:
        name: of the symbols, which get their indices.
        rows, columns: its shape.
    """
    return sp.Matrix(rows, columns, lambda i, j: sp.Symbol(f"{name}_{i + 1}{j + 1}", real=True))


def symmetric(name: str, size: int) -> sp.MatrixBase:
    """A symmetric matrix of otherwise unrelated real symbols.

    Args:
        name: of the symbols, which get their indices.
        size: its rows.
    """
    return sp.Matrix(
        size,
        size,
        lambda i, j: sp.Symbol(f"{name}_{min(i, j) + 1}{max(i, j) + 1}", real=True),
    )


def expected(expression: sp.Expr, moments: dict[tuple[sp.Symbol, ...], sp.Expr]) -> sp.Expr:
    """Expectation of a polynomial in random symbols from a table of their joint moments.

    Args:
        expression: polynomial in the random symbols, with deterministic coefficients.
        moments: joint moments by sorted tuple of symbols, every first moment included; a product
            that is missing is one of independent factors, so the mean of each is used.
    """
    variables = sorted({symbol for key in moments for symbol in key}, key=str)
    total = sp.Integer(0)
    for powers, coefficient in sp.Poly(sp.expand(expression), *variables).terms():
        factors = tuple(v for v, power in zip(variables, powers, strict=True) for _ in range(power))
        if factors in moments:
            total += coefficient * moments[factors]
        else:
            total += coefficient * sp.Mul(*(moments[(v,)] for v in factors))
    return total


def coefficients_of_variance(parts: Sequence[tuple[sp.Expr, sp.Expr, int]]) -> sp.Expr:
    """Variance of ``sum_j w_j x_j`` by enumerating every sample, from first and second moments.

    Args:
        parts: (weight, variance, number of samples) of each batch of independent samples; each
            batch gets its own unknown mean, which has to cancel.
    """
    moments: dict[tuple[sp.Symbol, ...], sp.Expr] = {}
    combination = sp.Integer(0)
    for batch, (weight, variance, number) in enumerate(parts):
        mean = sp.Symbol(f"mean_{batch}", real=True)
        for i in range(number):
            sample = sp.Symbol(f"x_{batch}_{i}", real=True)
            moments[(sample,)] = mean
            moments[(sample, sample)] = mean**2 + variance
            combination += weight * sample
    mean_square = expected(combination**2, moments)
    return sp.expand(mean_square - expected(combination, moments) ** 2)


def gaussian_log_density(x: sp.MatrixBase, mean: sp.MatrixBase, cov: sp.MatrixBase) -> sp.Expr:
    """Log density of a Gaussian vector.

    Args:
        x, mean: columns.
        cov: a square matrix of the same length.
    """
    centred = x - mean
    quadratic = (centred.T * cov.inv() * centred)[0, 0]
    return -quadratic / 2 - sp.log((2 * sp.pi) ** len(x) * cov.det()) / 2


def stationary_points(
    objective: sp.Expr, variable: sp.Symbol, keep: Callable[[sp.Expr], bool] = lambda _: True
) -> list[sp.Expr]:
    """Zeros of the derivative of an objective, those kept.

    Args:
        objective: of the variable.
        variable: what it is differentiated in.
        keep: which zeros are kept; all by default.
    """
    return [point for point in sp.solve(sp.diff(objective, variable), variable) if keep(point)]


class SecondOrder(NamedTuple):
    """A generic estimating equation to second order, and the mean of its zero.

    Attributes:
        theta: coordinates around the zero of the expected equation; origin: theta = 0.
        target: derivative of the expected equation at the origin.
        cov, cov_at: covariance of the equation at the origin, and to first order in theta.
        hessian_at: derivative of the expected equation, to first order in theta.
        mean: expectation of the zero, to second order.
    """

    theta: list[sp.Symbol]
    origin: dict[sp.Symbol, int]
    target: sp.MatrixBase
    cov: sp.MatrixBase
    cov_at: sp.MatrixBase
    hessian_at: sp.MatrixBase
    mean: sp.MatrixBase


@functools.cache
def second_order_bias(size: int) -> SecondOrder:
    """Solve ``u + (A + W) d + T[d, d] / 2 = 0`` to second order in the random ``u`` and ``W``.

    ``u`` is the empirical gradient at the origin (mean 0, covariance V), ``W`` the deviation of the
    empirical Hessian (symmetric, mean 0, ``Cov(W_ij, u_k)`` generic) and ``T`` the symmetric third
    derivative. The gradient at theta is ``u + W theta`` to first order, so its covariance there is
    ``V_jk + sum_i theta_i {Cov(W_ij, u_k) + Cov(W_ik, u_j)}``.

    Args:
        size: of ``d``.
    """
    axes = range(size)
    gradient = [sp.Symbol(f"u_{i}", real=True) for i in axes]
    deviation = symmetric("w", size)
    inverse, cov = symmetric("B", size), symmetric("V", size)

    def joint(i, j, k):
        return sp.Symbol(f"c_{min(i, j)}{max(i, j)}{k}", real=True)

    def third(i, j, k):
        return sp.Symbol("T_{}{}{}".format(*sorted((i, j, k))), real=True)

    moments: dict[tuple[sp.Symbol, ...], sp.Expr] = {(u,): sp.Integer(0) for u in gradient}
    moments |= {(entry,): sp.Integer(0) for entry in deviation}
    for i in axes:
        for j in range(i, size):
            moments[(gradient[i], gradient[j])] = cov[i, j]
            for k in axes:
                moments[(gradient[k], deviation[i, j])] = joint(i, j, k)
    first = -inverse * sp.Matrix(gradient)
    bend = sp.Matrix(
        [sum(third(i, j, k) * first[j] * first[k] for j in axes for k in axes) for i in axes]
    )
    second = -inverse * (deviation * first + bend / 2)
    theta = [sp.Symbol(f"t_{i}", real=True) for i in axes]
    target = symmetric("A", size)
    solved = dict(zip(inverse, target.inv(), strict=True))
    drift = sp.Matrix(
        size,
        size,
        lambda j, k: sum(t * (joint(i, j, k) + joint(i, k, j)) for i, t in enumerate(theta)),
    )
    bent = sp.Matrix(size, size, lambda j, k: sum(t * third(i, j, k) for i, t in enumerate(theta)))
    mean = second.applyfunc(lambda entry: expected(entry, moments).subs(solved))
    return SecondOrder(
        theta=theta,
        origin=dict.fromkeys(theta, 0),
        target=target,
        cov=cov,
        cov_at=cov + drift,
        hessian_at=target + bent,
        mean=mean,
    )
