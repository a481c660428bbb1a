"""One table judged: what theory, validation and the truth say of every design."""

from __future__ import annotations

import numpy as np

from synthetic_oversampling.practice.planner import SEED
from synthetic_oversampling.practice.planner.designs import designs_of
from synthetic_oversampling.practice.planner.evidence import cross_validate, fit_and_score
from synthetic_oversampling.practice.planner.learners import RIDGES, balanced_loss
from synthetic_oversampling.practice.planner.plan import USUAL
from synthetic_oversampling.practice.planner.proposal import propose
from synthetic_oversampling.practice.planner.sources import drawing
from synthetic_oversampling.practice.planner_study.real_tables import Trial

__all__ = ["judged"]


def judged(
    trial: Trial, *, learner: str = "logistic-l2", repeats: int = 2, seed: int = SEED
) -> dict:
    """Every design's predicted, validated and true gain over class weighting.

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
    proposal = propose(
        (x - x.mean(axis=0)) / x.std(axis=0),
        y,
        y,
        designs,
        None if learner == "logistic-l2" else 0.0,
    )
    found = cross_validate(
        x, y, y, designs, sources, learner, ridges, folds=5, repeats=repeats, seed=seed
    )
    true = []
    for design, ridge in zip(designs, found.ridge, strict=True):
        pools = {}
        if design.source:
            drawn = sources[design.source](np.arange(len(x)), np.array(design.counts), seed)
            pools[design.source] = np.split(drawn, np.cumsum(design.counts)[:-1])
        score = fit_and_score(design, pools, (x, y, y), trial.judge, learner, (ridge,), seed)
        true.append(float(np.ravel(balanced_loss(score, trial.truth, trial.truth))[0]))
    return {
        "sizes": sizes.tolist(),
        "dim": x.shape[1],
        "fits": found.fits,
        "designs": [(one.name, one.source, one.weight) for one in designs],
        "shares": [max(one.shares) for one in designs],
        "theory": proposal.gain.tolist(),
        "excess": proposal.excess,
        "distance": proposal.distance,
        "gain": found.gain.tolist(),
        "error": found.error.tolist(),
        "ridge": found.ridge.tolist(),
        "validated": found.loss.tolist(),
        "loss": true,
    }
