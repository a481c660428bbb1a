"""Wrong versions of theorem M, and the checks that must reject them."""

from __future__ import annotations

import numpy as np

from synthetic_oversampling.simulate.mutants.mutation import Mutant, replaced

__all__ = ["METRIC_MUTANTS"]


def _expected(change):
    """Changes every expected metric."""

    def wrong(original):
        def expected_metrics(*arguments, **options):
            right = original(*arguments, **options)
            return right._replace(**{k: change(one) for k, one in right._asdict().items()})

        return expected_metrics

    return replaced("theory.prediction.metrics.expected_metrics", wrong)


def _labels_exchanged(original):
    def classes_of(*arguments, **options):
        right = original(*arguments, **options)
        return right._replace(positive=right.negative, negative=right.positive)

    return classes_of


def _balanced(original):
    def metrics(theta, groups, *, prevalence=0.5, shares=None):
        del prevalence
        return original(theta, groups, shares=shares)

    return metrics


def _turned(original):
    def predict_bias(groups, design, generator):
        right = original(groups, design, generator)
        if design.scheme != "raw":
            return right
        theta = np.array(right.theta_alpha)
        theta[1] *= 1 + 0.05 * np.log(max(design.sizes) / min(design.sizes))
        return right._replace(theta_alpha=theta)

    return predict_bias


# wrong forms of these theorems, and the checks that reject them
METRIC_MUTANTS = (
    Mutant(
        name="metric-noise-not-halved",
        theorems=("M3",),
        change="tr(Hess m Cov) for half of it",
        checks=("M3.auroc.mixture.weighted", "M3.best_f1.spurious.smote"),
        changes=(_expected(lambda one: one._replace(noise=2 * one.noise)),),
        also=("metrics",),
    ),
    Mutant(
        name="metric-without-drift",
        theorems=("M3",),
        change="the estimator's bias of order 1/n left out",
        checks=("M3.average_precision.spurious.raw",),
        changes=(_expected(lambda one: one._replace(drift=0.0)),),
    ),
    Mutant(
        name="metric-labels-exchanged",
        theorems=("M1", "M2"),
        change="label 0 taken for label 1",
        checks=("M1.auroc.metrics.on-mixture", "M2.auroc.metrics.raw"),
        changes=(replaced("theory.population.metrics.classes_of", _labels_exchanged),),
        also=("metrics",),
    ),
    Mutant(
        name="precision-at-balance",
        theorems=("M1",),
        change="precision and F1 on balanced labels, whatever the prevalence",
        checks=("M1.average_precision.metrics.on-spurious", "M1.best_f1.metrics.on-spurious"),
        changes=(replaced("theory.population.metrics.metrics", _balanced),),
    ),
    Mutant(
        name="imbalance-turns-the-rule",
        theorems=("M2",),
        change="a slope of raw training that grows with the log ratio of the sizes",
        checks=("M2.best_balanced_error.metrics.raw",),
        changes=(replaced("theory.prediction.bias.predict_bias", _turned),),
        also=("metrics",),
    ),
)
