"""A simulated table of nine features that interact, of the kind that papers compare methods on."""

from __future__ import annotations

import numpy as np

__all__ = ["craft"]

# of the rule below: .5 = E P(.5 e + .4 e' + (1.1 + .4 X2) X1 > median - 1.5 + .36 X2 given X2)
_MEDIAN = 1.587283149145


def craft(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``[count, 9]`` to one decimal, and labels: half of them 1.

    With e, e', ... independent normal noise: ``X1, X2, X6, X7`` are standard normal,
    ``X3 = .5 X1 + .3 X2 + .5 e``, ``X4 = X1 e'``, ``X5 = e'' + .5 X3``, ``X8 = X2 X3`` and
    ``X9 = X1 X2``; the label is 1 where ``1.5 + .7 X1 - .6 X2 + .8 X3 + .4 X9 + .5 e'''`` is above
    its median.

    Args:
        rng: of the rows; count: of them.

    Example:
        >>> x, label = craft(np.random.default_rng(0), 4000)
        >>> x.shape, x[0, :3].tolist(), round(float(label.mean()), 1)
        ((4000, 9), [0.1, 0.9, 0.7], 0.5)
    """
    x1, x2, x6, x7, a, b, c, e = rng.normal(size=(8, count))
    x3 = 0.5 * x1 + 0.3 * x2 + 0.5 * a
    x = np.stack([x1, x2, x3, x1 * b, c + 0.5 * x3, x6, x7, x2 * x3, x1 * x2], axis=1)
    rule = 1.5 + 0.7 * x1 - 0.6 * x2 + 0.8 * x3 + 0.4 * x1 * x2 + 0.5 * e
    return np.round(x, 1), rule > _MEDIAN
