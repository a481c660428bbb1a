"""Are a classifier's probabilities right, before and after the correction of `recalibration`?

Predictions are out of fold: every row is predicted by a fit that never saw it, resampling included.
Three fits are compared: on the data as they are, on resampled data, and the latter corrected.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from synthetic_oversampling.figures import style
from synthetic_oversampling.practice import extra
from synthetic_oversampling.practice.recalibration import RecalibratedClassifier, reliability
from synthetic_oversampling.theory.wording import counted

try:
    import pandas as pd
    from sklearn.base import clone
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["FITS", "Calibration", "check_calibration", "draw", "encoder", "table"]

FITS = ("not resampled", "resampled", "resampled, corrected")  # the fits that are compared
_FLOOR = 1e-3  # of probabilities in logarithms
_BINS = 8
_Z = 1.959963984540054  # of 95 % intervals


class Calibration(NamedTuple):
    """Out-of-fold probabilities.

    Attributes:
        classes: their names ``[K]``; label: place of every row's ``[n]``.
        every: probability of every class, by fit, see `FITS` ``[3, n, K]``.
    """

    classes: tuple[str, ...]
    label: np.ndarray
    every: np.ndarray

    @property
    def rare(self) -> str:
        """The rarest class."""
        return self.classes[self._rarest]

    @property
    def event(self) -> np.ndarray:
        """Whether a row is of the rarest class ``[n]``."""
        return (self.label == self._rarest).astype(float)

    @property
    def probability(self) -> np.ndarray:
        """Of the rarest class, by fit ``[3, n]``."""
        return self.every[:, :, self._rarest]

    @property
    def _rarest(self) -> int:
        return int(np.bincount(self.label, minlength=len(self.classes)).argmin())

    def by_class(self) -> dict[str, dict[str, tuple[float, float]]]:
        """Class -> fit -> mean probability and calibration error."""
        return {
            one: {
                name: (
                    float(p[:, k].mean()),
                    reliability(self.label == k, p[:, k], bins=_BINS).error,
                )
                for name, p in zip(FITS, self.every, strict=True)
            }
            for k, one in enumerate(self.classes)
        }

    def scores(self) -> dict[str, dict[str, float]]:
        """Fit -> mean probability, calibration error, Brier score and cross-entropy."""
        return {name: self._scores(p) for name, p in zip(FITS, self.probability, strict=True)}

    def _scores(self, p: np.ndarray) -> dict[str, float]:
        chosen = np.where(self.event, p, 1 - p)
        return {
            "mean": float(p.mean()),
            "calibration": reliability(self.event, p, bins=_BINS).error,
            "brier": float(((p - self.event) ** 2).mean()),
            "cross_entropy": float(-np.log(np.maximum(chosen, _FLOOR)).mean()),
        }


def encoder():
    """Numbers in units of their spread, categories as indicators."""
    return make_column_transformer(
        (StandardScaler(), _numeric),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), _categorical),
    )


def _numeric(table: pd.DataFrame) -> np.ndarray:
    """Which columns are numbers; a mask, since many names take a search each."""
    return np.array([pd.api.types.is_any_real_numeric_dtype(kind) for kind in table.dtypes])


def _categorical(table: pd.DataFrame) -> np.ndarray:
    return ~_numeric(table)


def check_calibration(
    features: pd.DataFrame,
    labels: pd.Series,
    sampler,
    classifier=None,
    *,
    groups=None,
    folds: int = 5,
    seed: int = 0,
) -> Calibration:
    """Predict every row out of fold by the three fits.

    Args:
        features, labels: a table, numbers and categories.
        sampler: resamples the table.
        classifier: with ``predict_proba``; logistic regression if None.
        groups: an attribute of every row, for the sampler.
        folds: of cross-validation, stratified by label.
        seed: of the folds.

    Raises:
        ValueError: a class with fewer rows than folds, and what the sampler refuses.

    Example:
        >>> from synthetic_oversampling.practice.resampler import SyntheticOverSampler
        >>> rng = np.random.default_rng(0)
        >>> y = pd.Series(np.repeat(["no", "yes"], [180, 20]))
        >>> x = pd.DataFrame({"a": rng.normal(size=200) + 1.5 * (y == "yes")})
        >>> found = check_calibration(x, y, SyntheticOverSampler(random_state=0)).scores()
        >>> [round(found[name]["mean"], 2) for name in FITS]
        [0.1, 0.35, 0.09]
    """
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2 or folds < 2 or counts.min() < folds:
        raise ValueError(
            f"folds: got {folds} for {counted(len(classes), 'class')}, the rarest of "
            f"{counted(counts.min(), 'row')}; expected at least two classes, two folds, and no "
            "more folds than rows of a class."
        )
    estimator = LogisticRegression(max_iter=5000) if classifier is None else classifier
    every = np.empty((3, len(labels), len(classes)))
    split = StratifiedKFold(folds, shuffle=True, random_state=seed).split(features, labels)
    for train, test in split:
        x, y, asked = features.iloc[train], labels.iloc[train], features.iloc[test]
        raw = make_pipeline(encoder(), clone(estimator)).fit(x, y)
        model = RecalibratedClassifier(make_pipeline(encoder(), clone(estimator)), sampler=sampler)
        sides = {} if groups is None else {"groups": np.asarray(groups)[train]}
        model.fit(x, y, **sides)
        for row, fitted in enumerate((raw, model.estimator_, model)):
            every[row, test] = fitted.predict_proba(asked)
    return Calibration(tuple(map(str, classes)), np.searchsorted(classes, labels), every)


def table(found: Calibration) -> str:
    """The scores as text; of more than two classes, all of them below.

    Args:
        found: scores out of fold.
    """
    share = (
        f"share of {found.rare!r}: {found.event.mean():.4f} of {counted(len(found.event), 'row')}"
    )
    head = f"{'fit':22}{'mean':>9}{'calibration':>13}{'Brier':>9}{'cross-entropy':>15}"
    lines = [
        f"{name:22}{score['mean']:9.4f}{score['calibration']:13.4f}{score['brier']:9.4f}"
        f"{score['cross_entropy']:15.4f}"
        for name, score in found.scores().items()
    ]
    if len(found.classes) > 2:
        lines += ["", "mean probability (calibration error) of every class:"]
        lines.append(f"{'class':14}{'share':>8}" + "".join(f"{name:>22}" for name in FITS))
        for k, (one, scores) in enumerate(found.by_class().items()):
            cells = (f"{mean:.4f} ({error:.4f})" for mean, error in scores.values())
            part = float(np.mean(found.label == k))
            lines.append(f"{one[:13]:14}{part:8.4f}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join([share, head, *lines])


@style.styled
def draw(found: Calibration) -> Figure:
    """Reliability with 95 % intervals (Wilson's), and where the predictions lie.

    Args:
        found: scores out of fold.
    """
    figure, (left, right) = style.new_figure(1, 2, height=3.0)
    style.guide(left, x=[0, 1], y=[0, 1])
    edges = np.linspace(0, 1, 11)
    for series, (name, p) in enumerate(zip(FITS, found.probability, strict=True)):
        curve = reliability(found.event, p, bins=_BINS)
        middle, half = _wilson(curve.observed, curve.weight)
        look = style.SERIES[series]
        left.errorbar(
            curve.predicted,
            curve.observed,
            yerr=np.clip([curve.observed - middle + half, middle + half - curve.observed], 0, None),
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            markerfacecolor="white",
            elinewidth=0.7,
            label=name,
        )
        heights = np.histogram(p, edges)[0] / len(p)
        right.stairs(heights, edges, color=look.colour, linestyle=look.line, label=name)
    left.set_xlabel(f"predicted probability of {found.rare}")
    left.set_ylabel("observed frequency")
    left.set_title("reliability out of fold, 95 % intervals")
    left.legend(loc="upper left")
    style.guide(right, x=found.event.mean())
    right.set_yscale("log")
    right.set_xlabel(f"predicted probability of {found.rare}")
    right.set_ylabel("share of rows")
    right.set_title("predictions; grey: share of the class")
    style.panel_letters((left, right))
    return figure


def _wilson(share: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle and half-width of Wilson's interval for a share."""
    room = 1 + _Z**2 / count
    middle = (share + _Z**2 / (2 * count)) / room
    half = _Z * np.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2)) / room
    return middle, half
