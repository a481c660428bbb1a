"""The numbers that the package returns, for a search of errors that change them.

Every entry is one call, or a few, on settings without symmetry: two or three groups, a mixture
among them, sizes that differ.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling import theory
from synthetic_oversampling.simulate.checks import check as checks
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.sampling import datasets, erm, measure, samplers
from synthetic_oversampling.theory import LOGISTIC, SQUARED, Design, GaussianGroup, predict
from synthetic_oversampling.theory.generators.table import (
    Duplicate,
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
)

__all__ = ["ENTRIES"]

KEY = 7
PAIR = (
    GaussianGroup([0.2, -0.1], [[1.0, 0.3], [0.3, 0.8]], 0),
    GaussianGroup([1.2, 0.7], [[0.7, -0.1], [-0.1, 1.2]], 1),
)
TRIPLE = (
    *PAIR,
    GaussianGroup(
        [[0.3, 1.0], [-0.9, 0.4]], [[[0.5, 0.1], [0.1, 0.9]], [[0.6, 0.0], [0.0, 0.4]]], 1,
        weights=[0.3, 0.7],
    ),
)  # fmt: skip
SIZES = (500, 90)
THREE = (700, 400, 150)
THETA = (-0.3, 0.9, 0.5)
GENERATORS = {
    "oracle": Oracle(), "shifted": Shifted((0.3, -0.2)), "scaled": Scaled(0.6),
    "mislabelled": Mislabelled(0.12), "duplicate": Duplicate(), "smote": Smote(),
    "known": GaussianPlugin("known"), "group": GaussianPlugin("group"),
    "pooled": GaussianPlugin("pooled"), "predictive": Predictive(),
}  # fmt: skip
_POINTS = np.random.default_rng(5)
X = _POINTS.standard_normal((40, 2)) + [0.4, 0.1]
SIGN = np.where(X[:, 0] + 0.9 * _POINTS.standard_normal(40) > 0.3, 1.0, -1.0)
WEIGHT = _POINTS.uniform(0.2, 1.0, 40) / 20
EMBEDDINGS = _POINTS.standard_normal((6, 2))
SEEDS = _POINTS.standard_normal((5, 2))


def _group_law(g: int):
    from synthetic_oversampling.theory.population.laws import law_of

    return law_of(TRIPLE[g])


def _predictions(generator, loss=LOGISTIC):
    three = predict(TRIPLE, Design(THREE, 300, 0.4), generator, loss)
    two = predict(PAIR, Design(SIZES, 700, 0.8), generator, loss)
    return [_fields(three), _fields(two)]


def _fields(prediction):
    return prediction._asdict() if hasattr(prediction, "_asdict") else prediction


def _global(generator):
    law = theory.law_of_design(PAIR, SIZES, generator)
    size = np.array([200.0, 900.0])
    return [
        law.best_weight(size), law.best_excess(size), law.best_slope(size), law.floor,
        law.crossover, law.harmful_weight(size), law.break_even_size(np.array([0.3, 0.7])),
        law.optimal_size(1e-6), law.distance_to_hyperbola(), law.excess(0.4, size),
    ]  # fmt: skip


def _hyperbola(generator):
    law = theory.hyperbola_of_design(TRIPLE, THREE, generator)
    size = np.array([200.0, 900.0])
    named = ("A", "C", "D", "S", "floor", "crossover")
    return [
        *(getattr(law, name) for name in named), law.best_weight(size), law.best_excess(size),
        law.harmful_weight(size), law.break_even_size(0.4), law.optimal_size(1e-6),
        law.excess(0.4, size),
    ]  # fmt: skip


def _drawn(generator):
    key = jax.random.key(KEY)
    data = datasets.draw_dataset(TRIPLE, Design((9, 6, 5), 7, 0.4), generator, key=key)
    return list(data)


def _benefit():
    from synthetic_oversampling.theory.prediction import benefit

    design = Design((900, 90), 900, 0.5)
    shifted = Shifted((0.4, 0.1))
    return [
        benefit.gain(PAIR, design, shifted, reference) for reference in ("raw", "weighted", "smote")
    ] + [
        benefit.break_even_shift(PAIR, design, [0.6, 0.8]),
        benefit.leading_break_even_shift(PAIR, design, [0.6, 0.8]),
        benefit.break_even_scale(PAIR, design, shifted),
        benefit.break_even_ratio(PAIR, 1, 1000, 1000, 0.5, shifted),
    ]


def _bounds():
    from synthetic_oversampling.theory.prediction import bounds

    design, pair = Design((1500, 250), 600, 0.45), (Scaled(0.7), Shifted((0.1, 0.2)))
    return [
        *(bounds.population_bound(PAIR, design, own) for own in (pair, Oracle())),
        [bounds.score_var_proxy(THETA, group) for group in TRIPLE],
        [bounds.intercept_var_proxy(THETA, group) for group in TRIPLE],
        bounds.fidelity_bound([0.001, 0.003], PAIR, design, pair),
        bounds.local_bound(
            np.array([0.3, 0.4]), np.array([[0.4, 0.1], [0.1, 0.2]]),
            np.array([[1.0, 0.2], [0.2, 0.7]]), np.array([[0.9, 0.1], [0.1, 0.8]]),
        ),
    ]  # fmt: skip


def _certificate():
    from synthetic_oversampling.theory.prediction import certificate

    fitted = erm.fit(jnp.asarray(X), jnp.asarray(SIGN), jnp.asarray(WEIGHT)).theta
    at = [fitted + 0.05, fitted + jnp.asarray([0.0, 0.3, -0.2]), fitted]
    parts = (jnp.asarray(X), jnp.asarray(SIGN), jnp.asarray(WEIGHT))
    weights = certificate.decrement_weights(predict(PAIR, Design(SIZES, 100, 0.3), Oracle()))
    return [
        [certificate.certificate(theta, *parts) for theta in at], weights,
        certificate.decrement_cdf(np.array([0.5, 2.0]) * weights.sum(), weights),
    ]  # fmt: skip


def _efficiency():
    from synthetic_oversampling.theory.prediction.efficiency import (
        classes_at,
        expected_losses,
        relative_efficiency,
    )

    classes = classes_at(1.6, 2)
    own = predict(classes, Design.raw((200, 200)), Oracle())
    return [expected_losses(own, classes, 400, labels) for labels in ("fixed", "random")] + [
        relative_efficiency(2.5, 3, of=of, labels=labels)
        for of in ("slope", "error")
        for labels in ("fixed", "random")
    ]


def _existence():
    from synthetic_oversampling.theory.prediction.existence import (
        Clusters,
        existence,
        separated_along,
    )

    rng = np.random.default_rng(1)
    found = []
    for counts, dim in (([60.0, 30.0], 20), ([40.0, 25.0, 9.0], 12), ([400.0, 80.0], 90)):
        means = 0.3 * rng.standard_normal((len(counts), dim))
        covs = np.stack([np.diag(rng.uniform(0.3, 1.2, dim)) for _ in counts])
        signs = np.array([-1.0, 1.0, 1.0])[: len(counts)]
        clusters = Clusters(np.array(counts), means, covs, signs)
        found += [existence(clusters), separated_along(clusters)]
    return found


def _validity():
    from synthetic_oversampling.theory.prediction.validity import (
        rows_of,
        validity_of_law,
        verdict_of,
    )

    found = [
        (own.verdict, own.causes)
        for own in (verdict_of(5.0, 0.0, 20.0, 0.3, 0.4), verdict_of(500.0, 0.01, 8.0, 0.1, 0.05))
    ]
    small = validity_of_law(PAIR, (40, 9), Smote())
    seen = predict(PAIR, Design((30, 12), 20, 0.5), GaussianPlugin("group"))
    return [found, small, seen.validity if hasattr(seen, "validity") else 0,
            rows_of(TRIPLE, Design((30, 12, 9), 20, 0.5), Smote())]  # fmt: skip


def _sequences():
    from synthetic_oversampling.theory.scaling import sequence_limits as limits
    from synthetic_oversampling.theory.scaling import sequence_model as model

    signal = model.Signal(1.2, 0.8)
    found = [signal.coordinates(4), signal.tail(5), signal.distance]
    found += [limits.pinsker_minimax(0.01, 1.3, 1.4), limits.linear_floor(signal, 0.01, 4096)]
    families = (("cut-off",), ("tikhonov", 1.5), ("pinsker", 1.2), ("tikhonov", 0.8))
    for family in (model.Filter(*own) for own in families):
        weights = family.weights(50, 6.0)
        found += [
            weights, family.constants(0.7), family.exponent(0.7), family.qualification,
            model.filter_risk(signal, weights, 0.02, 0.1),
            model.truncation_bound(family, signal, 0.02, 6.0, 50),
            model.best_scale(family, signal, 1e-2, 300, 0.001),
            limits.classification_excess(signal, weights, 0.01, 0.05),
        ]  # fmt: skip
    found += [
        limits.smoothed_risk(signal, model.Filter("cut-off").weights(30, 8.0),
                             model.Filter("tikhonov", 1.5).weights(30, 5.0), seeds=50, size=200,
                             weight=0.4),
        model.design_level(Design(THREE, 120, 0.25)),
        model.design_bias(Design(THREE, 120, 0.25), np.arange(6.0).reshape(3, 2)),
    ]  # fmt: skip
    return found


def _capacity():
    from synthetic_oversampling.theory.in_context import capacity

    seeds, centre = jnp.asarray(SEEDS), jnp.asarray([0.3, -0.4])
    student = capacity.student_predictive(seeds, centre, 1.5, 2.0, 0.7)
    return [
        capacity.location_attention_logits(3, 0.7, 1.9),
        capacity.location_attention_weights(3, 0.7, 1.9),
        capacity.location_predictive(seeds, centre, 0.7, 1.9),
        capacity.location_expected_kl(3, 2, 0.7, 1.9), capacity.flat_prior_expected_kl(3, 2),
        capacity.plugin_expected_kl(5, 3), student,
        capacity.gaussian_kl(seeds, jnp.asarray(0.7), seeds[::-1], jnp.asarray(1.9)),
        capacity.student_log_density(seeds[0], student.df, student.loc, student.var_scale),
        capacity.fidelity_bias_bound(jnp.asarray([0.1, 0.5]), jnp.asarray([1.0, 3.0])),
    ]  # fmt: skip


def _tokens():
    from synthetic_oversampling.theory.in_context import token_capacity as tokens

    own, other = jnp.asarray([0.3, -0.2]), jnp.asarray([0.1, 0.4])
    u, step = jnp.asarray(EMBEDDINGS), jnp.asarray([[0.5, 0.1], [0.1, 0.4]])
    table = jnp.log(jnp.asarray([[0.1, 0.3, 0.6], [0.2, 0.5, 0.3]]))
    return [
        tokens.dictionary_posterior(table, jnp.asarray([0.0, 0.4, -0.3])),
        tokens.dirichlet_multinomial_predictive(jnp.asarray([2.0, 1.0]), jnp.asarray([0.5, 1.5])),
        tokens.token_log_probs(own, u), tokens.token_mean(own, u), tokens.token_cov(own, u),
        tokens.token_kl(own, other, u),
        tokens.gradient_readout(tokens.token_mean(own, u), u, 3, step),
        tokens.layer_contraction(own, u, step), tokens.readout_floor(own, u, 3, step),
        tokens.readout_expected_kl(own, u, 40, 3, step), tokens.sharp_token_rate(70, 3),
        tokens.reported_rate(70, 3),
    ]  # fmt: skip


def _plain_mixture():
    group = GaussianGroup([[0.0, 1.0], [2.0, 0.0]], np.eye(2), 1)
    return [group.weights, predict((PAIR[0], group), Design(SIZES, 300, 0.4), Oracle()).total]


def _literature():
    from synthetic_oversampling.theory.scaling import literature

    return [
        literature.surrogate_law(0.3, real=2.0, surrogate=3.0, limit=1.0, exponent=0.6),
        literature.surrogate_best_weight(real=2.0, surrogate=3.0, limit=1.0),
        literature.surrogate_best_weight(real=2.0, surrogate=3.0, limit=1.0, exponent=0.6),
    ]


def _worst():
    from synthetic_oversampling.theory.prediction.worst_group import expected_maximum

    root = np.array([[1.0, 0.2, 0.1], [0.3, 0.8, -0.4], [0.0, 0.5, 0.6]])
    means = np.array([0.3, -0.1, 0.2])
    return [expected_maximum(means[:k], (root @ root.T)[:k, :k]) for k in (1, 2, 3)]


def _risks(loss):
    from synthetic_oversampling.theory.population import groups
    from synthetic_oversampling.theory.prediction import bias

    theta = jnp.asarray(THETA)
    found = [
        part(theta, group, loss)
        for group in TRIPLE
        for part in (groups.risk, groups.score_mean, groups.hessian, groups.score_cov,
                     groups.score_second_moment)
    ]  # fmt: skip
    laws = [_group_law(g) for g in range(3)]
    return [
        found, [groups.error_rate(theta, group) for group in TRIPLE],
        groups.worst_error_rate(theta, laws), theory.minimise(theory.balanced_law(TRIPLE), loss),
        bias.generator_bias(theta, TRIPLE[2], laws[1], loss),
        bias.generator_bias_gradient(theta, TRIPLE[2], laws[1], loss),
        bias.expected_empirical_risk(theta, TRIPLE, Design(THREE, 300, 0.4), Scaled(0.7), loss),
        bias.predict_bias(TRIPLE, Design(THREE, 300, 0.4), Shifted((0.2, 0.5)), loss),
    ]  # fmt: skip


def _measured():
    from synthetic_oversampling.theory.prediction.measured import predict_measured
    from synthetic_oversampling.theory.scaling.measured import measured_law

    design = Design((30, 14), 16, 0.4)
    samples = measure.measure_generator(
        Smote(3), PAIR, design, sets=64, per_set=4, key=jax.random.key(KEY)
    )
    return [predict_measured(PAIR, design, samples), measured_law(PAIR, (30, 14), samples)]


def _fits():
    parts = (jnp.asarray(X), jnp.asarray(SIGN), jnp.asarray(WEIGHT))
    far = (parts[0] * jnp.asarray([[100.0, 0.01]]) + 5.0, *parts[1:])
    apart = jnp.where(parts[0][:, 0] > 0, 1.0, -1.0)
    return [
        erm.fit(*parts), erm.fit(*parts, loss=SQUARED), erm.fit(*far),
        erm.fit(parts[0], apart, parts[2]).separated, erm.fit(*parts, max_steps=2),
        erm.empirical_gradient(jnp.asarray(THETA), *parts),
    ]  # fmt: skip


def _runs():
    def statistics(key):
        both = jax.random.normal(key, (2,))
        return {"square": both[0] ** 2, "both": both, "odd": both[1] > 2.0}

    result = monte_carlo.run(
        statistics, key=jax.random.key(KEY), replicates=70, block=16, keep=True
    )
    more = monte_carlo.run(statistics, key=jax.random.key(KEY), replicates=85, block=16, keep=True,
                           resume=result)  # fmt: skip
    return [
        (monte_carlo.estimate(own, name), monte_carlo.skewness(own, name),
         monte_carlo.values(own, name), own.moments, own.problems, own.excluded)
        for own in (result, more)
        for name in ("square", "both")
    ]  # fmt: skip


def _judged():
    def declare(kind="exact", skewness=0.8, allowance=0.05, std=1.3):
        return checks.Planned(
            id="R1.x.c.d", claim="", kind=kind, experiments=("c/d",), statistic=("x", None),
            theory=1.0, std=std, allowance=allowance, discrepancy=0.3, skewness=skewness,
            source="simulated and scored independently",
        )  # fmt: skip

    every = [declare(), declare("bound"), declare(skewness=0.0), declare(allowance=0.0)]
    plan = checks.make_plan(every[:1])
    seen = [
        checks.Observation(mean=mean, std_error=error, n=500, skewness=0.7)
        for mean in (0.6, 0.9, 1.0, 1.2, 1.5)
        for error in (0.01, 0.05, 0.2)
    ]
    return [
        plan,
        [(plan.detectable(c, 900), plan.power(c, 900), plan.indecision(c, 900, 1),
          plan.indecision(c, 400, 2, 1.1)) for c in every],
        [(o.verdict, o.low, o.high, o.z) for c in every[:2] for s in seen
         for o in [checks.judge(c, s, 3.3)]],
        checks.interval(1.0, 0.1, 400, np.array([0.0, 1e-9, 2.0, -3.0]), 2.0),
    ]  # fmt: skip


def _printed():
    import sympy as sp

    from synthetic_oversampling.theory.theorems.table import FORMULAS

    return [zlib.crc32(sp.srepr(own.rhs).encode()) for own in FORMULAS.values()]


def _neighbours():
    return [
        samplers.nearest_neighbours(jnp.asarray(X), 3),
        samplers.psd_cholesky(jnp.asarray([[2.0, 1.0, 0.4], [1.0, 0.5, 0.2], [0.4, 0.2, 1.0]])),
        samplers.sample_synthetic(
            Smote(2), 0, PAIR[:1], [jnp.asarray(SEEDS)], 5, key=jax.random.key(KEY)
        ),
    ]


ENTRIES: dict[str, Callable[[], object]] = {
    "capacity": _capacity, "tokens": _tokens, "literature": _literature, "worst": _worst,
    "printed": _printed, "sequences": _sequences, "existence": _existence, "judged": _judged,
    "risks": lambda: _risks(LOGISTIC), "squared risks": lambda: _risks(SQUARED),
    "efficiency": _efficiency, "bounds": _bounds, "fits": _fits, "runs": _runs,
    "neighbours": _neighbours, "plain mixture": _plain_mixture, "certificate": _certificate,
    **{f"predict {name}": lambda own=own: _predictions(own) for name, own in GENERATORS.items()},
    "predict squared": lambda: _predictions(GaussianPlugin("pooled"), SQUARED),
    **{f"draw {name}": lambda own=own: _drawn(own) for name, own in GENERATORS.items()},
    **{f"hyperbola {name}": lambda own=own: _hyperbola(own)
       for name, own in GENERATORS.items() if name in ("scaled", "smote", "pooled", "predictive")},
    **{f"law {name}": lambda own=own: _global(own)
       for name, own in GENERATORS.items() if name in ("shifted", "group", "smote")},
    "validity": _validity, "benefit": _benefit, "measured": _measured,
}  # fmt: skip
