"""Rows from elsewhere with a known bias: does the planner use those that help?

A giver has rows of its own for a simulated table: 1, 3 or 10 for each of the table's, 2000 of a
class at most, drawn from the table's law without a look at its rows, and moved by 0, a quarter, a
half or a whole of each feature's deviation along a random direction, the two classes in opposite
ways, so that what tells them apart is off by twice the bias. What all of them are worth is the gain
of a fit to all rows, each of a class with the same weight, over class weighting, each at the ridge
that is best for it in truth. Beside it stands what the planner's recommendation realises over class
weighting at the ridge that cross-validation chose, and what class weighting alone would gain by its
best ridge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from synthetic_oversampling.practice.planner.choices import Choice
from synthetic_oversampling.practice.planner.designs import GIVEN, Design
from synthetic_oversampling.practice.planner.evidence import fit_and_score
from synthetic_oversampling.practice.planner.learners import RIDGES
from synthetic_oversampling.practice.planner.objectives import CROSS_ENTROPY, OBJECTIVES, rows_of
from synthetic_oversampling.practice.planner.plan import plan_table
from synthetic_oversampling.practice.planner_study.kept import kept
from synthetic_oversampling.practice.planner_study.simulated import KINDS, simulated

__all__ = ["BIASES", "TIMES", "judged_giver", "markdown", "recorded"]

# rows given for one of the table's
TIMES = (1, 3, 10)
# of a giver, in standard deviations
BIASES = (0.0, 0.25, 0.5, 1.0)
_POOL = 2000  # rows of each class that givers draw from; the others are what is judged on


def judged_giver(place: int, seed: int = 1) -> dict:
    """What a giver's rows are worth, and what the planner makes of them, in nats.

    Args:
        place: number of the giver and its table; seed: of all of them.

    Example:
        >>> found = judged_giver(3)
        >>> found["times"], found["bias"], found["all"] > 0
        (1, 0.0, True)
    """
    trial, rng = simulated(place, seed), np.random.default_rng([seed, place, 7])
    x, label = trial.x, trial.label
    sizes, centre, unit = np.bincount(label), x.mean(axis=0), x.std(axis=0) + 1e-12
    fresh = [np.flatnonzero(trial.truth == side) for side in (0, 1)]
    rest = np.concatenate([rows[_POOL:] for rows in fresh])
    times, bias = TIMES[place % len(TIMES)], BIASES[place // len(KINDS) % len(BIASES)]
    counts = np.minimum(times * sizes, _POOL)
    step = rng.normal(size=x.shape[1])
    step = step * (bias / float(np.linalg.norm(step)))
    given = [
        trial.judge[rows[:count]] + sign * step * unit
        for rows, count, sign in zip(fresh, counts, (-1.0, 1.0), strict=True)
    ]
    plan = plan_table(
        x, label, synthetic=(np.concatenate(given), np.repeat([0, 1], counts)), fitted=False
    )

    def scaled(rows: np.ndarray) -> np.ndarray:
        return (rows - centre) / unit

    pools, held = {GIVEN: [scaled(rows) for rows in given]}, scaled(trial.judge[rest])
    truth = rows_of(trial.truth[rest], trial.truth[rest], 0.5)

    def least(design: Design, ridges: Sequence[float]) -> float:
        """True loss of a design at the best of some ridges."""
        rows = scaled(x), label, label
        score = fit_and_score(design, pools, rows, held, plan.learner, ridges, plan.seed)
        return float(OBJECTIVES[CROSS_ENTROPY].loss(score, 0.0, truth).min())

    weighting = plan.choices[1]
    base, weighted = (least(weighting.design, some) for some in ((weighting.ridge,), RIDGES))

    def realised(choice: Choice) -> float:
        return base - least(choice.design, (choice.ridge,))

    shares = tuple((counts / (counts + sizes)).tolist())
    every = Design("all", GIVEN, tuple(counts.tolist()), shares)
    return {
        "kind": KINDS[place % len(KINDS)],
        "times": times,
        "bias": bias,
        "all": weighted - least(every, RIDGES),
        "ridge": base - weighted,
        "recommended": realised(plan.recommended),
        "best": max(map(realised, plan.choices[1:])),
        "used": float(max(plan.recommended.shares)),
    }


def recorded(
    count: int,
    folder: Path,
    *,
    seed: int = 1,
    told: Callable[[int, int], None] | None = None,
) -> list[dict]:
    """Records of givers, read where they are there and made where not.

    Args:
        count: of givers; folder: one artifact for each is kept there.
        seed: of all of them; told: called with the givers done and their number.
    """
    found = []
    for place in range(count):
        digest = hashlib.sha256(f"{place} {seed}".encode()).hexdigest()[:12]
        record = kept(
            folder / f"giver-{digest}.json",
            partial(judged_giver, place, seed),
            kind="giver-record",
            configuration={"giver": place, "worth": "at the best ridge of each"},
            seed=seed,
        )
        found += [record] if record else []
        if told is not None:
            told(place + 1, count)
    return found


def markdown(records: Sequence[dict]) -> str:
    """What givers' rows are worth and what is realised of it, by bias, as a table.

    Args:
        records: from `recorded`.
    """
    lines = [
        f"### {len(records)} givers, balanced cross-entropy",
        "",
        "| bias | givers | all rows (10⁻³ nats) | best ridge | recommended | best design | worst "
        "| rows used |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for bias in BIASES:
        some = [record for record in records if record["bias"] == bias]
        if some:
            lines.append(f"| {bias:g} {_row(some)}")
    for words, sign in (("all rows help", 1), ("all rows harm", -1)):
        some = [record for record in records if sign * record["all"] > 0]
        if some:
            lines.append(f"| {words} {_row(some)}")
    lines.append(f"| every giver {_row(records)}")
    helped = [record for record in records if record["all"] > 0]
    worth = sum(record["all"] for record in helped)
    if helped:
        there, whole = (
            sum(record["recommended"] for record in some) / worth for some in (helped, records)
        )
        lines += [
            "",
            f"Where all rows help, recommendations gain {there:.0%} of what they are worth,",
        ]
        lines.append(f"over every giver {whole:.0%}; a better ridge is a part of that.")
    return "\n".join([*lines, ""])


def _row(records: Sequence[dict]) -> str:
    values = {
        name: np.array([record[name] for record in records])
        for name in ("all", "ridge", "recommended", "best", "used")
    }
    few = len(records) < 2
    means = [
        f"{1e3 * value.mean():+.1f} ± "
        + ("?" if few else f"{2e3 * value.std(ddof=1) / len(value) ** 0.5:.1f}")
        for value in (values[name] for name in ("all", "ridge", "recommended", "best"))
    ]
    worst, used = 1e3 * values["recommended"].min(), np.mean(values["used"] > 0)
    return f"| {len(records)} | {' | '.join(means)} | {worst:+.1f} | {used:.0%} |"
