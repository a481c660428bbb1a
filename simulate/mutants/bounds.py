"""Wrong versions of R6, R7 and of T4's chain, and the checks that must reject them."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.simulate.mutants.mutation import Mutant, replaced, result
from synthetic_oversampling.theory.population.groups import score_cov
from synthetic_oversampling.theory.prediction.bias import predict_bias
from synthetic_oversampling.theory.prediction.bounds import _balanced

__all__ = ["BOUND_MUTANTS"]


def _by_balanced_hessian(_, bias, cov, hessian, target) -> float:
    return float((bias @ bias + np.trace(cov)) / (2 * np.linalg.eigvalsh(hessian)[0]))


def _at_the_optimum(right, groups, design, generator, *loss):
    """The gradient of the bias at theta* for that at theta_alpha."""
    slope = np.linalg.norm(predict_bias(groups, design, generator, *loss).bias_gradient)
    return right._replace(bound=float(slope) ** 2 / (2 * right.curvature))


def _of_the_largest(_):
    def wrong(start, end, real, loss):
        largest = float(np.linalg.eigvalsh(_balanced(start[None], real, loss)[1])[0, -1])
        return largest, largest, 1

    return wrong


def _certified(change):
    return result(
        "theory.prediction.certificate.certificate",
        lambda found, *_: found._replace(**change(found)),
    )


# wrong forms of these theorems, and the checks that reject them
BOUND_MUTANTS = (
    Mutant(
        name="local-bound-by-balanced-hessian",
        theorems=("R6",),
        change="(|b|^2 + tr V) / (2 lambda_min(H)), which the Hessian of the bias breaks",
        checks=("R6.local.bounds.random",),
        changes=(result("theory.prediction.bounds.local_bound", _by_balanced_hessian),),
    ),
    Mutant(
        name="local-bound-doubled",
        theorems=("R6",),
        change="the bound on R1's local form not halved",
        checks=("R6.local.bounds.aligned",),
        changes=(result("theory.prediction.bounds.local_bound", lambda bound, *_: 2 * bound),),
    ),
    Mutant(
        name="population-bound-at-the-optimum",
        theorems=("R6",),
        change="the gradient of the bias at theta* for that at theta_alpha",
        checks=("R6.population.bounds.close",),
        changes=(result("theory.prediction.bounds.population_bound", _at_the_optimum),),
    ),
    Mutant(
        name="population-bound-by-largest-eigenvalue",
        theorems=("R6", "T4"),
        change="the largest eigenvalue of the Hessian at theta* for the least one on the segment",
        checks=(
            "R6.population.bounds.random",
            "R6.population.bounds.attained",
            "R6.excess.line.shifted",
        ),
        changes=(replaced("theory.prediction.bounds._least_curvature", _of_the_largest),),
        also=("line", "two-gaussians", "spurious", "mixture", "wide"),
    ),
    Mutant(
        name="population-bound-halved",
        theorems=("R6",),
        change="|grad B|^2 / (4 mu) for |grad B|^2 / (2 mu)",
        checks=("R6.population.bounds.attained", "R6.excess.line.shifted"),
        changes=(
            result(
                "theory.prediction.bounds.population_bound",
                lambda found, *_: found._replace(bound=found.bound / 2),
            ),
        ),
        also=("line", "two-gaussians", "spurious", "mixture", "wide"),
    ),
    Mutant(
        name="chain-by-a-hundredth-of-the-divergence",
        theorems=("T4",),
        change="KL / 100 for KL in the chain from divergence to excess risk",
        checks=("T4.chain.bounds.random",),
        changes=(
            result(
                "theory.prediction.bounds.fidelity_bound",
                lambda found, *_: found._replace(bound=found.bound / 100),
            ),
        ),
    ),
    Mutant(
        name="variance-for-the-vectors-proxy",
        theorems=("T4",),
        change="the largest variance of the score for its sub-Gaussian variance proxy",
        checks=("T4.proxy.bounds.vector",),
        changes=(
            result(
                "theory.prediction.bounds.score_var_proxy",
                lambda _, theta, group: float(np.linalg.eigvalsh(score_cov(theta, group))[-1]),
            ),
        ),
    ),
    Mutant(
        name="variance-for-the-entrys-proxy",
        theorems=("T4",),
        change="the entry's variance for its proxy, on random groups",
        checks=("T4.proxy.bounds.intercept",),
        changes=(
            result(
                "theory.prediction.bounds.intercept_var_proxy",
                lambda _, theta, group: float(score_cov(theta, group)[0, 0]),
            ),
        ),
    ),
    Mutant(
        name="entrys-proxy-by-hoeffding",
        theorems=("T4",),
        change="1/4 for the proxy of the score's first entry",
        checks=("T4.proxy.bounds.tight",),
        changes=(result("theory.prediction.bounds.intercept_var_proxy", lambda *_: 0.25),),
    ),
    Mutant(
        name="certificate-of-the-newton-step",
        theorems=("R7",),
        change="nu for -nu log(1 - kappa) / kappa: as if the risk were quadratic",
        checks=("R7.sample.bounds.far",),
        changes=(
            _certified(
                lambda found: {"farthest": jnp.where(found.exists, found.decrement, jnp.inf)}
            ),
        ),
    ),
    Mutant(
        name="certificate-without-rows",
        theorems=("R7",),
        change="the largest row left out of the premise",
        checks=("R7.sample.bounds.far",),
        changes=(
            _certified(
                lambda found: {"exists": found.decrement < 1, "farthest": 2 * found.decrement},
            ),
        ),
    ),
    Mutant(
        name="certificate-nearest-is-the-newton-step",
        theorems=("R7",),
        change="nu for nu log(1 + kappa) / kappa",
        checks=("R7.sample.bounds.near",),
        changes=(_certified(lambda found: {"nearest": found.decrement}),),
    ),
    Mutant(
        name="published-constant-of-one",
        theorems=("R7",),
        change="nu^2 for 16 nu^2 where the published premise holds",
        checks=("R7.sample.bounds.published",),
        changes=(_certified(lambda found: {"decrement": found.decrement / 4}),),
    ),
    Mutant(
        name="decrement-doubled",
        theorems=("R7",),
        change="eigenvalues of A^{-1} V doubled",
        checks=(
            "R7.decrement.certificate.line",
            "R7.decrement.certificate.plane",
            "R7.premise.certificate.line",
        ),
        changes=(
            result("theory.prediction.certificate.decrement_weights", lambda found, _: 2 * found),
        ),
        also=("certificate",),
    ),
    Mutant(
        name="decrement-of-one-chi-square",
        theorems=("R7",),
        change="one chi-square variable of the same mean for the weighted sum",
        checks=(
            "R7.below_0.certificate.line",
            "R7.below_0.certificate.plane",
        ),
        changes=(
            replaced(
                "theory.prediction.certificate.decrement_cdf",
                lambda right: lambda value, weights: right(value, np.array([np.sum(weights)])),
            ),
        ),
        also=("certificate",),
    ),
    Mutant(
        name="decrement-law-squared",
        theorems=("R7",),
        change="the chance that two independent decrements are below a level, for one",
        checks=(
            "R7.below_1.certificate.line",
            "R7.below_1.certificate.plane",
            "R7.premise.certificate.line",
        ),
        changes=(
            result("theory.prediction.certificate.decrement_cdf", lambda chance, *_: chance**2),
        ),
        also=("certificate",),
    ),
)
