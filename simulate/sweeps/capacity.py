"""Sweeps behind the figures of T1 to T3 and T5: divergence by the seeds, and by depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import digamma
from scipy.stats import betabinom, invwishart

from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.experiments.in_context import (
    depth_divergences,
    drawn_row,
    row_divergences,
)
from synthetic_oversampling.simulate.experiments.paths import Progress, measured
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.sweeps.common import path_key, problems, share_of
from synthetic_oversampling.theory.in_context import capacity, regression, token_capacity

__all__ = [
    "expected_count_kl",
    "row_depth",
    "token_model",
    "transformer_kl",
    "transformer_kl_trained",
    "whole_rows",
]

_ROOT = Path(__file__).parents[2]


def _replicated(function, name: str, settings: Mapping, seed: int, progress: Progress):
    replicates = settings["replicates"]
    return monte_carlo.run(
        function,
        key=path_key(seed, name),
        replicates=replicates,
        block=64,
        progress=lambda result: progress(result.replicates / replicates),
    )


def _prefix_mask(counts) -> np.ndarray:
    """Which of the seeds each count uses ``[S, most]``."""
    return (np.arange(max(counts))[None] < np.asarray(counts)[:, None]).astype(float)


def transformer_kl(settings: Mapping, seed: int, progress: Progress) -> dict:
    """One attention layer with a null token, on Gaussian groups and on counts (T1, T3).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    dim, counts = settings["dim"], settings["counts"]
    var = (settings["var_within"], settings["var_prior"])
    mask = jnp.asarray(_prefix_mask(counts))
    logits = [capacity.location_attention_logits(n, *var)[0] for n in counts]
    null = jnp.exp(jnp.stack(logits))  # mass of the null token; a seed has mass 1

    def gaussian(key):
        first, second = jax.random.split(key)
        mean = jnp.sqrt(var[1]) * jax.random.normal(first, (dim,))
        noise = jax.random.normal(second, (mask.shape[1], dim))
        seeds = mean[None] + jnp.sqrt(var[0]) * noise
        mass = null + jnp.sum(mask, axis=1)
        centre = (mask @ seeds) / mass[:, None]  # softmax attention; the null token's value is 0
        spread = var[0] * (1.0 + 1.0 / mass)
        truth = jnp.broadcast_to(mean, centre.shape)
        wide = jnp.full_like(spread, var[0])
        average = (mask @ seeds) / jnp.maximum(jnp.sum(mask, axis=1), 1.0)[:, None]
        return {
            "attention": capacity.gaussian_kl(truth, wide, centre, spread),
            "plug-in": capacity.gaussian_kl(truth, wide, average, wide),
        }

    symbols, concentration = settings["symbols"], settings["concentration"]
    prior = jnp.full(symbols, concentration)

    def frequencies(key):
        first, second = jax.random.split(key)
        truth = jax.random.dirichlet(first, prior)
        drawn = jax.random.choice(second, symbols, (mask.shape[1],), p=truth)
        one_hot = jax.nn.one_hot(drawn, symbols, dtype=prior.dtype)
        seen = mask @ one_hot
        guess = (seen + prior[None]) / (jnp.sum(seen, axis=1) + jnp.sum(prior))[:, None]
        safe = jnp.where(truth > 0, truth, 1.0)
        return {"counts": jnp.sum(truth[None] * (jnp.log(safe)[None] - jnp.log(guess)), axis=1)}

    first = _replicated(gaussian, "in_context gaussian", settings, seed, share_of(progress, 0, 2))
    second = _replicated(frequencies, "in_context counts", settings, seed, share_of(progress, 1, 2))
    grid = np.unique(np.round(np.geomspace(1, max(counts), 41)))
    bayes = [float(capacity.location_expected_kl(n, dim, *var)) for n in grid]
    return {
        "count": grid,
        "gaussian": {
            "bayes": bayes,
            "minimax": [float(capacity.flat_prior_expected_kl(n, dim)) for n in grid],
            "plug-in": [float(capacity.plugin_expected_kl(n, dim)) for n in grid],
        },
        "frequencies": {
            "bayes": [expected_count_kl(int(n), symbols, concentration) for n in grid],
            "rate": (symbols - 1) / (2 * grid),
        },
        "counts_seen": counts,
        "observed": {
            "attention": measured(first, "attention"),
            "plug-in": measured(first, "plug-in"),
            "counts": measured(second, "counts"),
        },
        "counts": problems(first, second),
    }


def expected_count_kl(count: int, symbols: int, concentration: float) -> float:
    """Expected KL(p || predictive) of the Dirichlet-multinomial rule, averaged over its prior.

    Statement (exact): ``E sum p log p = psi(a + 1) - psi(V a + 1)`` for ``V`` symbols of
    concentration ``a``, minus ``E log`` of the predictive of the next symbol, whose count is
    beta-binomial.

    Args:
        count: number of seeds; symbols: ``V``; concentration: ``a``.

    Example:
        >>> round(expected_count_kl(0, 2, 1.0), 6)  # log 2 - 1/2 for a uniform coin
        0.193147
    """
    total = symbols * concentration
    seen = np.arange(count + 1)
    law = betabinom(count, concentration, total - concentration).pmf(seen)
    next_probability = (seen + concentration) / (count + total)
    log_score = symbols * float(law @ (next_probability * np.log(next_probability)))
    return float(digamma(concentration + 1) - digamma(total + 1)) - log_score


def token_model(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Read-outs of a token family against the seeds, by depth, and both rates (T2).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    dim, vocabulary, counts = settings["dim"], settings["vocabulary"], settings["counts"]
    rng = np.random.default_rng(settings["family_seed"])
    embeddings = jnp.asarray(rng.normal(size=(vocabulary, dim)))
    natural = jnp.asarray(settings["natural"])
    origin = jnp.zeros_like(natural)
    step = jnp.linalg.inv(token_capacity.token_cov(origin, embeddings)) * settings["damping"]
    log_probs = token_capacity.token_log_probs(natural, embeddings)
    mask = jnp.asarray(_prefix_mask(counts))
    layers = settings["layers"]

    def replicate(key):
        drawn = jax.random.categorical(key, log_probs, shape=(mask.shape[1],))
        means = (mask @ embeddings[drawn]) / jnp.sum(mask, axis=1)[:, None]

        def divergence(depth):
            def one(mean):
                read = token_capacity.gradient_readout(mean, embeddings, depth, step)
                return token_capacity.token_kl(natural, read, embeddings)

            return jax.vmap(one)(means)

        return {f"layers {depth}": divergence(depth) for depth in layers}

    result = _replicated(replicate, "tokens", settings, seed, progress)
    grid = np.geomspace(min(counts), max(counts), 31)
    rows = {}
    for depth in layers:
        curve = [
            float(token_capacity.readout_expected_kl(natural, embeddings, n, depth, step))
            for n in (1.0, 2.0)
        ]
        floor = 2 * curve[1] - curve[0]  # the curve is floor + noise / n
        rows[str(depth)] = {
            "expected": floor + (curve[0] - floor) / grid,
            "observed": measured(result, f"layers {depth}"),
        }
    return {
        "count": grid,
        "counts_seen": counts,
        "layers": rows,
        "sharp": [float(token_capacity.sharp_token_rate(n, dim)) for n in grid],
        "reported": [float(token_capacity.reported_rate(n, dim)) for n in grid],
        "counts": problems(result),
    }


def row_depth(settings: Mapping, seed: int, progress: Progress) -> dict:
    """What iterations miss of a row's exact law, by the condition of its covariance (T5).

    Args:
        settings: of the sweep: sizes, replicates, and what varies.
        seed: of all samples.
        progress: called with the share that is done.
    """
    dim, seeds, depths = settings["dim"], settings["seeds"], tuple(range(settings["most"] + 1))
    turn = np.linalg.qr(np.random.default_rng(settings["family_seed"]).normal(size=(dim, dim)))[0]
    rows, conditions = {}, settings["conditions"]
    scales = [turn @ np.diag(np.geomspace(1.0, ratio, dim)) @ turn.T for ratio in conditions]
    family = [
        regression.NormalInverseWishart(
            jnp.zeros(dim), jnp.asarray(seeds + 1.0), jnp.asarray(scale), jnp.asarray(seeds + 7.0)
        )
        for scale in scales
    ]
    laws = [regression.row_predictive(known) for known in family]
    degrees = float(laws[0].df)  # of all of them

    def draw(key):
        return drawn_row(key, degrees, dim)

    def evaluate(row, scale):
        return {"depth": row_divergences(row, degrees, scale, depths)}

    for index, (condition, known, law) in enumerate(zip(conditions, family, laws, strict=True)):

        def part(done, index=index):
            progress((index + done) / len(conditions))

        name = f"row depth {condition:g}"
        result = _replicated((draw, evaluate, law.scale), name, settings, seed, part)
        rows[f"{condition:g}"] = {
            "expected": [float(regression.depth_divergence(known, depth)) for depth in depths],
            "bound": [float(regression.depth_bound(known, depth)) for depth in depths],
            "observed": measured(result, "depth"),
        }
    return {"depth": depths, "conditions": rows}


def transformer_kl_trained(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Expected divergence of trained networks from a group's law, from their recorded gaps.

    Training takes minutes a network, so its outcome ships with the package as an artifact, which
    `oversampling evaluate` wrote.

    Statement (exact): averaged over groups and seeds, KL(group || network) is KL(group || exact
    predictive), in closed form, plus the gap KL(exact predictive || network).

    Args:
        settings: ``recorded``, a path below the folder of the packages.
        seed, progress: as every sweep takes them; nothing is drawn here.

    Raises:
        ArtifactError: for a record of several families.
    """
    body = artifacts.load(_ROOT / settings["recorded"], kind="transformer gap")
    entries = body["payload"]
    dim, *var = (entries[0]["task"][key] for key in ("dim", "var_within", "var_prior"))
    counts = [count for count in entries[0]["counts"] if count >= 1]
    bayes = [float(capacity.location_expected_kl(n, dim, *var)) for n in counts]
    networks = []
    for entry in entries:
        if entry["task"] != entries[0]["task"] or entry["counts"] != entries[0]["counts"]:
            raise artifacts.ArtifactError(
                f"{settings['recorded']}: holds networks of several families or counts, expected "
                "one; record them again with `oversampling evaluate`."
            )
        rows = {row["count"]: row for row in entry["rows"] if row["rule"] == "network"}
        gap = np.array([rows[count]["kl"] for count in counts])
        error = np.array([rows[count]["kl_standard_error"] for count in counts])
        networks.append(
            {
                "seed": entry["about"]["recipe"]["seed"],
                "gap": {"mean": gap, "std_error": error},
                "total": {"mean": gap + bayes, "std_error": error},
            }
        )
    predicted = {
        name: [value for n, value in zip(entries[0]["counts"], values, strict=True) if n >= 1]
        for name, values in entries[0]["predicted"].items()
    }
    progress(1.0)
    return {
        "dim": dim,
        "most_trained": entries[0]["about"]["recipe"]["max_count"] - 1,
        "count": counts,
        "bayes": bayes,
        "minimax": [float(capacity.flat_prior_expected_kl(n, dim)) for n in counts],
        "plug-in": [float(capacity.plugin_expected_kl(n, dim)) for n in counts],
        "gap": predicted,
        "networks": networks,
    }


def whole_rows(settings: Mapping, seed: int, progress: Progress) -> dict:
    """How near rows are to groups' laws: the trained network and its rivals, and the constructed.

    The network's recorded densities (``oversampling evaluate``) are compared row by row; for
    Gaussian groups the exact predictive is among the rules. Beside it the network of T5 at several
    depths, on groups of the same prior.

    Args:
        settings: ``recorded``, a path below the folder of the packages; ``families``; ``dim``;
            ``depths``; ``prior``, the weight, degrees of freedom and scale of the groups that the
            network was trained on.
        seed: of the groups for the constructed networks.
        progress: as every sweep takes it.
    """
    entry = artifacts.load(_ROOT / settings["recorded"], kind="whole rows")["payload"][0]
    dim, depths = settings["dim"], tuple(settings["depths"])
    drawn = settings["families"]
    rows = [row for row in entry["density"] if row["dim"] == dim and row["family"] in drawn]
    counts = sorted({row["seeds"] for row in rows})
    gains: dict = {}
    for row in rows:
        rule = gains.setdefault(row["family"], {}).setdefault(row["rule"], {"count": []})
        rule["count"].append(row["seeds"])
        rule.setdefault("mean", []).append(row["gain"])
        rule.setdefault("std_error", []).append(row["standard_error"])
    gaussian = gains.pop("gaussian")
    exact = gaussian.pop("exact gaussian")
    network = exact | {"mean": (-np.array(exact["mean"])).tolist()}
    gap = dict(zip(network["count"], network["mean"], strict=True))
    # a rule's divergence is the network's plus what the network gains over the rule
    divergence = {
        name: {
            "count": rule["count"],
            "mean": [gain + gap[n] for n, gain in zip(rule["count"], rule["mean"], strict=True)],
        }
        for name, rule in gaussian.items()
    }
    weight, df, scale = settings["prior"]
    known = regression.NormalInverseWishart(
        jnp.zeros(dim), jnp.array(weight), scale * jnp.eye(dim), jnp.array(df + dim - 1)
    )
    rng, constructed = np.random.default_rng(seed), []

    @jax.jit
    @partial(jax.vmap, in_axes=(0, 0, None))
    def run(key, scale, degrees):
        return depth_divergences(key, degrees, scale, depths)

    for index, count in enumerate(counts):
        groups = settings["replicates"]
        cov = invwishart(df + dim - 1, scale * np.eye(dim)).rvs(groups, rng)
        root = np.linalg.cholesky(cov.reshape(groups, dim, dim))
        seeds = rng.normal(size=(groups, count, dim)) @ np.swapaxes(root, 1, 2)
        seeds += (rng.normal(size=(groups, 1, dim)) / weight**0.5) @ np.swapaxes(root, 1, 2)
        after = [regression.posterior(known, one) for one in jnp.asarray(seeds)]
        laws = [regression.row_predictive(one) for one in after]
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), count), groups)
        seen = run(keys, jnp.stack([law.scale for law in laws]), jnp.asarray(df + count))
        constructed.append(np.asarray(seen))
        progress((index + 1) / len(counts))
    seen = np.stack(constructed)
    error = seen.std(axis=1, ddof=1) / settings["replicates"] ** 0.5
    return {
        "dim": dim,
        "count": counts,
        "network": network,
        "rules": divergence,
        "gains": gains,
        "depth": list(depths),
        "constructed": {"mean": seen.mean(axis=1).T, "std_error": error.T},
        "most_trained": max(entry["about"]["recipe"]["lengths"]),
        "loss": _smoothed(entry["about"]["loss"], entry["about"]["recipe"]["chunk"]),
    }


def _smoothed(loss: Sequence[Sequence[float]], chunk: int, window: int = 5) -> dict:
    """Training losses of each family less that of the exact law of the Gaussian one, by steps."""
    _, *families, exact = np.asarray(loss).T
    means = [np.convolve(one - exact, np.ones(window) / window, "valid") for one in families]
    step = chunk * (np.arange(means[0].size) + (window + 1) / 2)
    names = ("gaussian", "mixture", "structural", "table")
    return {"step": step, **dict(zip(names, means, strict=True))}
