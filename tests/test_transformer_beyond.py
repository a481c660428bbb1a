"""Users of a network are told where their seeds go beyond what it was trained for."""

import warnings

import jax
import numpy as np
import pandas as pd
import pytest

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.__main__ import main as command_line
from synthetic_oversampling.practice.resampler import SyntheticOverSampler
from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED_ROWS
from synthetic_oversampling.transformer_toy.generate import generate
from synthetic_oversampling.transformer_toy.rows.training import load
from synthetic_oversampling.transformer_toy.seeds import BeyondTraining, from_arrays
from synthetic_oversampling.transformer_toy.train import calls_of

SPREAD = np.array([[1.0, 0.0], [0.8, 0.6]])


def _seeds(rare, common=60, seed=0):
    """A common normal group and the given rare one, both in correlated units."""
    z = np.random.default_rng(seed).normal(size=(common, 2))
    x = np.concatenate([z, rare]) @ SPREAD.T * [1.0, 20.0]
    return from_arrays(x, np.array(["common"] * common + ["rare"] * len(rare)))


def test_the_command_warns_and_writes(tmp_path, capsys):
    seeds = _seeds(np.random.default_rng(4).normal(size=(270, 2)), common=275)
    rows = [
        f"{a!r},{b!r},{label}"
        for (a, b), label in zip(seeds.features.tolist(), seeds.labels, strict=True)
    ]
    path, out = tmp_path / "seeds.csv", tmp_path / "out.csv"
    path.write_text("\n".join(["a,b,kind", *rows]) + "\n")
    command = ["generate", str(path), "--label", "kind", "--out", str(out)]
    assert main([*command, "--checkpoint", str(SHIPPED_ROWS)]) == 0
    error = capsys.readouterr().err
    assert "warning: group 'rare' has 270 seeds" in error and "'common'" not in error
    assert len(out.read_text().splitlines()) == 1 + 5


def test_any_number_of_steps_divides_into_calls():
    for steps, chunk in ((12_000, 200), (7, 7), (300, 150), (401, 1), (60, 60)):
        assert calls_of(steps, 200) == chunk and steps % chunk == 0


def test_python_is_warned_as_the_command_is():
    seeds = _seeds(np.random.default_rng(4).normal(size=(270, 2)), common=275)
    key = jax.random.key(0)
    with pytest.warns(BeyondTraining, match="group 'rare' has 270 seeds"):
        parts = generate(load(SHIPPED_ROWS), seeds, {"rare": 5}, key=key)
    assert sum(len(rows) for _, rows in parts) == 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        generate(load(SHIPPED_ROWS), seeds, {"rare": 0}, key=key)


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
