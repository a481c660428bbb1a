"""The theory: symbolic and closed-form statements, with no simulation in sight.

Start with `GaussianGroup` (who is to be classified), `Design` (how many real and synthetic
samples, with what weight) and a generator (`Oracle`, `Smote`, `GaussianPlugin`, ...); `predict`
then says what training on that design costs, and why; `law_of_design` says how much synthetic data
to use, and with what weight.
"""

from theory.bias import BiasPrediction, generator_bias, generator_bias_gradient, predict_bias
from theory.design import Design
from theory.excess_risk import Expansion, Prediction, predict
from theory.generators import (
    Duplicate,
    GaussianPlugin,
    Mislabelled,
    Oracle,
    Predictive,
    Scaled,
    Shifted,
    Smote,
    population_law,
)
from theory.groups import (
    error_rate,
    gradient,
    hessian,
    minimise,
    minimiser,
    risk,
    score_cov,
    score_mean,
    worst_error_rate,
)
from theory.laws import GaussianGroup, Law, balanced_law, mix, stack
from theory.margins import LOGISTIC, SQUARED
from theory.scaling_law import ScalingLaw
from theory.scaling_moments import ScalingMoments, law_of_design

__all__ = [
    "LOGISTIC",
    "SQUARED",
    "BiasPrediction",
    "Design",
    "Duplicate",
    "Expansion",
    "GaussianGroup",
    "GaussianPlugin",
    "Law",
    "Mislabelled",
    "Oracle",
    "Prediction",
    "Predictive",
    "Scaled",
    "ScalingLaw",
    "ScalingMoments",
    "Shifted",
    "Smote",
    "balanced_law",
    "error_rate",
    "generator_bias",
    "generator_bias_gradient",
    "gradient",
    "hessian",
    "law_of_design",
    "minimise",
    "minimiser",
    "mix",
    "population_law",
    "predict",
    "predict_bias",
    "risk",
    "score_cov",
    "score_mean",
    "stack",
    "worst_error_rate",
]
