"""Replicates are counted honestly, merged exactly, and reproducible bit for bit."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthetic_oversampling.simulate.replicates import monte_carlo, sharding
from synthetic_oversampling.simulate.replicates.monte_carlo import (
    Interrupted,
    estimate,
    run,
    skewness,
    values,
)
from synthetic_oversampling.simulate.replicates.processes import fetch
from synthetic_oversampling.simulate.sampling import streams
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.theory.generators.table import Oracle, Smote
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.groups import risk
from synthetic_oversampling.theory.population.laws import GaussianGroup, balanced_law
from synthetic_oversampling.theory.population.minimum import minimiser

KEY = jax.random.key(31)
GROUPS = [
    GaussianGroup(np.zeros(3), np.eye(3), 0),
    GaussianGroup(np.array([1.5, 0.5, 0.0]), np.eye(3), 1),
]


def _chi_square(key):
    z = streams.normal(key, (1, 3))[0]
    return {"square": jnp.sum(z**2), "z": z}


def _sometimes_bad(key):
    u = streams.uniform(streams.words(key, (1, 2))[0])
    value = jnp.where(u[0] < 0.1, jnp.nan, u[0])
    return {"u": value, "separated": u[1] < 0.25}


def _same_bits(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def test_moments_are_those_of_the_kept_values():
    result = run(_chi_square, key=KEY, replicates=333, keep=True)
    table = np.column_stack([values(result, "square"), values(result, "z")])
    assert table.shape == (333, 4) and result.replicates == 333 and result.excluded == 0
    np.testing.assert_allclose(result.moments.mean, table.mean(axis=0), rtol=1e-12, atol=1e-14)
    cov = result.moments.second / 332
    np.testing.assert_allclose(cov, np.cov(table.T), rtol=1e-11, atol=1e-13)
    centred = table - table.mean(axis=0)
    third = (centred**3).mean(axis=0)
    np.testing.assert_allclose(result.moments.third / 333, third, rtol=1e-10, atol=1e-13)
    expected = third[0] / (centred[:, 0] ** 2).mean() ** 1.5
    assert abs(skewness(result, "square") - expected) < 1e-10
    assert np.array_equal(result.moments.low, table.min(axis=0))
    assert np.array_equal(result.moments.high, table.max(axis=0))


def test_replicate_i_is_made_from_the_key_folded_with_i():
    result = run(_chi_square, key=KEY, replicates=40, keep=True)
    for i in (0, 15, 16, 39):
        alone = _chi_square(jax.random.fold_in(KEY, i))
        np.testing.assert_allclose(values(result, "z")[i], alone["z"], rtol=1e-14)


def test_the_estimate_covers_the_truth_and_excludes_a_wrong_one():
    mean, std_error, n = estimate(run(_chi_square, key=KEY, replicates=20_000, block=500), "square")
    assert n == 20_000
    assert abs(mean - 3) < 5 * std_error
    assert abs(std_error / np.sqrt(6 / n) - 1) < 0.1
    # negative control: a mean wrong by 5 % is many standard errors away
    assert abs(mean - 3.15) > 5 * std_error


def test_the_batch_size_changes_no_bit():
    reference = run(_chi_square, key=KEY, replicates=200)
    for batch in (1, 16, 50, 10_000):
        seen = []
        result = run(_chi_square, key=KEY, replicates=200, batch=batch, progress=seen.append)
        assert _same_bits(result.moments, reference.moments)
        assert seen[-1].replicates == 200
        assert len(seen) == (13 if batch <= 16 else 4 if batch == 50 else 1)
    # negative control: another key changes them
    other = run(_chi_square, key=jax.random.key(32), replicates=200)
    assert not _same_bits(other.moments, reference.moments)


def test_replicates_beyond_a_full_block_do_not_leak():
    short = run(_chi_square, key=KEY, replicates=35, keep=True)
    long = run(_chi_square, key=KEY, replicates=48, keep=True)
    assert short.moments.count == 35
    assert np.array_equal(values(short, "square"), values(long, "square")[:35])


@pytest.mark.parametrize("count", [1, 3, 4, 23, 24])
def test_every_row_is_computed_whether_a_block_is_cut_into_whole_tiles_or_not(count):
    rng = np.random.default_rng(count)
    x, nothing = rng.standard_normal((count, 400, 7)), np.zeros((count, 0))

    def statistics(row):
        filled, empty = row
        return {"moments": filled.T @ filled, "above": filled[0] > 0, "none": 2 * empty}

    assert sharding.TILE_NUMBERS // (400 * 7) == 5  # so that a tile is 4 rows, and 23 leave a rest
    found = sharding.sharded_map(statistics, sharding.replicate_mesh(jax.devices()[:1]))(
        (jnp.asarray(x), jnp.asarray(nothing))
    )
    np.testing.assert_allclose(found["moments"], np.swapaxes(x, 1, 2) @ x, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(found["above"], x[:, 0] > 0)
    assert found["none"].shape == (count, 0)


def test_an_accelerator_is_asked_for_large_blocks_few_times(monkeypatch):
    """Simulated by the CPU's devices: the same replicates in a sixteenth of the calls."""
    transfers, kept = {}, {}
    for backend in ("cpu", "gpu"):
        monkeypatch.setattr(jax, "default_backend", lambda backend=backend: backend)
        fetched = []
        monkeypatch.setattr(
            monte_carlo, "fetch", lambda output, to=fetched: to.append(1) or fetch(output)
        )
        block = sharding.block_for(1000, 4)
        result = run(_chi_square, key=KEY, replicates=20_000, block=block, keep=True)
        transfers[backend], kept[backend] = len(fetched), values(result, "square")
    assert sharding.block_for(1000, 4) == 16 * 256 and transfers["gpu"] * 10 < transfers["cpu"]
    assert sharding.block_for(10, 2) == 4096
    np.testing.assert_allclose(kept["cpu"], kept["gpu"], rtol=1e-13)


_DEVICES = """
import contextlib, json, jax, numpy as np
jax.config.update("jax_enable_x64", True)
from synthetic_oversampling.simulate.replicates import sharding
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.simulate.sampling.erm import fit
from synthetic_oversampling.simulate.replicates.monte_carlo import run
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.generators.table import Smote
from synthetic_oversampling.theory.population.laws import GaussianGroup
groups = [GaussianGroup(np.zeros(3), np.eye(3), 0), GaussianGroup(np.ones(3), np.eye(3), 1)]
design = Design((300, 60), augmentation=100, weight=0.5)
def draw(key):
    return draw_dataset(groups, design, Smote(), key=key)
def evaluate(data):
    result = fit(data.x, data.sign, data.weight)
    return {"theta": result.theta, "failed": ~result.converged}
count = len(jax.devices())
devices = [None] if count == 1 else [None, jax.devices()[:2], jax.devices()[:2], None]
here = jax.devices()[3:4] if count > 1 else None
for turn, chosen in enumerate(devices):
    if turn == 2:
        sharding.ThreadPoolExecutor = None  # threads are for compiling; nothing is left to compile
    with sharding.on_devices(here) if turn == 3 else contextlib.nullcontext():
        mesh = sharding.replicate_mesh()
        assert list(mesh.devices) == (here if turn == 3 else jax.devices())
        result = run(
            (draw, evaluate), key=jax.random.key(1), replicates=83, block=10, devices=chosen
        )
    m = result.moments
    words = [x.hex() for x in np.concatenate([m.mean, m.second.ravel(), m.third, m.low, m.high])]
    print(json.dumps([count, result.replicates, m.count, words]))
"""


def _in_subprocess(device_count):
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={device_count}"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", _DEVICES],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_one_two_and_eight_devices_give_the_same_bits():
    (one,) = _in_subprocess(1)
    eight = _in_subprocess(8)
    assert one[0] == 1 and [run[0] for run in eight] == [8, 8, 8, 8]
    assert one[1:3] == [83, 83]
    for other in eight:
        assert other[1:] == one[1:]


def test_what_replicates_share_is_an_argument_of_the_evaluation():
    def draw(key):
        return jax.random.normal(key, (5,))

    def moved(row, shared):
        return {"mean": jnp.mean(row) + shared["by"] @ shared["times"]}

    def fixed(row):
        return {"mean": jnp.mean(row) + 11.0}

    shared = {"by": jnp.array([1.0, 2.0]), "times": jnp.array([3.0, 4.0])}
    first = run((draw, moved, shared), key=KEY, replicates=40, block=16, keep=True)
    second = run((draw, fixed), key=KEY, replicates=40, block=16, keep=True)
    np.testing.assert_allclose(values(first, "mean"), values(second, "mean"), rtol=1e-14)


def test_a_resumed_run_is_the_uninterrupted_one():
    reference = run(_chi_square, key=KEY, replicates=200, keep=True)
    half = run(_chi_square, key=KEY, replicates=96, keep=True)
    whole = run(_chi_square, key=KEY, replicates=200, keep=True, resume=half)
    assert _same_bits(whole.moments, reference.moments)
    assert np.array_equal(values(whole, "z"), values(reference, "z"))
    # from within a block: the same replicates, merged in two parts
    odd = run(_chi_square, key=KEY, replicates=101, keep=True)
    whole = run(_chi_square, key=KEY, replicates=200, keep=True, resume=odd)
    assert np.array_equal(values(whole, "z"), values(reference, "z"))
    np.testing.assert_allclose(whole.moments.mean, reference.moments.mean, atol=1e-14)
    # nothing is left to do
    assert run(_chi_square, key=KEY, replicates=100, resume=odd) is odd


def test_an_interrupted_run_keeps_its_complete_blocks():
    reference = run(_chi_square, key=KEY, replicates=200)

    def stop(result):
        if result.replicates >= 64:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        run(_chi_square, key=KEY, replicates=200, batch=16, progress=stop)
    partial = caught.value.result
    assert partial.replicates == 64
    assert _same_bits(
        run(_chi_square, key=KEY, replicates=200, resume=partial).moments, reference.moments
    )


def test_a_resume_from_another_run_is_refused():
    result = run(_chi_square, key=KEY, replicates=16)
    with pytest.raises(ValueError, match="resume"):
        run(_chi_square, key=jax.random.key(0), replicates=32, resume=result)
    with pytest.raises(ValueError, match="resume"):
        run(_chi_square, key=KEY, replicates=32, block=8, resume=result)
    with pytest.raises(ValueError, match="resume"):
        run(_sometimes_bad, key=KEY, replicates=32, resume=result)
    with pytest.raises(ValueError, match="resume"):
        run(_chi_square, key=KEY, replicates=32, keep=True, resume=result)


def test_problems_are_left_out_and_counted():
    n = 4000
    result = run(_sometimes_bad, key=KEY, replicates=n, keep=True, block=100)
    assert result.replicates == n
    flagged, broken = result.problems["separated"], result.problems["non_finite"]
    assert abs(flagged / n - 0.25) < 5 * np.sqrt(0.25 * 0.75 / n)
    assert abs(broken / n - 0.1) < 5 * np.sqrt(0.1 * 0.9 / n)
    assert max(flagged, broken) < result.excluded < flagged + broken  # some have both
    kept = values(result, "u")
    assert len(kept) == n - result.excluded and kept.min() >= 0.1
    mean, std_error, count = estimate(result, "u")
    assert count == len(kept) and abs(mean - 0.55) < 5 * std_error
    assert abs(mean - 0.5) > 5 * std_error  # what an average over all would estimate


def test_too_few_usable_replicates_are_an_error_not_a_nan():
    result = run(lambda key: {"x": jnp.asarray(jnp.inf)}, key=KEY, replicates=20)
    assert result.problems["non_finite"] == 20
    with pytest.raises(ValueError, match="0 usable replicates of 20.*non_finite"):
        estimate(result, "x")


def test_merging_does_not_cancel_where_sums_of_squares_do():
    rng = np.random.default_rng(0)
    sample = 1e9 + rng.standard_normal((4096, 1))
    total = monte_carlo._moments_of(sample[:0])
    for part in np.split(sample, 64):
        total = monte_carlo.merge(total, monte_carlo._moments_of(part))
    exact = sample.var()
    assert abs(total.second[0, 0] / 4096 / exact - 1) < 1e-6
    naive = (sample**2).mean() - sample.mean() ** 2
    assert abs(naive / exact - 1) > 1e-1


def test_a_shared_evaluation_is_compiled_once():
    traced = []

    def evaluate(z):
        traced.append(1)
        return {"sum": jnp.sum(z)}

    for scale in (1.0, 2.0, 3.0):
        run(
            (lambda key, s=scale: s * streams.normal(key, (5, 2)), evaluate),
            key=KEY,
            replicates=40,
        )
    assert len(traced) == 1


def test_unusable_arguments_are_refused_by_name():
    with pytest.raises(ValueError, match="replicates: got 0"):
        run(_chi_square, key=KEY, replicates=0)
    with pytest.raises(ValueError, match="block: got 0"):
        run(_chi_square, key=KEY, replicates=3, block=0)
    with pytest.raises(ValueError, match="devices: got none"):
        run(_chi_square, key=KEY, replicates=3, devices=[])
    with pytest.raises(ValueError, match="expected a dict"):
        run(lambda key: streams.normal(key, (1, 1)), key=KEY, replicates=3)
    with pytest.raises(ValueError, match="no numbers"):
        run(lambda key: {"bad": streams.words(key, (1, 1))[0, 0] < 0}, key=KEY, replicates=3)
    result = run(_chi_square, key=KEY, replicates=20)
    with pytest.raises(ValueError, match="got 'cube', expected one of .* square, z"):
        estimate(result, "cube")
    with pytest.raises(ValueError, match="keep=True"):
        values(result, "z")


def test_raw_risk_minimisation_has_the_excess_risk_found_independently():
    """Total balanced excess of the raw fit at sizes (2000, 200): 0.37307 +- 0.00021, an earlier
    simulation with another program; the population part alone, 0.369885, is rejected."""
    balanced = balanced_law(GROUPS)
    best = minimiser(balanced)
    start = best + jnp.asarray([np.log(200 / 2000), 0.0, 0.0, 0.0])
    floor = risk(best, balanced)

    def draw(key):
        return draw_dataset(GROUPS, Design.raw((2000, 200)), Oracle(), key=key)

    def evaluate(data):
        result = fit(data.x, data.sign, data.weight, start=start)
        return {"excess": risk(result.theta, balanced) - floor, "failed": ~result.converged}

    result = run((draw, evaluate), key=KEY, replicates=6000, block=20)
    mean, std_error, _ = estimate(result, "excess")
    assert result.excluded == 0
    assert std_error < 0.00025
    assert abs(mean - 0.37307) < 5 * np.hypot(std_error, 0.00021)
    assert abs(mean - 0.369885) > 5 * std_error


def test_common_random_numbers_sharpen_the_comparison_of_generators():
    balanced = balanced_law(GROUPS)
    design = Design((200, 40))

    def both(key):
        out = {}
        for name, generator in (("oracle", Oracle()), ("smote", Smote())):
            data = draw_dataset(GROUPS, design, generator, key=key)
            fitted = fit(data.x, data.sign, data.weight)
            out[name] = risk(fitted.theta, balanced)
            out[name + "_failed"] = ~fitted.converged
        return out

    result = run(both, key=KEY, replicates=600, block=20, keep=["smote", "oracle"])
    gap = values(result, "smote") - values(result, "oracle")
    error = gap.std(ddof=1) / np.sqrt(len(gap))
    apart = np.hypot(estimate(result, "smote").std_error, estimate(result, "oracle").std_error)
    assert error < 0.95 * apart
    assert gap.mean() > 5 * error  # SMOTE shrinks the covariance by a third
