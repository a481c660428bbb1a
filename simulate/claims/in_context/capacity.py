"""The checks of theorem T: what attention generates in context, and what its fidelity is worth.

Theory values are those of ``theory.in_context.capacity`` and ``theory.in_context.token_capacity``;
the other side of every check, simulated or integrated, uses none of their formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import SupportsFloat

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from scipy.special import digamma

from synthetic_oversampling.simulate.checks.declaration import Check, Expectation, Kind, Source
from synthetic_oversampling.simulate.claims.in_context.rows import same
from synthetic_oversampling.simulate.experiments import in_context as settings
from synthetic_oversampling.simulate.experiments import score_bias
from synthetic_oversampling.theory.in_context import capacity, token_capacity
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction import bounds
from synthetic_oversampling.theory.theorems.table import FORMULAS
from synthetic_oversampling.theory.wording import counted

__all__ = ["SUITE", "capacity_checks"]

SUITE = "in-context"  # name of the suite of these checks
# Relative size of the smallest error that is detected. Replicates are cheap here.
EFFECTS = {"quick": 0.05, "full": 0.03}
_PREDICTIVE_COUNTS = (0, 1, 2, 5, 17, 64)
_DIRECTION = np.array([1.0, 2.0, -0.5])  # along which predictive means are compared
_ARGUMENTS = {  # of the printed formulas
    "count": 5.0,
    "dim": 3.0,
    "var_within": settings.VAR_WITHIN,
    "var_prior": settings.VAR_PRIOR,
    "seen": 2.0,
    "mass": 0.5,
    "mass_total": 1.75,
    "kl": 0.3,
    "var_proxy": 0.6,
}


def _noiseless(
    name: str,
    label: str,
    claim: str,
    expect: Callable[[], Expectation],
    kind: Kind = "exact",
    source: Source = "second route",
) -> Check:
    """A check of two routes without noise."""
    return Check(id=f"{name}.{SUITE}.{label}", claim=claim, kind=kind, source=source, expect=expect)


def _noisy(
    name: str,
    label: str,
    claim: str,
    place: tuple[str, str, int | None],
    expect: Callable[[], Expectation],
    kind: Kind = "exact",
) -> Check:
    """A check of what is simulated: the place is its experiment, statistic and index."""
    return Check(
        id=f"{name}.{SUITE}.{label}",
        claim=claim,
        kind=kind,
        experiments=(f"{SUITE}/{place[0]}",),
        statistic=place[1:],
        source="simulated and scored independently",
        expect=expect,
    )


def _predictive_checks() -> Iterator[Check]:
    """T1: attention with a null token against Bayes' rule integrated numerically."""

    @cache
    def both(count):
        """By name and part, what theory says and what is integrated."""
        var = (settings.VAR_WITHIN, settings.VAR_PRIOR)
        prior = np.asarray(settings.MEAN_PRIOR)
        seeds = settings.fixed_seeds(count)
        mean, spread = settings.location_by_quadrature(count)
        logits = np.asarray(capacity.location_attention_logits(count, *var))
        weights = np.exp(logits - logits.max())
        weights = weights / weights.sum()
        centre = weights @ np.concatenate([prior[None], seeds])
        law = capacity.location_predictive(jnp.asarray(seeds), jnp.asarray(prior), *var)
        return {
            "T1.attention_mean": (centre @ _DIRECTION, mean @ _DIRECTION),
            "T1.attention_var": (var[0] + var[1] * weights[0], spread),
            "T1.predictive_mean": (np.asarray(law.mean) @ _DIRECTION, mean @ _DIRECTION),
            "T1.predictive_var": (law.var, spread),
        }

    def expect(name: str, count: int) -> Expectation:
        return same(*both(count)[name])

    for count in _PREDICTIVE_COUNTS:
        for name, part, what in (
            ("T1.attention_mean", "mean", "one attention layer"),
            ("T1.attention_var", "var", "one attention layer"),
            ("T1.predictive_mean", "mean", "the closed form"),
            ("T1.predictive_var", "var", "the closed form"),
        ):
            claim = f"{part} of the posterior predictive by {what}; Bayes' rule by quadrature"
            yield _noiseless(name, f"n{count}", claim, partial(expect, name, count))


def _location_checks(effect: float) -> Iterator[Check]:
    """T1: expected divergences; n KL of each is an affine function of a chi-square variable."""
    var, dim = (settings.VAR_WITHIN, settings.VAR_PRIOR), settings.DIM
    ratio = var[0] / var[1]
    rules = {  # statistic, whose divergence, degrees of freedom beyond the count
        "T1.expected_kl": ("attention", "the attention layer", ratio + 1),
        "T1.flat_kl": ("flat", "the flat-prior rule, the minimax", 1),
        "T1.plugin_kl": ("plugin", "the plug-in rule", 0),
    }
    divergences = {
        "attention": lambda count: capacity.location_expected_kl(count, dim, *var),
        "flat": lambda count: capacity.flat_prior_expected_kl(count, dim),
        "plugin": lambda count: capacity.plugin_expected_kl(count, dim),
    }

    def expected(name, count):
        statistic, _, beyond = rules[name]
        value, degrees = float(divergences[statistic](count)), count + beyond
        std = math.sqrt(2 * dim) / (2 * degrees)
        return Expectation(theory=value, std=std, discrepancy=effect * value)

    for index, count in enumerate(settings.COUNTS):
        for name, (statistic, whose, _) in rules.items():
            if count or statistic == "attention":  # the others need a seed
                yield _noisy(
                    name,
                    f"n{count}",
                    f"expected divergence of {whose}",
                    ("location", statistic, index),
                    partial(expected, name, count),
                )

    def of_pair():
        (mean_p, var_p), (mean_q, var_q) = settings.GAUSSIANS
        arguments = [jnp.asarray(a) for a in (mean_p, var_p, mean_q, var_q)]
        value = float(capacity.gaussian_kl(*arguments))
        gap = float(np.sum((np.asarray(mean_p) - np.asarray(mean_q)) ** 2))
        std = math.sqrt(dim / 2 * (var_p / var_q - 1) ** 2 + var_p * gap / var_q**2)
        return Expectation(theory=value, std=std, discrepancy=1.5 * effect * value)

    yield _noisy(
        "T1.gaussian_kl",
        "pair",
        "divergence of two Gaussians: mean log ratio of densities",
        ("location", "log_ratio", None),
        of_pair,
    )


def _rate_checks(effect: float) -> Iterator[Check]:
    """T2: the sharp rate."""
    dim = len(settings.NATURAL)
    spread = math.sqrt(2 / dim)

    def rate(count):
        value = float(token_capacity.sharp_token_rate(count, dim))
        remainder = 10.0 / count  # relative; simulated: 7 / n
        return Expectation(
            theory=value,
            std=1.1 * spread * value,
            allowance=remainder * value,
            discrepancy=(remainder + 1.5 * effect) * value,
        )

    for index, count in enumerate(settings.TOKEN_COUNTS[1:]):
        yield _noisy(
            "T2.sharp_rate",
            f"n{count}",
            "expected divergence of the efficient read-out: d/(2n)",
            ("tokens", "efficient", index),
            partial(rate, count),
            "asymptotic",
        )


def _floor_checks(effect: float) -> Iterator[Check]:
    """T2: the floor of shallow read-outs, what the seeds add to it, and its removal by depth."""

    @cache
    def readout():
        return tuple(
            map(jnp.asarray, (settings.NATURAL, settings.EMBEDDINGS, settings.preconditioner()))
        )

    def floor(depth):
        natural, table, matrix = readout()
        value = float(token_capacity.readout_floor(natural, table, depth, matrix))
        return same(value, settings.token_floor(depth))

    def noise(depth):
        natural, table, matrix = readout()
        total = jax.vmap(
            lambda n: token_capacity.readout_expected_kl(natural, table, n, depth, matrix)
        )(jnp.asarray(settings.TOKEN_COUNTS, float))
        value = float(total[-1]) - settings.token_floor(depth)
        return Expectation(
            theory=value,
            std=1.1 * abs(value),
            allowance=0.02 * abs(value),
            discrepancy=(0.02 + 1.5 * effect) * abs(value),
        )

    for depth in settings.LAYERS:
        claim = f"floor of {counted(depth, 'layer')}, summed over the vocabulary"
        yield _noiseless("T2.floor", f"L{depth}", claim, partial(floor, depth))
        yield _noisy(
            "T2.noise",
            f"L{depth}",
            f"what seeds cost {counted(depth, 'layer')} beyond the floor",
            ("tokens", f"noise{depth}", None),
            partial(noise, depth),
            "asymptotic",
        )

    def contraction():
        factor = float(token_capacity.layer_contraction(*readout())) ** 2
        seen = settings.token_floor(101) / settings.token_floor(100)
        return Expectation(theory=factor, discrepancy=1e-4, observed=seen)

    yield _noiseless(
        "T2.contraction",
        "L100",
        "one more layer shrinks the floor by the squared contraction",
        contraction,
        "asymptotic",
    )


def _expected_symbols_kl(count: int) -> tuple[float, float]:
    """Expected divergence of the Dirichlet rule, by its beta-binomial laws, and a spread."""
    mass, seen = np.asarray(settings.CONCENTRATION), np.arange(count + 1)
    total = mass.sum()
    entropy = sum(a / total * float(digamma(a + 1) - digamma(total + 1)) for a in mass)
    score = 0.0
    for a in mass:  # the symbol's count, then the chance that it comes next
        law = scipy.stats.betabinom(count, a, total - a).pmf(seen)
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

    def dictionary(seeds):
        joint = prior * np.prod(probs[:, seeds], axis=1)
        logs = jnp.asarray(np.log(probs[:, seeds]).T.reshape(len(seeds), 4))
        posterior = np.asarray(token_capacity.dictionary_posterior(logs, jnp.log(prior)))
        return same(posterior @ probs[:, 2], float(joint @ probs[:, 2] / joint.sum()))

    for count in (0, 1, 3, 12):
        yield _noiseless(
            "T3.dictionary",
            f"n{count}",
            "predictive by attention; ratio of joint probabilities",
            partial(dictionary, rng.integers(5, size=count)),
        )

    def dirichlet(counts):
        got = token_capacity.dirichlet_multinomial_predictive(
            jnp.asarray(counts, float), jnp.asarray(settings.CONCENTRATION)
        )
        return same(got[0], settings.dirichlet_by_quadrature(counts)[0])

    for counts in ((0, 0, 0), (1, 0, 0), (4, 0, 2)):
        yield _noiseless(
            "T3.dirichlet",
            "-".join(map(str, counts)),
            "predictive; integral over the simplex",
            partial(dirichlet, counts),
        )

    def symbols(count):
        value, std = _expected_symbols_kl(count)
        return Expectation(theory=value, std=std, discrepancy=effect * value)

    for index, count in enumerate(settings.SYMBOL_COUNTS):
        yield _noisy(
            "T3.symbols_kl",
            f"n{count}",
            "expected divergence of null-token attention on counts",
            ("symbols", "symbols", index),
            partial(symbols, count),
        )


def _bound(divergence: float, var_proxy: float) -> float:
    return float(capacity.fidelity_bias_bound(jnp.asarray(divergence), jnp.asarray(var_proxy)))


def _fidelity_checks(effect: float) -> Iterator[Check]:
    """T4: the bias of four generators below the bound, and two cases that attain it.

    The proxies are certified from above: the entry's to half a percent, the vector's, which serves
    every direction and divergence, more loosely.
    """
    mean = np.asarray(score_bias.MEANS[1])

    @cache
    def proxies():
        minority, theta = GaussianGroup(mean, np.eye(2), 1), score_bias.optimum()
        return {
            "score": bounds.score_var_proxy(theta, minority),
            "intercept": bounds.intercept_var_proxy(theta, minority),
        }

    def below(statistic, name, claim):
        law = score_bias.laws()[name]
        bias, divergence = score_bias.bias(law), score_bias.average_divergence(law)
        size = float(np.linalg.norm(bias)) if statistic == "score" else abs(float(bias[0]))
        bound = _bound(divergence, proxies()[statistic])
        return Expectation(
            theory=bound,
            std=0.2,
            discrepancy=abs(bound - size),
            claim=f"{claim}, by a factor {bound / size:.1f}",
        )

    for index, name in enumerate(score_bias.GENERATORS):
        for statistic, what in (("score", "bias of the score"), ("intercept", "its first entry")):
            claim = f"{what} is below sqrt(2 v KL)"
            yield _noisy(
                f"T4.{statistic}",
                name,
                claim,
                ("scores", statistic, index),
                partial(below, statistic, name, claim),
                "bound",
            )

    def tilted():
        bound = _bound(score_bias.tilted().divergence, proxies()["intercept"])
        return Expectation(theory=bound, std=0.13, discrepancy=0.5 * effect * bound)

    yield _noisy(
        "T4.attained",
        "tilted",
        "the logistic score attains it under a law tilted toward it",
        ("scores", "tilted", None),
        tilted,
    )

    def shifted():
        move = np.asarray(score_bias.SHIFT)
        one = jnp.asarray(1.0)
        kl = float(capacity.gaussian_kl(jnp.asarray(mean + move), one, jnp.asarray(mean), one))
        bound = _bound(kl, 1.0)
        return Expectation(theory=bound, std=1.0, discrepancy=1.5 * effect * bound)

    yield _noisy(
        "T4.attained",
        "shifted",
        "a linear score of a shifted Gaussian attains the bound",
        ("scores", "linear", None),
        shifted,
    )


def _formula_checks() -> Iterator[Check]:
    """The printed and proved formulas have the values of the functions that compute."""
    n, v, t = (_ARGUMENTS[key] for key in ("count", "var_within", "var_prior"))
    counts, mass = np.array([2.0, 3.0]), np.array([0.5, 1.25])
    values: dict[str, Callable[[], SupportsFloat]] = {
        "T1.null_logit": lambda: capacity.location_attention_logits(5, v, t)[0],
        "T1.null_weight": lambda: capacity.location_attention_weights(5, v, t)[0],
        "T1.predictive_var": lambda: (
            capacity.location_predictive(jnp.zeros((5, 1)), jnp.zeros(1), v, t).var
        ),
        "T1.expected_kl": lambda: capacity.location_expected_kl(n, 3, v, t),
        "T1.flat_kl": lambda: capacity.flat_prior_expected_kl(n, 3),
        "T1.plugin_kl": lambda: capacity.plugin_expected_kl(n, 3),
        "T2.sharp_rate": lambda: token_capacity.sharp_token_rate(n, 3),
        "T3.dirichlet": lambda: token_capacity.dirichlet_multinomial_predictive(
            *map(jnp.asarray, (counts, mass))
        )[0],
        "T4.fidelity_bound": lambda: capacity.fidelity_bias_bound(
            jnp.asarray(0.3), jnp.asarray(0.6)
        ),
    }

    def printed(name):
        formula = FORMULAS[name]
        arguments = {key: _ARGUMENTS[key] for key in formula.arguments}
        return same(float(formula(**arguments)), float(values[name]()))

    for name in values:
        theorem, short = name.split(".")
        yield _noiseless(
            f"{theorem}.formula",
            short,
            f"formula {name}: printed and computed value",
            partial(printed, name),
            source="restated algebra",
        )


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
    """Every check of theorem T.

    Args:
        profile: "quick" or "full".
    """
    for part in PARTS.values():
        yield from part(EFFECTS[profile])
