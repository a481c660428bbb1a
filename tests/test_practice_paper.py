"""The simulated comparison of a paper: its law, its splits, its command."""

import numpy as np

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.practice.benchmark import papers
from synthetic_oversampling.practice.benchmark.papers import Paper, craft_split
from synthetic_oversampling.practice.rows.craft import craft


def test_a_papers_comparison_is_drawn_anew_for_every_seed(tmp_path, capsys):
    first, again, other = craft_split(0), craft_split(0), craft_split(1)
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.array_equal(first.x, other.x)
    assert np.bincount(first.cell).tolist() == [90, 10] and first.held_x.shape == (80, 9)
    rows = np.concatenate([first.x, first.held_x, first.test_x])
    assert len(np.unique(rows, axis=0)) > 0.99 * len(rows), "no row is trained and judged on"
    options = ["--method", "plugin", "--method", "oracle", "--classifier", "logistic"]
    command = ["benchmark", "--paper", "craft", "--seeds", "2", *options, "--out", str(tmp_path)]
    assert main(command) == 0
    assert "craft/paper" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "seeds").iterdir()) == [
        "craft-paper-000.json",
        "craft-paper-001.json",
    ]


def test_another_law_of_the_craft_table_is_another_comparison(monkeypatch):
    def moved(rng, count):
        x, label = craft(rng, count)
        return x, label ^ (x[:, 0] > 2)

    papers._digest.cache_clear()
    first = Paper("craft").identity(10.0)
    monkeypatch.setattr(papers, "craft", moved)
    papers._digest.cache_clear()
    assert Paper("craft").identity(10.0) != first
    papers._digest.cache_clear()


def test_the_craft_table_has_the_moments_of_its_law():
    x, label = craft(np.random.default_rng(3), 100_000)
    near = 5 / 100_000**0.5
    assert abs(label.mean() - 0.5) < near / 2
    noise = 0.1**2 / 12  # of rounding
    expected = {(0, 2): 0.5, (1, 2): 0.3, (2, 2): 0.59 + noise, (4, 2): 0.295, (7, 8): 0.5}
    centred = x - x.mean(axis=0)
    for (i, j), value in expected.items():
        product = centred[:, i] * centred[:, j]
        assert abs(product.mean() - value) < near * product.std() + 1e-3, (i, j)
    np.testing.assert_array_equal(x, np.round(x, 1))
