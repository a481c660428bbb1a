"""Weights written by hand against theory's closed forms, for every number of seeds from 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthetic_oversampling.theory.in_context import capacity, token_capacity
from synthetic_oversampling.transformer_toy import constructed, model, tasks, train
from synthetic_oversampling.transformer_toy.evaluation import comparators, divergence, evaluate

COUNTS = [0, 1, 2, 5, 17, 64, 256]
LARGEST_KL = {jnp.float32: 1e-9, jnp.float64: 1e-20}


def _worst_gap(network, dtype, *, counts=COUNTS, groups=16):
    prefixes = comparators.counts_row(counts, groups)

    @jax.jit
    def worst(params, key):
        draw_key, kl_key = jax.random.split(key)
        _, seeds = network.task.draw(groups, max(counts), dtype, key=draw_key)
        law = train.law_of(params, network.task, seeds, prefixes)
        exact = network.task.exact(seeds, prefixes)
        return divergence.kl(exact, law, key=kl_key, draws=32).max()

    return float(worst(network.params, jax.random.key(3)))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("dim", [1, 2, 8])
def test_one_layer_is_the_exact_predictive_of_an_unknown_mean(dim, dtype):
    network = constructed.location(dim, 0.7, 1.9, dtype=dtype)
    assert _worst_gap(network, dtype) < LARGEST_KL[dtype]


def test_tasks_state_what_theory_states():
    seeds = jax.random.normal(jax.random.key(5), (1, 6, 2))
    prefix = jnp.array([[4]], jnp.int32)
    law = tasks.unknown_mean(2, 0.7, 1.9).exact(seeds, prefix)
    theory = capacity.location_predictive(seeds[0, :4], jnp.zeros(2), 0.7, 1.9)
    np.testing.assert_allclose(law.mean[0, 0], theory.mean, rtol=1e-13)
    np.testing.assert_allclose(law.var[0, 0], theory.var, rtol=1e-13)


def test_the_trained_architecture_holds_the_exact_solution():
    task = tasks.unknown_mean(8)
    arch = train.architecture(task)
    network = constructed.location(8, arch=arch)
    assert {name: leaf.shape for name, leaf in network.params.items()} == model.shapes(arch)
    assert _worst_gap(network, jnp.float32) < LARGEST_KL[jnp.float32]
    with pytest.raises(ValueError, match="dim_head"):
        constructed.location(20, arch=train.architecture(tasks.unknown_mean(20)))


@pytest.mark.parametrize(
    "name, entry",
    [("layer0.query", (0, 3, 0)), ("readout.linear", (2, 2)), ("layer0.value", (0, 0, 0))],
)
def test_a_weight_off_by_a_hundredth_is_seen(name, entry):
    network = constructed.location(2, 0.7, 1.9, dtype=jnp.float64)
    weight = network.params[name][entry]
    assert weight != 0.0
    wrong = network.params | {name: network.params[name].at[entry].set(1.01 * weight)}
    assert _worst_gap(network._replace(params=wrong), jnp.float64) > 1e-7


def test_a_prior_mean_enters_through_the_null_token():
    prior = np.array([3.0, -1.0])
    network = constructed.location(2, 0.7, 1.9, prior, dtype=jnp.float64)
    seeds = jax.random.normal(jax.random.key(6), (1, 5, 2))
    for count in (0, 5):
        law = train.law_of(network.params, network.task, seeds, jnp.array([[count]], jnp.int32))
        theory = capacity.location_predictive(seeds[0, :count], jnp.array(prior), 0.7, 1.9)
        np.testing.assert_allclose(law.mean[0, 0], theory.mean, rtol=1e-13)
        np.testing.assert_allclose(law.var[0, 0], theory.var, rtol=1e-13)


def test_the_flat_prior_limit_is_the_minimax_rule():
    network = constructed.flat_prior_location(3, 0.7)
    task = network.task
    _, seeds = tasks.unknown_mean(3, 0.7, 1.9).draw(16, 64, jnp.float32, key=jax.random.key(9))
    prefixes = comparators.counts_row([1, 2, 17, 64], 16)
    law = train.law_of(network.params, task, seeds, prefixes)
    flat = comparators.flat_prior(tasks.unknown_mean(3, 0.7), seeds.astype(float), prefixes)
    assert float(divergence.kl(flat, law, key=jax.random.key(0)).max()) < 1e-9


def test_flat_prior_risk_is_its_closed_form_in_every_group():
    """CLT check with 40,000 groups: alarms below 1e-4, sees a constant off by 1.1 surely."""
    task, count, groups = tasks.unknown_mean(2, 1.0, 1.0), 5, 40_000
    truth, seeds = task.draw(groups, count, jnp.float64, key=jax.random.key(10))
    rule = comparators.flat_prior(task, seeds, jnp.full((groups, 1), count, jnp.int32))
    values = np.asarray(divergence.loss(truth, rule, key=jax.random.key(0)))[:, 0]
    expected = float(capacity.flat_prior_expected_kl(count, 2))
    error = values.std(ddof=1) / groups**0.5
    assert abs(values.mean() - expected) < 4.0 * error
    assert 0.1 * expected > 7.0 * error, "too few groups to see a constant off by 1.1"
    assert abs(values.mean() - 1.1 * expected) > 4.0 * error


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_attention_is_exact_for_dictionaries_symbols_and_labelled_pairs(dtype):
    networks = (
        constructed.dictionary(tasks.dictionary(laws=4), dtype=dtype),
        constructed.symbols(5, 0.7, dtype=dtype),
        constructed.labelled(tasks.labelled(2, 3, 0.6, 0.7, 1.9), dtype=dtype),
    )
    for network in networks:
        assert _worst_gap(network, dtype) < LARGEST_KL[dtype], network.task.spec


def test_dictionary_and_symbols_are_theorys_posteriors():
    network = constructed.symbols(4, 0.5, dtype=jnp.float64)
    seeds = jax.nn.one_hot(jnp.array([[0, 2, 2, 1, 2]]), 4)
    law = train.law_of(network.params, network.task, seeds, jnp.array([[5]], jnp.int32))
    theory = token_capacity.dirichlet_multinomial_predictive(
        jnp.array([1.0, 1.0, 3.0, 0.0]), jnp.full(4, 0.5)
    )
    np.testing.assert_allclose(jnp.exp(law.log_prob[0, 0]), theory, rtol=1e-13)
    task = tasks.dictionary(laws=3)
    network = constructed.dictionary(task, dtype=jnp.float64)
    _, seeds = task.draw(1, 4, jnp.float64, key=jax.random.key(11))
    law = train.law_of(network.params, task, seeds, jnp.array([[4]], jnp.int32))
    known = task.dictionary
    white = np.einsum("ntd,tde->nte", np.asarray(seeds[0])[:, None] - known.mean, known.root)
    log_det = np.log(np.diagonal(known.root, axis1=1, axis2=2)).sum(-1)
    posterior = token_capacity.dictionary_posterior(
        jnp.array(log_det - 0.5 * (white**2).sum(-1)), jnp.zeros(3)
    )
    np.testing.assert_allclose(jnp.exp(law.log_weight[0, 0]), posterior, rtol=1e-11)


def test_gradient_layers_are_theorys_readout_and_depth_removes_the_floor():
    rng = np.random.default_rng(0)
    embeddings = jnp.array(rng.normal(size=(12, 3)) / 3**0.5)
    preconditioner = jnp.linalg.inv(token_capacity.token_cov(jnp.zeros(3), embeddings))
    symbols = rng.integers(0, 12, 64)
    seeds = jax.nn.one_hot(jnp.array(symbols)[None], 12)
    kl = []
    for depth in (1, 4, 12):
        network = constructed.tokens(embeddings, preconditioner, depth, dtype=jnp.float64)
        prefixes = jnp.array([[0, 1, 7, 64]], jnp.int32)
        law = train.law_of(network.params, network.task, seeds, prefixes)
        for index, count in enumerate((1, 7, 64), start=1):
            mean = embeddings[symbols[:count]].mean(axis=0)
            eta = token_capacity.gradient_readout(mean, embeddings, depth, preconditioner)
            expected = token_capacity.token_log_probs(eta, embeddings)
            np.testing.assert_allclose(law.log_prob[0, index], expected, atol=1e-12)
        uniform = np.full(12, -np.log(12))
        np.testing.assert_allclose(law.log_prob[0, 0], uniform, atol=1e-12)
        natural = jnp.array([0.9, -0.5, 0.3])
        kl.append(float(token_capacity.readout_floor(natural, embeddings, depth, preconditioner)))
    assert kl[0] > 1e-3 and kl[1] < 0.1 * kl[0] and kl[2] < 0.1 * kl[1]


def test_a_hand_written_network_has_no_gap_where_the_prior_has_one():
    table = evaluate.gap_table(
        constructed.location(2), key=jax.random.key(0), counts=(4,), contexts=64, rules=("prior",)
    )
    kl = {gap.rule: gap.kl for gap in table}
    assert kl["network"].mean < 1e-9
    assert kl["prior"].mean > 0.1


@pytest.mark.parametrize(
    "call, word",
    [
        (lambda: constructed.location(2, var_within=1e-6), "var_within"),
        (lambda: constructed.dictionary(tasks.unknown_mean()), "dictionary task"),
        (lambda: constructed.labelled(tasks.unknown_mean()), "labelled task"),
        (lambda: constructed.tokens(jnp.eye(3), jnp.eye(3), 0), "num_layers"),
    ],
)
def test_impossible_constructions_are_refused(call, word):
    with pytest.raises(ValueError, match=word):
        call()
