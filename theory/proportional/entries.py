"""Theorem H for `theory.registry`: what `theory.registry.Theorem` is made of, in its order."""

from __future__ import annotations

from synthetic_oversampling.theory.statements import STATEMENTS

__all__ = ["PROPORTIONAL_THEOREMS"]

_IID = "independent samples; group sizes fixed by design"
_PROPORTIONAL = "sizes and the number of features d grow in proportion"
_GAUSSIAN_ROWS = "Gaussian (mixture) groups whose means stay bounded"
_NO_FIGURE = "its numbers are compared with simulations one by one, by its checks"

PROPORTIONAL_THEOREMS = (
    (
        "H1",
        "With features as many as rows a fit's scores are normal, by equations in a few numbers",
        STATEMENTS["H1"],
        ("asymptotic",),
        (_IID, _PROPORTIONAL, _GAUSSIAN_ROWS, "convex loss; ridge at least 0, 0 below H3 only"),
        "relative O(1/d)",
        (
            "theory.proportional.predict.predict_proportional",
            "theory.proportional.predict.predict_clusters",
            "theory.proportional.clusters.Cluster",
        ),
        "proportional_errors",
        None,
    ),
    (
        "H2",
        "A generator fitted on its seeds changes the potential of each seed's training score",
        STATEMENTS["H2"],
        ("asymptotic",),
        (_IID, _PROPORTIONAL, _GAUSSIAN_ROWS, "interpolation: all pairs, many rows"),
        "relative O(1/d); interpolation from m rows of n seeds: O(n/m) besides",
        (
            "theory.proportional.predict.predict_proportional",
            "theory.proportional.generators.parts_of",
        ),
        "proportional_errors",
        None,
    ),
    (
        "H3",
        "From how many features on rows of clusters are separable and no finite fit exists",
        STATEMENTS["H3"],
        ("asymptotic",),
        (_PROPORTIONAL, _GAUSSIAN_ROWS, "one covariance up to factors"),
        "relative O(1/d) of the mean threshold; its spread O(d^{-1/2})",
        ("theory.proportional.threshold.separability_threshold",),
        "separability",
        None,
    ),
    (
        "H4",
        "The limits: theorem R, the mean difference, the squared loss, the largest margin",
        STATEMENTS["H4"],
        ("asymptotic",),
        ("those of H1 and H2",),
        "relative O(1/d)",
        ("theory.proportional.predict.predict_proportional",),
        None,
        _NO_FIGURE,
    ),
)
