"""Formulas of theorem T: what a generator can know from its seeds."""

from __future__ import annotations

import functools

import sympy as sp

from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.formula.formula import Formula, instantiate
from synthetic_oversampling.theory.formula.proofs import expected, stationary_points, symmetric

__all__ = ["CAPACITY_FORMULAS"]


@functools.cache
def _posterior() -> tuple[sp.Expr, sp.Expr]:
    """Mean and variance of a group's mean, by completing the square of the log posterior."""
    centre, total, prior = sp.symbols("centre total prior", real=True)  # total: sum of the seeds
    log_posterior = -((centre - prior) ** 2) / (2 * nt.var_prior)
    log_posterior -= (nt.count * centre**2 - 2 * centre * total) / (2 * nt.var_within)
    (mean,) = stationary_points(log_posterior, centre)
    return sp.expand(sp.cancel(mean)), -1 / sp.diff(log_posterior, centre, 2)


def _prove_null_logit(rhs):
    """Log ratio of what the posterior mean gives to the prior mean and to one seed."""
    mean, _ = _posterior()
    of_prior, of_seed = (sp.diff(mean, sp.Symbol(s, real=True)) for s in ("prior", "total"))
    return sp.expand_log(rhs - sp.log(sp.cancel(of_prior / of_seed)), force=True)


def _prove_null_weight(rhs):
    mean, _ = _posterior()
    return rhs - sp.diff(mean, sp.Symbol("prior", real=True))


def _prove_predictive_var(rhs):
    """A new sample varies about its group's mean, which varies about the posterior mean."""
    return rhs - (nt.var_within + _posterior()[1])


def _expected_kl(mean_square: sp.Expr, var: sp.Expr) -> sp.Expr:
    """E KL(N(mu, v) || N(m, var)) per coordinate from the log ratio, E (m - mu)^2 given."""
    x, offset = sp.symbols("x offset", real=True)
    moments = {(x,): sp.Integer(0), (x, x): nt.var_within}  # x about mu
    moments |= {(offset,): sp.Integer(0), (offset, offset): mean_square}
    log_ratio = (x - offset) ** 2 / (2 * var) - x**2 / (2 * nt.var_within)
    normalisers = sp.log(var / nt.var_within) / 2
    return expected(log_ratio, moments) + normalisers


def _prove_expected_kl(rhs):
    """Averaged over prior and seeds, the posterior mean errs by the posterior variance."""
    var = _posterior()[1]
    derived = nt.dim * _expected_kl(var, nt.var_within + var)
    return _log_difference(rhs, derived)


def _log_difference(rhs: sp.Expr, derived: sp.Expr) -> sp.Expr:
    """Difference with the logarithms' arguments put over one denominator."""

    def tidy(expression):
        together = expression.replace(sp.log, lambda a: sp.log(sp.factor(sp.together(a))))
        return sp.expand(sp.expand_log(together, force=True))

    return tidy(rhs) - tidy(derived)


def _prove_flat_kl(rhs):
    """The mean of n seeds errs by v / n at every mu; the flat-prior rule adds that variance."""
    error = nt.var_within / nt.count
    return _log_difference(rhs, nt.dim * _expected_kl(error, nt.var_within + error))


def _prove_plugin_kl(rhs):
    return rhs - nt.dim * _expected_kl(nt.var_within / nt.count, nt.var_within)


def _prove_sharp_rate(rhs):
    """Second-order divergence of an exponential family at an efficient estimate, d = 1, 2, 3."""
    for size in (1, 2, 3):
        inverse = symmetric("I", size)
        error = sp.symbols(f"e_1:{size + 1}", real=True)
        moments = {(e,): sp.Integer(0) for e in error}
        for i, left in enumerate(error):
            for j in range(i, size):
                moments[(left, error[j])] = inverse[i, j] / nt.count
        vector = sp.Matrix(error)
        divergence = (vector.T * inverse.inv() * vector)[0, 0] / 2
        yield sp.cancel(sp.together(rhs.subs(nt.dim, size) - expected(divergence, moments)))


def _prove_dirichlet(rhs):
    """Ratio of Beta integrals: the posterior mean of one symbol's frequency."""
    after = nt.mass + nt.seen
    others = nt.mass_total - nt.mass + nt.count - nt.seen

    def integral(first, second):  # of f^(first - 1) (1 - f)^(second - 1) on [0, 1]
        return sp.gamma(first) * sp.gamma(second) / sp.gamma(first + second)

    return sp.simplify(rhs - sp.gammasimp(integral(after + 1, others) / integral(after, others)))


def _prove_fidelity(rhs):
    """Donsker-Varadhan: (KL + l^2 v / 2) / l for every l > 0, at the best l; sharp for a shift."""
    multiplier, divergence = sp.symbols("l kl_positive", positive=True)
    bound = (divergence + multiplier**2 * nt.var_proxy / 2) / multiplier
    (best,) = stationary_points(bound, multiplier)
    yield sp.simplify(rhs.subs(nt.kl, divergence) - bound.subs(multiplier, best))
    shift = sp.Symbol("move", positive=True)
    yield sp.simplify(rhs.subs(nt.kl, shift**2 / (2 * nt.var_proxy)) - shift)


def _prove_excess_bound(rhs):
    """Above R6's bound at any bias by a non-negative term, for two groups that attain T4.

    The gradient of the bias is their average with the synthetic weights; its square falls with the
    angle between them.
    """
    turn = sp.Symbol("turn", nonnegative=True)  # 1 - cos
    kl, proxy, c = (sp.symbols(f"{name}_1:3", positive=True) for name in ("kl", "proxy", "c"))
    first, second = (
        c[g] * _fidelity.subs({nt.kl: kl[g], nt.var_proxy: proxy[g]}) / 2 for g in range(2)
    )
    square = first**2 + second**2 + 2 * first * second * (1 - turn)
    excess = square / (2 * nt.curvature_path)
    slack = first * second * turn / nt.curvature_path
    arrays = {nt.share: list(c), nt.group_kl: list(kl), nt.group_proxy: list(proxy)}
    yield sp.simplify(sp.expand(instantiate(rhs, arrays, 2) - excess - slack))


def _beta_moment(first: sp.Expr, second: sp.Expr, power: int) -> sp.Expr:
    """E B^power of a Beta variable."""
    return sp.rf(first, power) / sp.rf(first + second, power)


def _t_moment(power: int) -> sp.Expr:
    """E B^power, B = t^2/(nu + t^2) of a standard Student variable: Beta(1/2, nu/2)."""
    return _beta_moment(sp.Rational(1, 2), nt.degrees / 2, power)


def _prove_residual(rhs):
    """X <- X + X R and R <- R^2 carried out on one eigenvalue, from X = 1/trace."""
    trace = sp.Symbol("trace", positive=True)
    inverse, left = 1 / trace, 1 - nt.eigen_share
    for iteration in range(4):
        stated = rhs.subs(nt.iterations, iteration)
        yield sp.expand(stated - left)
        yield sp.expand(stated - (1 - nt.eigen_share * trace * inverse))
        inverse, left = sp.expand(inverse * (1 + left)), sp.expand(left**2)


def _prove_iterations(rhs):
    """So many leave exactly epsilon of that eigenvalue."""
    left = _left.subs(nt.iterations, rhs)
    return sp.simplify(sp.expand_log(sp.log(left), force=True) - sp.log(nt.left_most))


def _prove_student_bound(rhs):
    """log(1 + u) <= u on the ratio of the densities; the moments of t are those of a Beta law."""
    square, inverse = _t_moment(1), (1 - _t_moment(1)) / nt.degrees
    excess = (nt.scale_ratio - 1) * square + nt.scale_ratio * nt.shift_square * inverse
    return sp.simplify(rhs - ((nt.degrees + 1) * excess - sp.log(nt.scale_ratio)) / 2)


def _prove_location_cost(rhs):
    """Half the Fisher information of the location: score (nu + 1) t/(nu + t^2)."""
    information = (nt.degrees + 1) ** 2 * (_t_moment(1) - _t_moment(2)) / nt.degrees
    return sp.simplify(rhs - nt.shift_square * information / 2)


def _prove_scale_cost(rhs):
    """Half the Fisher information of the log squared scale, times its mean square error.

    The error is g less a quadratic form on the unit sphere times a Beta variable, for p = 1, 2, 3.
    """
    mean = (nt.degrees + 1) ** 2 * _t_moment(2) - 2 * (nt.degrees + 1) * _t_moment(1) + 1
    for size in (1, 2, 3):
        left = sp.symbols(f"e_1:{size + 1}", nonnegative=True)
        normal = {2: 1, 4: 3}  # moments of a normal variable
        whole = size * normal[4] + size * (size - 1) * normal[2] ** 2  # E |z|^4
        first = sum(left) * sp.Rational(normal[2], size)
        second = sum(
            sp.Rational(normal[4] if i == j else normal[2] ** 2, whole) * left[i] * left[j]
            for i in range(size)
            for j in range(size)
        )
        half = sp.Rational(size, 2)
        radius = [_beta_moment(half, nt.degrees / 2 - half, power) for power in (1, 2)]
        square = nt.growth**2 - 2 * nt.growth * first * radius[0] + second * radius[1]
        sums = {nt.left_sum: sum(left), nt.left_square: sum(e**2 for e in left)}
        yield sp.simplify(rhs.subs(sums) - mean * square / 8)


def _prove_rows_rate(rhs):
    """The exact divergence of the flat prior at large n, by Stirling's series, d = 1, 2, 3."""
    small = sp.Symbol("small", positive=True)  # 1/n

    def digamma(z):
        return sp.log(z) - 1 / (2 * z) - 1 / (12 * z**2)

    def log_gamma(z):
        return (z - sp.Rational(1, 2)) * sp.log(z) - z + 1 / (12 * z)

    for size in (1, 2, 3):
        half, left = 1 / (2 * small), (1 / small - size) / 2
        exact = half * (digamma(half) - digamma(left)) + log_gamma(left) - log_gamma(half)
        exact += sum(digamma((1 / small - i) / 2) for i in range(1, size + 1)) / 2
        exact += sp.Rational(size, 2) * (sp.log(1 + small) - 1)
        leading = sp.series(sp.expand_log(sp.simplify(exact), force=True), small, 0, 2).removeO()
        stated = rhs.subs({nt.dim: size, nt.count: 1 / small})
        yield sp.simplify(stated - leading)


_left = (1 - nt.eigen_share) ** (2**nt.iterations)
_fidelity = sp.sqrt(2 * nt.var_proxy * nt.kl)
_ratio = nt.var_within / nt.var_prior

# the formulas of family T
CAPACITY_FORMULAS = (
    Formula(
        id="T1.null_logit",
        claim="Attention logit of the null token that carries the prior mean; seeds have logit 0",
        lhs=r"\ell_{\mathrm{null}}",
        rhs=sp.log(_ratio),
        kind="exact",
        residual=_prove_null_logit,
    ),
    Formula(
        id="T1.null_weight",
        claim="Attention weight of the null token: what the posterior mean gives to the prior mean",
        lhs=r"w_{\mathrm{null}}",
        rhs=_ratio / (nt.count + _ratio),
        kind="exact",
        residual=_prove_null_weight,
    ),
    Formula(
        id="T1.predictive_var",
        claim="Variance of the exact posterior predictive, per coordinate",
        lhs=r"v_{\mathrm{pred}}",
        rhs=nt.var_within * (1 + 1 / (nt.count + _ratio)),
        kind="exact",
        residual=_prove_predictive_var,
    ),
    Formula(
        id="T1.expected_kl",
        claim="Least possible expected divergence of a generator under the Gaussian prior",
        lhs=r"\mathbb{E}\,\mathrm{KL}_{\mathrm{Bayes}}",
        rhs=nt.dim / 2 * sp.log(1 + 1 / (nt.count + _ratio)),
        kind="exact",
        residual=_prove_expected_kl,
    ),
    Formula(
        id="T1.flat_kl",
        claim="Expected divergence of the flat-prior rule: the minimax risk",
        lhs=r"\mathbb{E}\,\mathrm{KL}_{\mathrm{flat}}",
        rhs=nt.dim / 2 * sp.log(1 + 1 / nt.count),
        kind="exact",
        residual=_prove_flat_kl,
    ),
    Formula(
        id="T1.plugin_kl",
        claim="Expected divergence of the plug-in rule with known covariance",
        lhs=r"\mathbb{E}\,\mathrm{KL}_{\mathrm{plug}}",
        rhs=nt.dim / (2 * nt.count),
        kind="exact",
        residual=_prove_plugin_kl,
    ),
    Formula(
        id="T2.sharp_rate",
        claim="Expected divergence of an efficient d-parameter exponential family fit",
        lhs=r"\mathbb{E}\,\mathrm{KL}",
        rhs=nt.dim / (2 * nt.count),
        kind="asymptotic",
        residual=_prove_sharp_rate,
    ),
    Formula(
        id="T3.dirichlet",
        claim="Predictive probability of a symbol under a Dirichlet prior",
        lhs=r"P(x_{n+1} = x)",
        rhs=(nt.seen + nt.mass) / (nt.count + nt.mass_total),
        kind="exact",
        residual=_prove_dirichlet,
    ),
    Formula(
        id="T4.fidelity_bound",
        claim="How far a generator of given divergence can move the mean of a sub-Gaussian score",
        lhs=r"|\mathbb{E}_Q s - \mathbb{E}_P s|",
        rhs=_fidelity,
        kind="bound",
        residual=_prove_fidelity,
    ),
    Formula(
        id="T4.excess_bound",
        claim="What the divergences of the groups' generators can cost, at any bias",
        lhs=r"R_{\mathrm{bal}}(\theta_\alpha) - R_{\mathrm{bal}}(\theta^*)",
        rhs=sp.Sum(
            nt.share[nt.g] * sp.sqrt(2 * nt.group_proxy[nt.g] * nt.group_kl[nt.g]), (nt.g, 1, nt.G)
        )
        ** 2
        / (2 * nt.curvature_path * nt.G**2),
        kind="bound",
        residual=_prove_excess_bound,
    ),
    Formula(
        id="T5.residual",
        claim="What the inverse of the earlier features' covariance misses after L iterations",
        lhs=r"e",
        rhs=_left,
        kind="exact",
        residual=_prove_residual,
    ),
    Formula(
        id="T5.iterations",
        claim="Iterations that leave no more of an eigenvalue; the least has at least 1/(d kappa) "
        "of the trace",
        lhs=r"L",
        rhs=sp.log(sp.log(nt.left_most) / sp.log(1 - nt.eigen_share)) / sp.log(2),
        kind="exact",
        residual=_prove_iterations,
    ),
    Formula(
        id="T5.student_bound",
        claim="Divergence of two Student laws of the same degrees of freedom",
        lhs=r"\mathrm{KL}",
        rhs=(nt.scale_ratio - 1 - sp.log(nt.scale_ratio) + nt.scale_ratio * nt.shift_square) / 2,
        kind="bound",
        residual=_prove_student_bound,
    ),
    Formula(
        id="T5.location_cost",
        claim="What a shifted location costs a feature",
        lhs=r"\mathrm{KL}_{\mathrm{location}}",
        rhs=(nt.degrees + 1) / (nt.degrees + 3) * nt.shift_square / 2,
        kind="asymptotic",
        residual=_prove_location_cost,
    ),
    Formula(
        id="T5.scale_cost",
        claim="What a wrong scale costs a feature, averaged over the features before it",
        lhs=r"\mathrm{KL}_{\mathrm{scale}}",
        rhs=nt.degrees
        / (4 * (nt.degrees + 3))
        * (
            nt.growth**2
            - 2 * nt.growth * nt.left_sum / nt.degrees
            + (2 * nt.left_square + nt.left_sum**2) / (nt.degrees * (nt.degrees + 2))
        ),
        kind="asymptotic",
        residual=_prove_scale_cost,
    ),
    Formula(
        id="T5.rows_rate",
        claim="Expected divergence of the flat-prior row predictive: half the parameters over n",
        lhs=r"\mathbb{E}\,\mathrm{KL}",
        rhs=nt.dim * (nt.dim + 3) / (4 * nt.count),
        kind="asymptotic",
        residual=_prove_rows_rate,
    ),
)
