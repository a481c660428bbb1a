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
    limit = Chebyshev.interpolate(lambda weight: small.excess(weight, np.inf), 2, [0.0, 1.0])
    noise = Chebyshev([float(small.S) / 2], [0.0, 1.0])
    return dataclasses.replace(right, limit=limit, noise=noise)


_LAW = "theory.scaling.moments.global_law"

_SLOWER = replaced(
    "theory.scaling.sequence_model.truncation_bound",
    lambda right: (
        lambda family, *rest: right(dataclasses.replace(family, order=family.order / 2), *rest)
    ),
)

# wrong forms of these theorems, and the checks that reject them
SCALING_MUTANTS = (
    Mutant(
        name="hyperbola-for-any-bias",
        theorems=("S1",),
        change="the law of small biases for the global law",
        checks=("S1.excess4000-full.scaling.halved", "S1.excess_100.global-law.shifted-Ninf"),
        changes=(result(_LAW, _only_small),),
    ),
    Mutant(
        name="noise-of-two-samples",
        theorems=("S1",),
        change="2 s for s in the global law",
        checks=("S1.slope.global-law.shifted", "S1.excess_35.global-law.shifted-N100"),
        changes=(
            result(_LAW, lambda right, *_: dataclasses.replace(right, noise=2 * right.noise)),
        ),
        also=("independent", "scaling"),
    ),
    Mutant(
        name="global-law-not-halved",
        theorems=("S1", "S3"),
        change="the global law without the factor 1/2 of both its parts",
        checks=("S1.excess100-full.scaling.duplicate", "S3.floor1600.scaling.plugin"),
        changes=(
            result(
                _LAW,
                lambda right, *_: dataclasses.replace(
                    right, limit=2 * right.limit, noise=2 * right.noise
                ),
            ),
        ),
    ),
    Mutant(
        name="global-crossover-doubled",
        theorems=("S1",),
        change="twice the size at which half of what can be removed is left",
        checks=("S1.crossover.global-law.shifted",),
        changes=(
            replaced(
                "theory.scaling.global_law.GlobalLaw.crossover",
                lambda right: property(lambda law: 2 * right.fget(law)),
            ),
        ),
    ),
    Mutant(
        name="price-counted-twice",
        theorems=("S1",),
        change="the best size at twice the price",
        checks=("S1.price.global-law.shifted",),
        changes=(
            replaced(
                "theory.scaling.global_law.GlobalLaw.optimal_size",
                lambda right: lambda law, price: right(law, 2 * price),
            ),
        ),
    ),
    Mutant(
        name="cross-moment-counted-once",
        theorems=("S1",),
        change="alpha (1 - alpha) C for 2 alpha (1 - alpha) C",
        checks=("S1.excess_35.hyperbola.shifted-N600",),
        changes=(formula("S1.excess", lambda rhs: rhs.xreplace({nt.C: nt.C / 2})),),
    ),
    Mutant(
        name="fresh-noise-without-weight",
        theorems=("S1",),
        change="S/N for alpha^2 S/N",
        checks=("S1.excess_35.hyperbola.shifted-N600",),
        changes=(formula("S1.excess", lambda rhs: rhs + (1 - nt.alpha**2) * nt.S / nt.N / 2),),
        also=("scaling",),
    ),
    Mutant(
        name="moments-swapped-in-best-weight",
        theorems=("S1",),
        change="C and D swapped in the best weight",
        checks=("S1.best_weight.hyperbola.shifted-N600",),
        changes=(formula("S1.best_weight", _swapped(nt.C, nt.D)),),
    ),
    Mutant(
        name="crossover-doubled",
        theorems=("S1",),
        change="2 S/P for the crossover S/P",
        checks=("S1.crossover.hyperbola.shifted",),
        changes=(formula("S1.crossover", lambda rhs: 2 * rhs),),
    ),
    Mutant(
        name="noise-level-sizes-swapped",
        theorems=("S2",),
        change="n_max and N swapped in the noise level of a coordinate",
        checks=("S2.level.sequence.design", "S2.squared.sequence.cut-off-1"),
        changes=(formula("S2.level", _swapped(nt.n_max, nt.N)),),
    ),
    Mutant(
        name="bias-by-real-weights",
        theorems=("S2",),
        change="generators' biases weighted by 1 - c_g for c_g",
        checks=("S2.bias.sequence.design",),
        changes=(formula("S2.generator_bias", lambda rhs: rhs.xreplace({_c: 1 - _c})),),
    ),
    Mutant(
        name="exponent-of-one-more-dimension",
        theorems=("S2",),
        change="2 beta/(2 beta + 2) for 2 beta/(2 beta + 1)",
        checks=("S2.slope.sequence.cut-off-1", "S2.exponent.sequence.cut-off-1"),
        changes=(formula("S2.exponent", lambda rhs: 2 * nt.smoothness / (2 * nt.smoothness + 2)),),
    ),
    Mutant(
        name="coordinate-bias-sign",
        theorems=("S2",),
        change="a generator's bias opposes the filter's bias where it adds to it",
        checks=("S2.squared.sequence.tikhonov-1",),
        changes=(
            formula(
                "S2.coordinate_risk",
                lambda rhs: rhs.xreplace({nt.coordinate_bias: -nt.coordinate_bias}),
            ),
        ),
    ),
    Mutant(
        name="seeds-and-size-swapped",
        theorems=("S3",),
        change="the number of seeds and the synthetic size swapped",
        checks=("S3.squared.sequence.1-a0.5-N20",),
        changes=(formula("S3.smoothed_risk", _swapped(nt.seeds, nt.N)),),
    ),
    Mutant(
        name="linear-share-inverted",
        theorems=("S3",),
        change="the floor of linear rules above that of the best cut-off, not below",
        checks=("S3.floor.sequence.1",),
        changes=(formula("S3.linear_share", lambda rhs: 1 / rhs),),
    ),
    Mutant(
        name="smooth-crossover-doubled",
        theorems=("S3",),
        change="twice the synthetic size at which the seeds' noise is reached",
        checks=("S3.crossover.sequence.1",),
        changes=(formula("S3.smooth_crossover", lambda rhs: 2 * rhs),),
    ),
    Mutant(
        name="oversampling-moment-by-groups",
        theorems=("S1",),
        change="1/G for 1/G^2 in A, the second moment of the oversampling part",
        checks=("S1.excess_35.hyperbola.shifted-N600",),
        changes=(formula("S1.A", lambda rhs: nt.G * rhs),),
        also=("scaling",),
    ),
    Mutant(
        name="parts-that-share-their-noise",
        theorems=("S1",),
        change="half of the oversampling part counted in the augmentation part as well",
        checks=("S1.excess_35.hyperbola.shifted-N600",),
        changes=(
            arguments(
                "theory.scaling.scaling_law.scaling_law",
                lambda A, C, D, S: (A, C + A / 2, D + C + A / 4, S),
            ),
        ),
        also=("scaling",),
    ),
    Mutant(
        name="cross-moment-by-groups",
        theorems=("S1",),
        change="1/G^3 for 1/G^2 in C, what the two parts have in common",
        checks=("S1.excess_35.hyperbola.shifted-N600",),
        changes=(formula("S1.C", lambda rhs: rhs / nt.G),),
    ),
    Mutant(
        name="augmentation-moment-by-groups",
        theorems=("S1", "S3"),
        change="1/G for 1/G^2 in D, what augmentation keeps with infinitely many samples",
        checks=("S1.excess_100.hyperbola.shifted-Ninf",),
        changes=(formula("S1.D", lambda rhs: nt.G * rhs),),
        also=("scaling",),
    ),
    Mutant(
        name="fresh-noise-by-groups",
        theorems=("S1",),
        change="1/G for 1/G^2 in S, the noise of one synthetic sample per group",
        checks=("S1.excess_100.hyperbola.shifted-N600",),
        changes=(formula("S1.S", lambda rhs: nt.G * rhs),),
        also=("scaling",),
    ),
    Mutant(
        name="least-excess-not-halved",
        theorems=("S1",),
        change="the least excess at a size without its factor 1/2",
        checks=("S1.best_excess.hyperbola.shifted-N600",),
        changes=(formula("S1.best_excess", lambda rhs: 2 * rhs),),
    ),
    Mutant(
        name="floor-not-halved",
        theorems=("S1",),
        change="the floor without its factor 1/2",
        checks=("S1.floor.hyperbola.shifted",),
        changes=(formula("S1.floor", lambda rhs: 2 * rhs),),
    ),
    Mutant(
        name="best-risk-of-the-noise-alone",
        theorems=("S2", "S3"),
        change="the best filter's risk without the share 1/(2 beta) of its bias",
        checks=("S2.constant.sequence.tikhonov-1",),
        changes=(formula("S2.filter_best_risk", lambda rhs: rhs / (1 + 1 / (2 * nt.smoothness))),),
    ),
    Mutant(
        name="best-scale-without-two",
        theorems=("S2",),
        change="the factor 2 left out under the root of the best scale",
        checks=("S2.scale.sequence.pinsker-2",),
        changes=(formula("S2.filter_scale", lambda rhs: rhs / 2 ** (1 / (2 * nt.smoothness + 1))),),
    ),
    Mutant(
        name="pinsker-constant-inverted",
        theorems=("S2",),
        change="(order + 1)/order for order/(order + 1) in Pinsker's constant",
        checks=("S2.minimax.sequence.pinsker-1",),
        changes=(
            formula(
                "S2.pinsker_minimax",
                lambda rhs: (
                    rhs * ((nt.order + 1) / nt.order) ** (4 * nt.order / (2 * nt.order + 1))
                ),
            ),
        ),
    ),
    Mutant(
        name="saturation-at-twice-the-qualification",
        theorems=("S2",),
        change="a filter saturates at twice the smoothness that it does",
        checks=("S2.saturation.sequence.tikhonov",),
        changes=(
            formula(
                "S2.saturated_exponent",
                lambda rhs: rhs.xreplace({nt.qualification: 2 * nt.qualification}),
            ),
        ),
    ),
    Mutant(
        name="angle-not-halved",
        theorems=("S2",),
        change="phi(Delta)/Delta for phi(Delta)/(2 Delta) before the squared leakage",
        checks=("S2.excess.sequence.cut-off-1-K24",),
        changes=(formula("S2.classification", lambda rhs: 2 * rhs),),
    ),
    Mutant(
        name="next-order-as-large-as-the-leading",
        theorems=("S2",),
        change="the classification error's next order equal to its leading one",
        checks=("S2.decay.sequence.cut-off-0.5", "S2.deviation.sequence.cut-off-0.5-K6"),
        changes=(
            result(
                "theory.scaling.sequence_limits.classification_excess",
                lambda parts, *_: (parts[0], parts[0]),
            ),
        ),
    ),
    Mutant(
        name="tail-of-a-slower-filter",
        theorems=("S2",),
        change="Tikhonov's weights taken to fall like (k/K)^(-order) beyond the last coordinate",
        checks=("S2.truncation.sequence.tikhonov-1",),
        changes=(_SLOWER,),
    ),
    Mutant(
        name="seeds-noise-without-groups",
        theorems=("S3",),
        change="1/n for 1/(G n) in the noise of the seeds",
        checks=("S3.squared.sequence.1-a1-N20", "S3.squared.sequence.1-a1-N160"),
        changes=(
            formula("S3.smoothed_risk", lambda rhs: rhs.xreplace({nt.seeds: nt.seeds / nt.G})),
        ),
    ),
)
