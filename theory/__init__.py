"""The theory: symbolic and closed-form statements, with no simulation in sight.

Start with `GaussianGroup` (who is to be classified), `Design` (how many real and synthetic
samples, with what weight) and a generator (`Oracle`, `Smote`, `GaussianPlugin`, ...); `predict`
then says what training on that design costs, and why; `law_of_design` says how much synthetic data
to use, and with what weight.

The folders, each of which uses only those before it:

* `formula`: what a printed formula is, its symbols, its proof, and how it is computed as printed;
* `theorems`: the formulas, a module for each family, and a `table` of them;
* `population`: groups and their laws, designs, Gaussian integrals, risks and minimisers;
* `generators`: what a generator's samples follow, and what its seeds add;
* `prediction`: theorems B, R and M. Bias, excess risk, group errors, benefit, efficiency, metrics;
  bounds and the certificate; whether to rely on a prediction (`validity`, `existence`); generators
  that are known by their samples (`measured`);
* `scaling`: theorem S. The global law and its hyperbola, the sequence model, laws of others;
* `multiclass`: theorem K. Theorems B, R and S1 for more than two classes and the softmax loss;
* `in_context`: theorem T. Transformers as generators, for Gaussian groups and for tokens;
* `proportional`: theorem H. As many features as minority samples: clusters, their equations, the
  solver, the best ridge, and the threshold below which no fit exists; which of theorems R and H a
  design is predicted by (`regime`).

Beside them: `registry` (every theorem with its statement, `sources`, kind, assumptions and
functions), `inputs` and `ranges` (whether arguments go together), and small helpers.
"""

from typing import TYPE_CHECKING

from synthetic_oversampling import lazy

if TYPE_CHECKING:
    from synthetic_oversampling.theory.generators.table import (
        Duplicate,
        GaussianPlugin,
        Mislabelled,
        Oracle,
        Predictive,
        Scaled,
        Shifted,
        Smote,
        StudentPlugin,
        population_law,
    )
    from synthetic_oversampling.theory.multiclass.bounds import (
        multiclass_bound,
        multiclass_certificate,
    )
    from synthetic_oversampling.theory.multiclass.predict import (
        MulticlassPrediction,
        expected_multiclass_risk,
        predict_multiclass,
    )
    from synthetic_oversampling.theory.multiclass.scaling import multiclass_law_of_design
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
    from synthetic_oversampling.theory.population.metrics import Metrics, metrics
    from synthetic_oversampling.theory.population.minimum import minimise, minimiser
    from synthetic_oversampling.theory.prediction.bias import (
        BiasPrediction,
        generator_bias,
        generator_bias_gradient,
        predict_bias,
    )
    from synthetic_oversampling.theory.prediction.excess_risk import Expansion, Prediction, predict
    from synthetic_oversampling.theory.prediction.metrics import ExpectedMetrics, expected_metrics
    from synthetic_oversampling.theory.proportional.clusters import Cluster
    from synthetic_oversampling.theory.proportional.predict import (
        NoFiniteFit,
        Proportional,
        predict_clusters,
        predict_proportional,
    )
    from synthetic_oversampling.theory.proportional.regime import InRegime, predict_in_regime
    from synthetic_oversampling.theory.proportional.ridge import BestRidge, best_ridge
    from synthetic_oversampling.theory.proportional.threshold import separability_threshold
    from synthetic_oversampling.theory.scaling.global_law import GlobalLaw
    from synthetic_oversampling.theory.scaling.moments import (
        ScalingMoments,
        hyperbola_of_design,
        law_of_design,
    )
    from synthetic_oversampling.theory.scaling.scaling_law import ScalingLaw

_HOMES = {
    "generators.table": "Duplicate GaussianPlugin Mislabelled Oracle Predictive Scaled Shifted "
    "Smote StudentPlugin population_law",
    "multiclass.bounds": "multiclass_bound multiclass_certificate",
    "multiclass.predict": "MulticlassPrediction expected_multiclass_risk predict_multiclass",
    "multiclass.scaling": "multiclass_law_of_design",
    "population.design": "Design",
    "population.groups": "error_rate gradient hessian risk score_cov score_mean worst_error_rate",
    "population.laws": "GaussianGroup Law balanced_law mix stack",
    "population.margins": "LOGISTIC SQUARED",
    "population.metrics": "Metrics metrics",
    "population.minimum": "minimise minimiser",
    "prediction.bias": "BiasPrediction generator_bias generator_bias_gradient predict_bias",
    "prediction.excess_risk": "Expansion Prediction predict",
    "prediction.metrics": "ExpectedMetrics expected_metrics",
    "proportional.clusters": "Cluster",
    "proportional.predict": "NoFiniteFit Proportional predict_clusters predict_proportional",
    "proportional.regime": "InRegime predict_in_regime",
    "proportional.ridge": "BestRidge best_ridge",
    "proportional.threshold": "separability_threshold",
    "scaling.global_law": "GlobalLaw",
    "scaling.moments": "ScalingMoments hyperbola_of_design law_of_design",
    "scaling.scaling_law": "ScalingLaw",
}
__all__ = [
    "LOGISTIC",
    "SQUARED",
    "BestRidge",
    "BiasPrediction",
    "Cluster",
    "Design",
    "Duplicate",
    "Expansion",
    "ExpectedMetrics",
    "GaussianGroup",
    "GaussianPlugin",
    "GlobalLaw",
    "InRegime",
    "Law",
    "Metrics",
    "Mislabelled",
    "MulticlassPrediction",
    "NoFiniteFit",
    "Oracle",
    "Prediction",
    "Predictive",
    "Proportional",
    "Scaled",
    "ScalingLaw",
    "ScalingMoments",
    "Shifted",
    "Smote",
    "StudentPlugin",
    "balanced_law",
    "best_ridge",
    "error_rate",
    "expected_metrics",
    "expected_multiclass_risk",
    "generator_bias",
    "generator_bias_gradient",
    "gradient",
    "hessian",
    "hyperbola_of_design",
    "law_of_design",
    "metrics",
    "minimise",
    "minimiser",
    "mix",
    "multiclass_bound",
    "multiclass_certificate",
    "multiclass_law_of_design",
    "population_law",
    "predict",
    "predict_bias",
    "predict_clusters",
    "predict_in_regime",
    "predict_multiclass",
    "predict_proportional",
    "risk",
    "score_cov",
    "score_mean",
    "separability_threshold",
    "stack",
    "worst_error_rate",
]
__getattr__ = lazy(__name__, _HOMES)
