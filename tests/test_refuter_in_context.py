"""Theorems T1, T2, T3 and T5 searched for counterexamples, beside wordings that it refutes."""

from __future__ import annotations

import itertools
import math

import jax.numpy as jnp
import numpy as np
from refuter import log_uniform, searches
from scipy.optimize import linprog
from scipy.special import gammaln, logsumexp
from scipy.stats import multivariate_t, t

from synthetic_oversampling.theory.in_context import capacity, regression, token_capacity
from synthetic_oversampling.transformer_toy import constructed, constructed_rows, train

_SEEDS = 12  # at most: one shape to compile


# --- T1 -----------------------------------------------------------------------------------------
def _location(rng):
    """Seeds of a group, their number, its prior, and the next sample's law by conditioning."""
    dim, count = 2, int(rng.choice([0, 1, rng.integers(2, _SEEDS + 1)]))
    within, prior = log_uniform(rng, 1e-3, 1e3), log_uniform(rng, 1e-3, 1e3)
    centre = rng.normal(size=dim) * 3
    seeds = centre + math.sqrt(prior) * rng.normal(size=dim)
    seeds = seeds + math.sqrt(within) * rng.normal(size=(_SEEDS, dim))
    joint = within * np.eye(count + 1) + prior  # of the seeds and the next sample, a coordinate
    pull = np.linalg.solve(joint[:count, :count], joint[:count, count])
    mean = centre + pull @ (seeds[:count] - centre)
    return (
        seeds,
        count,
        within,
        prior,
        centre,
        mean,
        float(joint[-1, -1] - joint[-1, :count] @ pull),
    )


def location(rng, logit=lambda within, prior: None) -> float:
    """T1: attention with the stated logits, theory's law, and the law by conditioning agree."""
    seeds, count, within, prior, centre, mean, var = _location(rng)
    scale = math.sqrt(var) + float(np.abs(mean).max())
    logits = np.array(capacity.location_attention_logits(count, within, prior))
    logits[0] = logits[0] if logit(within, prior) is None else logit(within, prior)
    share = np.exp(logits - logsumexp(logits))
    attended = share @ np.vstack([centre, seeds[:count]])
    law = capacity.location_predictive(
        jnp.asarray(seeds[:count]), jnp.asarray(centre), within, prior
    )
    gaps = [np.abs(np.asarray(law.mean) - mean).max() / scale, abs(float(law.var) / var - 1)]
    gaps += [np.abs(attended - mean).max() / scale, abs((within + prior * share[0]) / var - 1)]
    return float(max(gaps)) - 1e-9


def network(rng, factor: float = 1.0) -> float:
    """T1: the network with weights by hand writes that law."""
    seeds, count, within, prior, centre, mean, var = _location(rng)
    if within < 2e-3:
        return math.nan
    net = constructed.location(2, within, prior * factor, centre, dtype=jnp.float64)
    number = jnp.asarray([[count]], jnp.int32)
    law = train.law_of(net.params, net.task, jnp.asarray(seeds[None]), number)
    gap = np.abs(np.asarray(law.mean)[0, 0] - mean).max() / (math.sqrt(var) + np.abs(mean).max())
    return float(max(gap, np.max(np.abs(np.asarray(law.var)[0, 0] / var - 1)))) - 1e-8


def divergences(rng, bayes=capacity.location_expected_kl) -> float:
    """T1: the three expected divergences; and no other variance about the mean beats the flat one.

    A rule N(a xbar + (1 - a) mu_0, s) has an expected divergence by its mean squared error.
    """
    count, dim = int(log_uniform(rng, 1, 300)), int(rng.integers(1, 9))
    within, prior = log_uniform(rng, 1e-3, 1e3), log_uniform(rng, 1e-3, 1e3)

    def rule(kept, var, spread):  # spread: the prior's variance, 0 at one mean
        square = kept**2 * within / count + (1 - kept) ** 2 * spread
        return dim / 2 * (within / var - 1 + math.log(var / within) + square / var)

    kept = count / (count + within / prior)
    told = float(bayes(count, dim, within, prior))
    gap = abs(rule(kept, within + kept * within / count, prior) / told - 1)
    flat = capacity.flat_prior_expected_kl(count, dim)
    plain = capacity.plugin_expected_kl(count, dim)
    gap = max(gap, abs(rule(1.0, within * (1 + 1 / count), 0.0) / float(flat) - 1))
    gap = max(gap, abs(rule(1.0, within, 0.0) / float(plain) - 1))
    other = log_uniform(rng, 0.3, 4.0) * within
    gap = max(gap, float(flat) / rule(1.0, other, 0.0) - 1)
    least = min(rule(float(rng.uniform(0, 1)), other, prior), rule(kept, other, prior))
    return max(gap, told / least - 1) - 1e-7


# --- T2 -----------------------------------------------------------------------------------------
def efficient_rate(rng, factor: float = 1.0) -> float:
    """T2: d / (2 n) with a remainder of second order, by all counts of three tokens.

    The mean is over the event that the estimate exists.
    """
    u = np.array([-1.0, float(rng.uniform(-0.5, 0.5)), float(rng.uniform(0.6, 1.5))])
    p = np.exp(u * rng.uniform(-0.7, 0.7))
    p, gaps = p / p.sum(), []
    for n in (50, 200):
        k, m = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        some = (k + m <= n) & (k < n) & (n - k - m < n)
        counts = np.stack([k[some], m[some], n - k[some] - m[some]])
        chance = gammaln(n + 1) - gammaln(counts + 1.0).sum(0) + np.log(p) @ counts
        mean, eta = (u @ counts) / n, np.zeros(counts.shape[1])
        for _ in range(60):  # Newton's method for the natural parameter
            law = np.exp(u[:, None] * eta)
            law /= law.sum(0)
            at = u @ law
            var = np.maximum(u**2 @ law - at**2, 1e-12)
            eta = np.clip(eta + np.clip((mean - at) / var, -1.0, 1.0), -60, 60)
        kl = p @ (np.log(p)[:, None] - np.log(law))
        expected = float(np.exp(chance) @ kl / np.exp(chance).sum())
        told = float(token_capacity.sharp_token_rate(n, 1))
        gaps.append(abs(expected - factor * told) / told)
    if abs(gaps[0] + 1 - factor) > 0.5:
        return math.nan  # too few seeds to speak of a rate
    return 0.5 - math.log(gaps[0] / gaps[1]) / math.log(4.0)


def _no_estimate(u: np.ndarray, seen: tuple[int, ...]) -> bool:
    """Whether some direction has all seen tokens on top and another below: no finite estimate."""
    others = [v for v in range(len(u)) if v not in seen]
    top = u[list(seen)]
    rows = [*(u[others] - top[0])]
    found = linprog(
        -np.sum(top[0] - u[others], axis=0) if others else np.zeros(u.shape[1]),
        A_ub=np.array(rows) if rows else None,
        b_ub=np.zeros(len(rows)) if rows else None,
        A_eq=top[1:] - top[0] if len(seen) > 1 else None,
        b_eq=np.zeros(len(seen) - 1) if len(seen) > 1 else None,
        bounds=(-1, 1),
    )
    return bool(found.fun < -1e-9)


def existence(rng, part: str = "facets") -> float:
    """T2: the chance that no estimate exists is positive, at most the sum over facets."""
    u, n = rng.normal(size=(5, 2)), int(rng.integers(1, 12))
    p = rng.dirichlet(np.full(5, rng.uniform(0.3, 3.0)))
    chance = 0.0
    for size in range(1, 6):
        for seen in itertools.combinations(range(5), size):
            if _no_estimate(u, seen):  # all of these seen, and no others
                for few in range(size + 1):
                    for kept in itertools.combinations(seen, few):
                        chance += (-1.0) ** (size - few) * float(p[list(kept)].sum()) ** n
    facets = [s for s in itertools.combinations(range(5), 2) if _no_estimate(u, s)]
    corners = [(v,) for v in range(5) if _no_estimate(u, (v,))]
    bound = sum(float(p[list(s)].sum()) ** n for s in (facets if part == "facets" else corners))
    if chance <= 0:
        return 1.0
    return chance / bound - 1 - 1e-9


def floors(rng, contracting: bool = True) -> float:
    """T2: where its steps contract depth removes the floor of one layer."""
    tokens = rng.normal(size=(9, 2))
    if rng.integers(2):
        tokens[2:] *= 0.05  # two tokens far from the others
    u, natural = jnp.asarray(tokens), jnp.asarray(rng.normal(size=2) * rng.choice([0.3, 1.5, 4.0]))
    apart = float(np.max(np.sum((tokens[:, None] - tokens[None]) ** 2, axis=2)))
    p = jnp.eye(2) * 4 / apart  # no variance is above a quarter of the squared diameter
    if not contracting:
        p = jnp.linalg.inv(token_capacity.token_cov(jnp.zeros(2), u))
    if contracting and float(token_capacity.layer_contraction(natural, u, p)) > 0.998:
        return math.nan  # depth takes longer
    first, last = (float(token_capacity.readout_floor(natural, u, k, p)) for k in (1, 10_000))
    return 1e3 * last / first - 1 if first > 1e-14 else 1.0


# --- T3 -----------------------------------------------------------------------------------------
def dictionary(rng, prior: bool = True, mean: bool = False) -> float:
    """T3: the posterior over a dictionary, by Bayes' rule seed after seed, from no seed on."""
    laws, count = 4, int(rng.choice([0, 1, 30]))
    likely = rng.normal(size=(count, laws)) * log_uniform(rng, 0.1, 100.0)
    start = np.log(rng.dirichlet(np.full(laws, 0.3)) + 1e-300)
    own = start
    for row in likely:
        own = own + row - logsumexp(own + row)
    seen = likely / max(count, 1) if mean else likely
    told = token_capacity.dictionary_posterior(
        jnp.asarray(seen), jnp.asarray(start if prior else 0 * start)
    )
    return float(np.max(np.abs(np.asarray(told) - np.exp(own)))) - 1e-9


def counts(rng, told=token_capacity.dirichlet_multinomial_predictive) -> float:
    """T3: the next symbol's probability is a ratio of Dirichlet integrals."""
    size = 5
    seen = np.floor(rng.exponential(log_uniform(rng, 0.1, 1e3), size))
    weight = np.array([log_uniform(rng, 1e-2, 1e3) for _ in range(size)])

    def integral(counted):
        return gammaln(counted + weight).sum() - gammaln((counted + weight).sum())

    own = [math.exp(integral(seen + one) - integral(seen)) for one in np.eye(size)]
    found = np.asarray(told(jnp.asarray(seen), jnp.asarray(weight)))
    return float(np.max(np.abs(found / own - 1))) - 1e-8


# --- T5 -----------------------------------------------------------------------------------------
def _known(rng, dim: int = 3) -> regression.NormalInverseWishart:
    """What is known of a group after some seeds or none, of any condition number."""
    basis = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    scale = (basis * np.exp(rng.uniform(0, log_uniform(rng, 0.05, 7.0), dim))) @ basis.T
    prior = regression.NormalInverseWishart(
        jnp.asarray(rng.normal(size=dim)),
        jnp.asarray(log_uniform(rng, 0.05, 20.0)),
        jnp.asarray(scale),
        jnp.asarray(dim - 1 + log_uniform(rng, 0.5, 20.0)),
    )
    seeds = rng.normal(size=(int(rng.choice([0, 0, 1, 5])), dim)) * log_uniform(rng, 0.3, 10.0)
    return regression.posterior(prior, jnp.asarray(seeds))


def rows(rng, more: int = 0) -> float:
    """T5: the features' Student regressions multiply to the row's law, by SciPy."""
    law = regression.row_predictive(_known(rng))
    scale = np.asarray(law.scale)
    x = np.asarray(law.loc) + np.linalg.cholesky(scale) @ rng.standard_t(2.0, 3)
    total = 0.0
    for known in range(3):
        one = regression.feature_predictive(law, jnp.asarray(x[:known]))
        spread = math.sqrt(float(one.var_scale))
        total += float(t.logpdf(x[known], float(one.df) - more * known, float(one.loc), spread))
    own = float(multivariate_t.logpdf(x, np.asarray(law.loc), scale, float(law.df)))
    return abs(total - own) / max(1.0, abs(own)) - 1e-8


def residual(rng, power=lambda depth: 2.0**depth, share=lambda d, kappa: 1 / (d * kappa)) -> float:
    """T5: the iterations as they are done miss (1 - l/trace)^{2^L}, at most the worst case."""
    dim, depth = int(rng.integers(1, 6)), int(rng.integers(0, 9))
    values = np.exp(rng.uniform(0, log_uniform(rng, 0.01, 5.0), dim))
    basis = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    matrix = (basis * values) @ basis.T
    x = np.eye(dim) / np.trace(matrix)
    left = np.eye(dim) - matrix @ x
    for _ in range(depth):
        x, left = x + x @ left, left @ left
    missed = np.diagonal(basis.T @ (np.eye(dim) - matrix @ x) @ basis)
    told = np.asarray(regression.inversion_residual(jnp.asarray(values), depth))
    told = told ** (power(depth) / 2.0**depth)
    kappa = float(values.max() / values.min())
    worst = (1 - share(dim, kappa)) ** power(depth)
    return max(float(np.max(np.abs(told - missed))), float(missed.max()) - worst) - 1e-9


def _divergence(after: regression.NormalInverseWishart, depth: int) -> float:
    """Divergence of so many iterations from the exact law of three features, by quadrature.

    The second feature regresses on one, whose inverse is exact. In the third the earlier ones are
    integrated in polar coordinates of their bivariate Student law, its own law by quantiles.
    """
    law = regression.row_predictive(after)
    df, scale = float(law.df), np.asarray(law.scale)
    block, cross = scale[:2, :2], scale[:2, 2]
    x, left = np.eye(2) / np.trace(block), np.eye(2) - block / np.trace(block)
    for _ in range(depth):
        x, left = x + x @ left, left @ left
    nodes, masses = np.polynomial.legendre.leggauss(40)
    inside, masses = (nodes + 1) / 2, masses / 2
    chance, weight = inside**2, 2 * inside * masses  # of a distance beyond, dense in the tail
    square = df * (chance ** (-2 / df) - 1)  # squared radii of the bivariate Student law
    angle = np.arange(24) * np.pi / 12
    circle = np.stack([np.cos(angle), np.sin(angle)])
    away = (np.sqrt(square)[:, None, None] * circle.T).reshape(-1, 2)
    offset = np.linalg.cholesky(block) @ away.T
    mass = np.repeat(weight, 24) / 24
    exact = np.linalg.inv(block)

    def feature(inverse):
        loc, distance = cross @ inverse @ offset, np.sum(offset * (inverse @ offset), axis=0)
        return loc, (scale[2, 2] - cross @ inverse @ cross) * (df + distance) / (df + 2)

    (loc, var), (moved, wide) = feature(exact), feature(x)
    q, w = np.polynomial.legendre.leggauss(120)
    z = np.tan(q * np.pi / 2)  # a line, by its angle
    w = w * np.pi / 2 * (1 + z**2) * t.pdf(z, df + 2)
    ratio, shift = (var / wide)[:, None], ((loc - moved) / np.sqrt(wide))[:, None]
    away = (z[None] * np.sqrt(ratio) + shift) ** 2
    gap = (df + 3) / 2 * (np.log1p(away / (df + 2)) - np.log1p(z**2 / (df + 2))[None])
    return float(mass @ (gap @ w - np.log(ratio[:, 0]) / 2))


def bound(rng, factor: float = 1.0) -> float:
    """T5: under a proper prior the divergence is never above depth_bound."""
    after, depth = _known(rng), int(rng.integers(0, 7))
    seen, most = _divergence(after, depth), float(regression.depth_bound(after, depth))
    if not 1e-8 < seen < 1e3:
        return math.nan
    return seen / (factor * most) - 1 - 1e-6


def depth(rng, told=regression.depth_divergence) -> float:
    """T5: depth_divergence once little is missed, of the next order in what is missed."""
    after = _known(rng)
    law, pairs = regression.row_predictive(after), []
    values = jnp.linalg.eigvalsh(law.scale[:2, :2])
    for layers in range(0, 16):
        missed = float(regression.inversion_residual(values, layers).max())
        part = regression._shortfalls(after, layers)[1]
        size = max(missed, float(part.growth), math.sqrt(float(part.location)))
        if size < 0.1 and missed > 1e-4:
            pairs.append((size, abs(_divergence(after, layers) / float(told(after, layers)) - 1)))
    if not pairs:
        return math.nan
    return max(gap / size for size, gap in pairs) - 2.0


def doubling(rng, grows: float = 2.0) -> float:
    """T5: once little is missed, what an iteration adds to the logarithm doubles each time."""
    after = _known(rng)
    told = np.array([float(regression.depth_divergence(after, layers)) for layers in range(18)])
    steps = np.diff(np.log(told[(told < 1e-9) & (told > 1e-280)]))
    if len(steps) < 2:
        return math.nan
    return float(np.max(np.abs(steps[1:] / steps[:-1] - grows))) - 0.1


def flat_network(rng, known=lambda p: p) -> float:
    """T5: under the flat prior ((d - p)/n)^{2^L} of 1/df is missed, by the network itself."""
    flat = constructed_rows.regression(regression.flat_prior(2), 2)
    seeds, count = rng.normal(size=(_SEEDS, 2)), int(rng.integers(3, _SEEDS + 1))
    x = rng.normal(size=(1, 2))
    number = jnp.asarray([count], jnp.int32)
    law = constructed_rows.feature_laws(flat, jnp.asarray(seeds), number, jnp.asarray(x))
    after = regression.posterior(regression.flat_prior(2), jnp.asarray(seeds[:count]))
    row, gaps = regression.row_predictive(after), []
    for p in (0, 1):
        exact = regression.feature_predictive(row, jnp.asarray(x[0, :p]))
        missed = ((2 - known(p)) / count) ** 4
        gaps.append(abs(float(law.var_scale[0, 0, p] / exact.var_scale) - (1 - missed)))
    return max(gaps) - 1e-7


def flat_rows(rng, first=lambda d, n: d * (d + 3) / (4 * n)) -> float:
    """T5: under the flat prior d (d + 3) / (4 n) to first order, the remainder of second order."""
    dim = int(rng.integers(1, 30))
    sizes = (40 * dim, 160 * dim)
    gaps = [abs(float(regression.flat_rows_expected_kl(n, dim)) / first(dim, n) - 1) for n in sizes]
    return 0.5 - math.log(gaps[0] / gaps[1]) / math.log(4)


def flat_crossing(rng, told=lambda d: d * (d + 3) / (4 * math.log(d))) -> float:
    """T5: where log d / sqrt n is crossed, to first order: up to 2 d / n of the number of seeds."""
    d = int(rng.integers(2, 40))
    crossing = told(d) ** 2
    slack = 2 * d / crossing
    gaps = []
    for n, sign in ((crossing * (1 + slack), 1), (crossing * (1 - slack), -1)):
        if round(n) > d:
            kl = float(regression.flat_rows_expected_kl(round(n), d))
            gaps.append(sign * (kl * math.sqrt(round(n)) / math.log(d) - 1))
    return max(gaps)


STATEMENTS = {
    "T1 law": (location, 100),
    "T1 network": (network, 60),
    "T1 divergences": (divergences, 100),
    "T2 rate": (efficient_rate, 6),
    "T2 existence": (existence, 16),
    "T2 floors": (floors, 16),
    "T3 dictionary": (dictionary, 100),
    "T3 counts": (counts, 100),
    "T5 rows": (rows, 12),
    "T5 residual": (residual, 100),
    "T5 bound": (bound, 16),
    "T5 depth": (depth, 6),
    "T5 doubling": (doubling, 3),
    "T5 flat network": (flat_network, 24),
    "T5 flat rows": (flat_rows, 24),
    "T5 flat crossing": (flat_crossing, 40),
}
REFUTED = {
    "T1 the logit's inverse": lambda rng: location(rng, lambda v, t: math.log(t / v)),
    "T1 a null token of logit 0": lambda rng: location(rng, lambda v, t: 0.0),
    "T1 another prior": lambda rng: network(rng, 1.3),
    "T1 divergence by the plug-in": lambda rng: divergences(
        rng, lambda n, d, v, t: d / (2 * (n + v / t))
    ),
    "T2 twice the rate": lambda rng: efficient_rate(rng, 2.0),
    "T2 existence by corners": lambda rng: existence(rng, "corners"),
    "T2 floors of any steps": lambda rng: floors(rng, contracting=False),
    "T3 no prior": lambda rng: dictionary(rng, prior=False),
    "T3 mean for sum": lambda rng: dictionary(rng, mean=True),
    "T3 Laplace's rule": lambda rng: counts(rng, lambda k, a: (k + 1) / jnp.sum(k + 1)),
    "T5 rows of constant freedom": lambda rng: rows(rng, more=1),
    "T5 a residual of power 2 L": lambda rng: residual(rng, power=lambda depth: 2.0 * depth),
    "T5 a worst case without d": lambda rng: residual(rng, share=lambda d, kappa: 1 / kappa),
    "T5 a tenth of the bound": lambda rng: bound(rng, 0.1),
    "T5 half the divergence": lambda rng: depth(
        rng, lambda *given: 2.0 * regression.depth_divergence(*given)
    ),
    "T5 a logarithm that grows by as much": lambda rng: doubling(rng, 1.0),
    "T5 1/df with all features known": lambda rng: flat_network(rng, lambda p: 2),
    "T5 half the parameters' rate": lambda rng: flat_rows(rng, lambda d, n: d * (d + 1) / (4 * n)),
    "T5 a crossing at d": lambda rng: flat_crossing(rng, lambda d: 2.0 * d),
}
LONG = ("T5 flat network", "T5 1/df with all features known")  # they compile for seconds
(
    test_no_case_violates_the_statement,
    test_no_case_of_many_violates_the_statement,
    test_the_search_refutes_another_wording,
) = searches(STATEMENTS, REFUTED, LONG)
