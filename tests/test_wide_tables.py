"""Tables of very many columns are answered: rows by what needs no covariance, else a refusal."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.simulate.tables.reading import is_number, numbers_in
from synthetic_oversampling.transformer_toy.seeds import SeedError, from_arrays, pooled_covariance

CELLS = [
    "1",
    "-2.5",
    "+.5",
    "3.",
    "1e-3",
    "1e999",
    "1e0005",
    "1\n2",
    "1_0",
    "nan",
    "inf",
    "",
    "e",
    "-",
]


@given(st.lists(st.sampled_from(CELLS) | st.floats(allow_nan=False).map(str), min_size=1))
def test_cells_read_together_are_those_read_one_by_one(cells):
    found = numbers_in(cells)
    if all(map(is_number, cells)):
        np.testing.assert_array_equal(found, [float(cell) for cell in cells])
    else:
        assert found is None


def test_a_wide_table_gets_its_rows_with_every_type_as_it_was(tmp_path):
    rng = np.random.default_rng(0)
    columns = {f"c{at}": rng.normal(size=30).round(3) for at in range(600)}
    columns["kind"] = ["no"] * 20 + ["yes"] * 10
    columns |= {f"t{at}": np.tile(["u", "v", "w"], 10) for at in range(3)}
    columns |= {f"w{at}": rng.integers(1000, 9000, size=30) for at in range(600)}
    table = pd.DataFrame(columns)
    given, out = tmp_path / "wide.csv", tmp_path / "more.csv"
    table.to_csv(given, index=False)
    options = ["--label", "kind", "--generator", "mixture", "--out", str(out)]
    assert main(["resample", str(given), *options]) == 0
    written = pd.read_csv(out)
    pd.testing.assert_frame_equal(written.iloc[:30, : table.shape[1]], pd.read_csv(given))
    new = written[written["is_synthetic"]]
    assert written.columns[: table.shape[1]].tolist() == table.columns.tolist()
    assert len(new) == 10 and set(new["kind"]) == {"yes"} and set(new["t1"]) <= {"u", "v", "w"}
    assert (written.dtypes[:-3] == pd.read_csv(given).dtypes).all()


def test_scaling_by_a_covariance_refuses_more_features_than_have_room():
    seeds = from_arrays(np.random.default_rng(0).normal(size=(20, 5001)), np.repeat(["a", "b"], 10))
    with pytest.raises(SeedError, match="got 5001, expected at most 5000; .* Choose columns"):
        pooled_covariance(seeds, "features")
