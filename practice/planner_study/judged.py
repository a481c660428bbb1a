"""One table judged: what theory, validation and the truth say of every design."""

from __future__ import annotations

import numpy as np

from synthetic_oversampling.practice.planner import SEED
from synthetic_oversampling.practice.planner.designs import designs_of
from synthetic_oversampling.practice.planner.evidence import (
    cross_validate,
    fit_and_score,
    threshold_of,
)
from synthetic_oversampling.practice.planner.learners import RIDGES
from synthetic_oversampling.practice.planner.objectives import OBJECTIVES, rows_of
from synthetic_oversampling.practice.planner.plan import USUAL
from synthetic_oversampling.practice.planner.proposal import propose
from synthetic_oversampling.practice.planner.several.proposal import propose_several
from synthetic_oversampling.practice.planner.sources import drawing
from synthetic_oversampling.practice.planner_study.real_tables import Trial

__all__ = ["judged"]


def judged(
    trial: Trial, *, learner: str = "logistic-l2", repeats: int = 2, seed: int = SEED
) -> dict:
    """Every design's predicted and validated gain over class weighting, and its true loss.

    All by each of `planner.objectives.OBJECTIVES` that knows as many classes, at the table's own
    share of label 1.

    Args:
        trial: rows to plan for, and rows to judge on.
        learner: that is trained; repeats: of 5-fold cross-validation.
        seed: of folds and draws.
    """
    x, y = trial.x, trial.label
    sizes = np.bincount(y)
    designs = designs_of(sizes, USUAL)
    sources = {name: drawing(name, x, y) for name in USUAL}
    ridges = RIDGES if learner == "logistic-l2" else (0.0,)
    several = len(sizes) > 2
    names = [name for name, one in OBJECTIVES.items() if one.several is not None or not several]
    share, scaled = float(np.mean(y == 1)), (x - x.mean(axis=0)) / x.std(axis=0)
    if several:
        proposals = tuple(propose_several(scaled, y, y, designs, objective=name) for name in names)
    else:
        ridge = None if learner == "logistic-l2" else 0.0
        proposals = propose(scaled, y, y, designs, ridge, objectives=names, prevalence=share)
    every = cross_validate(
        x,
        y,
        y,
        designs,
        sources,
        learner,
        ridges,
        objectives=names,
        prevalence=share,
        folds=5,
        repeats=repeats,
        seed=seed,
    )
    fresh = rows_of(trial.truth, trial.truth, share)
    pools = []
    for design in designs:
        drawn = {}
        if design.source:
            rows = sources[design.source](np.arange(len(x)), np.array(design.counts), seed)
            drawn[design.source] = np.split(rows, np.cumsum(design.counts)[:-1])
        pools.append(drawn)
    metrics = {}
    for name, proposal, found in zip(names, proposals, every, strict=True):
        true = []
        for design, drawn, ridge in zip(designs, pools, found.ridge, strict=True):
            score = fit_and_score(design, drawn, (x, y, y), trial.judge, learner, (ridge,), seed)
            threshold = threshold_of(design, np.arange(len(sizes)), sizes)
            true.append(float(OBJECTIVES[name].loss(score, threshold, fresh)[0]))
        metrics[name] = {
            "theory": proposal.gain.tolist(),
            "excess": proposal.excess,
            "gain": found.gain.tolist(),
            "error": found.error.tolist(),
            "ridge": found.ridge.tolist(),
            "validated": found.loss.tolist(),
            "loss": true,
        }
    return {
        "sizes": sizes.tolist(),
        "dim": x.shape[1],
        "fits": every[0].fits,
        "designs": [(one.name, one.source, one.weight) for one in designs],
        "shares": [max(one.shares) for one in designs],
        "distance": proposals[0].distance,
        "metrics": metrics,
    }
