"""What a table says of designs: repeated stratified cross-validation, paired and leak-free.

In every fold the sources are fitted on the rows that are not held out, features are put in units of
those rows, and all designs are fitted on the same rows and judged on the same held-out real rows by
a loss of `planner.objectives`. With ``J`` folds in all, of which each holds out the share
``1 / K``, the mean difference has the variance of Nadeau and Bengio (2003),

    (1 / J + 1 / (K - 1)) s^2,    s^2 the variance of the J differences,

since the folds share their rows. Class weighting has the ridge with the least mean loss, and so
has every other design unless another one is better for it by more than its standard error: fits
with different ridges differ by more noise than fits to different rows. Given rows that were made
without the table's are so many more independent rows: there the ridge to begin from is smaller, by
the factor by which the sum of the squared weights of all rows is.

Of a group with more than 20 000 rows a random part of so many is used, each row with the weight of
those it stands for, in fits, in their units and in moments that generators pool over groups;
generators draw as many rows of a group at most. Both add noise of the order of one row's in 20 000,
which is little beside that of the groups for whose sake a plan is made. Given rows are not drawn:
as many are used as their design has.

Rows that were given and were made from the table's rows have seen the held-out ones. How much that
flatters them is taken to be as much as it flatters a normal law fitted on the whole table against
one fitted within folds, and is subtracted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logit

from synthetic_oversampling.practice.planner.designs import GIVEN, Design
from synthetic_oversampling.practice.planner.learners import scores
from synthetic_oversampling.practice.planner.objectives import OBJECTIVES, rows_of
from synthetic_oversampling.practice.planner.sources import Source, centre_and_spread, drawing

__all__ = [
    "Evidence",
    "cross_validate",
    "fit_and_score",
    "folds_of",
    "held_out_scores",
    "representatives",
]

_MOST = 20_000  # rows of a group that are used


class Evidence(NamedTuple):
    """What cross-validation found, in the units of an objective.

    Attributes:
        gain: mean gain of each design over the second, class weighting ``[D]``.
        error: its standard error ``[D]``.
        ridge: of each design ``[D]``; 0 for learners without one.
        loss: mean held-out loss of each design ``[D]``.
        fits: how many were made.
    """

    gain: np.ndarray
    error: np.ndarray
    ridge: np.ndarray
    loss: np.ndarray
    fits: int


def folds_of(group: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """A fold for every row, each with its part of every group ``[n]``.

    Args:
        group: of each row ``[n]``.
        folds: their number.
        rng: that deals rows out.

    Example:
        >>> fold = folds_of(np.array([0] * 6 + [1] * 3), 3, np.random.default_rng(0))
        >>> np.bincount(fold).tolist(), np.bincount(fold[6:]).tolist()
        ([3, 3, 3], [1, 1, 1])
    """
    fold = np.empty(len(group), int)
    for g in np.unique(group):
        order = rng.permutation(np.flatnonzero(group == g))
        fold[order] = np.arange(len(order)) % folds
    return fold


def representatives(group: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the rows to use, in order, and how many each of a group stands for ``[G]``.

    Args:
        group: of each row ``[n]``; seed: of the choice.

    Example:
        >>> rows, times = representatives(np.repeat([0, 1], [30_000, 10]), seed=0)
        >>> len(rows), times.tolist()
        (20010, [1.5, 1.0])
    """
    sizes = np.bincount(group)
    if sizes.max() <= _MOST:
        return np.arange(len(group)), np.ones(len(sizes))
    rng = np.random.default_rng(seed)
    parts = [rng.permutation(np.flatnonzero(group == g))[:_MOST] for g in range(len(sizes))]
    return np.sort(np.concatenate(parts)), sizes / np.minimum(sizes, _MOST)


def _splits(group, folds: int, repeats: int, seed: int):
    """Number, training rows and held-out rows of every fold of every repeat."""
    for place in range(repeats * folds):
        repeat, k = divmod(place, folds)
        fold = folds_of(group, folds, np.random.default_rng([seed, repeat]))
        yield place, np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def fit_and_score(
    design: Design,
    pools: Mapping[str, list[np.ndarray]],
    rows,
    held,
    learner,
    ridges,
    seed,
    times=None,
) -> np.ndarray:
    """Log-odds of held-out rows after the fit of a design, as `learners.scores` has them.

    Args:
        design: it.
        pools: for each source, rows to take from of each group.
        rows: features, labels and groups of the real rows.
        held: features to score.
        learner, ridges, seed: as for `learners.scores`.
        times: how many rows a row of each group stands for ``[G]``; one when omitted.
    """
    x, y, group = rows
    stands = _times(times, group)
    sizes = np.bincount(group) * stands
    real, made = design.weights(sizes)
    parts, labels, weights = [x], [y], [(real * sizes / np.bincount(group))[group]]
    label_of = _labels(y, group)
    for g, count in enumerate(design.counts):
        if count:
            chosen = pools[design.source][g][:count]
            parts.append(chosen)
            labels.append(np.full(len(chosen), label_of[g]))
            weights.append(np.full(len(chosen), made[g] * count / len(chosen)))
    both = np.concatenate(parts)
    centre, unit = centre_and_spread(x, stands[group])
    return scores(
        learner,
        ridges,
        (both - centre) / unit,
        np.concatenate(labels),
        np.concatenate(weights) * sizes.sum(),
        (held - centre) / unit,
        seed,
    )


def cross_validate(
    x: np.ndarray,
    y: np.ndarray,
    group: np.ndarray,
    designs: Sequence[Design],
    sources: Mapping[str, Source],
    learner: str,
    ridges: Sequence[float],
    *,
    objectives: Sequence[str],
    prevalence: float,
    folds: int,
    repeats: int,
    seed: int,
    flattered: str = "",
    fresh: str = "",
    times: np.ndarray | None = None,
    told: Callable[[int], None] | None = None,
) -> tuple[Evidence, ...]:
    """Judge designs on held-out rows, by each of some objectives.

    Args:
        x, y, group: features ``[n, d]``, labels 0 to K - 1 and groups of the table.
        designs: the second is class weighting.
        sources: by name.
        learner, ridges: what is fitted, and the penalties to choose from.
        objectives: names among `planner.objectives.OBJECTIVES`, all judged on the same fits.
        prevalence: share of label 1 where the rule is to be used; of two classes.
        folds, repeats: ``K``, and how often the table is cut into them.
        seed: of folds and draws.
        flattered: name of a source whose rows have seen the held-out ones.
        fresh: name of a source whose rows were made without the table's.
        times: how many rows a row of each group stands for ``[G]``; one when omitted.
        told: called after every fold with their number so far.
    """
    seen = ("seen", "unseen") if flattered else ()
    stand = [
        design._replace(source=one)
        for one in seen
        for design in designs
        if design.source == flattered
    ]
    every, stands = [*designs, *stand], _times(times, group)
    losses = np.empty((len(objectives), len(every), len(ridges), repeats * folds))
    for place, train, held in _splits(group, folds, repeats, seed):
        sizes = np.bincount(group[train]) * stands
        shares = [design.among(sizes) for design in every]
        pools = _pools(shares, sources, seen, x, group, train, seed + place, times)
        rows, judged = (x[train], y[train], group[train]), rows_of(y[held], group[held], prevalence)
        label_of = _labels(y, group)
        for number, design in enumerate(shares):
            score = fit_and_score(
                design, pools, rows, x[held], learner, ridges, seed + place, stands
            )
            threshold = threshold_of(design, label_of, sizes)
            for kind, name in enumerate(objectives):
                losses[kind, number, :, place] = OBJECTIVES[name].loss(score, threshold, judged)
        if told is not None:
            told(place + 1)
    noise = np.array([design.squares(np.bincount(group) * stands) for design in every])
    given = [bool(fresh) and design.source == fresh for design in every]
    factor = np.where(given, noise / noise[1], 1.0)
    return tuple(
        _evidence(each, designs, stand, flattered, ridges, folds, factor) for each in losses
    )


def _times(times: np.ndarray | None, group: np.ndarray) -> np.ndarray:
    return np.ones(int(group.max()) + 1) if times is None else times


def _labels(y: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Of every group ``[G]``."""
    found = np.zeros(int(group.max()) + 1, int)
    found[group] = y
    return found


def threshold_of(design: Design, label_of: np.ndarray, sizes) -> float | np.ndarray:
    """Log-odds in the weights trained on: of label 1, or of every class against class 0.

    Args:
        design: that is trained; label_of: every group's label ``[G]``; sizes: rows of the groups.
    """
    count = int(label_of.max()) + 1
    if count == 2:
        return float(logit(design.share_of(label_of > 0, sizes)))
    shares = np.log([design.share_of(label_of == kind, sizes) for kind in range(count)])
    return shares[1:] - shares[0]


def _evidence(losses, designs, stand, flattered: str, ridges, folds: int, factor) -> Evidence:
    """Of the losses of all designs ``[D + S, R, J]``, those in place of flattered ones last.

    ``factor [D + S]`` is of the ridge to begin from, over that of class weighting.
    """
    share = 1 / losses.shape[-1] + 1 / (folds - 1)
    best = losses.mean(axis=2).argmin(axis=1)
    wanted = np.maximum(ridges, 1e-300) / np.maximum(ridges[best[1]] * factor[:, None], 1e-300)
    first = np.abs(np.log(wanted)).argmin(axis=1)
    usual = np.take_along_axis(losses, first[:, None, None], axis=1)[:, 0]
    kept = np.take_along_axis(losses, best[:, None, None], axis=1)[:, 0]
    better = usual - kept
    stay = better.mean(axis=1) < np.sqrt(share * better.var(axis=1, ddof=1))
    best, kept = np.where(stay, first, best), np.where(stay[:, None], usual, kept)
    gain = kept[1] - kept
    if stand:
        half, which = len(stand) // 2, [k for k, d in enumerate(designs) if d.source == flattered]
        gain[which] -= kept[-half:] - kept[-2 * half : -half]
    gain = gain[: len(designs)]
    # rules that rank alike in every fold differ by less than the least difference that shows
    shown = np.abs(gain[gain != 0.0])
    step = shown.min() / gain.shape[1] if len(shown) else 0.0
    ridge = np.asarray(ridges, float)[best[: len(designs)]]
    return Evidence(
        gain=gain.mean(axis=1),
        error=np.maximum(np.sqrt(share * gain.var(axis=1, ddof=1)), step),
        ridge=ridge,
        loss=kept[: len(designs)].mean(axis=1),
        fits=losses.size,
    )


def held_out_scores(
    x: np.ndarray,
    y: np.ndarray,
    group: np.ndarray,
    design: Design,
    sources: Mapping[str, Source],
    learner: str,
    ridge: float,
    *,
    folds: int,
    repeats: int,
    seed: int,
    times: np.ndarray | None = None,
) -> np.ndarray:
    """Log-odds of every row from fits that had not seen it ``[repeats, n]``, or ``[.., n, C]``.

    The folds and draws are those of `cross_validate`.

    Args:
        x, y, group, sources, learner: as for `cross_validate`.
        design, ridge: what is fitted.
        folds, repeats, seed, times: as for `cross_validate`.
    """
    several = (int(y.max()),) if y.max() > 1 else ()
    found = np.empty((repeats, len(x), *several))
    for place, train, held in _splits(group, folds, repeats, seed):
        shared = design.among(np.bincount(group[train]) * _times(times, group))
        pools = _pools([shared], sources, (), x, group, train, seed + place, times)
        rows = (x[train], y[train], group[train])
        found[place // folds, held] = fit_and_score(
            shared, pools, rows, x[held], learner, (ridge,), seed + place, times
        )[0]
    return found


def _pools(designs, sources, seen, x, group, train, seed, times):
    """Rows of every source, as many as some design wants, by group."""
    found = {}
    for name in {design.source for design in designs} - {""}:
        most = np.max([design.counts for design in designs if design.source == name], axis=0)
        wanted = most if name == GIVEN else np.minimum(most, _MOST)
        if name in seen:
            rows = np.arange(len(x)) if name == "seen" else train
            law = drawing("plugin-pooled", x, group, times)
            drawn = law(rows, wanted, seed)
        else:
            drawn = sources[name](train, wanted, seed)
        found[name] = np.split(drawn, np.cumsum(wanted)[:-1])
    return found
