"""What predictions compute on the host, held against the compiled forms and their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthetic_oversampling.theory.population.groups import (
    error_rate,
    error_rates,
    hessian,
    risk,
    score_cov,
    score_mean,
)
from synthetic_oversampling.theory.population.laws import Law
from synthetic_oversampling.theory.population.margins import LOGISTIC, SQUARED
from synthetic_oversampling.theory.population.moments import (
    margin_means,
    moments_from,
    moments_slope,
)

_GROUPS, _COMPONENTS, _DIM = 3, 2, 3
_RELATIVE = 1e-10  # of the largest entry: quadrature and rounding


def _laws(seed: int) -> Law:
    """Three groups of two components, of unequal weight, mean and covariance; host arrays."""
    rng = np.random.default_rng(seed)
    shape = (_GROUPS, _COMPONENTS)
    root = rng.normal(size=(*shape, _DIM, _DIM))
    return Law(
        weights=rng.dirichlet(np.ones(_COMPONENTS), size=_GROUPS),
        means=rng.normal(size=(*shape, _DIM)),
        covs=root @ np.swapaxes(root, -1, -2) / _DIM + 0.1 * np.eye(_DIM),
        signs=np.array([[-1.0, -1.0], [1.0, 1.0], [1.0, 1.0]]),
    )


def _near(found, expected) -> bool:
    found, expected = np.asarray(found), np.asarray(expected)
    return np.max(np.abs(found - expected)) <= _RELATIVE * np.max(np.abs(expected))


@pytest.mark.parametrize("loss", [LOGISTIC, SQUARED], ids=["logistic", "squared"])
@pytest.mark.parametrize("seed", [0, 1])
def test_moments_on_the_host_and_their_gradient_are_those_of_the_compiled_forms(loss, seed):
    laws, rng = _laws(seed), np.random.default_rng(100 + seed)
    theta = rng.normal(size=_DIM + 1)
    means = margin_means(theta[None], laws, loss, further=2).at(0)
    moments = moments_from(means, laws)

    def forms(theta):
        def one(law):
            return tuple(form(theta, law, loss) for form in (risk, score_mean, hessian, score_cov))

        return jax.vmap(one)(jax.tree.map(jnp.asarray, laws))

    assert all(_near(*pair) for pair in zip(moments, forms(jnp.asarray(theta)), strict=True))

    a, b = rng.normal(size=(2, _GROUPS))
    left, right = (m + m.T for m in rng.normal(size=(2, _DIM + 1, _DIM + 1)))

    def potential(theta):
        _, _, curvature, cov = forms(theta)
        return jnp.einsum("g,gpq,qp->", a, curvature, left) + jnp.einsum(
            "g,gpq,qp->", b, cov, right
        )

    slope = moments_slope(means, moments, laws, (a, left), (b, right))
    assert _near(slope, jax.jit(jax.grad(potential))(jnp.asarray(theta)))


@pytest.mark.parametrize("seed", [0, 1])
def test_error_rates_on_the_host_have_the_derivatives_of_the_compiled_form(seed):
    laws = _laws(seed)
    theta = np.random.default_rng(200 + seed).normal(size=_DIM + 1)

    def one(law):
        every = (error_rate, jax.grad(error_rate), jax.hessian(error_rate))
        return tuple(form(jnp.asarray(theta), law) for form in every)

    expected = jax.jit(jax.vmap(one))(jax.tree.map(jnp.asarray, laws))
    assert all(_near(*pair) for pair in zip(error_rates(theta, laws), expected, strict=True))


def test_a_component_without_spread_errs_or_not_and_has_no_derivative():
    shape = (1, 1)
    point, spread = np.full((*shape, 1), -2.0), np.zeros((*shape, 1, 1))
    certain = Law(np.ones(shape), point, spread, np.ones(shape))
    value, slope, curvature = error_rates(np.array([0.5, 1.0]), certain)
    assert value.tolist() == [1.0]
    assert not np.any(slope) and not np.any(curvature)
