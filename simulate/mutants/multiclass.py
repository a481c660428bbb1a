"""Wrong versions of theorem K, and the checks that must reject them."""

from __future__ import annotations

import numpy as np

from synthetic_oversampling.simulate.mutants.mutation import Mutant, formula, replaced
from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.multiclass.components import components_of
from synthetic_oversampling.theory.multiclass.errors import error_rates

__all__ = ["MULTICLASS_MUTANTS"]

_PREDICTED = "theory.multiclass.predict.predict_multiclass"


def _changed(change, path=_PREDICTED):
    """Changes a prediction: ``change(right) -> the fields that are wrong``."""

    def wrong(original):
        def function(*arguments, **options):
            right = original(*arguments, **options)
            return right._replace(**change(right))

        return function

    return replaced(path, wrong)


def _excess(change):
    """Changes the balanced excess risk, that of the groups and their errors alike."""
    names = ("excess", "group_excess", "group_error")
    return _changed(lambda right: {name: change(getattr(right, name)) for name in names})


def _off(vector, cov):
    """1.5 times a vector, and half a deviation along the direction of unbiased designs."""
    signs = np.sign(np.cos(0.5 + np.arange(len(vector))))
    return 1.5 * vector + 0.5 * np.sqrt(np.diagonal(cov)) * signs


def _binary_curvature(original):
    """Every score by itself, as if the classes were compared with class 0 one by one."""

    def moments(theta, parts, grids=None):
        right = original(theta, parts, grids)
        size, width = theta.shape
        blocks = np.kron(np.eye(size), np.ones((width, width)))
        return right._replace(hessian=right.hessian * blocks)

    return moments


def _larger(original):
    def moments(theta, parts, grids=None):
        right = original(theta, parts, grids)
        return right._replace(risk=1.1 * right.risk, score_mean=1.1 * right.score_mean)

    return moments


def _uncentred(original):
    def moments(theta, parts, grids=None):
        right = original(theta, parts, grids)
        outer = right.score_mean[:, :, None] * right.score_mean[:, None]
        return right._replace(score_cov=right.score_cov + outer)

    return moments


def _half_seeds(original):
    def function(*arguments):
        right = original(*arguments)
        return right._replace(noise=right.noise / 2, slope=right.slope / 2)

    return function


def _certain(original):
    """A distance with a shorter reach, as if a row's scores had the range of one of them."""

    def certificate(*arguments):
        right = original(*arguments)
        return right._replace(farthest=right.farthest / 2, nearest=right.nearest * 1.1)

    return certificate


def _flat(original):
    def bound(*arguments):
        right = original(*arguments)
        return right._replace(curvature=1.3 * right.curvature, bound=right.bound / 1.3)

    return bound


def _against_zero(original):
    """Differences of scores against class 0 alone, as if those of two other classes were less."""
    return lambda classes: original(classes)[: classes - 1]


def _one_by_one(original):
    """Every group's error as that of its class and class 0: of class 0 those against class 1."""

    def rates(theta, parts):
        values, slopes, bends = original(theta, parts)
        size, width = theta.shape
        rows = np.zeros((len(values), size, width))
        for g in range(len(values)):
            label = int(parts.labels[np.argmax(parts.law == g)])
            rows[g, max(label - 1, 0)] = 1.0
        kept = rows.reshape(len(values), -1)
        return values, slopes * kept, bends * kept[:, :, None] * kept[:, None]

    return rates


def _linear_errors(original):
    """Error rates of the pseudo-true point to first order in the bias, from the optimum."""

    def function(groups, *arguments):
        right = original(groups, *arguments)
        parts = components_of([group.law for group in groups])
        value, slope, _ = error_rates(right.theta_star, parts)
        moved = value + slope @ right.displacement_linear
        return right._replace(group_error=right.group_error._replace(bias=moved))

    return function


def _stepped(original):
    """A law of another augmentation noise: ``N`` in every class counted once for all."""

    def law(*arguments, **options):
        right = original(*arguments, **options)
        return type(right)(1.001 * right.limit, right.noise / 3, right.error, right.small)

    return law


# wrong forms of these theorems, and the checks that reject them
MULTICLASS_MUTANTS = (
    Mutant(
        name="classes-shift-upside-down",
        theorems=("K1",),
        change="log(n_0 / n_k) for log(n_k / n_0)",
        checks=("K1.shift.multiclass.class1",),
        changes=(formula("K1.shift", lambda rhs: -rhs),),
    ),
    Mutant(
        name="classes-shift-halved",
        theorems=("K1",),
        change="half of the log ratio of the sizes",
        checks=("K1.shift.multiclass.class2",),
        changes=(formula("K1.shift", lambda rhs: rhs / 2),),
        also=("printed",),
    ),
    Mutant(
        name="classes-displacement-doubled",
        theorems=("K1",),
        change="displacement and mean gradient 1.5 times as large, and half a deviation off",
        checks=(
            "K1.displacement.multiclass.three-mislabelled",
            "K1.bias_gradient.multiclass.three-smote",
        ),
        changes=(
            _changed(
                lambda right: {
                    "displacement": _off(right.displacement, right.cov),
                    "mean_gradient": _off(right.mean_gradient, right.gradient_cov_star),
                }
            ),
        ),
        also=("multiclass",),
    ),
    Mutant(
        name="classes-by-their-sizes",
        theorems=("K1",),
        change="expected empirical risk of raw training",
        checks=("K1.objective.multiclass.three-mislabelled",),
        changes=(
            replaced(
                "theory.multiclass.predict.expected_multiclass_risk",
                lambda original: (
                    lambda theta, groups, design, generator: original(
                        theta, groups, type(design).raw(design.sizes), generator
                    )
                ),
            ),
        ),
    ),
    Mutant(
        name="classes-turned-by-sizes",
        theorems=("K1",),
        change="slopes of raw training that move as well",
        checks=("K1.slopes.multiclass.common",),
        changes=(
            _changed(lambda right: {"displacement": right.displacement + 1e-3 * right.hessian[0]}),
        ),
    ),
    Mutant(
        name="classes-risk-too-large",
        theorems=("K1",),
        change="risk and gradient a tenth too large",
        checks=("K1.risk.multiclass.class1", "K1.gradient.multiclass.class2"),
        changes=(replaced("theory.multiclass.moments.moments", _larger),),
        also=("multiclass",),
    ),
    Mutant(
        name="classes-bias-part-larger",
        theorems=("K2",),
        change="excess of the pseudo-true point 1.5 times as large",
        checks=("K2.excess.multiclass.three-mislabelled", "K2.excess.multiclass.independent-raw"),
        changes=(_excess(lambda part: part._replace(bias=1.5 * part.bias)),),
        also=("multiclass",),
    ),
    Mutant(
        name="classes-one-against-zero",
        theorems=("K2",),
        change="no curvature between two classes other than class 0",
        checks=("K2.hessian.multiclass.class1", "K2.curvature.multiclass.four-raw"),
        changes=(replaced("theory.multiclass.moments.moments", _binary_curvature),),
        also=("multiclass",),
    ),
    Mutant(
        name="classes-second-moment",
        theorems=("K2",),
        change="second moments of the scores for their covariances within groups",
        checks=("K2.score_cov.multiclass.class2",),
        changes=(replaced("theory.multiclass.moments.moments", _uncentred),),
        also=("multiclass",),
    ),
    Mutant(
        name="classes-variance-doubled",
        theorems=("K2",),
        change="tr(H Cov) for half of it",
        checks=(
            "K2.second_order.multiclass.three-weighted",
            "K2.error_second_order.multiclass.three-weighted",
            "K2.error_second_order.multiclass.four-raw",
            "K2.error_second_order.multiclass.four-plugin",
            "K2.excess.multiclass.independent-plugin",
        ),
        changes=(_excess(lambda part: part._replace(variance=2 * part.variance)),),
        also=("multiclass",),
    ),
    Mutant(
        name="classes-seeds-halved",
        theorems=("K2",),
        change="half of the noise that a fitted generator takes from its seeds",
        checks=(
            "K2.second_order.multiclass.three-plugin",
            "K2.excess.multiclass.three-smote",
        ),
        changes=(replaced("theory.multiclass.predict.at_point", _half_seeds),),
        also=("multiclass",),
    ),
    Mutant(
        name="classes-balanced-without-sampling",
        theorems=("K2",),
        change="excess at balance as if labels had been drawn at random",
        checks=("K2.formula.printed.balanced",),
        changes=(formula("K2.balanced", lambda rhs: rhs.subs(nt.purity, 1)),),
    ),
    Mutant(
        name="classes-law-of-one-noise",
        theorems=("K2",),
        change="a third of the augmentation's noise, and a larger limit, in the global law",
        checks=("K2.law.multiclass.plugin", "K2.floor.multiclass.shifted"),
        changes=(replaced("theory.multiclass.scaling.multiclass_law_of_design", _stepped),),
        also=("multiclass",),
    ),
    Mutant(
        name="classes-certificate-too-sure",
        theorems=("K2",),
        change="half of the distance in which a minimiser must lie",
        checks=("K2.certified.multiclass.samples", "K2.certified.multiclass.spurious"),
        changes=(replaced("theory.multiclass.bounds.multiclass_certificate", _certain),),
    ),
    Mutant(
        name="classes-curvature-too-high",
        theorems=("K2",),
        change="curvature towards the optimum 1.3 times as large",
        checks=(
            "K2.curvature.multiclass.shifted",
            "K2.bound.multiclass.mislabelled",
            "K2.bound.multiclass.four-raw",
        ),
        changes=(replaced("theory.multiclass.bounds.multiclass_bound", _flat),),
        also=("multiclass",),
    ),
    Mutant(
        name="classes-range-against-zero",
        theorems=("K2",),
        change="range of a row's scores against class 0 for that over all classes",
        checks=("K2.reach.multiclass.spurious",),
        changes=(replaced("theory.multiclass.bounds._differences", _against_zero),),
    ),
    Mutant(
        name="classes-errors-one-by-one",
        theorems=("K2",),
        change="error rates that move with the scores of one class alone",
        checks=("K2.worst_error.multiclass.spurious", "K2.balanced_error.multiclass.spurious"),
        changes=(replaced("theory.multiclass.errors.error_rates", _one_by_one),),
    ),
    Mutant(
        name="classes-errors-to-first-order",
        theorems=("K2",),
        change="error rates of the pseudo-true point by their slope at the balanced optimum",
        checks=("K2.group_error.multiclass.spurious2", "K2.balanced_error.multiclass.spurious"),
        changes=(replaced(_PREDICTED, _linear_errors),),
    ),
    Mutant(
        name="classes-errors-without-noise",
        theorems=("K2",),
        change="error rates of the pseudo-true point, without what estimation adds",
        checks=("K2.balanced_error.multiclass.spurious",),
        changes=(
            _changed(
                lambda right: {
                    "group_error": right.group_error._replace(
                        variance=0 * right.group_error.variance,
                        cox_snell=0 * right.group_error.cox_snell,
                    )
                }
            ),
        ),
    ),
    Mutant(
        name="classes-worst-of-means",
        theorems=("K2",),
        change="largest of the mean error rates for the mean of the largest",
        checks=("K2.worst_error.multiclass.spurious",),
        changes=(_changed(lambda right: {"error_cov": 0.0 * right.error_cov}),),
    ),
)
