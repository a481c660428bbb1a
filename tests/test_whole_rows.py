"""The network for whole rows: its densities are densities, its rows are drawn from them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from row_networks import ARCH, random_network
from scipy import integrate, stats

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.transformer_toy import checkpoint, generate, seeds
from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED_ROWS, CheckpointError
from synthetic_oversampling.transformer_toy.rows import (
    accuracy,
    conjugate,
    fidelity,
    network,
    prior,
    training,
    writer,
)
from synthetic_oversampling.transformer_toy.rows.architecture import Architecture, init
from synthetic_oversampling.transformer_toy.rows.context import read
from synthetic_oversampling.transformer_toy.seeds import BeyondTraining

KEY = jax.random.key(4)


@pytest.fixture(scope="module")
def net():
    return training.load(SHIPPED_ROWS)


@pytest.fixture(scope="module")
def random_net():
    return random_network(KEY)


def _groups(num_groups=3, count=20, rows=5, dim=4, key=KEY):
    drawn, _ = prior.draw(4, 45, dim, jnp.float32, key=key)  # one program
    whole = np.asarray(drawn)[:num_groups]  # of numbers
    full = np.full(num_groups, count, np.int32), np.full(num_groups, dim, np.int32)
    return jax.device_put((whole[:, :count], full, whole[:, count : count + rows]))


@pytest.mark.parametrize("count", [0, 1, 7, 60])
def test_the_regression_layer_is_scipys_multivariate_student_law(count):
    rng, dim = np.random.default_rng(count), 4
    weight, df, scale = 0.7, 3.5, 2.0
    x, y = rng.normal(size=(count, dim)) @ rng.normal(size=(dim, dim)), rng.normal(size=(6, dim))
    total = weight + count
    mean = x.sum(axis=0) / total
    psi = scale * np.eye(dim) + x.T @ x - total * np.outer(mean, mean)
    law = stats.multivariate_t(mean, psi * (total + 1) / (total * (df + count)), df + count)
    numbers = conjugate.Prior(*map(jnp.asarray, (weight, df, scale)))
    after = conjugate.posterior(numbers, jnp.asarray(x), jnp.ones(count))
    got = conjugate.log_density(after, jnp.asarray(y))
    np.testing.assert_allclose(got.sum(axis=1), law.logpdf(y), rtol=1e-11)
    np.testing.assert_allclose(  # and its first features are those of a smaller table
        conjugate.log_density(
            conjugate.posterior(numbers, jnp.asarray(x[:, :2]), jnp.ones(count)),
            jnp.asarray(y[:, :2]),
        ),
        got[:, :2],
        rtol=1e-11,
    )


def test_leaving_a_seed_out_is_refitting_without_it():
    rng = np.random.default_rng(0)
    x, numbers = jnp.asarray(rng.normal(size=(9, 3))), conjugate.Prior(*jnp.array([0.3, 2.0, 0.5]))
    every = conjugate.posterior(numbers, x, jnp.ones(9))
    units = conjugate.leave_one_out(every, conjugate.whiten(every, x))
    for i in range(9):
        rest = conjugate.posterior(numbers, x, jnp.ones(9).at[i].set(0.0))
        white = conjugate.whiten(rest, x[i : i + 1])
        np.testing.assert_allclose(units[i], (white / conjugate.spread(rest, white))[0], rtol=1e-9)


def _density_of_feature(net, x, sizes, row, feature, values):
    """Density of one feature of a row on a grid, its earlier features given."""
    grid = jnp.broadcast_to(row[None], (len(values), len(row))).at[:, feature].set(values)
    dense = network.log_density(net.params, net.arch, x[:1], sizes[0][:1], sizes[1][:1], grid[None])
    return np.exp(np.asarray(dense[0, :, feature], np.float64))


def test_every_feature_has_a_density_of_mass_one(random_net):
    x, sizes, y = _groups()
    z = np.linspace(-9.0, 9.0, 4001)  # sinh: heavy tails have their mass far away
    for feature, row in enumerate(y[0, :4]):
        values = np.sinh(z)
        dense = _density_of_feature(random_net, x, sizes, row, feature, jnp.asarray(values, "f4"))
        assert abs(integrate.simpson(dense * np.cosh(z), x=z) - 1.0) < 2e-4


def test_a_feature_depends_on_earlier_features_and_seeds_alone(random_net):
    x, sizes, y = _groups()
    one = network.log_density(random_net.params, ARCH, x, *sizes, y)
    later = network.log_density(random_net.params, ARCH, x, *sizes, y.at[..., 2:].add(3.0))
    assert np.array_equal(one[..., :2], later[..., :2]) and not np.allclose(one, later)
    padded = jnp.concatenate([x, jnp.zeros_like(x)], axis=2)
    padded = jnp.concatenate([padded, jnp.full_like(padded, jnp.nan)], axis=1)
    wide = jnp.concatenate([y, jnp.zeros_like(y)], axis=2)
    with_room = network.log_density(random_net.params, ARCH, padded, *sizes, wide)[..., :4]
    np.testing.assert_allclose(with_room, one, atol=2e-4)
    turned = network.log_density(random_net.params, ARCH, x[:, ::-1], *sizes, y)
    np.testing.assert_allclose(turned, one, atol=2e-3)  # a set: float32, rounds of attention
    moved = network.log_density(random_net.params, ARCH, x.at[:, 0, 3].add(9.0), *sizes, y)
    assert not np.allclose(moved, one)


def test_written_rows_have_the_networks_own_law(net):
    """Each feature's distribution function at written rows is uniform, given earlier features."""
    x, _, _ = _groups(count=40, key=jax.random.key(8))
    z = np.asarray(x[-1], np.float64)[:, :3]  # of a structural group: one place is not filled
    room = writer.padded(z)
    rows = np.asarray(writer.write(net.params, net.arch, *room, 4096, KEY))
    context = read(net.params, net.arch, *map(jnp.asarray, room))
    y = jnp.asarray(rows)[None]
    law = network.feature_law(net.params, net.arch, context, y, jnp.arange(4), room[3])
    white = conjugate.whiten(context.group, y) * jnp.sqrt(context.group.df)[:, None, None]
    leaves = [np.asarray(leaf[0], np.float64) for leaf in law[:4]]
    weight, df, loc, scale = np.exp(leaves[0]), leaves[1], leaves[2], np.exp(leaves[3])
    below = stats.t.cdf((np.asarray(white[0], np.float64)[..., None] - loc) / scale, df)
    assert rows.shape == (4096, 4) and not rows[:, 3].any()
    for feature in range(3):
        uniform = (weight * below).sum(axis=-1)[:, feature]
        assert stats.kstest(uniform, "uniform").pvalue > 1e-4, feature


def test_rows_depend_on_the_key_and_not_on_how_many_are_asked(net):
    z = np.random.default_rng(1).normal(size=(30, 4))
    one, two = (np.concatenate([*writer.batches(net, z, 100, key=KEY, batch=64)]) for _ in "ab")
    assert np.array_equal(one, two) and one.shape == (100, 4)
    more = next(writer.batches(net, z, 10**9, key=KEY, batch=64))
    assert np.array_equal(more, one[:64])
    other = np.concatenate([*writer.batches(net, z, 100, key=jax.random.key(5), batch=64)])
    assert not np.array_equal(one, other)
    far = np.concatenate([*writer.batches(net, z + 1e3, 100, key=KEY, batch=64)])
    np.testing.assert_allclose(far.mean(axis=0) - 1e3, one.mean(axis=0), atol=0.8)
    many = np.random.default_rng(2).normal(size=(3000, 2))
    assert next(writer.batches(net, many, 4, key=KEY)).shape == (4, 2)


def test_a_row_that_runs_away_is_stopped(random_net):
    """Scales of e^4 at each feature: every draw stays within 20 units, and every row is finite."""
    params = dict(random_net.params)
    wide = params["readout.bias"].at[2 * ARCH.parts : 3 * ARCH.parts].set(4.0)
    params["readout.bias"] = wide.at[3 * ARCH.parts].set(-30.0)
    far = dataclasses.replace(random_net, params=params)
    z = np.random.default_rng(0).normal(size=(6, 12))
    rows = np.concatenate([*writer.batches(far, z, 500, key=KEY)])
    room = writer.padded(z)
    group = read(params, ARCH, *map(jnp.asarray, room)).group
    assert np.isfinite(rows).all() and np.abs(rows).max() > 20.0
    assert np.abs(rows).max() < 200.0 * float(group.diag.max())


@pytest.mark.slow
def test_predicted_and_simulated_excess_of_the_network_agree(net):
    """Theorem R with the network's rows, from measured draws: within four standard errors."""
    (one,) = accuracy.compare(
        net, settings=("own covariances",), rules=("network",), fits=100, sets=256, key=KEY
    )
    error = np.hypot(one.predicted_error, one.seen_error)
    assert abs(one.predicted - one.seen) < 4.0 * error and one.seen_error < 0.2 * one.seen


@pytest.mark.slow
def test_the_shipped_network_is_near_the_exact_law_and_better_than_what_ignores_shape(net):
    """At most 0.05 nats a feature on Gaussian groups at 32 seeds; gains over every rule."""
    found = fidelity.measure(
        net, families=fidelity.FAMILIES[:4], dims=(8,), counts=(32,), num_groups=64, key=KEY
    )
    gain = {(one.family, one.rule): one for one in found}
    exact = gain["gaussian", "exact gaussian"]
    assert exact.gain > -0.05 * 8
    for rule in ("plug-in", "flat prior", "kde", "gmm"):
        for family in fidelity.FAMILIES[:3]:
            one = gain[family, rule]
            assert one.gain > 3.0 * one.standard_error, one
    shape = gain["structural", "exact gaussian"]
    assert shape.gain > 5.0 * shape.standard_error
    for rule in fidelity.TABLE_RULES:
        one = gain["table", rule]
        assert one.gain > 4.0 * one.standard_error, one


def test_the_shipped_network_says_how_it_was_made(net):
    usual = dataclasses.asdict(training.RowRecipe())
    assert net.about["recipe"] == usual | {"lengths": [*usual["lengths"]]}
    assert SHIPPED_ROWS.stat().st_size < 2_000_000
    loss = np.array(net.about["loss"])
    assert loss.shape == (usual["steps"] // usual["chunk"], len(training.LOSSES))
    gap = loss[:, 1] - loss[:, 5]  # of the Gaussian groups to their exact law, nats a feature
    assert gap[-20:].mean() < 0.5 * gap[:5].mean()


@pytest.mark.slow
def test_samples_beside_real_ones_tell_repeated_seeds_from_new_rows(net):
    found = fidelity.by_samples(net, family="gaussian", dim=3, count=40, num_groups=8, key=KEY)
    rules = {one.rule: one for one in found}
    assert abs(rules["network"].told - 0.5) < 5 * rules["network"].told_error + 0.03
    assert rules["repeated"].told > 0.55 > rules["network"].told
    assert 0.8 < rules["network"].covered < 0.97


def test_groups_of_the_prior_have_the_moments_it_says():
    rows, block = prior.draw(800, 40, 3, jnp.float32, key=KEY)
    assert not block[:600].any()
    cov = jax.vmap(lambda x: jnp.cov(x.T))(rows)
    for family in range(3):
        part = np.asarray(cov[200 * family : 200 * (family + 1)])
        error = part.std(axis=0) / 200**0.5
        assert (np.abs(part.mean(axis=0) - np.eye(3)) < 5.0 * error + 0.05 * np.eye(3)).all()
    with pytest.raises(ValueError, match="multiple of 4"):
        prior.draw(3, 10, 2, jnp.float32, key=KEY)
    with pytest.raises(ValueError, match="length"):
        prior.draw(4, 10**4, 2, jnp.float32, key=KEY)
    with pytest.raises(ValueError, match="family"):
        fidelity.groups("normal", 3, 10, 2, key=KEY)


@pytest.mark.slow
def test_training_resumed_ends_in_the_same_bits_and_is_read_back(tmp_path):
    arch = Architecture(width=8, num_layers=1, num_heads=2, functions=2, hidden=8, rounds=1)
    recipe = training.RowRecipe(
        steps=4, chunk=2, groups=4, rows=2, lengths=(5,), features=2, warmup=2
    )
    whole, log = training.train_rows(recipe, arch=arch)
    assert np.array(log["loss"]).shape == (2, len(training.LOSSES))
    path, advance = tmp_path / "state", training._chunk(arch, recipe)
    params = init(arch, key=jax.random.fold_in(jax.random.key(0), 2**31 - 1))
    start = training.train.State(
        params,
        params,
        jax.jit(training.train.optimiser(recipe).init)(params),
        jnp.zeros((), jnp.int32),
    )
    half = advance(start)[0]
    checkpoint.save_state(path, half, whole.about)
    again, _ = training.train_rows(recipe, arch=arch, path=path, resume=True)
    assert all(np.array_equal(again.params[name], whole.params[name]) for name in whole.params)
    training.save(tmp_path / "net.safetensors", whole, note=1)
    back = training.load(tmp_path / "net.safetensors")
    assert back.arch == arch and back.about["note"] == 1
    assert all(np.array_equal(back.params[name], whole.params[name]) for name in whole.params)
    tensors, about = checkpoint.read_tensors(tmp_path / "net.safetensors", checkpoint.ROWS)
    for change in ({"architecture": {"width": 9}}, {"architecture": {"depth": 1}}, {}):
        damaged = {key: value for key, value in about.items() if key != "architecture"} | change
        checkpoint.write_tensors(tmp_path / "bad", tensors, checkpoint.ROWS, damaged)
        with pytest.raises(CheckpointError):
            training.load(tmp_path / "bad")


@pytest.mark.parametrize(
    "change",
    [
        {"groups": 6},
        {"lengths": ()},
        {"lengths": (300,)},
        {"lengths": (0,)},
        {"rows": 0},
        {"steps": 0},
        {"learning_rate": -1.0},
        {"clip": float("nan")},
        {"ema": 1.0},
        {"seed": -1},
    ],
)
def test_an_impossible_recipe_is_refused(change):
    with pytest.raises(ValueError, match=f"Recipe.*{next(iter(change))}"):
        training.RowRecipe(**change)
    with pytest.raises(ValueError, match="Architecture.width"):
        Architecture(width=0)


@pytest.fixture(scope="module")
def table():
    """Two groups with correlations of opposite sign, in unequal units."""
    rng = np.random.default_rng(3)
    mix = np.array([[1.0, 0.9], [0.0, 0.44]])
    major = rng.normal(size=(200, 2)) @ mix
    minor = 3.0 + rng.normal(size=(60, 2)) @ (mix * [1.0, -1.0])
    x = np.concatenate([major, minor]) * [1.0, 50.0]
    return seeds.from_arrays(x, np.repeat(["no", "yes"], [200, 60]))


@pytest.mark.parametrize("scaling", ["covariance", "features"])
def test_each_group_keeps_its_own_correlation(net, table, scaling):
    parts = generate.generate(net, table, {"no": 4000, "yes": 4000}, key=KEY, scaling=scaling)
    rows = {"no": [], "yes": []}
    for label, part in parts:
        rows[label].append(part)
    for label, sign in (("no", 1.0), ("yes", -1.0)):
        x = np.concatenate(rows[label])
        seen = table.features[table.labels == label]
        assert abs(np.corrcoef(x.T)[0, 1] - sign * 0.9) < 0.1
        error = seen.std(axis=0) / len(seen) ** 0.5
        assert (np.abs(x.mean(axis=0) - seen.mean(axis=0)) < error).all()
        assert (np.abs(np.log(x.std(axis=0) / seen.std(axis=0))) < 0.25).all()


def test_a_group_unlike_training_is_named(net, table):
    x = np.random.default_rng(0).normal(size=(300, 31))
    wide = seeds.from_arrays(x, np.repeat([0, 1], [40, 260]))
    with pytest.warns(BeyondTraining, match="group '0' has 31 features"):
        generate.generate(net, wide, {"0": 1}, key=KEY)
    wide = seeds.from_arrays(x[:, :3], np.repeat([0, 1], [40, 260]))
    with pytest.warns(BeyondTraining, match="group '1' has 260 seeds"):
        generate.generate(net, wide, {"1": 1}, key=KEY)
    out = table._replace(features=table.features.copy())
    out.features[0] = 1e5
    with pytest.warns(BeyondTraining, match="others' units away in 'x0'"):
        generate.generate(net, out, {"no": 1}, key=KEY, scaling="features")


def test_the_commands_take_the_network_for_whole_rows(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 2)) @ np.array([[1.0, 0.9], [0.0, 0.44]])
    lines = [f"{a},{b},{'yes' if i < 40 else 'no'}" for i, (a, b) in enumerate(x)]
    (tmp_path / "t.csv").write_text("a,b,kind\n" + "\n".join(lines) + "\n")
    command = ["generate", str(tmp_path / "t.csv"), "--label", "kind", "--out"]
    assert main([*command, str(tmp_path / "o.csv"), "--count", "yes=4000"]) == 0
    rows = np.loadtxt(tmp_path / "o.csv", delimiter=",", skiprows=1, usecols=(0, 1))
    assert rows.shape == (4000, 2) and np.corrcoef(rows.T)[0, 1] > 0.5
    lines = [f"{line},{'up' if i % 2 else 'down'}" for i, line in enumerate(lines)]
    (tmp_path / "a.csv").write_text("a,b,kind,side\n" + "\n".join(lines) + "\n")
    command = ["generate", str(tmp_path / "a.csv"), "--label", "kind", "--attribute", "side"]
    command += ["--out", str(tmp_path / "p.csv")]
    assert main([*command, "--count", "yes & down=3", "--count", "no & up=2"]) == 0
    written = (tmp_path / "p.csv").read_text().splitlines()
    assert written[0] == "a,b,kind,side"
    ends = [line.split(",")[2:] for line in written[1:]]
    assert sorted(ends) == [["no", "up"]] * 2 + [["yes", "down"]] * 3
    for wrong in (["--set", "depth=3"], ["--hidden-embed", "4"], ["--set", "groups=6"]):
        assert main(["train", "rows", "--out", str(tmp_path / "n.safetensors"), *wrong]) == 2
    assert "depth" in capsys.readouterr().err
    mixed = ["evaluate", str(SHIPPED_ROWS), str(checkpoint.SHIPPED_MEAN)]
    assert main(mixed) == 2 and "one by one" in capsys.readouterr().err
