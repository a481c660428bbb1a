"""Training: it learns, it is a function of its recipe, and its checkpoints say what they hold."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from safetensors.numpy import load_file, save_file

from synthetic_oversampling.transformer_toy import checkpoint, constructed, model, tasks, train
from synthetic_oversampling.transformer_toy.evaluation import divergence, evaluate

TASK = tasks.unknown_mean(dim=2)
SMALL = model.Architecture(2, 0, 3, width=8, num_layers=1, dim_head=4, hidden_embed=4, hidden=8)
RECIPE = train.Recipe(seed=3, steps=8, groups=4, max_count=8, chunk=2, warmup=2)


def _same(one, other):
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "state.safetensors"
    return train.train(TASK, RECIPE, arch=SMALL, path=path, save_every=1)[0], path


def test_the_same_recipe_gives_the_same_bits_and_another_seed_gives_others(finished):
    again, _ = train.train(TASK, RECIPE, arch=SMALL)
    assert _same(again, finished[0])
    other = train.Recipe(**vars(RECIPE) | {"seed": 4})
    starts = [train.initial_state(TASK, SMALL, recipe) for recipe in (RECIPE, other)]
    assert not _same(*starts)
    losses = [
        float(train.batch_loss(starts[0].params, TASK, RECIPE, key=jax.random.key(recipe.seed)))
        for recipe in (RECIPE, other)
    ]
    assert losses[0] != losses[1]


def test_a_resumed_run_ends_in_the_bits_of_an_uninterrupted_one(finished, tmp_path):
    half, path = train.initial_state(TASK, SMALL, RECIPE), tmp_path / "state.safetensors"
    advance = train.chunk_of_steps(TASK, RECIPE)
    for _ in range(2):
        half, _ = advance(half)
    about = {"task": TASK.spec, "architecture": vars(SMALL), "recipe": vars(RECIPE)}
    checkpoint.save_state(path, half, about)
    resumed, log = train.train(TASK, RECIPE, arch=SMALL, path=path, resume=True)
    assert int(half.step) == 4 and len(log["loss"]) == 2
    assert _same(resumed, finished[0])


def test_a_run_does_not_resume_from_another_runs_checkpoint(finished):
    other = train.Recipe(**vars(RECIPE) | {"learning_rate": 1e-3})
    with pytest.raises(checkpoint.CheckpointError, match="another run.*learning_rate"):
        train.train(TASK, other, arch=SMALL, path=finished[1], resume=True)
    with pytest.raises(ValueError, match="path: got None with resume=True"):
        train.train(TASK, RECIPE, arch=SMALL, resume=True)


def test_one_batch_can_be_overfitted():
    """With the groups fixed, the loss falls to the least that any function of the seeds can have.

    Groups with seeds can all be told apart, at no loss; prefixes without seeds share one law, the
    best of which is N(mean, 1 + mean square deviation) of their true means.
    """
    recipe = train.Recipe(groups=4, prefixes=2, max_count=4)
    key = jax.random.key(1)
    params = train.initial_state(TASK, train.architecture(TASK), recipe).params
    transform = optax.adam(3e-3)

    def step(carry, _):
        params, inner = carry
        value, gradient = jax.value_and_grad(train.batch_loss)(params, TASK, recipe, key=key)
        with jax.numpy_dtype_promotion("standard"):
            update, inner = transform.update(gradient, inner)
        return (jax.tree.map(lambda a, b: a + b.astype(a.dtype), params, update), inner), value

    _, losses = jax.lax.scan(step, (params, transform.init(params)), length=600)
    group_key, prefix_key, _ = jax.random.split(key, 3)
    truth, seeds = TASK.draw(recipe.groups, recipe.max_count, jnp.float32, key=group_key)
    counts = np.asarray(train.prefix_counts(recipe, key=prefix_key))
    means = np.asarray(truth.mean, np.float64)[np.nonzero(counts == 0)[0], 0]
    assert 0 < len(means) < counts.size
    least = np.log1p(np.mean((means - means.mean(axis=0)) ** 2)) * len(means) / counts.size
    exact = TASK.exact(seeds, jnp.array(counts))
    truth = jax.tree.map(lambda leaf: leaf.astype(exact.mean.dtype), truth)
    honest = float(divergence.loss(truth, exact, key=key).mean())
    assert least < honest, "this batch must reward memory"
    assert abs(float(losses[-1]) - least) < 0.01 * (honest - least), (losses[::100], least, honest)


def test_a_short_training_already_uses_its_context():
    recipe = train.Recipe(steps=300, groups=32, max_count=16, chunk=100, warmup=30)
    state, _ = train.train(TASK, recipe)
    network = checkpoint.Model(TASK, train.architecture(TASK), state.ema, {})
    table = evaluate.gap_table(
        network, key=jax.random.key(0), counts=(1, 8), contexts=256, rules=("prior",)
    )
    kl = {(gap.rule, gap.count): gap.kl.mean for gap in table}
    assert kl["network", 1] < 0.3 * kl["prior", 1]
    assert kl["network", 8] < 0.1 * kl["prior", 8]


def test_a_network_that_ignores_its_context_has_the_priors_gap():
    deaf = constructed.location(2)
    params = deaf.params | {"layer0.value": jnp.zeros_like(deaf.params["layer0.value"])}
    params["readout.bias"] = jnp.array([0.0, 0.0, 2.0], jnp.float32)  # the prior predictive
    table = evaluate.gap_table(
        deaf._replace(params=params),
        key=jax.random.key(0),
        counts=(0, 8),
        contexts=512,
        rules=("prior",),
    )
    kl = {(gap.rule, gap.count): gap.kl.mean for gap in table}
    assert kl["network", 0] < 1e-9
    np.testing.assert_allclose(kl["network", 8], kl["prior", 8], rtol=1e-6)
    predicted = evaluate.predicted_gaps(TASK, (8,))["prior"][0]
    assert kl["network", 8] > 0.5 * predicted > 100 * 1e-4


def test_prefixes_cover_zero_to_the_most_in_log_steps():
    recipe = train.Recipe(groups=2000)
    counts = np.asarray(train.prefix_counts(recipe, key=jax.random.key(2)))
    assert counts.min() == 0 and counts.max() == 63
    assert np.all(np.diff(counts, axis=1) >= 0), "strata are in order within a group"
    share = np.mean(counts == 0)
    expected = np.log(2) / np.log(65)
    assert abs(share - expected) < 4 * (expected / counts.size) ** 0.5 + 1e-3


def test_no_prefix_has_as_many_seeds_as_are_drawn_however_u_is_rounded(monkeypatch):
    last = np.nextafter(np.float32(1.0), np.float32(0.0))
    monkeypatch.setattr(jax.random, "uniform", lambda key, shape, dtype: jnp.full(shape, last))
    counts = train.prefix_counts(train.Recipe(), key=jax.random.key(0))
    assert int(counts.max()) == train.Recipe().max_count - 1


def test_a_training_that_diverges_says_so(monkeypatch):
    def lost(task, recipe):
        return lambda state: (state, jnp.array([0.5, jnp.nan]))

    monkeypatch.setattr(train, "chunk_of_steps", lost)
    with pytest.raises(FloatingPointError, match="diverged"):
        train.train(TASK, RECIPE, arch=SMALL)


@pytest.mark.parametrize(
    "change, word",
    [({"steps": 0}, "steps"), ({"chunk": 3}, "divisor"), ({"groups": -1}, "groups")],
)
def test_impossible_recipes_are_refused_by_name(change, word):
    with pytest.raises(ValueError, match=word):
        train.Recipe(**({"steps": 8, "chunk": 2} | change))


@pytest.fixture
def saved(tmp_path):
    network = constructed.location(2)
    path = tmp_path / "net.safetensors"
    checkpoint.save_model(path, network.params, network.task, network.arch, seconds=1.5)
    return network, path


def test_a_model_comes_back_as_it_was_saved(saved):
    network, path = saved
    again = checkpoint.load_model(path)
    assert _same(again.params, network.params)
    assert again.task.spec == network.task.spec and again.arch == network.arch
    assert again.about["seconds"] == 1.5
    assert [one.name for one in path.parent.iterdir()] == [path.name], "no temporary file is left"


def test_damaged_and_foreign_checkpoints_are_refused_with_the_reason(saved, finished, tmp_path):
    network, path = saved
    whole = path.read_bytes()
    cases = {
        "missing": (None, "no such file"),
        "empty": (b"", "not a readable"),
        "cut": (whole[: len(whole) // 2], "not a readable"),
        "text": (b"hello, world " * 20, "not a readable"),
        "one bit of a weight": (whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:], "checksum"),
        "flipped": (whole[:20] + b"\xff\xff" + whole[22:], "not a readable"),
        "state": (finished[1].read_bytes(), "holds a training state"),
    }
    for name, (content, word) in cases.items():
        target = tmp_path / f"{name}.safetensors"
        if content is not None:
            target.write_bytes(content)
        with pytest.raises(checkpoint.CheckpointError, match=word):
            checkpoint.load_model(target)
    with pytest.raises(checkpoint.CheckpointError, match="holds a model"):
        checkpoint.load_state(path, {}, {})


def test_checkpoints_that_contradict_themselves_are_refused(saved, tmp_path):
    network, path = saved
    tensors, target = load_file(path), tmp_path / "changed.safetensors"
    about = {"task": network.task.spec, "architecture": vars(network.arch)}
    header = {"format": checkpoint.FORMAT, "kind": "model", "about": json.dumps(about)}

    def refused(tensors, header, word):
        header = header | {"sha256": checkpoint.checksum(tensors, "model", header["about"])}
        save_file(tensors, target, header)
        with pytest.raises(checkpoint.CheckpointError, match=word):
            checkpoint.load_model(target)

    refused(tensors, header | {"format": "other"}, "another program")
    refused(tensors, header | {"about": "{"}, "damaged")
    refused(tensors, header | {"about": "{}"}, "damaged")
    task = about | {"task": {"name": "no such"}}
    refused(tensors, header | {"about": json.dumps(task)}, "no such")
    refused(tensors | {"memory": np.zeros((2, 4), np.float32)}, header, "memory")
    refused({name: tensors[name] for name in list(tensors)[1:]}, header, "got shape .* expected")
    refused(tensors | {"query": np.full(4, np.nan, np.float32)}, header, "not finite")


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x"
    checkpoint.write_tensors(path, {"w": np.zeros(2)}, "model", {})
    old = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        checkpoint.write_tensors(path, {"w": np.ones(2)}, "model", {})
    assert path.read_bytes() == old
    assert [one.name for one in tmp_path.iterdir()] == ["x"]
