"""Users of a network are told where their seeds go beyond what it was trained for."""

import warnings

import jax
import numpy as np
import pandas as pd
import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.__main__ import main as command_line
from synthetic_oversampling.practice.resampler import SyntheticOverSampler
from synthetic_oversampling.transformer_toy import constructed
from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED, SHIPPED_MEAN, load_model
from synthetic_oversampling.transformer_toy.evaluation import beyond
from synthetic_oversampling.transformer_toy.evaluation.beyond import BeyondTraining, beyond_training
from synthetic_oversampling.transformer_toy.generate import generate
from synthetic_oversampling.transformer_toy.seeds import from_arrays, pooled_scaler
from synthetic_oversampling.transformer_toy.train import calls_of

SPREAD = np.array([[1.0, 0.0], [0.8, 0.6]])


def _seeds(rare, common=60, seed=0):
    """A common normal group and the given rare one, both in correlated units."""
    z = np.random.default_rng(seed).normal(size=(common, 2))
    x = np.concatenate([z, rare]) @ SPREAD.T * [1.0, 20.0]
    return from_arrays(x, np.array(["common"] * common + ["rare"] * len(rare)))


def _doubts(model, seeds):
    return beyond_training(model, seeds, {"rare": 5}, pooled_scaler(seeds))


@pytest.fixture(scope="module")
def shipped():
    return load_model(SHIPPED)


def test_normal_groups_within_the_context_are_passed(shipped):
    rng = np.random.default_rng(1)
    for model in (shipped, load_model(SHIPPED_MEAN)):
        for k in range(20):
            assert _doubts(model, _seeds(rng.normal(size=(40, 2)) + 0.5, seed=k)) == []


def test_normal_features_raise_the_alarms_that_are_stated_and_light_tails_do():
    """Five standard errors of the plain kurtosis are exceeded twice as often, on one side only."""
    rng, model, names = np.random.default_rng(6), constructed.location(1), range(40)

    def doubted(x):
        return any(
            "not normal" in column for column in beyond._shape(model, "a", x - x.mean(0), names)
        )

    count = sum(doubted(rng.normal(size=(100, 40))) for _ in range(500))
    stated = 4e-4 * 40 * 500
    assert count < stated + 4 * stated**0.5 < 1e-3 * 40 * 500
    assert all(doubted(rng.uniform(size=(300, 40))) for _ in range(10))


def test_more_seeds_than_in_training_are_noticed_and_only_where_samples_are_wanted(shipped):
    for n, doubtful in ((63, False), (64, True), (500, True)):
        seeds = _seeds(np.random.default_rng(2).normal(size=(n, 2)))
        found = _doubts(shipped, seeds)
        assert bool(found) == doubtful
        assert all(
            f"'rare' has {n} seeds, the network was trained with up to 63" in f for f in found
        )
        assert beyond_training(shipped, seeds, {"rare": 0}, pooled_scaler(seeds)) == []
    # a network that is right for every number of seeds has no training to go beyond
    assert (
        _doubts(constructed.location(2), _seeds(np.random.default_rng(2).normal(size=(99, 2))))
        == []
    )


@pytest.mark.parametrize(
    ("change", "family", "match"),
    [
        (lambda z: np.exp(z), "unknown_mean_and_scale", "not normal"),
        (lambda z: z @ np.array([[1, 0.95], [0, 0.3]]), "unknown_mean_and_scale", "correlations"),
        (lambda z: 4 * z, "unknown_mean", "has a spread"),
    ],
)
def test_groups_of_another_kind_are_noticed(shipped, change, family, match):
    model = shipped if family == "unknown_mean_and_scale" else load_model(SHIPPED_MEAN)
    seeds = _seeds(change(np.random.default_rng(3).normal(size=(60, 2))), common=600)
    assert any(match in found for found in _doubts(model, seeds))


def test_the_command_warns_and_writes(tmp_path, capsys):
    seeds = _seeds(np.random.default_rng(4).normal(size=(70, 2)), common=75)
    rows = [
        f"{a!r},{b!r},{label}"
        for (a, b), label in zip(seeds.features.tolist(), seeds.labels, strict=True)
    ]
    path, out = tmp_path / "seeds.csv", tmp_path / "out.csv"
    path.write_text("\n".join(["a,b,kind", *rows]) + "\n")
    command = ["generate", str(path), "--label", "kind", "--out", str(out)]
    assert main([*command, "--checkpoint", str(SHIPPED)]) == 0
    error = capsys.readouterr().err
    assert "warning: group 'rare' has 70 seeds" in error and "'common'" not in error
    assert len(out.read_text().splitlines()) == 1 + 5


def test_any_number_of_steps_divides_into_calls():
    for steps, chunk in ((12_000, 200), (7, 7), (300, 150), (401, 1), (60, 60)):
        assert calls_of(steps, 200) == chunk and steps % chunk == 0


def test_python_is_warned_as_the_command_is():
    seeds = _seeds(np.random.default_rng(4).normal(size=(70, 2)), common=75)
    key = jax.random.key(0)
    with pytest.warns(BeyondTraining, match="group 'rare' has 70 seeds"):
        parts = generate(load_model(SHIPPED), seeds, {"rare": 5}, key=key)
    assert sum(len(rows) for _, rows in parts) == 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        generate(load_model(SHIPPED), seeds, {"rare": 0}, key=key)


def test_a_resampler_names_the_columns_it_doubts(tmp_path, capsys):
    rng = np.random.default_rng(5)
    x = pd.DataFrame({"income": np.exp(rng.normal(size=140)), "age": rng.normal(size=140)})
    y = np.repeat(["common", "rare"], [90, 50])
    x.loc[120, "income"] = 1e4
    with pytest.warns(BeyondTraining, match="units away in 'income'"):
        SyntheticOverSampler("in_context", random_state=0).fit_resample(x, y)
    path = tmp_path / "in.csv"
    x.assign(kind=y).to_csv(path, index=False)
    command = ["recalibrate", str(path), "--label", "kind", "--generator", "in_context"]
    assert command_line([*command, "--folds", "2"]) == 0
    error = capsys.readouterr().err
    assert error.count("note: group") == 1 and "generate.py" not in error
