"""Wrong versions of theorem S, and the checks that must reject them."""

from __future__ import annotations

from simulate.mutation import Mutant, formula
from theory import notation as nt

__all__ = ["SCALING_MUTANTS"]


def _swapped(left, right):
    return lambda rhs: rhs.xreplace({left: right, right: left})


_c = nt.share[nt.g]

SCALING_MUTANTS = (
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
        ("S1.excess_35.hyperbola.shifted-N600", "S1.excess1000-best.scaling.oracle"),
        (formula("S1.excess", lambda rhs: rhs + (1 - nt.alpha**2) * nt.S / nt.N / 2),),
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
)
