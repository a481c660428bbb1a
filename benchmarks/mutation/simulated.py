"""The part of the battery that draws, fits, runs and judges."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.mutation.settings import (
    KEY,
    PAIR,
    SEEDS,
    SIGN,
    THETA,
    TRIPLE,
    WEIGHT,
    X,
)
from synthetic_oversampling.simulate.checks import check as checks
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.sampling import datasets, erm, measure, samplers
from synthetic_oversampling.theory import SQUARED, Design
from synthetic_oversampling.theory.generators.table import (
    Smote,
)

__all__ = ["draw_rows", "fits", "judged", "measured", "neighbours", "runs"]


def draw_rows(generator):
    key = jax.random.key(KEY)
    data = datasets.draw_dataset(TRIPLE, Design((9, 6, 5), 7, 0.4), generator, key=key)
    return list(data)


def measured():
    from synthetic_oversampling.theory.prediction.measured import predict_measured
    from synthetic_oversampling.theory.scaling.measured import measured_law

    design = Design((30, 14), 16, 0.4)
    samples = measure.measure_generator(
        Smote(3), PAIR, design, sets=64, per_set=4, key=jax.random.key(KEY)
    )
    return [predict_measured(PAIR, design, samples), measured_law(PAIR, (30, 14), samples)]


def fits():
    parts = (jnp.asarray(X), jnp.asarray(SIGN), jnp.asarray(WEIGHT))
    far = (parts[0] * jnp.asarray([[100.0, 0.01]]) + 5.0, *parts[1:])
    apart = jnp.where(parts[0][:, 0] > 0, 1.0, -1.0)
    return [
        erm.fit(*parts),
        erm.fit(*parts, loss=SQUARED),
        erm.fit(*far),
        erm.fit(parts[0], apart, parts[2]).separated,
        erm.fit(*parts, max_steps=2),
        erm.empirical_gradient(jnp.asarray(THETA), *parts),
    ]


def runs():
    def statistics(key):
        both = jax.random.normal(key, (2,))
        return {"square": both[0] ** 2, "both": both, "odd": both[1] > 2.0}

    result = monte_carlo.run(
        statistics, key=jax.random.key(KEY), replicates=70, block=16, keep=True
    )
    more = monte_carlo.run(
        statistics, key=jax.random.key(KEY), replicates=85, block=16, keep=True, resume=result
    )
    return [
        (
            monte_carlo.estimate(result_of, name),
            monte_carlo.skewness(result_of, name),
            monte_carlo.values(result_of, name),
            result_of.moments,
            result_of.problems,
            result_of.excluded,
        )
        for result_of in (result, more)
        for name in ("square", "both")
    ]


def judged():
    def declare(kind="exact", skewness=0.8, allowance=0.05, std=1.3):
        return checks.Planned(
            id="R1.x.c.d",
            claim="",
            kind=kind,
            experiments=("c/d",),
            statistic=("x", None),
            theory=1.0,
            std=std,
            allowance=allowance,
            discrepancy=0.3,
            skewness=skewness,
            source="simulated and scored independently",
        )

    every = [declare(), declare("bound"), declare(skewness=0.0), declare(allowance=0.0)]
    plan = checks.make_plan(every[:1])
    seen = [
        checks.Observation(mean=mean, std_error=error, n=500, skewness=0.7)
        for mean in (0.6, 0.9, 1.0, 1.2, 1.5)
        for error in (0.01, 0.05, 0.2)
    ]
    return [
        plan,
        [
            (
                plan.detectable(c, 900),
                plan.power(c, 900),
                plan.indecision(c, 900, 1),
                plan.indecision(c, 400, 2, 1.1),
            )
            for c in every
        ],
        [
            (o.verdict, o.low, o.high, o.z)
            for c in every[:2]
            for s in seen
            for o in [checks.judge(c, s, 3.3)]
        ],
        checks.interval(1.0, 0.1, 400, np.array([0.0, 1e-9, 2.0, -3.0]), 2.0),
    ]


def neighbours():
    return [
        samplers.nearest_neighbours(jnp.asarray(X), 3),
        samplers.psd_cholesky(jnp.asarray([[2.0, 1.0, 0.4], [1.0, 0.5, 0.2], [0.4, 0.2, 1.0]])),
        samplers.sample_synthetic(
            Smote(2), 0, PAIR[:1], [jnp.asarray(SEEDS)], 5, key=jax.random.key(KEY)
        ),
    ]
