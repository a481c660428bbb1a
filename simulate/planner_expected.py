"""What a design is expected to leave: a posterior for the bias, and the next order of theorem R1.

An estimate of the bias is noisy where few rows decide, ``b_hat ~ N(b, W)`` in whitened coordinates.
With Strawderman's (1971) prior, ``b | s ~ N(0, W (1 - s) / s)`` and ``s`` uniform on (0, 1),

    b | b_hat, s ~ N((1 - s) b_hat, (1 - s) W),    s | b_hat ~ s^{p/2} exp(-s Q / 2),

``Q = b_hat' W^{-1} b_hat``: a bias that could be noise is shrunk, a plain one is kept. The excess
is quadratic in ``b``, so that its expectation needs ``E bb'`` only.

Shrinking supposes that the generator may be right. Rows say so or not in what no bias at the fit
shows, the Hessians of the groups' risks: where those of its samples differ from the rows' by more
than the bootstrap allows, the prior is flat, ``b | b_hat ~ N(b_hat, W)`` (`misfit`).

S1 is of order ``b^2`` and ``1/n``. What comes next in theorem R1's expansion is linear in the bias
and acts because the estimator is itself biased. With ``Sigma = H^{-1} V H^{-1}`` the covariance of
the fit and ``c`` its bias (Cox and Snell, 1968),

    c = H^{-1} (sum w^2 l2 (s' H^{-1} x) x - sum w l3 (x' Sigma x) x / 2),

``l2`` and ``l3`` the loss's derivatives, a part with bias ``b`` adds

    -b'c  +  D[tr(H^{-1} V) / 2](-H^{-1} b)  -  tr((H_b - H) Sigma)  =  -2 b'c - tr((H_b - H) Sigma)

to the excess, to first order in its weight: the gradient at the shifted optimum times the fit's
bias, the variance there (whose derivative is ``H c``), and the difference of Hessians ``H_b - H``
that goes with ``b``. Interpolation is the example: it shrinks the groups, which steepens the rule,
and a fit to few rows is too steep already.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, gammainc

from simulate.planner_sources import Rows, score_parts

__all__ = ["drifts", "misfit", "posterior_square"]


def posterior_square(bias: np.ndarray, noise: np.ndarray, *, shrunk: bool = True) -> np.ndarray:
    """``E b_j' b_k`` given the estimates, shrunk by how plain the last part's bias is ``[k, k]``.

    Args:
        bias: estimates ``[k, p]``, whitened.
        noise: their covariance ``[k, k, p, p]``.
        shrunk: by Strawderman's prior; by a flat one, which shrinks nothing, otherwise.

    Example:
        >>> noise, bias = np.eye(4)[None, None], np.array([[0.0], [0.5], [5.0]]) * np.ones((3, 4))
        >>> [round(float(posterior_square(b[None], noise)[0, 0]), 1) for b in bias]
        [1.0, 1.2, 92.2]
    """
    own = noise[-1, -1]
    square = bias @ bias.T
    spread = np.trace(noise, axis1=2, axis2=3)
    if not np.any(own):
        return square
    if not shrunk:
        return square + spread
    plain = float(bias[-1] @ np.linalg.pinv(own, rcond=1e-10, hermitian=True) @ bias[-1])
    first, second = _shrinkage(bias.shape[1], plain)
    return (1 - 2 * first + second) * square + (1 - first) * spread


def misfit(turn: np.ndarray, replicates: np.ndarray) -> float:
    """How far a generator's Hessians are from the rows', in standard deviations beyond chance.

    Args:
        turn: differences of Hessians, whitened ``[G, p, p]``.
        replicates: squared distance from it of the bootstrap's differences ``[B]``.
    """
    spread = np.std(replicates, ddof=1)
    beyond = np.sum(turn**2) - np.mean(replicates)
    if spread > 0:
        return float(beyond / spread)
    return np.inf if beyond > 0 else 0.0


def _shrinkage(dim: int, plain: float) -> tuple[float, float]:
    """Posterior mean of ``s`` and ``s^2``: ``s^{p/2} exp(-s Q/2)`` on (0, 1)."""
    shape, rate = dim / 2 + 1, plain / 2
    if rate < 1e-6:
        return shape / (shape + 1), shape / (shape + 2)
    whole = gammainc(shape, rate)
    first = shape / rate * gammainc(shape + 1, rate) / whole
    second = shape * (shape + 1) / rate**2 * gammainc(shape + 2, rate) / whole
    return float(first), float(second)


def drifts(rows: Rows, weight: np.ndarray, real, bias: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The terms linear in each part's bias, nats of excess risk ``[k]``.

    Args:
        rows, weight: as for `planner_estimate.real_part`.
        real: its result.
        bias: of each part, not whitened ``[k, p]``.
        turn: difference of Hessians of each part ``[k, p, p]``.
    """
    x = rows.x
    per_row = np.bincount(rows.group)[rows.group].astype(float)
    inverse = real.root.T @ real.root
    second = score_parts(rows, real.theta)[2]
    miss = expit(x @ real.theta)
    third = second * (1.0 - 2.0 * miss)  # of the loss in the score, for either label
    cov = real.part.T @ ((weight / per_row**2)[:, None] * real.part)
    spread = inverse @ cov @ inverse  # of the fit
    along = np.einsum("np,np->n", real.part @ inverse, x)  # s' H^{-1} x of every row
    mass = weight / (rows.count * per_row)
    bend = 0.5 * (mass * third * np.einsum("np,np->n", x @ spread, x)) @ x
    lean = (mass / per_row * second * along) @ x
    estimator = inverse @ (lean - bend)
    return -2.0 * bias @ estimator - np.einsum("pq,kqp->k", spread, turn)
