"""From fidelity to accuracy: a network as the generator of theorem R, predicted and simulated.

Two Gaussian groups drawn from the network's own family are imbalanced; the minority is brought up
by each rule in turn. Theorem R predicts the balanced excess risk and the minority's error: in
closed form for raw, class weighting, plug-in and oracle, from measured draws
(``theory.prediction.measured``) for SMOTE, the hand-written and the trained network. Simulation
fits logistic regression with the rule in the loop, and T4 bounds the trained network's bias by its
divergence.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from synthetic_oversampling.simulate.experiments.score_bias import MEANS
from synthetic_oversampling.simulate.sampling import erm
from synthetic_oversampling.simulate.sampling.measure import measure_generator
from synthetic_oversampling.simulate.sampling.mixtures import sample_group
from synthetic_oversampling.simulate.sampling.samplers import sample_synthetic
from synthetic_oversampling.theory.generators.table import (
    GaussianPlugin,
    Generator,
    Oracle,
    Smote,
)
from synthetic_oversampling.theory.in_context.capacity import fidelity_bias_bound, gaussian_kl
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import error_rate, risk
from synthetic_oversampling.theory.population.laws import GaussianGroup, balanced_law
from synthetic_oversampling.theory.population.minimum import minimiser
from synthetic_oversampling.theory.prediction.bounds import score_var_proxy
from synthetic_oversampling.theory.prediction.excess_risk import expand, predict
from synthetic_oversampling.theory.prediction.measured import predict_measured
from synthetic_oversampling.theory.wording import counted
from synthetic_oversampling.transformer_toy import constructed, heads, train
from synthetic_oversampling.transformer_toy.checkpoint import Model

__all__ = [
    "RULES",
    "SIZES",
    "Bound",
    "Row",
    "bias_bound",
    "check_family",
    "compare",
    "drawn_by",
    "groups",
    "network_law",
    "simulate",
]

SIZES = (1000, 100)  # rows of each class
# whose samples are trained on
RULES = ("raw", "class weighting", "smote", "plug-in", "constructed", "trained", "oracle")


class Row(NamedTuple):
    """One rule: predicted and simulated balanced excess risk (nats) and minority error rate.

    ``excess_error`` is the standard error of a prediction from measured draws, 0 for a closed form;
    what is seen in the simulation carries its own.

    Attributes:
        rule: its name; excess, excess_error: predicted, nats; minority: predicted error rate.
        seen_excess, seen_excess_error: simulated, nats.
        seen_minority, seen_minority_error: simulated error rate; fits: how many.
    """

    rule: str
    excess: float
    excess_error: float
    minority: float
    seen_excess: float
    seen_excess_error: float
    seen_minority: float
    seen_minority_error: float
    fits: int


class Bound(NamedTuple):
    """T4 for the trained network's minority: the bias it adds and what its divergence allows.

    Attributes:
        bias, bias_error: norm of the mean score under its rows, and its standard error.
        kl, kl_error: divergence of its rows and its standard error, nats.
        var_proxy: of the score, certified; bound: what T4 allows for the bias.
    """

    bias: float
    bias_error: float
    kl: float
    kl_error: float
    var_proxy: float
    bound: float


def groups() -> list[GaussianGroup]:
    """The two groups: unit covariance, means inside the network's prior.

    Returns:
        Majority (label 0), minority (label 1).

    Example:
        >>> [group.label for group in groups()]
        [0, 1]
    """
    return [GaussianGroup(list(mean), np.eye(2), label) for label, mean in enumerate(MEANS)]


def network_law(model: Model, seeds: Float[Array, "n d"]) -> heads.Gaussian:
    """The law that a network gives for one set of seeds.

    Args:
        model: an ``unknown_mean`` network of the seeds' dimension.
        seeds: in the network's units.

    Returns:
        A Gaussian with mean (d,) and variance ().

    Example:
        >>> import jax.numpy as jnp
        >>> law = network_law(constructed.location(2), jnp.ones((1, 2)))
        >>> print(law.mean, law.var)
        [0.5 0.5] 1.5
    """
    token_BxNxD = seeds.astype(model.params["query"].dtype)[None]
    count_BxP: Int[Array, "B P"] = jnp.full((1, 1), len(seeds), jnp.int32)
    law = train.law_of(model.params, model.task, token_BxNxD, count_BxP)
    return jax.tree.map(lambda leaf: leaf[0, 0].astype(seeds.dtype), law)


def drawn_by(rule: Generator, groups: Sequence[GaussianGroup]) -> Callable:
    """A generator of the theory as a function (seeds, g, m, key=) of one group's seeds.

    Args:
        rule: the generator.
        groups: that the seeds may be of.
    """

    def draw(seeds, g, m, *, key):
        return sample_synthetic(rule, 0, [groups[g]], [seeds], m, key=key)[0]

    return draw


def _generators(model: Model) -> dict:
    """A function (seeds, g, m, key=) for each rule that draws synthetic samples."""
    both = groups()

    def of_network(network: Model):
        def draw(seeds, g, m, *, key):
            law = network_law(network, seeds)
            noise = jax.random.normal(key, (m, seeds.shape[1]), seeds.dtype)
            return law.mean[None] + jnp.sqrt(law.var) * noise

        return draw

    return {
        "smote": drawn_by(Smote(5), both),
        "plug-in": drawn_by(GaussianPlugin(), both),
        "constructed": of_network(constructed.location(2)),
        "trained": of_network(model),
        "oracle": drawn_by(Oracle(), both),
    }


def simulate(
    both: Sequence[GaussianGroup],
    sizes: tuple[int, ...],
    draw: Callable | None,
    *,
    levelled: bool,
    fits: int,
    key: Key[Array, ""],
    block: int = 250,
) -> tuple[np.ndarray, np.ndarray]:
    """Balanced excess risk (nats) and each group's error, of fits with a generator in the loop.

    Args:
        both: the groups.
        sizes: real samples of each.
        draw: ``(seeds, g, m, key=)``, which brings every group up to the largest; None for the real
            samples alone.
        levelled: whether groups count alike; without, and without samples, every sample does.
        fits: data sets.
        key: a typed key; the real samples depend on it and not on the generator.
        block: fits at once.

    Raises:
        FloatingPointError: if a fit does not converge.
    """
    most, balanced = max(sizes), balanced_law(both)
    star = minimiser(balanced)
    least = risk(star, balanced)
    missing = [most - size if draw is not None else 0 for size in sizes]
    ends = [size + more for size, more in zip(sizes, missing, strict=True)]
    each = [most / end if levelled else 1.0 for end in ends]
    parts = zip(ends, each, both, strict=True)
    rows = [(jnp.full(n, w), jnp.full(n, 2.0 * group.label - 1.0)) for n, w, group in parts]
    weight, sign = (jnp.concatenate(one) for one in zip(*rows, strict=True))
    weight = weight / (len(both) * most)

    def one(key):
        keys = jax.random.split(key, len(both) + 1)
        made = []
        for g, group in enumerate(both):
            made.append(sample_group(group, sizes[g], key=keys[g]))
            if draw is not None and missing[g]:
                draw_key = jax.random.fold_in(keys[-1], g)
                made.append(draw(made[-1], g, missing[g], key=draw_key))
        result = erm.fit(jnp.concatenate(made), sign, weight, start=star)
        errors = jnp.stack([error_rate(result.theta, group.law) for group in both])
        return risk(result.theta, balanced) - least, errors, result.converged

    run = jax.jit(jax.vmap(one))
    keys = jax.random.split(key, fits)
    found = [run(keys[start : start + block]) for start in range(0, fits, block)]
    excess, errors, converged = (np.concatenate(one) for one in zip(*found, strict=True))
    if not converged.all():
        raise FloatingPointError(
            f"{(~converged).sum()} of {counted(fits, 'fit')} did not converge."
        )
    return excess, errors


def _predict(rule: str, draw, sets: int, key: Key[Array, ""]) -> tuple[float, float, float]:
    """Predicted excess risk, its standard error (0 if in closed form), and minority error."""
    both, design = groups(), Design(SIZES)
    closed: dict[str, Generator] = {"plug-in": GaussianPlugin(), "oracle": Oracle()}
    if rule in ("raw", "class weighting"):
        design = Design.raw(SIZES) if rule == "raw" else Design.class_weighted(SIZES)
        closed[rule] = Oracle()
    if rule in closed:
        known = predict(both, design, closed[rule])
        return float(known.total), 0.0, float(known.group_error.total[1])
    samples = measure_generator(draw, both, design, sets=sets, per_set=8, key=key)
    got = predict_measured(both, design, samples)
    law = both[1].law
    slopes = (
        jax.grad(error_rate)(got.theta_alpha, law),
        jax.hessian(error_rate)(got.theta_alpha, law),
    )
    expansion = expand(error_rate(got.theta_alpha, law), *slopes, got.estimator_bias, got.cov)
    return float(got.total), float(got.total_error), float(expansion.total)


def compare(
    model: Model,
    *,
    key: Key[Array, ""],
    fits: int = 2000,
    sets: int = 4096,
    rules: tuple[str, ...] = RULES,
) -> list[Row]:
    """Every rule on the same imbalanced design, predicted and simulated.

    Args:
        model: an ``unknown_mean`` network with d = 2, var_within = 1.
        key: a typed key; prediction and simulation use independent parts of it, and all rules meet
            the same real samples.
        fits: simulated data sets a rule.
        sets: sets of seeds for the predictions from measured draws.
        rules: which.

    Returns:
        One row a rule.

    Raises:
        ValueError: for a network of another family.
        FloatingPointError: if a fit does not converge.

    Example:
        >>> RULES[-2:]
        ('trained', 'oracle')
    """
    check_family(model)
    predict_key, fit_key = jax.random.split(key)
    generators, rows = _generators(model), []
    for rule in rules:
        draw = generators.get(rule)
        total, error, minority = _predict(rule, draw, sets, predict_key)
        excess, errors = simulate(
            groups(), SIZES, draw, levelled=rule != "raw", fits=fits, key=fit_key
        )
        seen = errors[:, 1]
        root = fits**0.5
        rows.append(
            Row(
                rule=rule,
                excess=total,
                excess_error=error,
                minority=minority,
                seen_excess=float(excess.mean()),
                seen_excess_error=float(excess.std(ddof=1) / root),
                seen_minority=float(seen.mean()),
                seen_minority_error=float(seen.std(ddof=1) / root),
                fits=fits,
            )
        )
    return rows


def check_family(model: Model) -> None:
    """Refuse a network that is not for two features of unknown mean and unit variance.

    Args:
        model: the network.

    Raises:
        ValueError: naming its family.

    Example:
        >>> check_family(constructed.location(2))
    """
    spec = model.task.spec
    if (spec["name"], spec.get("dim"), spec.get("var_within")) != ("unknown_mean", 2, 1.0):
        raise ValueError(
            f"model: got {spec}, expected unknown_mean with dim = 2 and var_within = 1. Train one "
            "with `train unknown_mean --set dim=2`."
        )


def bias_bound(model: Model, *, key: Key[Array, ""], sets: int = 20_000) -> Bound:
    """T4 on the trained network: the bias of its mean law against sqrt(2 v KL).

    Statement: the network's law averaged over seeds has KL to the truth at most the average of
    KL(Q | seeds, truth), by convexity; that average, in closed form for each set of seeds, is used.
    The bias is |E_Q s - E_P s| at theta*, with E_Q s by quadrature for each set of seeds.

    Args:
        model: as in ``compare``.
        key: a typed key.
        sets: sets of seeds.

    Returns:
        The measured bias, the divergence, and the bound.

    Raises:
        ValueError: for a network of another family.

    Example:
        >>> Bound._fields[-1]
        'bound'
    """
    check_family(model)
    both = groups()
    star = minimiser(balanced_law(both))
    node, weight = np.polynomial.hermite_e.hermegauss(24)
    z = jnp.asarray(np.stack(np.meshgrid(node, node), axis=-1).reshape(-1, 2))
    mass = jnp.asarray(np.outer(weight, weight).reshape(-1) / weight.sum() ** 2)
    truth = heads.Gaussian(jnp.asarray(MEANS[1]), jnp.asarray(1.0))

    def mean_score(law):
        x = law.mean[None] + jnp.sqrt(law.var) * z
        rows = jnp.concatenate([jnp.ones_like(x[:, :1]), x], axis=1)
        return mass @ (-rows * jax.nn.sigmoid(-(rows @ star))[:, None])

    def one(seed_key):
        law = network_law(model, sample_group(both[1], SIZES[1], key=seed_key))
        return mean_score(law), gaussian_kl(law.mean, law.var, truth.mean, truth.var)

    scores, kl = jax.lax.map(jax.jit(one), jax.random.split(key, sets), batch_size=500)
    shift = scores.mean(axis=0) - mean_score(truth)
    spread = jnp.sqrt(((scores.std(axis=0) ** 2) / sets).sum())
    proxy = score_var_proxy(star, both[1])
    bound = fidelity_bias_bound(kl.mean(), jnp.asarray(proxy))
    return Bound(
        bias=float(jnp.linalg.norm(shift)),
        bias_error=float(spread),
        kl=float(kl.mean()),
        kl_error=float(kl.std() / sets**0.5),
        var_proxy=proxy,
        bound=float(bound),
    )
