"""Theorems T5, H, M and K for `theory.registry`: the fields of `theory.registry.Theorem`."""

from __future__ import annotations

from synthetic_oversampling.theory.statements import STATEMENTS

__all__ = ["METRIC_THEOREMS", "MULTICLASS_THEOREMS", "PROPORTIONAL_THEOREMS", "ROW_THEOREMS"]

_IID = "independent samples; group sizes fixed by design"
_PROPORTIONAL = "sizes and the number of features d grow in proportion"
_GAUSSIAN_ROWS = "Gaussian (mixture) groups whose means stay bounded"
_NO_FIGURE = "its numbers are compared with simulations one by one, by its checks"

# theorem T5
ROW_THEOREMS = (
    dict(
        id="T5",
        claim="A transformer writes whole rows of correlated features; depth squares what it "
        "misses",
        statement=STATEMENTS["T5"],
        kinds=("exact", "bound", "asymptotic"),
        assumptions=(
            "Gaussian rows of unknown mean and covariance",
            "normal-inverse-Wishart prior or its flat limit",
        ),
        remainder="none for the exact law and the bound; O(e^3) for the divergence at residual e; "
        "O(n^{-2}) for the rate of the flat prior",
        functions=(
            "theory.in_context.regression.feature_predictive",
            "theory.in_context.regression.depth_divergence",
            "theory.in_context.regression.depth_bound",
            "theory.in_context.regression.enough_iterations",
            "theory.in_context.regression.flat_rows_expected_kl",
        ),
        figure="row_depth",
        no_figure=None,
    ),
)
# family H
PROPORTIONAL_THEOREMS = (
    dict(
        id="H1",
        claim="With features as many as rows a fit's scores are normal, by equations in a few "
        "numbers",
        statement=STATEMENTS["H1"],
        kinds=("asymptotic",),
        assumptions=(
            _IID,
            _PROPORTIONAL,
            _GAUSSIAN_ROWS,
            "convex loss; ridge at least 0, 0 below H3 only",
        ),
        remainder="relative O(1/d)",
        functions=(
            "theory.proportional.predict.predict_proportional",
            "theory.proportional.predict.predict_clusters",
            "theory.proportional.clusters.Cluster",
        ),
        figure="proportional_errors",
        no_figure=None,
    ),
    dict(
        id="H2",
        claim="A generator fitted on its seeds changes the potential of each seed's training score",
        statement=STATEMENTS["H2"],
        kinds=("asymptotic",),
        assumptions=(_IID, _PROPORTIONAL, _GAUSSIAN_ROWS, "interpolation: all pairs, many rows"),
        remainder="relative O(1/d); interpolation from m rows of n seeds: O(n/m) besides",
        functions=(
            "theory.proportional.predict.predict_proportional",
            "theory.proportional.generators.parts_of",
        ),
        figure="proportional_errors",
        no_figure=None,
    ),
    dict(
        id="H3",
        claim="From how many features on rows of clusters are separable and no finite fit exists",
        statement=STATEMENTS["H3"],
        kinds=("asymptotic",),
        assumptions=(
            _PROPORTIONAL,
            _GAUSSIAN_ROWS,
            "a formula for one covariance up to factors, equations for others",
        ),
        remainder="relative O(1/d) of the mean threshold; its spread O(d^{-1/2})",
        functions=("theory.proportional.threshold.separability_threshold",),
        figure="separability",
        no_figure=None,
    ),
    dict(
        id="H4",
        claim="The limits: theorem R, the mean difference, the squared loss, the largest margin",
        statement=STATEMENTS["H4"],
        kinds=("asymptotic",),
        assumptions=("those of H1 and H2",),
        remainder="relative O(1/d)",
        functions=("theory.proportional.predict.predict_proportional",),
        figure=None,
        no_figure=_NO_FIGURE,
    ),
)

_SCORE = "linear score, Gaussian (mixture) groups of two labels"
_NOTHING = "none; quadrature to about ten digits"

# family M
METRIC_THEOREMS = (
    dict(
        id="M1",
        claim="AUROC, average precision, and error and F1 at the best threshold are normal "
        "integrals",
        statement=STATEMENTS["M1"],
        kinds=("exact",),
        assumptions=(_SCORE,),
        remainder=_NOTHING,
        functions=("theory.population.metrics.metrics",),
        figure="metrics_by_imbalance",
    ),
    dict(
        id="M2",
        claim="With one covariance imbalance costs these metrics nothing but noise",
        statement=STATEMENTS["M2"],
        kinds=("exact",),
        assumptions=(
            "two Gaussian classes with one covariance matrix and two means",
            "the population",
        ),
        remainder="none",
        functions=(
            "theory.population.metrics.metrics",
            "theory.prediction.bias.predict_bias",
        ),
        figure="metrics_by_imbalance",
    ),
    dict(
        id="M3",
        claim="The expected metric of a trained rule, and the size at which two designs break even",
        statement=STATEMENTS["M3"],
        kinds=("asymptotic",),
        assumptions=(
            _IID,
            _SCORE,
            "smooth convex loss, as for R1 and R2",
            "no two thresholds equally good; a direction not lost in its noise",
        ),
        remainder="O(n^{-2})",
        functions=(
            "theory.prediction.metrics.expected_metrics",
            "theory.prediction.metrics.break_even_factor",
        ),
        figure="metrics_by_imbalance",
    ),
)

_CLASSES = "softmax loss, Gaussian (mixture) groups labelled 0 to K - 1"

# family K
MULTICLASS_THEOREMS = (
    dict(
        id="K1",
        claim="More than two classes: bias of a softmax fit; raw training adjusts logits only",
        statement=STATEMENTS["K1"],
        kinds=("exact", "asymptotic"),
        assumptions=(_IID, _CLASSES, "logit adjustment: one covariance for all classes"),
        remainder="none for expected risks and logit adjustment; O(|grad B|^2) for displacements",
        functions=(
            "theory.multiclass.predict.predict_multiclass",
            "theory.multiclass.predict.expected_multiclass_risk",
        ),
        figure="classes_by_imbalance",
        no_figure=None,
    ),
    dict(
        id="K2",
        claim="More than two classes: excess risk, groups, errors, bounds, certificate, global law",
        statement=STATEMENTS["K2"],
        kinds=("asymptotic", "bound"),
        assumptions=(
            _IID,
            _CLASSES,
            "a generator with a closed-form law; fitted ones through their influence functions",
        ),
        remainder="O(n^{-2}); integrals to 1e-9 up to K = 4, beyond by randomised points",
        functions=(
            "theory.multiclass.predict.predict_multiclass",
            "theory.multiclass.scaling.multiclass_law_of_design",
            "theory.multiclass.bounds.multiclass_bound",
            "theory.multiclass.bounds.multiclass_certificate",
        ),
        figure="classes_by_imbalance",
        no_figure=None,
    ),
)
