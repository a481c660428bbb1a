"""Theorem H's checks: fits with as many features as rows, separability, and the limits.

Every mean is of replicates of `simulate.experiments.proportional_trials`, which shares no code with
theory. The spread of a replicate was measured once (``proportional_spreads.json``); the remainder
allowed for is of order 1/d, with constants from nested sizes d, 2d, 4d.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.experiments.independent import replicated
from synthetic_oversampling.simulate.experiments.proportional_settings import (
    FULL_ONLY,
    SETTINGS,
    prediction,
)
from synthetic_oversampling.simulate.experiments.proportional_trials import replicate, separation
from synthetic_oversampling.theory.generators.table import Duplicate, GaussianPlugin, Oracle, Smote
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC, SQUARED
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.proportional.clusters import Cluster, Spectra
from synthetic_oversampling.theory.proportional.equations import Equations, added
from synthetic_oversampling.theory.proportional.parts import Drawn, Rows
from synthetic_oversampling.theory.proportional.predict import Proportional, predict_proportional
from synthetic_oversampling.theory.proportional.rows import (
    Potential,
    grid,
    settle,
    smeared,
    unit_averages,
)
from synthetic_oversampling.theory.proportional.threshold import separability_threshold
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = [
    "LIMITS",
    "SEPARATIONS",
    "THRESHOLDS",
    "fitted_checks",
    "limit_checks",
    "simulation_of",
    "threshold_checks",
]

# names of the suites on theorem H4 and on theorem H3
LIMITS, THRESHOLDS = "proportional-limits", "separability"
_SPREADS = json.loads(Path(__file__).with_name("proportional_spreads.json").read_text())
# relative remainder at 40 features, and the declared skewness of a replicate
_REMAINDERS = {
    "error": (0.03, 1.0),
    "risk": (0.05, 1.2),
    "auroc": (0.01, 1.2),
    "square": (0.09, 1.0),
    "train_error": (0.10, 1.2),
}
_EFFECTS = {"quick": 0.31, "full": 0.155}  # of a replicate's spread, beyond the remainder
_WORDS = {
    "error": "error rate of a group",
    "risk": "risk of a group",
    "auroc": "area under the curve",
    "square": "squared norm of the weights",
    "train_error": "training error of a group",
}
_LEAST_TRAINING = 0.045  # spread below which training errors are rare events


def _value(proportional: Proportional, statistic: str) -> np.ndarray:
    return np.atleast_1d(
        proportional.norm**2 if statistic == "square" else getattr(proportional, statistic)
    )


def fitted_checks(name: str, profile: str) -> Iterator[Check]:
    """Every check of a setting's fits (H1; H2 where a generator looks at its seeds).

    Args:
        name: of the setting; profile: "quick" or "full".
    """
    setting = SETTINGS[name]
    if name in FULL_ONLY and profile == "quick":
        return

    def fitted(plan, statistic, g, spread):
        value = float(_value(prediction(name, plan), statistic)[g])
        relative, skewness = _REMAINDERS[statistic]
        allowance = relative * 40 / setting.dim * value
        return Expectation(
            theory=value,
            std=1.05 * spread,
            allowance=allowance,
            discrepancy=allowance + _EFFECTS[profile] * 1.05 * spread,
            skewness=skewness,
        )

    for place, plan in enumerate(setting.plans):
        seeds = plan.generator in (
            "duplicate",
            "plugin-known",
            "plugin",
            "plugin-pooled",
            "smote-pairs",
            "predictive",
            "predictive-known",
        )
        for statistic in _REMAINDERS:
            spreads = _SPREADS[name][plan.name][statistic]
            for g, spread in enumerate(spreads):
                if statistic in ("risk", "train_error") and g < len(spreads) - 1:
                    continue
                if statistic == "train_error" and spread < _LEAST_TRAINING:
                    continue
                part = f"_{g}" if len(spreads) > 1 else ""
                own_id = f"H2.{statistic}" if seeds else f"H1.{statistic}"
                yield Check(
                    id=f"{own_id}{part}.{name}.{plan.name}",
                    claim=f"{_WORDS[statistic]}, {setting.dim} features, "
                    f"{min(setting.sizes)} rows of the smallest group",
                    kind="asymptotic",
                    experiments=(f"{name}/fits",),
                    statistic=(statistic, place * len(spreads) + g),
                    source="simulated and scored independently",
                    expect=partial(fitted, plan.name, statistic, g, spread),
                )


# rows per class, distance, range of features tried, and rows drawn anew for class 1
SEPARATIONS: dict[str, tuple[tuple[int, int], float, tuple[int, int], int]] = {
    "none": ((30, 30), 0.0, (18, 42), 0),
    "gap": ((48, 16), 1.5, (9, 29), 0),
    "oversampled": ((48, 16), 1.5, (20, 48), 32),
}


def _clusters(label: str) -> list[Cluster]:
    sizes, gap, _, extra = SEPARATIONS[label]
    rows = (sizes[0], sizes[1] + extra)
    return [
        Cluster(rows=n, mean=[(2 * y - 1) * gap / 2], cov=1.0, label=y) for y, n in enumerate(rows)
    ]


def threshold_checks(profile: str) -> Iterator[Check]:
    """Every check of the threshold (H3).

    Args:
        profile: "quick" or "full".
    """
    effect = {"quick": 0.27, "full": 0.14}[profile]  # of half the range

    def features(label, half):
        allowance = 1.2  # of a feature: relative O(1/d)
        return Expectation(
            theory=separability_threshold(clusters=_clusters(label)).features,
            std=half,
            allowance=allowance,
            discrepancy=allowance + effect * half,
        )

    for label, (_, _, (low, high), _) in SEPARATIONS.items():
        yield Check(
            id=f"H3.features.{THRESHOLDS}.{label}",
            claim="mean of the least number of features that separates the rows, by linear "
            "programmes",
            kind="asymptotic",
            experiments=(f"{THRESHOLDS}/{label}",),
            statistic=("features", None),
            source="simulated and scored independently",
            expect=partial(features, label, (high - low) / 2),
        )


def simulation_of(experiment_name: str):
    """How an experiment of theorem H is replicated, for `simulate.replicates.monte_carlo.run`.

    Args:
        experiment_name: of a setting or a separation.
    """
    suite, label = experiment_name.split("/")
    if suite == THRESHOLDS:
        sizes, gap, tried, extra = SEPARATIONS[label]
        return replicated(partial(_separated, sizes, gap, tried, extra))
    return replicated(partial(_flat, suite))


def _separated(sizes, gap, tried, extra, rng) -> dict[str, np.ndarray]:
    return separation(sizes, gap, tried, rng, (extra, 1.0))


def _flat(name: str, rng) -> dict[str, np.ndarray]:
    return {
        statistic: values if values.dtype == bool else values.ravel()
        for statistic, values in replicate(SETTINGS[name], rng).items()
    }


@lru_cache(maxsize=8)
def _line(dim: int, distance: float = 1.5) -> tuple[GaussianGroup, GaussianGroup]:
    means = np.zeros((2, dim))
    means[:, 0] = -distance / 2, distance / 2
    return GaussianGroup(means[0], np.eye(dim), 0), GaussianGroup(means[1], np.eye(dim), 1)


_DIM, _SIZES = 150, (400, 80)


def limit_checks(profile: str) -> Iterator[Check]:
    """Every check of a limit (H4), and of one generator against another (H2); no simulation.

    Args:
        profile: of any; there is nothing to simulate.
    """
    del profile
    yield from _printed_checks()

    def check(name, label, claim, tolerance, both):
        def expect():
            theory, observed = map(float, both())
            return Expectation(
                theory=theory, discrepancy=tolerance * abs(theory), observed=observed
            )

        return Check(
            id=f"{name}.{LIMITS}.{label}",
            claim=claim,
            kind="asymptotic",
            statistic=("limit", None),
            source="second route",
            expect=expect,
        )

    def classical(design, generator):
        groups = _line(40)
        right = predict(groups, design, generator)
        prediction = predict_proportional(
            groups=groups, design=design, generator=generator, ridge=0.0
        )
        bias = float(right.excess.bias)
        return prediction.total - bias, right.total - bias

    sizes = (40000, 20000)
    for label, design, generator in (
        ("raw", Design.raw(sizes), Oracle()),
        ("smote", Design(sizes, math.inf, 1.0), Smote()),
    ):
        yield check(
            "H4.classical",
            label,
            "excess beyond the population's at d/n = 1/1500: theorem R's",
            0.03,
            partial(classical, design, generator),
        )

    def area():
        large = predict_proportional(
            groups=_line(_DIM), design=Design.class_weighted(_SIZES), ridge=1e7
        )
        stated = FORMULAS["H4.mean_difference"].numpy(
            Delta=1.5, dim=float(_DIM), n_0=float(_SIZES[0]), n_1=float(_SIZES[1])
        )
        return stated, large.auroc

    yield check("H4.area", "mean-difference", "area under the curve as the ridge grows", 1e-5, area)

    def response():
        small = predict_proportional(
            groups=_line(_DIM), design=Design.raw(_SIZES), ridge=5.0, loss=SQUARED
        )
        stated = FORMULAS["H4.squared_response"].numpy(
            dim=float(_DIM), rows=float(sum(_SIZES)), ridge=5.0
        )
        return stated, small.response[0]

    yield check(
        "H4.response", "squared", "response of a score under the squared loss", 1e-7, response
    )

    def squared():
        same = [
            predict_proportional(
                groups=_line(_DIM),
                design=Design(_SIZES),
                generator=generator,
                ridge=5.0,
                loss=SQUARED,
                many=True,
            )
            for generator in (GaussianPlugin(), Duplicate())
        ]
        return same[0].norm ** 2, same[1].norm ** 2

    yield check(
        "H2.squared",
        "plugin",
        "squared norm of the plug-in's rule under the squared loss: that "
        "of duplication, up to the sample covariance's divisor",
        0.01,
        squared,
    )
    yield check(
        "H3.edge",
        "edge",
        "features at which the inverse squared norm of the fit without ridge vanishes",
        0.015,
        _edge,
    )

    def training():
        margin = predict_proportional(groups=_line(_DIM), design=Design.raw(_SIZES), ridge=1e-4)
        return 1.0 + margin.train_error.max(), 1.0

    yield check(
        "H4.training",
        "margin",
        "1 plus the training errors with 1e-4 for the ridge, above the threshold",
        1e-9,
        training,
    )


def _printed_checks() -> Iterator[Check]:
    """Printed formulas against what the equations compute, by differences and by their parts."""
    response, h = 2.3, np.array([0.4])

    def stiffness():
        potential, step = Potential(((1.0, 1.0),)), 1e-5
        margin, *_ = settle(LOGISTIC, potential, np.ones(1), h, response)
        ends = [settle(LOGISTIC, potential, np.ones(1), h + s, response)[1] for s in (-step, step)]
        share = 1 / (1 + np.exp(margin[0]))
        values = {"curvature_row": share * (1 - share), "response": response}
        return values, (ends[0] - ends[1])[0] / (2 * step), 1e-6

    yield _printed("H1.stiffness", "row", stiffness)

    def squared_margin():
        potential = Potential(((1.0, 1.0),))
        found, *_ = settle(SQUARED, potential, np.full(1, 0.7), h, response)
        return {"held_out": 0.4, "response": response, "row_weight": 0.7}, found[0], 1e-10

    yield _printed("H1.squared_margin", "row", squared_margin)

    def pairs_squared():
        far = np.linspace(-2.0, 3.0, 41), np.full(41, 1 / 41)
        values = {"margin_seed": 1.7, "margin_mean": 0.5, "smear": 1.0}
        return values, -smeared(SQUARED, np.array([1.7]), far)[0][0], 1e-10

    yield _printed("H2.pairs_squared", "smote-pairs", pairs_squared)

    def plugin_squared():
        rows = unit_averages(SQUARED, ((1.0, 0.0),), 0.5, 0.8, 0.0, grid(129))
        more = added(Drawn("sample", 0, 3.0, within=(0,)), rows, 1.0, 1.0)
        observed = more.spring * (1.7 - 0.5) - more.tilt
        return {"margin_seed": 1.7, "smear": 3.0}, observed, 1e-10

    yield _printed("H2.plugin_squared", "plugin", plugin_squared)


def _printed(name: str, label: str, both: Callable[[], tuple[dict, float, float]]) -> Check:
    """Of the formula's arguments, the observed value and a tolerance, which ``both`` computes."""

    def expect():
        values, observed, tolerance = both()
        theory = float(FORMULAS[name].numpy(**values))
        return Expectation(theory=theory, discrepancy=tolerance * abs(theory), observed=observed)

    return Check(
        id=f"{name}.{LIMITS}.{label}",
        claim=FORMULAS[name].claim,
        kind="exact",
        statistic=("formula", None),
        source="second route",
        expect=expect,
    )


def _edge() -> tuple[float, float]:
    """H1's norm without a ridge grows without end as the features near H3's threshold."""
    clusters = [
        Cluster(rows=n, mean=[(2 * y - 1) * 0.75], cov=1.0, label=y) for y, n in enumerate(_SIZES)
    ]
    theory = separability_threshold(clusters=clusters).features
    dims = np.array([0.94, 0.97])
    inverse = []
    for share in dims:
        # no whole number of features is needed: variances stand for their number
        dim, count = 60, share * theory / 60
        spectra = Spectra([np.eye(dim)[0] * (2 * y - 1) * 0.75 for y in (0, 1)], [np.ones(dim)] * 2)
        rows = [Rows(n / count, 2.0 * y - 1, ((1.0, 1.0),)) for y, n in enumerate(_SIZES)]
        state = Equations(
            spectra=spectra, rows=rows, seeds=[], drawn=[], loss=LOGISTIC, ridge=0.0
        ).solve()
        inverse.append(1 / state.norms.square)
    slope = (inverse[1] - inverse[0]) / (dims[1] - dims[0])
    zero = dims[1] - inverse[1] / slope
    return theory, zero * theory
