"""What a plan is for: the learners, fitted on weighted rows and scored by log-odds.

``logistic-l2`` minimises ``sum_i w_i log(1 + exp(-y_i (b + w . x_i))) + (ridge / 2) |w|^2`` on
features in units of their deviations, weights summing to the number of real rows, as theorem H has
it; scikit-learn's C is ``1 / ridge`` with the same weights. ``logistic`` is the same without a
penalty. More than two classes have a softmax fit (`planner.several.fits`). ``forest`` and
``boosting`` are scikit-learn's; their probabilities are kept within 1 %.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from synthetic_oversampling.practice.planner.several.fits import separable_classes, softmax_path
from synthetic_oversampling.theory.population.threads import OneThread

__all__ = ["LEARNERS", "RIDGES", "scores", "separable"]

LEARNERS = ("logistic-l2", "logistic", "forest", "boosting")  # what may be trained
RIDGES = tuple(0.1 * 4.0**k for k in range(7))  # penalties that cross-validation chooses from
_TINY = 1e-6  # a ridge that is none, but keeps a fit to separable rows finite
_STEPS, _SETTLED = 60, 1e-8
_SHRUNK = 0.1  # of the step before, beyond which the Hessian is made anew
_MANY = 4000  # rows, beyond which a Hessian in single precision takes hardly more steps
_CERTAIN = 0.01


@OneThread()
def scores(
    learner: str, ridges, x: np.ndarray, y: np.ndarray, weight: np.ndarray, held, seed: int = 0
) -> np.ndarray:
    """Log-odds of held-out rows ``[len(ridges), n]`` after a weighted fit.

    Of more than two classes, of the classes 1 to C against class 0 ``[len(ridges), n, C]``.

    Args:
        learner: among `LEARNERS`.
        ridges: penalties; one, which is not read, for learners other than "logistic-l2".
        x, y, weight: rows to fit ``[n, d]``, labels 0 to C ``[n]``, weights ``[n]``.
        held: rows to score.
        seed: of learners that draw.

    Example:
        >>> x = np.array([[-1.0], [0.0], [1.0], [2.0]])
        >>> scores("logistic-l2", (1.0,), x, np.array([0, 1, 0, 1]), np.ones(4), x).round(1)
        array([[-0.7, -0.2,  0.2,  0.7]])
    """
    several = y.max() > 1
    if learner.startswith("logistic"):
        path = softmax_path if several else _path
        return path(x, y, weight, held, ridges if learner == "logistic-l2" else (_TINY,))
    if learner == "forest":
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(100, min_samples_leaf=2, random_state=seed)
    else:
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(max_iter=60, min_samples_leaf=5, random_state=seed)
    from threadpoolctl import threadpool_limits

    mass = weight * (len(y) / weight.sum())
    with threadpool_limits(1, user_api="openmp"):  # on a busy machine threads wait for each other
        every = model.fit(x, y, sample_weight=mass).predict_proba(held)
    if several:
        sizes = np.log(np.clip(every, _CERTAIN, 1 - _CERTAIN))
        return (sizes[:, 1:] - sizes[:, :1])[None]
    chance = every[:, 1]
    return logit(np.clip(chance, _CERTAIN, 1 - _CERTAIN))[None]


def _path(x, y, weight, held, ridges) -> np.ndarray:
    """Fits by Newton's method, from the largest ridge to the smallest.

    The rows' part of the Hessian is kept while steps with it shrink fast enough.
    """
    wide = np.column_stack([np.ones(len(x)), x])
    other = np.column_stack([np.ones(len(held)), held])
    theta, score, found = np.zeros(wide.shape[1]), np.zeros(len(x)), {}
    penalty = np.ones(wide.shape[1])
    penalty[0] = 0.0
    rows, coarse = None, wide.astype(np.float32) if len(wide) > _MANY else wide
    for ridge in sorted(ridges, reverse=True):
        before = np.inf
        for _ in range(_STEPS):
            chance = expit(score)
            slope = wide.T @ (weight * (chance - y)) + ridge * penalty * theta
            if rows is None:
                curved = (weight * chance * (1 - chance)).astype(coarse.dtype)
                rows = ((coarse * curved[:, None]).T @ coarse).astype(np.float64)
            bend = rows + np.diag(ridge * penalty + 1e-9 * weight.sum())
            move = -np.linalg.solve(bend, slope)
            along = wide @ move
            change = np.abs(along).max()
            step = min(1.0, 4.0 / max(change, 1e-300))
            theta, score = theta + step * move, score + step * along
            if change < _SETTLED or np.abs(score).max() > 200:
                break
            if change > _SHRUNK * before or step < 1:
                rows = None
            before = change
        found[ridge] = other @ theta
    return np.stack([found[ridge] for ridge in ridges])


def separable(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether a linear rule tells the labels of all rows; beyond two, or one from all others.

    Args:
        x: rows ``[n, d]``; y: labels 0 to C.

    Example:
        >>> separable(np.array([[0.0], [1.0], [2.0]]), np.array([0, 0, 1]))
        True
    """
    if y.max() > 1:
        return separable_classes(x, y)
    score = _path(x, y, np.full(len(y), 1.0), x, (1.0, 1e-3, _TINY))[-1]
    return bool(np.all(np.where(y > 0, score, -score) > 0))
