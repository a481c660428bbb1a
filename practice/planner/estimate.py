"""Theorem R's pieces estimated from one table, and how sure one may be of them.

At the class-weighted fit ``theta`` a design's gradient is a sum over rows of

* part 0: the real rows, groups weighted equally: ``s / G``;
* part 1: levelling: ``(rho_g s + sum_h (1 - rho_h) J_h psi) / G``;
* part 2: augmentation: ``sum_h J_h psi / G``,

plus the biases ``b`` of parts 1 and 2 and the noise of their draws. With ``M = H^{-1}``, the
moments ``b_j' M b_k`` and ``tr(M sum_g Cov_g(part j, part k) / n_g)`` are the ``A``, ``C``, ``D``
of theorem S1's hyperbola, for designs that level (1 and 2) and for designs that weight instead (0
and 2). What biases that are not small change is `practice.planner.ratios`'s.

``b_hat`` is the mean score of the generator's samples minus that of the rows at the same ``theta``:
unbiased at fixed ``theta`` although both use the same rows, since an expectation is linear. Its
square is too large by ``tr(M Cov(b_hat))``, which is subtracted; ``Cov(b_hat)`` follows from the
influence of each row on ``b_hat``, the fit's own included. The raw fit has a large bias, so its
excess is taken at its own optimum: ``R_bal(theta_raw) - R_bal(theta)`` on the rows, corrected for
what both fits gain by having seen these rows (Takeuchi, 1976).
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.practice.planner.posterior import posterior_square
from synthetic_oversampling.practice.planner.sources import Rows, Source, mean_scores, score_parts
from synthetic_oversampling.simulate.sampling.erm import FitResult, fit
from synthetic_oversampling.theory.precision import require_float64

__all__ = [
    "Fits", "Real", "SeparableError", "Synthetic", "first_fits", "fit_padded", "law_moments",
    "positive", "real_part", "refit", "synthetic_part", "weighted_excess",
]  # fmt: skip

_fit = jax.jit(partial(fit, max_steps=100))
_FEWEST_PADDED = 512  # rows that every smaller table is padded to


def fit_padded(x: np.ndarray, sign: np.ndarray, weight: np.ndarray) -> FitResult:
    """Weighted logistic fit of ``x [n, d]``, padded by rows of weight 0 to a power of two.

    A program is compiled for every shape, which takes longer than most fits; with few shapes the
    next table of about this size needs none. Rows without weight change nothing but rounding.
    """
    size = max(_FEWEST_PADDED, 1 << (len(x) - 1).bit_length())
    extra = size - len(x)
    return _fit(
        jnp.asarray(np.pad(x, ((0, extra), (0, 0)))),
        jnp.asarray(np.pad(sign, (0, extra), constant_values=1.0)),
        jnp.asarray(np.pad(weight, (0, extra))),
    )


class SeparableError(ValueError):
    """The logistic fit does not exist on this table."""


class Fits(NamedTuple):
    """Class-weighted and raw fit of a table, ``[p]`` each."""

    weighted: np.ndarray
    raw: np.ndarray


class Real(NamedTuple):
    """What real rows alone tell; nats.

    Attributes:
        theta: the class-weighted fit ``[p]``.
        hessian: ``H`` ``[p, p]``; root: ``L^{-1}`` with ``H = L L'``.
        part: part 0 of every row, centred within groups ``[n, p]``.
        leverage: of every row on the class-weighted fit ``[n]``.
        weighted: predicted excess risk of class weighting.
        raw: of the raw fit; raw_variance: its variance part; raw_std: of the estimate `raw`.
        misfit: ``L^{-1} (E ss' - H) L^{-T}``, noise around 0 if the logistic model holds on
            balanced groups (White, 1982) ``[p, p]``.
    """

    theta: np.ndarray
    hessian: np.ndarray
    root: np.ndarray
    part: np.ndarray
    leverage: np.ndarray
    weighted: float
    raw: float
    raw_variance: float
    raw_std: float
    misfit: np.ndarray


class Synthetic(NamedTuple):
    """What a source adds, in whitened coordinates: ``b -> L^{-1} b``.

    Attributes:
        bias: of parts 0, 1, 2 ``[3, p]``.
        bias_noise: covariance of these estimates ``[3, 3, p, p]``.
        seeds: ``tr(M sum_g Cov_g(part j, part k) / n_g)`` ``[3, 3]``.
        levelling: noise of the levelling draws; one: of one augmented sample per group (``S``).
        turn: Hessian of every group's risk on samples minus that on its rows ``[G, p, p]``.
        shrunk: the generator may be right, so that a bias that could be noise is shrunk.
    """

    bias: np.ndarray
    bias_noise: np.ndarray
    seeds: np.ndarray
    levelling: float
    one: float
    turn: np.ndarray
    shrunk: bool = True

    @property
    def expected_square(self) -> np.ndarray:
        """Posterior mean of ``b_j' M b_k`` ``[3, 3]``."""
        return posterior_square(self.bias, self.bias_noise, shrunk=self.shrunk)

    @property
    def square(self) -> np.ndarray:
        """``b_j' M b_k`` corrected for its noise, made positive semi-definite ``[3, 3]``."""
        raw = self.bias @ self.bias.T - np.trace(self.bias_noise, axis1=2, axis2=3)
        return positive(raw)

    def moments(self, level: bool) -> tuple:
        """``A, C, D, S`` of designs that level with synthetic rows, or weight real rows."""
        return law_moments(self.square + self.seeds, self.levelling, self.one, level)


def positive(matrix: np.ndarray) -> np.ndarray:
    """The nearest positive semi-definite matrix ``[..., k, k]``."""
    values, vectors = np.linalg.eigh((matrix + np.swapaxes(matrix, -1, -2)) / 2)
    return (vectors * np.maximum(values, 0.0)[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def law_moments(second, levelling, one, level: bool):
    """``A, C, D, S`` from second moments of the parts ``[..., 3, 3]`` and the draws' noise."""
    j = 1 if level else 0
    noise = levelling if level else 0.0
    return second[..., j, j] + noise, second[..., j, 2], second[..., 2, 2], one


def first_fits(rows: Rows) -> Fits:
    """Class-weighted and raw logistic fit.

    Raises:
        SeparableError: if the classes are linearly separable, if only for some of the rows.
    """
    require_float64("practice.planner.estimate.first_fits")
    x, sign = rows.x[:, 1:], rows.sign
    sizes = np.bincount(rows.group)
    found = []
    for weight in (1.0 / (rows.count * sizes[rows.group]), np.full(len(sign), 1.0 / len(sign))):
        own = fit_padded(x, sign, weight)
        if bool(own.separated):
            raise SeparableError(
                "the two classes are linearly separable on this table, so the logistic fit runs "
                "away and no expansion around it exists; there is no excess risk for synthetic "
                "rows to reduce that this table could show. Drop features, collect more rows, or "
                "use a regularised method."
            )
        if not bool(own.converged):
            raise SeparableError(
                "the logistic fit does not converge on this table: features likely tell some rows "
                "apart with certainty, as an indicator does that one class alone has. Drop such "
                "columns, or merge rare levels."
            )
        found.append(np.asarray(own.theta))
    return Fits(*found)


def refit(rows: Rows, mass: np.ndarray, start: np.ndarray) -> np.ndarray | None:
    """A fit near `start` with other weights ``[n]``; None if Newton's method does not settle."""
    theta = start
    for _ in range(25):
        _, first, second = score_parts(rows, theta)
        gradient = (mass * first) @ rows.x
        hessian = rows.x.T @ ((mass * second)[:, None] * rows.x)
        try:
            move = -np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            return None
        change = np.abs(rows.x @ move).max()
        if not np.isfinite(change):
            return None
        theta = theta + move * min(1.0, 2.0 / max(change, 1e-300))
        if change < 1e-6:
            return theta
    return None


def _within(rows: Rows, weight, values) -> np.ndarray:
    """Values ``[..., n, p]`` minus their weighted mean within each row's group."""
    out = np.array(values)
    for g in range(rows.count):
        index = rows.members(g)
        w = weight[index] / len(index)
        out[..., index, :] -= np.einsum("i,...ip->...p", w, out[..., index, :])[..., None, :]
    return out


def real_part(rows: Rows, weight: np.ndarray, fits: Fits, *, raw: bool = True) -> Real:
    """Estimates that need no synthetic rows.

    Args:
        rows: the table.
        weight: of each row, with mean 1 within groups: ones, or a bootstrap's counts.
        fits: with these weights; only the class-weighted one counts without `raw`.
        raw: also estimate what concerns the raw fit; zeros otherwise.
    """
    count, sizes = rows.count, np.bincount(rows.group).astype(float)
    per_row = sizes[rows.group]
    balanced = weight / (count * per_row)
    loss, first, second = score_parts(rows, fits.weighted)
    hessian = rows.x.T @ ((balanced * second)[:, None] * rows.x)
    root = np.linalg.inv(np.linalg.cholesky(hessian))
    white = rows.x @ root.T
    curved = second * np.einsum("np,np->n", white, white)
    leverage = np.minimum(balanced * curved, 0.9)
    # a row's residual shrinks by its leverage: the covariance of scores is too small without this
    swollen = first / np.sqrt(1.0 - leverage)
    part = _within(rows, weight, swollen[:, None] * rows.x) / count
    turned = part @ root.T
    spread = np.einsum("np,np->n", turned, turned)
    weighted = 0.5 * float((weight / per_row**2) @ spread)
    misfit = white.T @ ((balanced * (first**2 - second))[:, None] * white)
    found = Real(fits.weighted, hessian, root, part, leverage, weighted, 0.0, 0.0, 0.0, misfit)
    return found._replace(**_raw_part(rows, weight, fits.raw, weighted, loss)) if raw else found


def weighted_excess(rows: Rows, weight: np.ndarray, theta: np.ndarray) -> float:
    """`Real.weighted` alone, in a few passes over the rows: the jackknife asks for it often."""
    count, sizes = rows.count, np.bincount(rows.group).astype(float)
    share = weight / sizes[rows.group]
    _, first, second = score_parts(rows, theta)
    hessian = rows.x.T @ ((share / count * second)[:, None] * rows.x)
    white = rows.x @ np.linalg.inv(np.linalg.cholesky(hessian)).T
    length = np.einsum("np,np->n", white, white)
    leverage = np.minimum(share / count * second * length, 0.9)
    swollen = first / np.sqrt(1.0 - leverage)
    total = 0.0
    for g, size in enumerate(sizes):
        index = rows.members(g)
        mean = (share * swollen)[index] @ white[index]
        square = (share * swollen**2)[index] @ length[index]
        total += float(square - mean @ mean) / size
    return total / (2 * count**2)


def _raw_part(rows: Rows, weight, theta: np.ndarray, weighted: float, loss) -> dict[str, float]:
    """Of `Real`, what concerns the raw fit: its excess at its own optimum, and how sure that is."""
    count, sizes = rows.count, np.bincount(rows.group).astype(float)
    per_row = sizes[rows.group]
    balanced, plain = weight / (count * per_row), weight / sizes.sum()
    raw_loss, raw_first, raw_second = score_parts(rows, theta)
    curvature = rows.x.T @ ((plain * raw_second)[:, None] * rows.x)
    inverse = np.linalg.inv(curvature)
    pulled = plain * raw_second * np.einsum("np,np->n", rows.x @ inverse, rows.x)
    swollen = raw_first / np.sqrt(1.0 - np.minimum(pulled, 0.9))
    raw_score = _within(rows, weight, swollen[:, None] * rows.x)
    moved = raw_score @ inverse  # A^{-1} s of every row
    share = per_row / sizes.sum()
    both = np.einsum("np,np->n", moved, raw_score)
    optimism = float((weight * share / (count * per_row**2)) @ both)
    balanced_hessian = rows.x.T @ ((balanced * raw_second)[:, None] * rows.x)
    bend = np.einsum("np,np->n", moved @ balanced_hessian, moved)
    variance = 0.5 * float((weight * share**2 / per_row**2) @ bend)
    slope = (balanced * raw_first) @ rows.x
    lean = (raw_loss - loss) / count
    pull = _within(rows, weight, lean[:, None])[:, 0] - share * (moved @ slope)
    raw = float(balanced @ (raw_loss - loss)) - weighted + optimism
    std = float(np.sqrt((weight / per_row**2) @ pull**2))
    return {"raw": raw, "raw_variance": variance, "raw_std": std}


def synthetic_part(
    rows: Rows, weight: np.ndarray, real: Real, own: Source, *, noise: bool = True
) -> Synthetic:
    """Bias, seed noise and draw noise of a source's samples at the class-weighted fit.

    Args:
        rows, weight: as for `real_part`.
        real: its result.
        own: the source.
        noise: also estimate `Synthetic.bias_noise`; zeros otherwise.
    """
    count, sizes = rows.count, np.bincount(rows.group).astype(float)
    ratio = sizes / sizes.max()
    mix = np.stack([(1.0 - ratio) / count, np.full(count, 1.0 / count)])
    drawn = mean_scores(own, rows, weight, real.theta, mix)
    _, first, second = score_parts(rows, real.theta)
    per_row = sizes[rows.group]
    w = weight / per_row
    score_mean = np.stack(
        [np.bincount(rows.group, w * first * column) for column in rows.x.T], axis=1
    )
    bias = np.zeros((3, rows.x.shape[1]))
    bias[1:] = mix @ (drawn.mean - score_mean)

    influence = drawn.influence
    if not own.name.startswith("gaussian") and own.name != "table":
        influence = influence / np.sqrt(1.0 - real.leverage)[None, :, None]
    influence = _within(rows, weight, influence)
    parts = np.stack([real.part, ratio[rows.group, None] * real.part + influence[0], influence[1]])
    bias_noise = np.zeros((3, 3, len(real.theta), len(real.theta)))
    white_cov = real.root @ drawn.cov @ real.root.T
    turns = drawn.hessian - _hessians(rows, weight, real)
    if noise:
        turn = np.einsum("mg,gpq->mpq", mix, turns)
        bias_noise[1:, 1:] = _bias_noise(rows, weight, real, mix, influence, turn)
        if own.external is not None:
            available = np.bincount(own.external.rows.group)[:, None, None]
            bias_noise[1:, 1:] += np.einsum("jg,kg,gpq->jkpq", mix, mix, white_cov / available)
    trace = np.trace(white_cov, axis1=1, axis2=2)
    seeds = parts @ real.root.T
    return Synthetic(
        bias @ real.root.T,
        bias_noise,
        np.einsum("n,jnp,knp->jk", weight / per_row**2, seeds, seeds, optimize=True),
        float(mix[0] @ trace) / (count * sizes.max()),
        float(trace.sum()) / count**2,
        real.root @ turns @ real.root.T,
    )


def _hessians(rows: Rows, weight, real: Real) -> np.ndarray:
    """Of every group's risk on its rows ``[G, p, p]``."""
    per_row = np.bincount(rows.group)[rows.group]
    curved = weight / per_row * score_parts(rows, real.theta)[2]
    members = (rows.members(g) for g in range(rows.count))
    return np.stack([rows.x[m].T @ (curved[m, None] * rows.x[m]) for m in members])


def _bias_noise(rows: Rows, weight, real: Real, mix, influence, turn) -> np.ndarray:
    """Whitened covariance of the bias estimates ``[2, 2, p, p]``.

    They move with the rows' scores, with the generator, and with the fit they are taken at, by
    `turn`, the difference of Hessians ``[2, p, p]``.
    """
    per_row = np.bincount(rows.group)[rows.group].astype(float)
    moved = influence - mix[:, rows.group, None] * (real.part * rows.count)[None]
    moved -= np.einsum("np,mpq->mnq", real.part @ (real.root.T @ real.root), turn)
    white = moved @ real.root.T
    scaled = (weight / per_row**2)[None, :, None] * white
    return np.einsum("jnp,knq->jkpq", scaled, white, optimize=True)
