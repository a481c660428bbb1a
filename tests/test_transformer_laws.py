"""Heads and divergences: densities, samples, the loss and the gap, each by an independent route."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from synthetic_oversampling.transformer_toy import heads, tasks
from synthetic_oversampling.transformer_toy.evaluation import divergence

EPS = float(np.finfo(np.float64).eps)
KEY = jax.random.key(12)


def _law(name, dim=2, components=3, spread=1.0):
    conditions = 1 + components if name == "labelled" else 1
    shape = (2, 1, conditions, heads.dim_out(name, dim, components))
    start = jnp.array(heads.initial_raw(name, dim, components))
    raw = spread * jax.random.normal(KEY, shape) + start[None, None, None]
    return heads.interpret(name, raw, dim, components)


def _mixture_pdf(law, x):
    total = 0.0
    for weight, mean, root in zip(
        np.exp(law.log_weight[0, 0]), law.mean[0, 0], law.root[0, 0], strict=True
    ):
        cov = np.linalg.inv(np.asarray(root) @ np.asarray(root).T)
        total += weight * stats.multivariate_normal(np.asarray(mean), cov).pdf(x)
    return total


def test_densities_are_scipys():
    x = np.array([[0.3, -0.8], [1.5, 0.2]])
    points = jnp.broadcast_to(jnp.array(x), (2, 1, 2, 2))
    law = _law("gaussian")
    expected = stats.multivariate_normal(law.mean[0, 0], float(law.var[0, 0]) * np.eye(2)).pdf(x)
    np.testing.assert_allclose(np.exp(heads.log_density(law, points)[0, 0]), expected, rtol=1e-12)
    law = _law("student")
    shape = float(law.var_scale[0, 0]) * np.eye(2)
    expected = stats.multivariate_t(law.loc[0, 0], shape, df=float(law.df[0, 0])).pdf(x)
    np.testing.assert_allclose(np.exp(heads.log_density(law, points)[0, 0]), expected, rtol=1e-11)
    law = _law("mixture")
    expected = _mixture_pdf(law, x)
    np.testing.assert_allclose(np.exp(heads.log_density(law, points)[0, 0]), expected, rtol=1e-11)
    wrong = law._replace(root=jnp.swapaxes(law.root, -1, -2))
    assert not np.allclose(np.exp(heads.log_density(wrong, points)[0, 0]), expected, rtol=1e-3)


@pytest.mark.parametrize("name", ["gaussian", "student", "mixture"])
def test_samples_follow_their_density(name):
    """Kolmogorov-Smirnov on the probability transform of one direction; alarms below 1e-4."""
    law, size = _law(name), 20_000
    x = np.asarray(heads.sample(law, size, key=KEY))[0, 0]
    direction = np.array([0.8, -0.6])
    t = x @ direction
    if name == "mixture":
        cdf = 0.0
        for weight, mean, root in zip(
            np.exp(law.log_weight[0, 0]), law.mean[0, 0], law.root[0, 0], strict=True
        ):
            cov = np.linalg.inv(np.asarray(root) @ np.asarray(root).T)
            std = (direction @ cov @ direction) ** 0.5
            cdf = cdf + weight * stats.norm.cdf(t, np.asarray(mean) @ direction, std)
    elif name == "gaussian":
        cdf = stats.norm.cdf(t, law.mean[0, 0] @ direction, law.var[0, 0] ** 0.5)
    else:
        spread = law.var_scale[0, 0] ** 0.5
        cdf = stats.t.cdf(t, float(law.df[0, 0]), law.loc[0, 0] @ direction, spread)
    assert stats.kstest(cdf, "uniform").pvalue > 1e-4
    assert stats.kstest(cdf**1.1, "uniform").pvalue < 1e-4, "the test must see a distorted law"


def test_labelled_samples_have_the_labels_frequencies_and_features():
    frequencies = jnp.log(jnp.array([0.5, 0.2, 0.3]))
    law, size = _law("labelled"), 20_000
    law = law._replace(log_prob=jnp.broadcast_to(frequencies, law.log_prob.shape))
    which, x = heads.sample(law, size, key=KEY)
    observed = np.bincount(np.asarray(which[0, 0]), minlength=3)
    expected = np.exp(np.asarray(law.log_prob[0, 0])) * size
    assert stats.chisquare(observed, expected).pvalue > 1e-4
    assert stats.chisquare(observed, np.roll(expected, 1)).pvalue < 1e-4
    for label in range(3):
        mine = np.asarray(x[0, 0])[np.asarray(which[0, 0]) == label, 0]
        mean, std = float(law.mean[0, 0, label, 0]), float(law.var[0, 0, label]) ** 0.5
        assert stats.kstest((mine - mean) / std, "norm").pvalue > 1e-4


def test_positive_is_the_identity_above_its_floor_and_smooth_at_it():
    raw = jnp.array([-50.0, -0.5, 0.0, 0.0999, 0.1, 0.1001, 3.0])
    out = heads.positive(raw, 0.1)
    assert jnp.all(out > 0.0) and jnp.all(jnp.diff(out) > 0.0)
    assert jnp.array_equal(out[4:], raw[4:])
    slope = jax.vmap(jax.grad(lambda x: heads.positive(x, 0.1)))(raw)
    np.testing.assert_allclose(slope[3:6], 1.0, atol=5e-3)


def test_the_loss_is_the_divergence_from_the_true_law():
    """Closed form against 200,000 draws, within 4 standard errors; sees a constant off by 1.1."""
    truth = heads.Gaussian(jnp.array([[[0.4, -0.2]]]), jnp.array([[0.8]]))
    law = heads.Gaussian(jnp.array([[[-0.3, 0.5]]]), jnp.array([[1.7]]))
    got = float(divergence.loss(truth, law, key=KEY)[0, 0])
    x = heads.sample(truth, 200_000, key=KEY)
    ratio = np.asarray(heads.log_density(truth, x) - heads.log_density(law, x))[0, 0]
    error = ratio.std() / len(ratio) ** 0.5
    assert abs(got - ratio.mean()) < 4 * error < 0.04 * got
    assert abs(1.1 * got - ratio.mean()) > 4 * error


@pytest.mark.parametrize("name, dim", [("student", 1), ("mixture", 2), ("student", 3)])
def test_the_loss_by_nodes_or_draws_is_the_cross_entropy(name, dim):
    """For laws about as wide as the truth; eight nodes an axis cannot see much narrower ones."""
    truth = heads.Gaussian(jnp.full((2, 1, dim), 0.3), jnp.full((2, 1), 0.9))
    law = _law(name, dim=dim, spread=0.4)
    if name == "student":
        law = law._replace(var_scale=jnp.maximum(law.var_scale, 0.6))
    got = np.asarray(divergence.loss(truth, law, key=KEY))[:, 0]
    x = heads.sample(truth, 400_000, key=KEY)
    values = -np.asarray(heads.log_density(law, x))[:, 0]
    monte_carlo = values.std(axis=1) / 400_000**0.5
    drawn = dim > 2 or name == "mixture"  # by DRAWS draws, with their standard error
    few_draws = values.std(axis=1) / divergence.DRAWS**0.5 if drawn else 0.003 * np.abs(got)
    assert np.all(np.abs(got - values.mean(axis=1)) < 4 * (monte_carlo + few_draws))


@pytest.mark.parametrize(
    "task",
    [
        tasks.unknown_mean(2),
        tasks.unknown_mean(1, mixture=2),
        tasks.dictionary(laws=3),
        tasks.labelled(labels=2),
        tasks.symbols(3),
    ],
    ids=lambda task: f"{task.spec['name']}-{task.head}",
)
def test_no_law_has_a_smaller_average_loss_than_the_exact_predictive(task):
    groups = 4000
    truth, seeds = task.draw(groups, 5, jnp.float64, key=KEY)
    exact = task.exact(seeds, jnp.full((groups, 1), 5, jnp.int32))

    def average(law):
        values = np.asarray(divergence.loss(truth, law, key=KEY))[:, 0]
        return values - np.asarray(divergence.loss(truth, exact, key=KEY))[:, 0]

    leaves, structure = jax.tree.flatten(exact)
    for index, leaf in enumerate(leaves):
        for factor in (0.7, 1.4):
            changed = leaves[:index] + [leaf * factor] + leaves[index + 1 :]
            law = jax.tree.unflatten(structure, changed)
            for name in ("log_prob", "log_weight"):
                if hasattr(law, name):
                    normal = jax.nn.log_softmax(getattr(law, name), axis=-1)
                    law = law._replace(**{name: normal})
            regret = average(law)
            error = regret.std(ddof=1) / groups**0.5
            assert regret.mean() > -4.0 * error, (index, factor)
    far = task.exact(seeds[::-1], jnp.full((groups, 1), 5, jnp.int32))
    regret = average(far)
    assert regret.mean() > 5.0 * regret.std(ddof=1) / groups**0.5, "another group's law must lose"


def test_kl_estimates_agree_with_closed_forms_and_are_never_negative():
    mean, other = jnp.array([[[0.1, 0.2]]]), jnp.array([[[0.15, 0.1]]])
    root = jnp.broadcast_to(jnp.eye(2), (1, 1, 1, 2, 2))
    as_mixture = [
        heads.Mixture(jnp.zeros((1, 1, 1)), one[:, :, None], scale * root)
        for one, scale in ((mean, 1.0), (other, 1.1))
    ]
    as_gaussian = [
        heads.Gaussian(one, jnp.full((1, 1), var)) for one, var in ((mean, 1.0), (other, 1.1**-2))
    ]
    exact = float(divergence.kl(*as_gaussian, key=KEY)[0, 0])
    estimates = np.array(
        [
            float(divergence.kl(*as_mixture, key=key, draws=4000)[0, 0])
            for key in jax.random.split(KEY, 8)
        ]
    )
    error = estimates.std(ddof=1) / 8**0.5
    assert np.all(estimates >= 0.0)
    assert abs(estimates.mean() - exact) < 5.4 * error < 0.1 * exact  # Student, 7 df: 1e-3


def test_kl_of_labelled_laws_is_the_chain_rule():
    p, q = _law("labelled"), _law("labelled")
    q = q._replace(log_prob=jnp.roll(q.log_prob, 1, axis=-1), var=1.3 * q.var)
    got = divergence.kl(p, q, key=KEY)
    expected = 0.0
    for label in range(3):
        prob, other = np.exp(p.log_prob[0, 0, label]), np.exp(q.log_prob[0, 0, label])
        ratio = 1 / 1.3
        expected += prob * (np.log(prob / other) + ratio - 1 - np.log(ratio))
    np.testing.assert_allclose(got[0, 0], expected, rtol=1e-10)


@pytest.mark.parametrize("name", sorted(tasks.TASKS))
def test_a_specification_makes_the_same_task_again(name):
    task = tasks.from_spec({"name": name})
    again = tasks.from_spec(task.spec)
    assert again.spec == task.spec
    for one, other in itertools.zip_longest(
        jax.tree.leaves(task.draw(3, 4, jnp.float32, key=KEY)),
        jax.tree.leaves(again.draw(3, 4, jnp.float32, key=KEY)),
    ):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(
    "spec, word",
    [
        ({"name": "no such"}, "no such"),
        ({"name": "unknown_mean", "sides": 3}, "sides"),
        ({"name": "unknown_mean", "dim": 0}, "dim"),
        ({"name": "unknown_mean", "var_prior": -1.0}, "var_prior"),
        ({"name": "dictionary", "laws": 0}, "laws"),
        ({"name": "labelled", "concentration": 0.0}, "concentration"),
    ],
)
def test_impossible_specifications_are_refused_by_name(spec, word):
    with pytest.raises(ValueError, match=word):
        tasks.from_spec(spec)


def test_outputs_of_the_wrong_size_and_unknown_heads_are_refused():
    with pytest.raises(ValueError, match="disagree"):
        heads.interpret("gaussian", jnp.ones((1, 1, 1, 4)), 2, 0)
    with pytest.raises(ValueError, match="no such"):
        heads.dim_out("no such", 2, 0)
    with pytest.raises(ValueError, match="components"):
        heads.interpret("dictionary", jnp.ones((1, 1, 1, 3)), 2, 3)
    with pytest.raises(TypeError, match="Categorical"):
        heads.log_density(heads.Categorical(jnp.zeros((1, 2))), jnp.zeros((1, 1, 1)))


def test_no_mixture_can_hide_narrow_components_where_the_loss_looks():
    """A spike on every quadrature node would have a smaller loss than the truth itself."""
    node, _ = np.polynomial.hermite_e.hermegauss(divergence.NODES_PER_AXIS[1])
    size = len(node)

    def mixture(mean, root):
        count = len(mean)
        weight = jnp.full((1, 1, count), -np.log(count))
        roots = jnp.full((1, 1, count, 1, 1), root)
        return heads.Mixture(weight, jnp.asarray(mean)[None, None, :, None], roots)

    truth = heads.Gaussian(jnp.zeros((1, 1, 1)), jnp.ones((1, 1)))
    spikes, smooth = mixture(node, 1e6), mixture(np.zeros(size), 1.0)
    losses = [float(divergence.loss(truth, law, key=KEY)[0, 0]) for law in (spikes, smooth)]
    assert losses[0] > losses[1] + 10.0, losses
