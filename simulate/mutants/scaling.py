"""Wrong versions of theorem S, and the checks that must reject them."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.polynomial import Chebyshev

from synthetic_oversampling.simulate.mutants.mutation import (
    Mutant,
    arguments,
    formula,
    replaced,
    result,
)
from synthetic_oversampling.theory.formula import notation as nt

__all__ = ["SCALING_MUTANTS"]


def _swapped(left, right):
    return lambda rhs: rhs.xreplace({left: right, right: left})


_c = nt.share[nt.g]


def _only_small(right, along, hyperbola):
    """The hyperbola's limit and noise for a law of any bias."""
    small = hyperbola()
    limit = Chebyshev.interpolate(lambda own: small.excess(own, np.inf), 2, [0.0, 1.0])
    noise = Chebyshev([float(small.S) / 2], [0.0, 1.0])
    return dataclasses.replace(right, limit=limit, noise=noise)


_LAW = "theory.scaling.moments.global_law"

_SLOWER = replaced(
    "theory.scaling.sequence_model.truncation_bound",
    lambda right: (
        lambda family, *rest: right(dataclasses.replace(family, order=family.order / 2), *rest)
    ),
)

SCALING_MUTANTS = (
    Mutant(
        "hyperbola-for-any-bias",
        ("S1",),
        "the law of small biases for the global law",
        ("S1.excess4000-full.scaling.halved", "S1.excess_100.global-law.shifted-Ninf"),
        (result(_LAW, _only_small),),
    ),
    Mutant(
        "noise-of-two-samples",
        ("S1",),
        "2 s for s in the global law",
        ("S1.slope.global-law.shifted", "S1.excess_35.global-law.shifted-N100"),
        (result(_LAW, lambda right, *_: dataclasses.replace(right, noise=2 * right.noise)),),
    ),
    Mutant(
        "global-crossover-doubled",
        ("S1",),
        "twice the size at which half of what can be removed is left",
        ("S1.crossover.global-law.shifted",),
        (
            replaced(
                "theory.scaling.global_law.GlobalLaw.crossover",
                lambda right: property(lambda own: 2 * right.fget(own)),
            ),
        ),
    ),
    Mutant(
        "price-counted-twice",
        ("S1",),
        "the best size at twice the price",
        ("S1.price.global-law.shifted",),
        (
            replaced(
                "theory.scaling.global_law.GlobalLaw.optimal_size",
                lambda right: lambda own, price: right(own, 2 * price),
            ),
        ),
    ),
    Mutant(
        "cross-moment-counted-once",
        ("S1",),
        "alpha (1 - alpha) C for 2 alpha (1 - alpha) C",
        ("S1.excess_35.hyperbola.shifted-N600",),
        (formula("S1.excess", lambda rhs: rhs.xreplace({nt.C: nt.C / 2})),),
    ),
    Mutant(
        "fresh-noise-without-weight",
        ("S1",),
        "S/N for alpha^2 S/N",
        ("S1.excess_35.hyperbola.shifted-N600",),
        (formula("S1.excess", lambda rhs: rhs + (1 - nt.alpha**2) * nt.S / nt.N / 2),),
        also=("scaling",),
    ),
    Mutant(
        "moments-swapped-in-best-weight",
        ("S1",),
        "C and D swapped in the best weight",
        ("S1.best_weight.hyperbola.shifted-N600",),
        (formula("S1.best_weight", _swapped(nt.C, nt.D)),),
    ),
    Mutant(
        "crossover-doubled",
        ("S1",),
        "2 S/P for the crossover S/P",
        ("S1.crossover.hyperbola.shifted",),
        (formula("S1.crossover", lambda rhs: 2 * rhs),),
    ),
    Mutant(
        "noise-level-sizes-swapped",
        ("S2",),
        "n_max and N swapped in the noise level of a coordinate",
        ("S2.level.sequence.design", "S2.squared.sequence.cut-off-1"),
        (formula("S2.level", _swapped(nt.n_max, nt.N)),),
    ),
    Mutant(
        "bias-by-real-weights",
        ("S2",),
        "generators' biases weighted by 1 - c_g for c_g",
        ("S2.bias.sequence.design",),
        (formula("S2.generator_bias", lambda rhs: rhs.xreplace({_c: 1 - _c})),),
    ),
    Mutant(
        "exponent-of-one-more-dimension",
        ("S2",),
        "2 beta/(2 beta + 2) for 2 beta/(2 beta + 1)",
        ("S2.slope.sequence.cut-off-1", "S2.exponent.sequence.cut-off-1"),
        (formula("S2.exponent", lambda rhs: 2 * nt.smoothness / (2 * nt.smoothness + 2)),),
    ),
    Mutant(
        "coordinate-bias-sign",
        ("S2",),
        "a generator's bias opposes the filter's bias where it adds to it",
        ("S2.squared.sequence.tikhonov-1",),
        (
            formula(
                "S2.coordinate_risk",
                lambda rhs: rhs.xreplace({nt.coordinate_bias: -nt.coordinate_bias}),
            ),
        ),
    ),
    Mutant(
        "seeds-and-size-swapped",
        ("S3",),
        "the number of seeds and the synthetic size swapped",
        ("S3.squared.sequence.1-a0.5-N20",),
        (formula("S3.smoothed_risk", _swapped(nt.seeds, nt.N)),),
    ),
    Mutant(
        "linear-share-inverted",
        ("S3",),
        "the floor of linear rules above that of the best cut-off, not below",
        ("S3.floor.sequence.1",),
        (formula("S3.linear_share", lambda rhs: 1 / rhs),),
    ),
    Mutant(
        "smooth-crossover-doubled",
        ("S3",),
        "twice the synthetic size at which the seeds' noise is reached",
        ("S3.crossover.sequence.1",),
        (formula("S3.smooth_crossover", lambda rhs: 2 * rhs),),
    ),
    Mutant(
        "oversampling-moment-by-groups",
        ("S1",),
        "1/G for 1/G^2 in A, the second moment of the oversampling part",
        ("S1.excess_35.hyperbola.shifted-N600",),
        (formula("S1.A", lambda rhs: nt.G * rhs),),
        also=("scaling", "independent"),
    ),
    Mutant(
        "parts-that-share-their-noise",
        ("S1",),
        "half of the oversampling part counted in the augmentation part as well",
        ("S1.excess_35.hyperbola.shifted-N600",),
        (
            arguments(
                "theory.scaling.scaling_law.scaling_law",
                lambda A, C, D, S: (A, C + A / 2, D + C + A / 4, S),
            ),
        ),
        also=("scaling",),
    ),
    Mutant(
        "cross-moment-by-groups",
        ("S1",),
        "1/G^3 for 1/G^2 in C, what the two parts have in common",
        ("S1.excess_35.hyperbola.shifted-N600",),
        (formula("S1.C", lambda rhs: rhs / nt.G),),
    ),
    Mutant(
        "augmentation-moment-by-groups",
        ("S1", "S3"),
        "1/G for 1/G^2 in D, what augmentation keeps with infinitely many samples",
        ("S1.excess_100.hyperbola.shifted-Ninf",),
        (formula("S1.D", lambda rhs: nt.G * rhs),),
        also=("scaling",),
    ),
    Mutant(
        "fresh-noise-by-groups",
        ("S1",),
        "1/G for 1/G^2 in S, the noise of one synthetic sample per group",
        ("S1.excess_100.hyperbola.shifted-N600",),
        (formula("S1.S", lambda rhs: nt.G * rhs),),
        also=("scaling",),
    ),
    Mutant(
        "least-excess-not-halved",
        ("S1",),
        "the least excess at a size without its factor 1/2",
        ("S1.best_excess.hyperbola.shifted-N600",),
        (formula("S1.best_excess", lambda rhs: 2 * rhs),),
    ),
    Mutant(
        "floor-not-halved",
        ("S1",),
        "the floor without its factor 1/2",
        ("S1.floor.hyperbola.shifted",),
        (formula("S1.floor", lambda rhs: 2 * rhs),),
    ),
    Mutant(
        "best-risk-of-the-noise-alone",
        ("S2", "S3"),
        "the best filter's risk without the share 1/(2 beta) of its bias",
        ("S2.constant.sequence.tikhonov-1",),
        (formula("S2.filter_best_risk", lambda rhs: rhs / (1 + 1 / (2 * nt.smoothness))),),
    ),
    Mutant(
        "best-scale-without-two",
        ("S2",),
        "the factor 2 left out under the root of the best scale",
        ("S2.scale.sequence.pinsker-2",),
        (formula("S2.filter_scale", lambda rhs: rhs / 2 ** (1 / (2 * nt.smoothness + 1))),),
    ),
    Mutant(
        "pinsker-constant-inverted",
        ("S2",),
        "(order + 1)/order for order/(order + 1) in Pinsker's constant",
        ("S2.minimax.sequence.pinsker-1",),
        (
            formula(
                "S2.pinsker_minimax",
                lambda rhs: (
                    rhs * ((nt.order + 1) / nt.order) ** (4 * nt.order / (2 * nt.order + 1))
                ),
            ),
        ),
    ),
    Mutant(
        "saturation-at-twice-the-qualification",
        ("S2",),
        "a filter saturates at twice the smoothness that it does",
        ("S2.saturation.sequence.tikhonov",),
        (
            formula(
                "S2.saturated_exponent",
                lambda rhs: rhs.xreplace({nt.qualification: 2 * nt.qualification}),
            ),
        ),
    ),
    Mutant(
        "angle-not-halved",
        ("S2",),
        "phi(Delta)/Delta for phi(Delta)/(2 Delta) before the squared leakage",
        ("S2.excess.sequence.cut-off-1-K24",),
        (formula("S2.classification", lambda rhs: 2 * rhs),),
    ),
    Mutant(
        "next-order-as-large-as-the-leading",
        ("S2",),
        "the classification error's next order equal to its leading one",
        ("S2.decay.sequence.cut-off-0.5", "S2.deviation.sequence.cut-off-0.5-K6"),
        (
            result(
                "theory.scaling.sequence_limits.classification_excess",
                lambda parts, *_: (parts[0], parts[0]),
            ),
        ),
    ),
    Mutant(
        "tail-of-a-slower-filter",
        ("S2",),
        "Tikhonov's weights taken to fall like (k/K)^(-order) beyond the last coordinate",
        ("S2.truncation.sequence.tikhonov-1",),
        (_SLOWER,),
    ),
    Mutant(
        "seeds-noise-without-groups",
        ("S3",),
        "1/n for 1/(G n) in the noise of the seeds",
        ("S3.squared.sequence.1-a1-N20", "S3.squared.sequence.1-a1-N160"),
        (formula("S3.smoothed_risk", lambda rhs: rhs.xreplace({nt.seeds: nt.seeds / nt.G})),),
    ),
)
