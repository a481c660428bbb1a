"""The registry: every theorem with claim, kind, sources, formulas, code, checks and figure.

Statements are this package's own, with their constants; what of them others report or have
published is in `theory.sources`.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from synthetic_oversampling.theory.entries import (
    METRIC_THEOREMS,
    MULTICLASS_THEOREMS,
    PROPORTIONAL_THEOREMS,
    ROW_THEOREMS,
)
from synthetic_oversampling.theory.formula.formula import Formula
from synthetic_oversampling.theory.sources import SOURCES, Form, Source
from synthetic_oversampling.theory.statements import EXISTENCE, STATEMENTS
from synthetic_oversampling.theory.theorems.table import formulas_of

__all__ = ["THEOREMS", "Theorem", "theorem"]

Kind = Literal["exact", "asymptotic", "bound", "rate"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Theorem:
    """One theorem.

    Attributes:
        id: a letter and a number: B bias, R excess risk, S scaling, T generation, H features as
            many as rows, M metrics, K more than two classes.
        claim: the theorem in one line.
        statement: the theorem in full.
        kinds: what kind of result its parts are; results are tested as that.
        assumptions: what it needs.
        remainder: order of what is left out; "none" where nothing is.
        functions: where it is computed, as dotted names below ``synthetic_oversampling``.
        checks: prefix of the ids of the checks that test it.
        figure: name of the figure that shows it, or None.
        no_figure: why there is none.
    """

    id: str
    claim: str
    statement: str
    kinds: tuple[Kind, ...]
    assumptions: tuple[str, ...]
    remainder: str
    functions: tuple[str, ...]
    figure: str | None
    no_figure: str | None = None

    @property
    def checks(self) -> str:
        """Prefix of the ids of its checks."""
        return f"{self.id}."

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where its statement comes from, this package's own form first."""
        return SOURCES[self.id]

    @property
    def forms(self) -> tuple[Form, ...]:
        """Which forms there are, each once: "sharp", "reported", "literature"."""
        return tuple(dict.fromkeys(source.form for source in self.sources))

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """Its formulas, each printed, proved and computed from one expression."""
        return formulas_of(self.id)

    def as_dict(self) -> dict:
        """All of it as plain data, formulas in LaTeX."""
        fields = dataclasses.asdict(self)
        formulas = [
            {
                "id": formula.id,
                "claim": formula.claim,
                "kind": formula.kind,
                "latex": formula.latex,
                "arguments": list(formula.arguments),
            }
            for formula in self.formulas
        ]
        sources = [dataclasses.asdict(source) for source in self.sources]
        record = {"checks": self.checks, "forms": list(self.forms), "sources": sources}
        return fields | record | {"formulas": formulas}


_IID = "independent samples; group sizes fixed by design"
_SMOOTH = "smooth convex loss with a positive definite Hessian H at theta*"
_LINEAR = "linear score, Gaussian (mixture) groups"
_COMMON = "two Gaussian classes with one covariance matrix"
_ALL = (
    Theorem(
        id="B1",
        claim="The expected empirical risk is the balanced risk plus the weighted generator biases",
        statement="E Rhat = R_bal + (1/G) sum_g c_g (Rtilde_g - R_g), with c_g = 1 - (1-alpha) "
        "n_g / n_max.",
        kinds=("exact",),
        assumptions=(_IID, "for a generator fitted on the seeds, Rtilde_g averages over them"),
        remainder="none",
        functions=(
            "theory.population.design.Design",
            "theory.prediction.bias.expected_empirical_risk",
        ),
        figure=None,
        no_figure="an identity between expectations: its check is a table of equal numbers",
    ),
    Theorem(
        id="B2",
        claim="The bias gradient of every generator has a closed form",
        statement=STATEMENTS["B2"],
        kinds=("exact",),
        assumptions=(_LINEAR, "the generator's law as its seeds grow in number"),
        remainder="none",
        functions=(
            "theory.prediction.bias.generator_bias_gradient",
            "theory.generators.table.population_law",
        ),
        figure="bias_by_generator",
    ),
    Theorem(
        id="B3",
        claim="A small bias displaces the minimiser by minus the target's inverse Hessian times "
        "its gradient",
        statement="theta_alpha - theta* = -A^{-1} grad B(theta*) + O(|grad B|^2), A = H + Hess "
        "B(theta*). With H for A the remainder is O(|grad B|^2 + |grad B| |Hess B|): no small one "
        "unless the Hessian of the bias is small as well.",
        kinds=("asymptotic",),
        assumptions=(_SMOOTH,),
        remainder="O(|grad B|^2)",
        functions=("theory.prediction.bias.predict_bias",),
        figure="bias_by_generator",
    ),
    Theorem(
        id="B4",
        claim="Raw ERM moves the intercept by log(n_1/n_0), nothing else; its errors follow",
        statement="Raw ERM on sizes (n_0, n_1) targets theta* + log(n_1/n_0) e_b. The class "
        "errors are Phi(-Delta/2 -+ log(n_1/n_0)/Delta), Delta the Mahalanobis distance of the "
        "classes: the smaller class pays. The balanced excess risk is a Gaussian mean in Delta and "
        "the ratio.",
        kinds=("exact",),
        assumptions=(_COMMON, "logistic loss"),
        remainder="none",
        functions=("theory.prediction.bias.predict_bias",),
        figure="raw_imbalance",
    ),
    Theorem(
        id="B5",
        claim="Imbalance puts weight on a spurious feature; oversampling leaves -[A^{-1} grad "
        "B]_spur",
        statement="Under the balanced risk the spurious weight is 0; under raw sizes it is not, "
        "unless the attribute is as frequent in either label. "
        "What a synthetic design leaves of it is the spurious part of its displacement.",
        kinds=("exact", "asymptotic"),
        assumptions=(
            "core features depend on the label only, spurious ones on the attribute only",
            "attribute values +-1 with opposite means",
        ),
        remainder="O(|grad B|^2) for what a design leaves",
        functions=(
            "theory.prediction.bias.spurious_displacement",
            "theory.prediction.bias.predict_bias",
        ),
        figure="spurious_weight",
    ),
    Theorem(
        id="R1",
        claim="Excess risk = half squared bias + half noise, through the target's Hessian "
        "(generator fixed)",
        statement=STATEMENTS["R1"] + " " + EXISTENCE,
        kinds=("asymptotic",),
        assumptions=(_IID, _SMOOTH, "the generator does not depend on the seeds"),
        remainder="O(n^{-2}) for any bias, O(n^{-3/2}) for the form at bias of order n^{-1/2}",
        functions=(
            "theory.prediction.excess_risk.predict",
            "theory.prediction.influence.gradient_cov",
        ),
        figure="excess_against_weight",
    ),
    Theorem(
        id="R2",
        claim="A generator fitted on the same seeds adds their influence to the noise",
        statement=STATEMENTS["R2"] + " " + EXISTENCE,
        kinds=("asymptotic",),
        assumptions=(
            _IID,
            _SMOOTH,
            "a generator with an influence function (interpolation: all seed pairs)",
        ),
        remainder="O(n^{-2}) for any bias, O(n^{-3/2}) for the form at bias of order n^{-1/2}",
        functions=(
            "theory.prediction.excess_risk.predict",
            "theory.prediction.influence.seed_covs",
            "theory.prediction.influence.seed_noise",
            "theory.prediction.influence.second_order_risk",
            "theory.generators.seed_masses.seed_masses",
        ),
        figure="excess_against_weight",
    ),
    Theorem(
        id="R3",
        claim="When synthetic oversampling helps, by how much, and where it starts to hurt",
        statement="Closed-form gain over raw ERM, class weighting and SMOTE, and the generator "
        "bias, the sample size and the imbalance ratio at which a synthetic design breaks even "
        "with them.",
        kinds=("exact", "asymptotic"),
        assumptions=("algebra on R1 and R2, with their assumptions",),
        remainder="that of R1 and R2",
        functions=(
            "theory.prediction.benefit.gain",
            "theory.prediction.benefit.break_even_shift",
            "theory.prediction.benefit.leading_break_even_shift",
            "theory.prediction.benefit.break_even_scale",
            "theory.prediction.benefit.break_even_ratio",
        ),
        figure="phase_diagram",
    ),
    Theorem(
        id="R4",
        claim="With the pooled Gaussian generator the limit is linear discriminant analysis",
        statement=STATEMENTS["R4"],
        kinds=("exact", "asymptotic"),
        assumptions=(_COMMON, "balanced classes for the closed form", "pooled Gaussian plug-in"),
        remainder="none in the limit of many samples; relative order 1/n at finite ones",
        functions=(
            "theory.prediction.excess_risk.predict",
            "theory.prediction.efficiency.relative_efficiency",
            "theory.prediction.efficiency.label_noise",
        ),
        figure="gain_against_separation",
    ),
    Theorem(
        id="R5",
        claim="Each group's risk changes by -grad R_g' A^{-1} b to first order; error rates "
        "likewise",
        statement=STATEMENTS["R5"],
        kinds=("asymptotic",),
        assumptions=(_IID, _SMOOTH, "groups with spread, and set apart, as stated"),
        remainder="O(n^{-2}) with the second-order terms of R1; of the mean of the largest "
        "O(n^{-1}) where groups are within O(n^{-1/2}) of a tie",
        functions=(
            "theory.prediction.excess_risk.predict",
            "theory.prediction.worst_group.error_doubt",
            "theory.prediction.worst_group.expected_maximum",
        ),
        figure="group_risk",
    ),
    Theorem(
        id="R6",
        claim="Bounds on the excess risk: of a small bias, and of any bias by the curvature on "
        "its path",
        statement=STATEMENTS["R6"],
        kinds=("bound",),
        assumptions=(
            _IID,
            _SMOOTH,
            "(a): the local form of R1 holds, a bias of order n^{-1/2}",
            "(b): logistic or squared loss; the population alone, no noise",
            "tr V: score covariances bounded, generator not fitted",
        ),
        remainder="(a) that of R1; (b) none",
        functions=(
            "theory.prediction.bounds.local_bound",
            "theory.prediction.bounds.population_bound",
            "theory.prediction.excess_risk.predict",
        ),
        figure=None,
        no_figure="the excess it bounds is drawn exactly in excess_against_weight",
    ),
    Theorem(
        id="R7",
        claim="A certificate from the sample alone that the minimiser exists, and how near it is",
        statement=STATEMENTS["R7"],
        kinds=("bound", "asymptotic"),
        assumptions=(
            "logistic loss, any data and any weights; no law is assumed",
            "the law of nu^2: theorem R's assumptions, a fixed generator",
        ),
        remainder="none for the certificate; O(n^{-1}), relative, for the law of nu^2",
        functions=(
            "theory.prediction.certificate.certificate",
            "theory.prediction.certificate.decrement_weights",
            "theory.prediction.certificate.decrement_cdf",
        ),
        figure=None,
        no_figure="an inequality of every data set: its check is that no replicate violates it",
    ),
    Theorem(
        id="S1",
        claim="Best weight, excess, floor and crossover in the synthetic size: a global law",
        statement="excess = a(alpha) + s(alpha)/N by R1's full form: at the best weight concave "
        "in 1/N, of slope s(alpha*): it falls in N where s(alpha*) > 0, and only there. In the "
        "limit of many samples the floor min a; best size where s(alpha*)/N^2 = price. For a small "
        "bias of small Hessian a hyperbola: 2 excess = (1-alpha)^2 A + 2 alpha (1-alpha) C + "
        "alpha^2 (D + S/N), crossover S/(A - 2C + D).",
        kinds=("exact", "asymptotic"),
        assumptions=(
            "R1 and R2",
            "hyperbola: bias of the order of the sampling noise, its Hessian small",
        ),
        remainder="global law: that of R1 and R2; hyperbola: relative O(|Hess B|) + O(n^{-1/2}) "
        "besides",
        functions=(
            "theory.scaling.moments.law_of_design",
            "theory.scaling.moments.hyperbola_of_design",
            "theory.scaling.global_law.GlobalLaw",
        ),
        figure="scaling_law",
    ),
    Theorem(
        id="S2",
        claim="Nonparametric: polynomial decay in the synthetic size, exponent 2 beta/(2 beta + 1)",
        statement=STATEMENTS["S2"],
        kinds=("exact", "asymptotic", "rate"),
        assumptions=(
            "two classes N(+-theta, I) in infinite dimension",
            "rate: generator without bias",
        ),
        remainder="relative order 1/K for the sums, K^{-2 (q - beta)} for a smoothness less than "
        "1/2 below the qualification",
        functions=(
            "theory.scaling.sequence_model.filter_risk",
            "theory.scaling.sequence_model.best_scale",
            "theory.scaling.sequence_model.design_level",
            "theory.scaling.sequence_model.design_bias",
            "theory.scaling.sequence_limits.pinsker_minimax",
            "theory.scaling.sequence_limits.classification_excess",
        ),
        figure="nonparametric_rates",
    ),
    Theorem(
        id="S3",
        claim="A generator trained on n seeds saturates at its seeds' own rate",
        statement=STATEMENTS["S3"],
        kinds=("exact", "asymptotic", "rate"),
        assumptions=("generator fitted on the same seeds, without bias as they grow in number",),
        remainder="that of R2; relative order 1/K in the sequence model",
        functions=(
            "theory.scaling.moments.law_of_design",
            "theory.scaling.sequence_limits.smoothed_risk",
            "theory.scaling.sequence_limits.linear_floor",
        ),
        figure="scaling_law",
    ),
    Theorem(
        id="T1",
        claim="One softmax-attention layer with a null token is the Gaussian posterior predictive",
        statement=STATEMENTS["T1"],
        kinds=("exact",),
        assumptions=("x_i ~ N(mu, sigma^2 I) given mu", "mu ~ N(mu_0, tau^2 I)"),
        remainder="none",
        functions=(
            "theory.in_context.capacity.location_attention_logits",
            "theory.in_context.capacity.location_predictive",
            "theory.in_context.capacity.location_expected_kl",
            "theory.in_context.capacity.flat_prior_expected_kl",
            "theory.in_context.capacity.plugin_expected_kl",
        ),
        figure="transformer_kl",
    ),
    Theorem(
        id="T2",
        claim="A transformer learns a token family in context, with divergence d/(2n) to leading "
        "order",
        statement=STATEMENTS["T2"],
        kinds=("asymptotic",),
        assumptions=(
            "tokens with P_eta(x) proportional to exp<u_x, eta>",
            "identifiable natural parameter",
        ),
        remainder="O(n^{-2})",
        functions=(
            "theory.in_context.token_capacity.sharp_token_rate",
            "theory.in_context.token_capacity.reported_rate",
            "theory.in_context.token_capacity.readout_expected_kl",
            "theory.in_context.token_capacity.readout_floor",
            "theory.in_context.token_capacity.layer_contraction",
        ),
        figure="token_model",
    ),
    Theorem(
        id="T3",
        claim="Attention over a finite dictionary of laws is the exact posterior; so are counts",
        statement="Logits log prior + sum of log-likelihoods give the posterior over the "
        "dictionary; a null token gives the Dirichlet-multinomial predictive.",
        kinds=("exact",),
        assumptions=("a finite dictionary of laws with a prior, or Dirichlet frequencies",),
        remainder="none",
        functions=(
            "theory.in_context.token_capacity.dictionary_posterior",
            "theory.in_context.token_capacity.dirichlet_multinomial_predictive",
        ),
        figure="transformer_kl",
    ),
    Theorem(
        id="T4",
        claim="Fidelity bounds bias: a divergence of KL moves a mean by at most sqrt(2 v KL)",
        statement=STATEMENTS["T4"],
        kinds=("bound",),
        assumptions=(
            "sub-Gaussian score under the group's law",
            "proxies: logistic loss, Gaussian mixtures",
        ),
        remainder="none",
        functions=(
            "theory.in_context.capacity.fidelity_bias_bound",
            "theory.prediction.bounds.score_var_proxy",
            "theory.prediction.bounds.intercept_var_proxy",
            "theory.prediction.bounds.fidelity_bound",
        ),
        figure="fidelity_to_excess",
    ),
    *(Theorem(**theorem) for theorem in (*ROW_THEOREMS, *PROPORTIONAL_THEOREMS, *METRIC_THEOREMS)),
    *(Theorem(**theorem) for theorem in MULTICLASS_THEOREMS),
)

# every theorem by its id, in the order of the pages
THEOREMS: dict[str, Theorem] = {entry.id: entry for entry in _ALL}


def theorem(name: str) -> Theorem:
    """The theorem with an id, in upper or lower case.

    Args:
        name: of `THEOREMS`, such as "R1".

    Raises:
        ValueError: for an id that does not exist, listing those that do.

    Example:
        >>> theorem("r1").kinds
        ('asymptotic',)
    """
    try:
        return THEOREMS[name.upper()]
    except (AttributeError, KeyError):
        raise ValueError(
            f"theorem: got {name!r}, expected one of {', '.join(THEOREMS)}; "
            "`oversampling theorems` lists them."
        ) from None
