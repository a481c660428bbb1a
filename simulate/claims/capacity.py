"""The checks of theorem T: what attention generates in context, and what its fidelity is worth.

Theory values are those of ``theory.in_context.capacity`` and ``theory.in_context.token_capacity``,
taken when the checks are built; the other side of every check, simulated or integrated, uses none
of their formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import SupportsFloat

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import digamma
from scipy.stats import betabinom

from synthetic_oversampling.simulate.checks.check import Check
from synthetic_oversampling.simulate.checks.declaration import Source
from synthetic_oversampling.simulate.experiments import in_context as own
from synthetic_oversampling.simulate.experiments import score_bias
from synthetic_oversampling.theory.in_context import capacity, token_capacity
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction import bounds
from synthetic_oversampling.theory.theorems.table import FORMULAS
from synthetic_oversampling.theory.wording import counted

__all__ = ["SUITE", "capacity_checks"]

SUITE = "in-context"
# Relative size of the smallest error that is detected. Replicates are cheap here.
EFFECTS = {"quick": 0.05, "full": 0.03}
_ROUNDING = 1e-9  # quadrature against closed form, relative; observed: 1e-12 or less
_PREDICTIVE_COUNTS = (0, 1, 2, 5, 17, 64)
_DIRECTION = np.array([1.0, 2.0, -0.5])  # along which predictive means are compared
_ARGUMENTS = {  # of the printed formulas
    "count": 5.0, "dim": 3.0, "var_within": own.VAR_WITHIN, "var_prior": own.VAR_PRIOR,
    "seen": 2.0, "mass": 0.5, "mass_total": 1.75, "kl": 0.3, "var_proxy": 0.6,
}  # fmt: skip


def _noiseless(
    name: str, label: str, claim: str, theory: SupportsFloat, observed: SupportsFloat,
    discrepancy: float | None = None, kind: str = "exact", source: Source = "second route",
) -> Check:  # fmt: skip
    """A check of two routes without noise; by default they agree up to rounding."""
    theory = float(theory)
    discrepancy = _ROUNDING * max(1.0, abs(theory)) if discrepancy is None else discrepancy
    return Check(
        id=f"{name}.{SUITE}.{label}",
        claim=claim,
        kind=kind,
        theory=theory,
        discrepancy=float(discrepancy),
        observed=float(observed),
        source=source,
    )


def _noisy(
    name: str, label: str, claim: str, experiment: str, statistic: str, index: int | None,
    theory: float, std: float, discrepancy: float, allowance: float = 0.0, kind: str = "exact",
) -> Check:  # fmt: skip
    return Check(
        id=f"{name}.{SUITE}.{label}",
        claim=claim,
        kind=kind,
        experiments=(f"{SUITE}/{experiment}",),
        statistic=(statistic, index),
        theory=float(theory),
        std=float(std),
        allowance=float(allowance),
        discrepancy=float(discrepancy),
        source="simulated and scored independently",
    )


def _predictive_checks() -> Iterator[Check]:
    """T1: attention with a null token against Bayes' rule integrated numerically."""
    var = (own.VAR_WITHIN, own.VAR_PRIOR)
    prior = np.asarray(own.MEAN_PRIOR)
    for count in _PREDICTIVE_COUNTS:
        seeds = own.fixed_seeds(count)
        mean, spread = own.location_by_quadrature(count)
        logits = np.asarray(capacity.location_attention_logits(count, *var))
        weights = np.exp(logits - logits.max())
        weights = weights / weights.sum()
        centre = weights @ np.concatenate([prior[None], seeds])
        law = capacity.location_predictive(jnp.asarray(seeds), jnp.asarray(prior), *var)
        for name, got_mean, got_var, what in (
            ("attention", centre, var[0] + var[1] * weights[0], "one attention layer"),
            ("predictive", np.asarray(law.mean), law.var, "the closed form"),
        ):
            for part, theory, seen in (
                ("mean", got_mean @ _DIRECTION, mean @ _DIRECTION),
                ("var", got_var, spread),
            ):
                claim = f"{part} of the posterior predictive by {what}; Bayes' rule by quadrature"
                yield _noiseless(f"T1.{name}_{part}", f"n{count}", claim, theory, seen)


def _location_checks(effect: float) -> Iterator[Check]:
    """T1: expected divergences; n KL of each is an affine function of a chi-square variable."""
    var, dim = (own.VAR_WITHIN, own.VAR_PRIOR), own.DIM
    ratio = var[0] / var[1]
    for index, count in enumerate(own.COUNTS):
        value = float(capacity.location_expected_kl(count, dim, *var))
        yield _noisy(
            "T1.expected_kl", f"n{count}", "expected divergence of the attention layer",
            "location", "attention", index, value,
            math.sqrt(2 * dim) / (2 * (count + ratio + 1)), effect * value,
        )  # fmt: skip
        if count == 0:
            continue
        value = float(capacity.flat_prior_expected_kl(count, dim))
        yield _noisy(
            "T1.flat_kl", f"n{count}", "expected divergence of the flat-prior rule, the minimax",
            "location", "flat", index, value, math.sqrt(2 * dim) / (2 * (count + 1)),
            effect * value,
        )  # fmt: skip
        value = float(capacity.plugin_expected_kl(count, dim))
        yield _noisy(
            "T1.plugin_kl", f"n{count}", "expected divergence of the plug-in rule",
            "location", "plugin", index, value, math.sqrt(2 * dim) / (2 * count), effect * value,
        )  # fmt: skip
    (mean_p, var_p), (mean_q, var_q) = own.GAUSSIANS
    arguments = [jnp.asarray(a) for a in (mean_p, var_p, mean_q, var_q)]
    value = float(capacity.gaussian_kl(*arguments))
    gap = float(np.sum((np.asarray(mean_p) - np.asarray(mean_q)) ** 2))
    std = math.sqrt(dim / 2 * (var_p / var_q - 1) ** 2 + var_p * gap / var_q**2)
    yield _noisy(
        "T1.gaussian_kl", "pair", "divergence of two Gaussians: mean log ratio of densities",
        "location", "log_ratio", None, value, std, 1.5 * effect * value,
    )  # fmt: skip


def _rate_checks(effect: float) -> Iterator[Check]:
    """T2: the sharp rate."""
    dim = len(own.NATURAL)
    spread = math.sqrt(2 / dim)
    for index, count in enumerate(own.TOKEN_COUNTS[1:]):
        value = float(token_capacity.sharp_token_rate(count, dim))
        remainder = 10.0 / count  # relative; simulated: 7 / n
        yield _noisy(
            "T2.sharp_rate", f"n{count}", "expected divergence of the efficient read-out: d/(2n)",
            "tokens", "efficient", index, value, 1.1 * spread * value,
            (remainder + 1.5 * effect) * value, remainder * value, "asymptotic",
        )  # fmt: skip


def _floor_checks(effect: float) -> Iterator[Check]:
    """T2: the floor of shallow read-outs, what the seeds add to it, and its removal by depth."""
    natural, table = jnp.asarray(own.NATURAL), jnp.asarray(own.EMBEDDINGS)
    matrix = jnp.asarray(own.preconditioner())
    for depth in own.LAYERS:
        floor = float(token_capacity.readout_floor(natural, table, depth, matrix))
        claim = f"floor of {counted(depth, 'layer')}, summed over the vocabulary"
        yield _noiseless("T2.floor", f"L{depth}", claim, floor, own.token_floor(depth))
        total = jax.vmap(
            lambda n, depth=depth: token_capacity.readout_expected_kl(
                natural, table, n, depth, matrix
            )
        )(jnp.asarray(own.TOKEN_COUNTS, float))
        noise = float(total[-1]) - own.token_floor(depth)
        yield _noisy(
            "T2.noise", f"L{depth}", f"what seeds cost {counted(depth, 'layer')} beyond the floor",
            "tokens", f"noise{depth}", None, noise, 1.1 * abs(noise),
            (0.02 + 1.5 * effect) * abs(noise), 0.02 * abs(noise), "asymptotic",
        )  # fmt: skip
    factor = float(token_capacity.layer_contraction(natural, table, matrix)) ** 2
    seen = own.token_floor(101) / own.token_floor(100)
    yield _noiseless(
        "T2.contraction", "L100", "one more layer shrinks the floor by the squared contraction",
        factor, seen, 1e-4, "asymptotic",
    )  # fmt: skip


def _expected_symbols_kl(count: int) -> tuple[float, float]:
    """Expected divergence of the Dirichlet rule, by its beta-binomial laws, and a spread."""
    mass, seen = np.asarray(own.CONCENTRATION), np.arange(count + 1)
    total = mass.sum()
    entropy = sum(a / total * float(digamma(a + 1) - digamma(total + 1)) for a in mass)
    score = 0.0
    for a in mass:  # the symbol's count, then the chance that it comes next
        law = betabinom(count, a, total - a).pmf(seen)
        chance = np.asarray(
            [
                token_capacity.dirichlet_multinomial_predictive(
                    jnp.asarray([s, count - s]), jnp.asarray([a, total - a])
                )[0]
                for s in map(float, seen)
            ]
        )
        score += float(law @ (chance * np.log(chance)))
    return entropy - score, 1.1 * (entropy - score)


def _finite_checks(effect: float) -> Iterator[Check]:
    """T3: dictionary and Dirichlet-multinomial posteriors against brute force."""
    rng = np.random.default_rng(11)
    probs = rng.dirichlet(np.ones(5), size=4)  # four laws over five symbols
    prior = np.array([0.4, 0.3, 0.2, 0.1])
    for count in (0, 1, 3, 12):
        seeds = rng.integers(5, size=count)
        joint = prior * np.prod(probs[:, seeds], axis=1)
        logs = jnp.asarray(np.log(probs[:, seeds]).T.reshape(count, 4))
        posterior = np.asarray(token_capacity.dictionary_posterior(logs, jnp.log(prior)))
        next_symbol = float(joint @ probs[:, 2] / joint.sum())
        yield _noiseless(
            "T3.dictionary", f"n{count}", "predictive by attention; ratio of joint probabilities",
            posterior @ probs[:, 2], next_symbol,
        )  # fmt: skip
    for counts in ((0, 0, 0), (1, 0, 0), (4, 0, 2)):
        got = token_capacity.dirichlet_multinomial_predictive(
            jnp.asarray(counts, float), jnp.asarray(own.CONCENTRATION)
        )
        seen = own.dirichlet_by_quadrature(counts)
        yield _noiseless(
            "T3.dirichlet", "-".join(map(str, counts)), "predictive; integral over the simplex",
            got[0], seen[0],
        )  # fmt: skip
    for index, count in enumerate(own.SYMBOL_COUNTS):
        value, std = _expected_symbols_kl(count)
        yield _noisy(
            "T3.symbols_kl", f"n{count}", "expected divergence of null-token attention on counts",
            "symbols", "symbols", index, value, std, effect * value,
        )  # fmt: skip


def _bound(divergence: float, var_proxy: float) -> float:
    return float(capacity.fidelity_bias_bound(jnp.asarray(divergence), jnp.asarray(var_proxy)))


def _fidelity_checks(effect: float) -> Iterator[Check]:
    """T4: the bias of four generators below the bound, and two cases that attain it.

    The proxies are certified from above: the entry's to half a percent, the vector's, which serves
    every direction and divergence, more loosely.
    """
    mean, theta = np.asarray(score_bias.MEANS[1]), score_bias.optimum()
    minority = GaussianGroup(mean, np.eye(2), 1)
    proxy = bounds.score_var_proxy(theta, minority)
    entry_proxy = bounds.intercept_var_proxy(theta, minority)
    for index, (name, law) in enumerate(score_bias.laws().items()):
        bias, divergence = score_bias.bias(law), score_bias.average_divergence(law)
        for statistic, size, var_proxy, what in (
            ("score", float(np.linalg.norm(bias)), proxy, "bias of the score"),
            ("intercept", abs(float(bias[0])), entry_proxy, "its first entry"),
        ):
            bound = _bound(divergence, var_proxy)
            claim = f"{what} is below sqrt(2 v KL), by a factor {bound / size:.1f}"
            yield _noisy(
                f"T4.{statistic}", name, claim, "scores",
                statistic, index, bound, 0.2, abs(bound - size), 0.0, "bound",
            )  # fmt: skip
    bound = _bound(score_bias.tilted().divergence, entry_proxy)
    yield _noisy(
        "T4.attained", "tilted", "the logistic score attains it under a law tilted toward it",
        "scores", "tilted", None, bound, 0.13, 0.5 * effect * bound,
    )  # fmt: skip
    move = np.asarray(score_bias.SHIFT)
    one = jnp.asarray(1.0)
    kl = float(capacity.gaussian_kl(jnp.asarray(mean + move), one, jnp.asarray(mean), one))
    bound = _bound(kl, 1.0)
    yield _noisy(
        "T4.attained", "shifted", "a linear score of a shifted Gaussian attains the bound",
        "scores", "linear", None, bound, 1.0, 1.5 * effect * bound,
    )  # fmt: skip


def _formula_checks() -> Iterator[Check]:
    """The printed and proved formulas have the values of the functions that compute."""
    n, v, t = (_ARGUMENTS[key] for key in ("count", "var_within", "var_prior"))
    weights = capacity.location_attention_weights(5, v, t)
    law = capacity.location_predictive(jnp.zeros((5, 1)), jnp.zeros(1), v, t)
    counts, mass = jnp.asarray([2.0, 3.0]), jnp.asarray([0.5, 1.25])
    values = {
        "T1.null_logit": capacity.location_attention_logits(5, v, t)[0],
        "T1.null_weight": weights[0],
        "T1.predictive_var": law.var,
        "T1.expected_kl": capacity.location_expected_kl(n, 3, v, t),
        "T1.flat_kl": capacity.flat_prior_expected_kl(n, 3),
        "T1.plugin_kl": capacity.plugin_expected_kl(n, 3),
        "T2.sharp_rate": token_capacity.sharp_token_rate(n, 3),
        "T3.dirichlet": token_capacity.dirichlet_multinomial_predictive(counts, mass)[0],
        "T4.fidelity_bound": capacity.fidelity_bias_bound(jnp.asarray(0.3), jnp.asarray(0.6)),
    }
    for name, value in values.items():
        formula = FORMULAS[name]
        arguments = {key: _ARGUMENTS[key] for key in formula.arguments}
        theorem, short = name.split(".")
        yield _noiseless(
            f"{theorem}.formula", short, f"formula {name}: printed and computed value",
            float(formula(**arguments)), float(value), source="restated algebra",
        )  # fmt: skip


PARTS: dict[str, Callable[[float], Iterator[Check]]] = {
    "predictive": lambda effect: _predictive_checks(),
    "location": _location_checks,
    "rates": _rate_checks,
    "floors": _floor_checks,
    "finite": _finite_checks,
    "fidelity": _fidelity_checks,
    "formulas": lambda effect: _formula_checks(),
}


def capacity_checks(profile: str) -> Iterator[Check]:
    """Every check of theorem T, lazily.

    Args:
        profile: "quick" or "full".
    """
    for part in PARTS.values():
        yield from part(EFFECTS[profile])
