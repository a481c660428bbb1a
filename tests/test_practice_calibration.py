"""Out-of-fold reliability before and after the correction, and its command."""

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.practice.calibration_check import (
    FITS,
    _wilson,
    check_calibration,
    draw,
    table,
)
from synthetic_oversampling.practice.resampler import SyntheticOverSampler


def _data(n=3000, share=0.08, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < share
    x = pd.DataFrame({"a": rng.normal(size=n) + 1.5 * y, "b": rng.normal(size=n)})
    x["kind"] = np.where(rng.random(n) < np.where(y, 0.7, 0.3), "u", "v")
    return x, pd.Series(np.where(y, "sick", "well"))


@pytest.mark.parametrize("how", ["plugin", "duplicate"])
def test_levelling_overstates_the_rare_class_and_the_correction_undoes_it(how):
    """Logistic regression fits these groups; 5 standard errors of a share of 0.08."""
    x, y = _data()
    sampler = SyntheticOverSampler(covariance="pooled", random_state=0)
    if how == "duplicate":
        sampler = RandomOverSampler(random_state=0)
    found = check_calibration(x, y, sampler)
    assert found.rare == "sick" and found.event.mean() == (y == "sick").mean()
    raw, before, after = (found.scores()[name] for name in FITS)
    room = 5.0 * (0.08 * 0.92 / 3000) ** 0.5
    assert abs(raw["mean"] - found.event.mean()) < room
    assert abs(after["mean"] - found.event.mean()) < room
    assert before["mean"] > 2.0 * found.event.mean()
    assert after["calibration"] < 0.25 * before["calibration"]
    assert after["brier"] < before["brier"] and after["cross_entropy"] < before["cross_entropy"]


def test_every_row_is_predicted_once_and_never_by_a_fit_that_saw_it():
    x, y = _data(400, 0.2)
    x["row"] = np.arange(400.0)
    seen = []

    class Notes(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            seen.append(len(y))
            return super().fit(X, y, sample_weight)

    found = check_calibration(x, y, SyntheticOverSampler(random_state=0), Notes(), folds=4)
    assert found.probability.shape == (3, 400)
    assert np.isfinite(found.probability).all() and len(seen) == 8
    rare = (y == "sick").sum() * 3 / 4  # in the folds of a fit, up to rounding
    assert seen[0] == 300 and abs(seen[1] - 2 * (300 - rare)) <= 2


def test_groups_reach_the_sampler_and_too_many_folds_are_refused():
    x, y = _data(600, 0.3)
    side = np.where(np.arange(600) % 3, "l", "r")
    asked = []

    def spy(seeds, count, rng):
        asked.append(len(seeds))
        return seeds[rng.integers(len(seeds), size=count)]

    check_calibration(x, y, SyntheticOverSampler(spy, random_state=0), groups=side, folds=2)
    assert len(asked) == 2 * 3  # of four pairs, the largest is level
    with pytest.raises(ValueError, match="folds: got 20"):
        check_calibration(x, pd.Series(["a"] * 590 + ["b"] * 10), RandomOverSampler(), folds=20)


def test_the_intervals_are_wilsons():
    middle, half = _wilson(np.array([0.0, 0.3, 1.0]), np.array([40, 10, 7]))
    for place, (k, n) in enumerate(((0, 40), (3, 10), (7, 7))):
        interval = binomtest(k, n).proportion_ci(method="wilson")
        assert middle[place] - half[place] == pytest.approx(interval.low, abs=1e-12)
        assert middle[place] + half[place] == pytest.approx(interval.high, abs=1e-12)


def test_the_command_prints_the_three_fits_and_draws_them(tmp_path, capsys):
    x, y = _data(400, 0.2)
    x.assign(y=y).to_csv(tmp_path / "data.csv", index=False)
    command = [
        "recalibrate",
        str(tmp_path / "data.csv"),
        "--label",
        "y",
        "--out",
        str(tmp_path / "r.png"),
    ]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert f"share of 'sick': {(y == 'sick').mean():.4f} of 400 rows" in shown
    assert all(name in shown for name in FITS)
    assert (tmp_path / "r.png").stat().st_size > 10_000
    assert main([*command, "--overwrite", "--group", "kind", "--generator", "predictive"]) == 0
    for options, match in (
        ([], "pass --overwrite"),
        (["--out", "r.gif"], "ends in .png, .svg, .pdf"),
        (["--generator", "smote", "--overwrite"], "table has categories"),
        (["--generator", "smote", "--overwrite", "--group", "kind"], "level classes only"),
    ):
        capsys.readouterr()
        assert main([*command, *options]) == 2
        assert match in capsys.readouterr().err


def test_the_table_and_the_figure_show_the_same_numbers():
    x, y = _data(500, 0.2)
    found = check_calibration(x, y, SyntheticOverSampler(random_state=0), folds=2)
    score = found.scores()["resampled"]
    assert f"{score['brier']:9.4f}" in table(found)
    left, right = draw(found).axes
    assert len(left.containers) == 3 and len(right.patches) == 3
