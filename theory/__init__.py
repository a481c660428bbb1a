"""The theory: symbolic and closed-form statements, with no simulation in sight.

Start with `GaussianGroup` (who is to be classified), `Design` (how many real and synthetic
samples, with what weight) and a generator (`Oracle`, `Smote`, `GaussianPlugin`, ...); `predict`
then says what training on that design costs, and why; `law_of_design` says how much synthetic data
to use, and with what weight.

The modules, from what is written down to what follows from it:

* formulas: `notation` (every symbol, the glossary), `formulas` and its parts ``formulas_*``, each a
  `formula` with its proof (`proofs`) that can be computed as it is printed (`lowering`, `nodes`);
* the setting: `design`, `laws` (groups), `generators`, `inputs` (whether they go together),
  `ranges` (which numbers a form is for);
* their population: `margins`, `expectations` (Gaussian integrals), `moments`, `groups` (risks),
  `minimum`;
* theorem B: `bias`; theorem R: `influence`, `hajek` and `seed_masses` (what seeds add),
  `excess_risk`, `bounds`, `certificate`, `worst_group`, `benefit`, `efficiency`; whether to rely
  on it: `validity`, `existence` (of a fit); the same for generators that are known by their
  samples: `measured`;
* theorem S: `global_law`, `weight_path`, `scaling_law`, `scaling_moments`, `measured_scaling`;
  `sequence_model`, `sequence_limits`; beside laws of others: `literature`;
* theorem T: `capacity`, `token_capacity`;
* `registry`: every theorem with its statement (the longer ones in `statements`) and its `sources`,
  kind, assumptions and functions;
* for all of them: `precision` (float64 is on), `compiling` (one program a call), `wording` (numbers
  of things in messages).
"""

from synthetic_oversampling.theory.generators.table import (
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
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import (
    error_rate,
    gradient,
    hessian,
    risk,
    score_cov,
    score_mean,
    worst_error_rate,
)
from synthetic_oversampling.theory.population.laws import (
    GaussianGroup,
    Law,
    balanced_law,
    mix,
    stack,
)
from synthetic_oversampling.theory.population.margins import LOGISTIC, SQUARED
from synthetic_oversampling.theory.population.minimum import minimise, minimiser
from synthetic_oversampling.theory.prediction.bias import (
    BiasPrediction,
    generator_bias,
    generator_bias_gradient,
    predict_bias,
)
from synthetic_oversampling.theory.prediction.excess_risk import Expansion, Prediction, predict
from synthetic_oversampling.theory.scaling.global_law import GlobalLaw
from synthetic_oversampling.theory.scaling.moments import (
    ScalingMoments,
    hyperbola_of_design,
    law_of_design,
)
from synthetic_oversampling.theory.scaling.scaling_law import ScalingLaw

__all__ = [
    "LOGISTIC",
    "SQUARED",
    "BiasPrediction",
    "Design",
    "Duplicate",
    "Expansion",
    "GaussianGroup",
    "GaussianPlugin",
    "GlobalLaw",
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
    "hyperbola_of_design",
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
