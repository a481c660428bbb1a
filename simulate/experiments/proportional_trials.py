"""Fits with as many features as rows, drawn, fitted and scored by plain NumPy and SciPy.

Nothing of `theory` enters: rows are drawn from the settings below, generators are written out anew,
the weighted ridge-penalised fit is Newton's method, and a fit is scored by its error rates, mean
losses and area under the curve on the settings' normal laws.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy
from scipy.special import expit, ndtr

__all__ = [
    "Plan",
    "Setting",
    "draw",
    "fit",
    "replicate",
    "score",
    "separable",
    "separation",
    "training",
]

_TOUCHING = 1e-9  # margin of rows that no plane separates, to rounding


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a fit is trained.

    Attributes:
        name: of the plan; generator: of the synthetic rows of every group, "" for none.
        ridge: of the penalty; weights: of a real row, one per group.
        rows: synthetic rows per group; each: weight of one of them, per group.
        value: of a generator's parameter, where it has one.
        loss: "logistic" or "squared".
    """

    name: str
    ridge: float
    weights: tuple[float, ...]
    generator: str = ""
    rows: tuple[int, ...] = ()
    each: tuple[float, ...] = ()
    value: float = 0.0
    loss: str = "logistic"


@dataclasses.dataclass(frozen=True, eq=False)
class Setting:
    """Groups of normal rows, and the plans that are fitted on the same real rows.

    Attributes:
        name: of the setting; labels, sizes: per group; means: ``[G, d]``.
        roots: of the covariances, each a number, ``[d]`` or ``[d, d]`` (to the left of noise).
        plans: what is fitted.
    """

    name: str
    labels: tuple[int, ...]
    sizes: tuple[int, ...]
    means: np.ndarray
    roots: tuple[np.ndarray, ...]
    plans: tuple[Plan, ...]

    @property
    def dim(self) -> int:
        """Features."""
        return self.means.shape[1]

    def cov(self, g: int) -> np.ndarray:
        """Covariance of a group ``[d, d]``.

        Args:
            g: its index.
        """
        root = self.roots[g]
        return root @ root.T if root.ndim == 2 else np.diag(np.broadcast_to(root**2, self.dim))


def _spread(noise: np.ndarray, root: np.ndarray) -> np.ndarray:
    return noise @ root.T if root.ndim == 2 else noise * root


def _synthetic(rng, setting: Setting, plan: Plan, real: list[np.ndarray], g: int) -> tuple:
    """Synthetic rows of a group, and their labels as +-1."""
    count, x, root = plan.rows[g], real[g], setting.roots[g]
    sign = 2.0 * setting.labels[g] - 1.0
    signs = np.full(count, sign)
    n = len(x)
    noise = np.zeros((0, setting.dim))  # for generators that draw their own
    if plan.generator not in (
        "smote-pairs",
        "smote",
        "duplicate",
        "plugin",
        "plugin-pooled",
        "neighbours",
    ):
        noise = rng.standard_normal((count, setting.dim))
    match plan.generator:
        case "oracle":
            return setting.means[g] + _spread(noise, root), signs
        case "shifted":
            rows = setting.means[g] + _spread(noise, root)
            rows[:, 1] += plan.value
            return rows, signs
        case "scaled":
            return setting.means[g] + np.sqrt(plan.value) * _spread(noise, root), signs
        case "mislabelled":
            flip = rng.random(count) < plan.value
            return setting.means[g] + _spread(noise, root), np.where(flip, -sign, sign)
        case "plugin-known":
            return x.mean(0) + _spread(noise, root), signs
        case "predictive-known":
            return x.mean(0) + np.sqrt(1 + 1 / n) * _spread(noise, root), signs
        case "predictive":
            freedom = n - setting.dim
            draws = np.sqrt((1 + 1 / n) * (n - 1) / freedom) * _sampled(rng, [x], count)
            draws *= np.sqrt(freedom / rng.chisquare(freedom, count))[:, None]
            return x.mean(0) + draws, signs
        case "plugin":
            return x.mean(0) + _sampled(rng, [x], count), signs
        case "plugin-pooled":
            return x.mean(0) + _sampled(rng, real, count), signs
        case "duplicate":
            return x[rng.integers(n, size=count)], signs
        case "smote-pairs":  # every ordered pair once
            i, j = np.nonzero(~np.eye(n, dtype=bool))
            u = rng.random(len(i))[:, None]
            return (1 - u) * x[i] + u * x[j], np.full(len(i), sign)
        case "smote":  # random pairs
            i = rng.integers(n, size=count)
            j = (i + rng.integers(1, n, size=count)) % n
            u = rng.random(count)[:, None]
            return (1 - u) * x[i] + u * x[j], signs
        case "neighbours":  # the nearest seeds, as many as the value says
            square = np.sum((x[:, None] - x[None]) ** 2, axis=2)
            near = np.argsort(square, axis=1)[:, 1 : 1 + int(plan.value)]
            i = rng.integers(n, size=count)
            j = near[i, rng.integers(near.shape[1], size=count)]
            u = rng.random(count)[:, None]
            return (1 - u) * x[i] + u * x[j], signs
    raise ValueError(f"generator: got {plan.generator!r}, expected one that is written out here.")


def _sampled(rng, parts: list[np.ndarray], count: int) -> np.ndarray:
    """Noise of the sample covariance within parts, from mixtures of their deviations."""
    deviations = np.concatenate([x - x.mean(0) for x in parts])
    freedom = len(deviations) - len(parts)
    if count > 2 * len(deviations):  # fewer numbers to draw
        root = np.linalg.cholesky(
            deviations.T @ deviations / freedom + 1e-12 * np.eye(deviations.shape[1])
        )
        return rng.standard_normal((count, len(root))) @ root.T
    return rng.standard_normal((count, len(deviations))) @ deviations / np.sqrt(freedom)


def draw(rng: np.random.Generator, setting: Setting) -> list[np.ndarray]:
    """Real rows of every group.

    Args:
        rng: that they come from.
        setting: whose.
    """
    return [
        mean + _spread(rng.standard_normal((n, setting.dim)), root)
        for n, mean, root in zip(setting.sizes, setting.means, setting.roots, strict=True)
    ]


def training(rng, setting: Setting, plan: Plan, real: list[np.ndarray]) -> tuple:
    """Rows, labels as +-1 and weights that a plan trains on, the real ones first.

    Args:
        rng: draws the synthetic rows.
        setting: the groups.
        plan: weights and synthetic rows.
        real: rows of each group.
    """
    x = list(real)
    sign = [np.full(len(rows), 2.0 * y - 1) for rows, y in zip(real, setting.labels, strict=True)]
    weight = [np.full(len(rows), w) for rows, w in zip(real, plan.weights, strict=True)]
    if plan.generator:
        for g, count in enumerate(plan.rows):
            if count:
                rows, signs = _synthetic(rng, setting, plan, real, g)
                x.append(rows)
                sign.append(signs)
                weight.append(np.full(len(rows), plan.each[g]))
    return tuple(map(np.concatenate, (x, sign, weight)))


def fit(x, sign, weight, ridge: float, loss: str = "logistic", steps: int = 60) -> tuple:
    """Minimiser ``(b, w)`` of the weighted loss plus ``ridge |w|^2 / 2``, and whether it was found.

    Args:
        x, sign, weight: rows ``[n, d]``, labels as +-1 and weights.
        ridge: of the penalty; loss: "logistic" or "squared"; steps: at most.
    """
    table = np.concatenate([np.ones((len(x), 1)), x], axis=1)
    penalty = np.full(table.shape[1], ridge)
    penalty[0] = 0.0
    theta = np.zeros(table.shape[1])
    if loss == "squared":
        matrix = table.T @ (table * weight[:, None]) + np.diag(penalty)
        return np.linalg.solve(matrix, table.T @ (weight * sign)), True

    def value(at):
        return weight @ np.logaddexp(0, -sign * (table @ at)) + penalty @ at**2 / 2

    now = value(theta)
    for _ in range(steps):
        share = expit(-sign * (table @ theta))
        slope = table.T @ (weight * sign * share) - penalty * theta
        bend = table.T @ (table * (weight * share * (1 - share))[:, None])
        bend[np.diag_indices(len(theta))] += penalty
        move = np.linalg.solve(bend, slope)
        gain, size = float(slope @ move), 1.0
        while size > 1e-6 and value(theta + size * move) > now - 1e-4 * size * gain + 1e-12 * now:
            size /= 2
        theta = theta + size * move
        now = value(theta)
        if gain < 1e-12 * (1 + now):
            return theta, True
    return theta, False


_Z, _MASS = np.polynomial.hermite_e.hermegauss(40)
_MASS = _MASS / _MASS.sum()


def score(setting: Setting, theta: np.ndarray, loss: str) -> dict[str, np.ndarray]:
    """Error and risk of every group, the area under the curve, and the rule's squared norm.

    Args:
        setting: whose laws; theta: ``(b, w)`` ``[p]``; loss: of the risk.
    """
    signs = 2.0 * np.array(setting.labels) - 1.0
    mean = theta[0] + setting.means @ theta[1:]
    parts = [root.T @ theta[1:] if root.ndim == 2 else root * theta[1:] for root in setting.roots]
    std = np.array([np.sqrt(part @ part) for part in parts])
    margin = signs[:, None] * (mean[:, None] + std[:, None] * _Z)
    values = np.logaddexp(0, -margin) if loss == "logistic" else (1 - margin) ** 2 / 2
    above = [
        ndtr((mean[i] - mean[j]) / np.hypot(std[i], std[j]))
        for i in range(len(mean))
        for j in range(len(mean))
        if signs[i] > signs[j]
    ]
    return {
        "error": ndtr(-signs * mean / std),
        "risk": values @ _MASS,
        "auroc": np.mean(above),
        "mean": mean,
        "variance": std**2,
        "square": theta[1:] @ theta[1:],
    }


def replicate(setting: Setting, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One replicate: every plan fitted on the same real rows, and scored.

    Args:
        setting: what is drawn; rng: that it comes from.
    """
    real = draw(rng, setting)
    found: dict[str, list] = {}
    fits = []
    for plan in setting.plans:
        x, sign, weight = training(rng, setting, plan, real)
        theta, well = fit(x, sign, weight, plan.ridge, plan.loss)
        scored = score(setting, theta, plan.loss)
        edges = np.cumsum((0, *setting.sizes))
        wrong = sign * (theta[0] + x @ theta[1:]) < 0
        scored["train_error"] = np.array(
            [wrong[a:b].mean() for a, b in zip(edges[:-1], edges[1:], strict=True)]
        )
        fits.append(well)
        for name, value in scored.items():
            found.setdefault(name, []).append(value)
    return {name: np.stack(values) for name, values in found.items()} | {
        "not_converged": np.array(not all(fits))
    }


def separable(x: np.ndarray, sign: np.ndarray) -> bool:
    """Whether a plane has every row on its label's side.

    By Gordan's theorem it has unless some mixture of the rows ``sign (1, x)`` is 0: the least
    distance of a mixture from 0, by non-negative least squares, is 0 to rounding or the margin.

    Args:
        x: rows ``[n, d]``; sign: labels as +-1.
    """
    rows = sign[:, None] * np.concatenate([np.ones((len(x), 1)), x], axis=1)
    rows = rows / np.linalg.norm(rows, axis=1)[:, None]
    table = np.concatenate([rows, np.ones((len(x), 1))], axis=1).T
    _, distance = scipy.optimize.nnls(table, np.eye(len(table))[-1])
    return distance > _TOUCHING


def separation(
    sizes: tuple[int, ...],
    gap: float,
    range_: tuple[int, int],
    rng: np.random.Generator,
    extra: tuple[int, float] = (0, 1.0),
) -> dict[str, np.ndarray]:
    """One replicate of the least number of features that separates two classes at a distance.

    A number of features, drawn uniformly from a range, is tried: the mean of the statistic is the
    expectation of the least number, cut to the range.

    Args:
        sizes: rows per class; gap: between the means; range_: first and last number tried.
        rng: that rows come from; extra: further rows of class 1, and the variance they have.
    """
    low, high = range_
    d = int(rng.integers(low, high))
    n = sum(sizes)
    sign = np.repeat([-1.0, 1.0], sizes)
    x = rng.standard_normal((n, d))
    x[:, 0] += sign * gap / 2
    if extra[0]:
        more = np.sqrt(extra[1]) * rng.standard_normal((extra[0], d))
        more[:, 0] += gap / 2
        x, sign = np.concatenate([x, more]), np.append(sign, np.ones(extra[0]))
    return {"features": np.array(low + (high - low) * (not separable(x, sign)))}
