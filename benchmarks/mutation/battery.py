"""The numbers that the package returns, for a search of errors that change them.

Every entry is one call, or a few, on settings without symmetry: two or three groups, a mixture
among them, sizes that differ.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
import numpy as np

from benchmarks.mutation.settings import (
    EMBEDDINGS,
    GENERATORS,
    PAIR,
    SEEDS,
    SIGN,
    SIZES,
    THETA,
    THREE,
    TRIPLE,
    WEIGHT,
    X,
)
from benchmarks.mutation.simulated import draw_rows, fits, judged, measured, neighbours, runs
from synthetic_oversampling import theory
from synthetic_oversampling.simulate.sampling import erm
from synthetic_oversampling.theory import LOGISTIC, SQUARED, Design, GaussianGroup, predict
from synthetic_oversampling.theory.generators.table import (
    GaussianPlugin,
    Oracle,
    Scaled,
    Shifted,
    Smote,
)

__all__ = ["ENTRIES"]


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
        law.best_weight(size),
        law.best_excess(size),
        law.best_slope(size),
        law.floor,
        law.crossover,
        law.harmful_weight(size),
        law.break_even_size(np.array([0.3, 0.7])),
        law.optimal_size(1e-6),
        law.distance_to_hyperbola(),
        law.excess(0.4, size),
    ]


def _hyperbola(generator):
    law = theory.hyperbola_of_design(TRIPLE, THREE, generator)
    size = np.array([200.0, 900.0])
    named = ("A", "C", "D", "S", "floor", "crossover")
    return [
        *(getattr(law, name) for name in named),
        law.best_weight(size),
        law.best_excess(size),
        law.harmful_weight(size),
        law.break_even_size(0.4),
        law.optimal_size(1e-6),
        law.excess(0.4, size),
    ]


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
        *(bounds.population_bound(PAIR, design, one) for one in (pair, Oracle())),
        [bounds.score_var_proxy(THETA, group) for group in TRIPLE],
        [bounds.intercept_var_proxy(THETA, group) for group in TRIPLE],
        bounds.fidelity_bound([0.001, 0.003], PAIR, design, pair),
        bounds.local_bound(
            np.array([0.3, 0.4]),
            np.array([[0.4, 0.1], [0.1, 0.2]]),
            np.array([[1.0, 0.2], [0.2, 0.7]]),
            np.array([[0.9, 0.1], [0.1, 0.8]]),
        ),
    ]


def _certificate():
    from synthetic_oversampling.theory.prediction import certificate

    fitted = erm.fit(jnp.asarray(X), jnp.asarray(SIGN), jnp.asarray(WEIGHT)).theta
    at = [fitted + 0.05, fitted + jnp.asarray([0.0, 0.3, -0.2]), fitted]
    parts = (jnp.asarray(X), jnp.asarray(SIGN), jnp.asarray(WEIGHT))
    weights = certificate.decrement_weights(predict(PAIR, Design(SIZES, 100, 0.3), Oracle()))
    return [
        [certificate.certificate(theta, *parts) for theta in at],
        weights,
        certificate.decrement_cdf(np.array([0.5, 2.0]) * weights.sum(), weights),
    ]


def _efficiency():
    from synthetic_oversampling.theory.prediction.efficiency import (
        classes_at,
        expected_losses,
        relative_efficiency,
    )

    classes = classes_at(1.6, 2)
    prediction = predict(classes, Design.raw((200, 200)), Oracle())
    return [expected_losses(prediction, classes, 400, labels) for labels in ("fixed", "random")] + [
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
        (verdict.verdict, verdict.causes)
        for verdict in (
            verdict_of(5.0, 0.0, 20.0, 0.3, 0.4, 0.0),
            verdict_of(500.0, 0.01, 8.0, 0.1, 0.05, 1e-7),
        )
    ]
    small = validity_of_law(PAIR, (40, 9), Smote())
    seen = predict(PAIR, Design((30, 12), 20, 0.5), GaussianPlugin("group"))
    return [
        found,
        small,
        seen.validity if hasattr(seen, "validity") else 0,
        rows_of(TRIPLE, Design((30, 12, 9), 20, 0.5), Smote()),
    ]


def _sequences():
    from synthetic_oversampling.theory.scaling import sequence_limits as limits
    from synthetic_oversampling.theory.scaling import sequence_model as model

    signal = model.Signal(1.2, 0.8)
    found = [signal.coordinates(4), signal.tail(5), signal.distance]
    found += [limits.pinsker_minimax(0.01, 1.3, 1.4), limits.linear_floor(signal, 0.01, 4096)]
    families = (("cut-off",), ("tikhonov", 1.5), ("pinsker", 1.2), ("tikhonov", 0.8))
    for family in (model.Filter(*family) for family in families):
        weights = family.weights(50, 6.0)
        found += [
            weights,
            family.constants(0.7),
            family.exponent(0.7),
            family.qualification,
            model.filter_risk(signal, weights, 0.02, 0.1),
            model.truncation_bound(family, signal, 0.02, 6.0, 50),
            model.best_scale(family, signal, 1e-2, 300, 0.001),
            limits.classification_excess(signal, weights, 0.01, 0.05),
        ]
    found += [
        limits.smoothed_risk(
            signal,
            model.Filter("cut-off").weights(30, 8.0),
            model.Filter("tikhonov", 1.5).weights(30, 5.0),
            seeds=50,
            size=200,
            weight=0.4,
        ),
        model.design_level(Design(THREE, 120, 0.25)),
        model.design_bias(Design(THREE, 120, 0.25), np.arange(6.0).reshape(3, 2)),
    ]
    return found


def _capacity():
    from synthetic_oversampling.theory.in_context import capacity

    seeds, centre = jnp.asarray(SEEDS), jnp.asarray([0.3, -0.4])
    student = capacity.student_predictive(seeds, centre, 1.5, 2.0, 0.7)
    return [
        capacity.location_attention_logits(3, 0.7, 1.9),
        capacity.location_attention_weights(3, 0.7, 1.9),
        capacity.location_predictive(seeds, centre, 0.7, 1.9),
        capacity.location_expected_kl(3, 2, 0.7, 1.9),
        capacity.flat_prior_expected_kl(3, 2),
        capacity.plugin_expected_kl(5, 3),
        student,
        capacity.gaussian_kl(seeds, jnp.asarray(0.7), seeds[::-1], jnp.asarray(1.9)),
        capacity.student_log_density(seeds[0], student.df, student.loc, student.var_scale),
        capacity.fidelity_bias_bound(jnp.asarray([0.1, 0.5]), jnp.asarray([1.0, 3.0])),
    ]


def _tokens():
    from synthetic_oversampling.theory.in_context import token_capacity as tokens

    point, other = jnp.asarray([0.3, -0.2]), jnp.asarray([0.1, 0.4])
    u, step = jnp.asarray(EMBEDDINGS), jnp.asarray([[0.5, 0.1], [0.1, 0.4]])
    table = jnp.log(jnp.asarray([[0.1, 0.3, 0.6], [0.2, 0.5, 0.3]]))
    return [
        tokens.dictionary_posterior(table, jnp.asarray([0.0, 0.4, -0.3])),
        tokens.dirichlet_multinomial_predictive(jnp.asarray([2.0, 1.0]), jnp.asarray([0.5, 1.5])),
        tokens.token_log_probs(point, u),
        tokens.token_mean(point, u),
        tokens.token_cov(point, u),
        tokens.token_kl(point, other, u),
        tokens.gradient_readout(tokens.token_mean(point, u), u, 3, step),
        tokens.layer_contraction(point, u, step),
        tokens.readout_floor(point, u, 3, step),
        tokens.readout_expected_kl(point, u, 40, 3, step),
        tokens.sharp_token_rate(70, 3),
        tokens.reported_rate(70, 3),
    ]


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
        for part in (
            groups.risk,
            groups.score_mean,
            groups.hessian,
            groups.score_cov,
            groups.score_second_moment,
        )
    ]
    laws = [_group_law(g) for g in range(3)]
    return [
        found,
        [groups.error_rate(theta, group) for group in TRIPLE],
        groups.worst_error_rate(theta, laws),
        theory.minimise(theory.balanced_law(TRIPLE), loss),
        bias.generator_bias(theta, TRIPLE[2], laws[1], loss),
        bias.generator_bias_gradient(theta, TRIPLE[2], laws[1], loss),
        bias.expected_empirical_risk(theta, TRIPLE, Design(THREE, 300, 0.4), Scaled(0.7), loss),
        bias.predict_bias(TRIPLE, Design(THREE, 300, 0.4), Shifted((0.2, 0.5)), loss),
    ]


def _printed():
    import sympy as sp

    from synthetic_oversampling.theory.theorems.table import FORMULAS

    return [zlib.crc32(sp.srepr(formula.rhs).encode()) for formula in FORMULAS.values()]


_PLAIN = (
    *(_capacity, _tokens, _literature, _worst, _printed, _sequences, _existence, judged),
    *(_efficiency, _bounds, fits, runs, neighbours, _plain_mixture, _certificate, _validity),
    *(_benefit, measured),
)
_OF_GENERATORS = (
    ("predict", _predictions, tuple(GENERATORS)),
    ("draw", draw_rows, tuple(GENERATORS)),
    ("hyperbola", _hyperbola, ("scaled", "smote", "plugin-pooled", "predictive")),
    ("law", _global, ("shifted", "plugin", "smote")),
)
ENTRIES: dict[str, Callable[[], object]] = {
    **{call.__name__.strip("_").replace("_", " "): call for call in _PLAIN},
    "risks": partial(_risks, LOGISTIC),
    "squared risks": partial(_risks, SQUARED),
    "predict squared": partial(_predictions, GaussianPlugin("pooled"), SQUARED),
    **{
        f"{what} {name}": partial(call, GENERATORS[name])
        for what, call, names in _OF_GENERATORS
        for name in names
    },
}
