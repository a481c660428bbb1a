"""Categories in the network for whole rows: blocks of 1 and -1, and their probabilities."""

import csv
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_networks import ARCH, random_network
from scipy import stats

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.practice import SyntheticOverSampler
from synthetic_oversampling.simulate.tables.kinds import joined
from synthetic_oversampling.transformer_toy import generate, seeds
from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED_ROWS
from synthetic_oversampling.transformer_toy.rows import fidelity, network, prior, training, writer
from synthetic_oversampling.transformer_toy.rows.categories import decoded, encoded, laid_out

KEY = jax.random.key(11)
BLOCK = np.array([[1, 1, 2, 0, 0]], np.int32)  # three levels, two levels, two numbers


@pytest.fixture(scope="module")
def net():
    return training.load(SHIPPED_ROWS)


@pytest.fixture(scope="module")
def random_net():
    return random_network(KEY)


def _seeds(count=30):
    rng = np.random.default_rng(2)
    level = np.eye(3)[rng.integers(3, size=count)][:, :2] * 2.0 - 1.0
    other = np.sign(rng.normal(size=(count, 1)))
    x = np.concatenate([level, other, rng.normal(size=(count, 2)) + level], axis=1)
    return jnp.asarray(x[None], jnp.float32)


def _log_density(net, y):
    x = _seeds()
    sizes = np.array([x.shape[1]], np.int32), np.array([x.shape[2]], np.int32)
    return np.asarray(network.log_density(net.params, net.arch, x, *sizes, y, BLOCK), np.float64)


def test_the_probabilities_of_all_combinations_of_categories_add_up_to_one(random_net):
    levels = [(1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]
    rows = [(*one, other, 0.3, -1.0) for one, other in itertools.product(levels, (1.0, -1.0))]
    dense = _log_density(random_net, jnp.asarray([rows], jnp.float32))[0, :, :3]
    chance = np.exp(dense.sum(axis=1))
    assert abs(chance.sum() - 1.0) < 1e-5 and np.ptp(chance) > 1e-3
    twice = _log_density(random_net, jnp.asarray([[(1.0, 1.0, 1.0, 0.0, 0.0)]], jnp.float32))
    assert twice[0, 0, 1] == -np.inf  # no row has two levels of one category


def test_a_number_depends_on_the_categories_before_it_and_they_on_no_number(random_net):
    row = jnp.asarray([[(1.0, -1.0, 1.0, 0.3, -1.0)]], jnp.float32)
    one = _log_density(random_net, row)
    moved = _log_density(random_net, row.at[..., 3:].add(5.0))
    assert np.array_equal(one[..., :3], moved[..., :3])
    other = _log_density(random_net, row.at[..., 2].set(-1.0))
    assert abs(one[0, 0, 3] - other[0, 0, 3]) > 1e-4


def test_written_categories_have_the_networks_own_probabilities(net):
    x = np.asarray(_seeds()[0], np.float64)
    room = writer.padded(x, BLOCK[0])
    rows = np.asarray(writer.write(net.params, net.arch, *room, 8192, KEY))[:, :5]
    assert set(np.unique(rows[:, :3])) == {-1.0, 1.0}
    kinds = [(1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]
    every = [(*one, other, 0.0, 0.0) for one, other in itertools.product(kinds, (1.0, -1.0))]
    expected = np.exp(_log_density(net, jnp.asarray([every], jnp.float32))[0, :, :3].sum(axis=1))
    seen = [(rows[:, :3] == np.array(one[:3])).all(axis=1).sum() for one in every]
    assert sum(seen) == len(rows)
    assert stats.chisquare(seen, expected * len(rows) / expected.sum()).pvalue > 1e-3


def test_what_is_given_is_kept_and_moves_the_rest(net):
    x = np.asarray(_seeds(60)[0], np.float64)
    table = np.column_stack([x[:, :2].argmax(axis=1) + 2.0 * (x[:, :2].max(axis=1) < 0), x[:, 3:]])
    means = []
    for code in (0.0, 1.0):
        parts = writer.batches(net, table, 4000, key=KEY, categorical=[0], given={0: code})
        rows = np.concatenate([*parts])
        assert (rows[:, 0] == code).all()
        means.append(rows[:, 1:].mean(axis=0))
        own = table[table[:, 0] == code, 1:]
        assert (
            np.abs(means[-1] - own.mean(axis=0)) < 4.0 * own.std(axis=0) / len(own) ** 0.5
        ).all()
    assert means[0][0] > means[1][0] + 0.5 and means[1][1] > means[0][1] + 0.5


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(0, 3), st.integers(0, 2**31 - 1))
def test_encoding_is_turned_back(rows, kinds, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(5, size=(rows, kinds + 1)).astype(float)
    layout = laid_out(x, [*range(kinds)], rng)
    features = encoded(layout, x)
    assert features.shape == (rows, int((layout.block > 0).sum()))
    back = decoded(layout, features)
    assert np.array_equal(back, x[:, layout.categories])
    assert sorted([*layout.categories, *layout.numbers]) == [*range(kinds + 1)]
    for kind in range(1, kinds + 1):  # at most one level a row
        assert ((features[:, layout.block[: features.shape[1]] == kind] > 0).sum(axis=1) <= 1).all()


def test_tables_of_the_prior_hold_categories_then_numbers():
    rows, block = map(np.asarray, prior.draw(40, 200, 6, jnp.float32, key=KEY))
    rows, block = rows[30:], block[30:]
    for x, kinds in zip(rows, block, strict=True):
        number = kinds == 0
        assert kinds[0] == 1 and number[-1] and (np.diff(kinds[~number]) >= 0).all()
        assert set(np.unique(x[:, ~number])) <= {-1.0, 1.0}
        for kind in range(1, kinds.max() + 1):
            assert ((x[:, kinds == kind] > 0).sum(axis=1) <= 1).all()
        assert (x[:, number].std(axis=0) > 0).all()


def test_the_frequencies_of_a_rule_are_those_of_its_seeds():
    """An independent count, category by category, of probabilities with half a seed added."""
    x = np.asarray(_seeds(), np.float64)
    y = np.array([[(-1.0, 1.0, 1.0, 0.0, 0.0)]])
    got = fidelity._frequencies(jnp.asarray(x), jnp.asarray(y), jnp.asarray(BLOCK))[0, 0, :3]
    first, second, other = x[0, :, 0] > 0, x[0, :, 1] > 0, x[0, :, 2] > 0
    expected = [
        1.0 - (first.sum() + 0.5) / (len(first) + 1.0),
        (second.sum() + 0.5) / ((~first).sum() + 1.0),
        (other.sum() + 0.5) / (len(other) + 1.0),
    ]
    np.testing.assert_allclose(np.exp(got), expected, rtol=1e-12)


@pytest.fixture(scope="module")
def table():
    """Two classes; in the rare one a colour goes with the size and another never occurs."""
    rng = np.random.default_rng(5)
    size = np.concatenate([rng.normal(size=160), rng.normal(size=40) + 1.0])
    colour = np.where(size + 0.3 * rng.normal(size=200) > 1.0, "red", "blue").astype(object)
    colour[:20] = "green"
    frame = pd.DataFrame(
        {
            "size": size,
            "colour": colour,
            "weight": size + rng.normal(size=200),
            "on": rng.integers(2, size=200),
            "name": [f"n{i % 20}" for i in range(200)],
        }
    )
    return frame, np.repeat([0, 1], [160, 40])


def test_the_sampler_writes_categories_that_go_with_the_numbers(table):
    frame, y = table
    sampler = SyntheticOverSampler("in_context", random_state=0, n_synthetic={1: 2000})
    x_new, _ = sampler.fit_resample(frame, y)
    new, old = x_new[sampler.synthetic_mask_], frame[y == 1]
    assert (x_new.dtypes == frame.dtypes).all() and set(new["on"]) == {0, 1}
    assert set(new["colour"]) == set(old["colour"]) == {"red", "blue"}
    assert set(new["name"]) <= set(old["name"])  # of too many levels: a donor's
    share = (old["colour"] == "red").mean()
    assert abs((new["colour"] == "red").mean() - share) < 2.5 * (share * (1 - share) / 40) ** 0.5
    apart = new.groupby("colour")["size"].mean()
    assert apart["red"] - apart["blue"] > 0.7  # 1.6 in the seeds' law
    array = frame[["size", "on"]].to_numpy()
    back, _ = sampler.fit_resample(array, y)
    assert set(back[sampler.synthetic_mask_, 1]) == {0.0, 1.0}


def test_a_table_of_categories_alone_is_written(table):
    frame, y = table
    sampler = SyntheticOverSampler("in_context", random_state=0)
    x_new, y_new = sampler.fit_resample(frame[["colour"]], y)
    assert np.bincount(y_new).tolist() == [160, 160]
    assert set(x_new["colour"][sampler.synthetic_mask_]) == {"red", "blue"}


def test_generate_writes_categories_by_name(tmp_path, capsys, table):
    frame, y = table
    path, out = tmp_path / "t.csv", tmp_path / "o.csv"
    frame[["size", "colour", "on"]].assign(kind=y).to_csv(path, index=False)
    command = ["generate", str(path), "--label", "kind", "--out", str(out)]
    assert main([*command, "--count", "1=50"]) == 2
    assert "declare it where the command has --categorical" in capsys.readouterr().err
    assert main([*command, "--categorical", "colour", "--count", "1=50"]) == 0
    with out.open() as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == 50 and {row["colour"] for row in rows} == {"red", "blue"}
    assert {row["on"] for row in rows} == {"0", "1"} and {row["kind"] for row in rows} == {"1"}


def _line(number, rng):
    x = rng.normal(size=number)
    return np.column_stack([x, x + 0.3 * rng.normal(size=number)])


def test_groups_read_together_lend_each_other_their_shape_and_keep_their_place(net):
    """Three rows show no correlation; those of the other groups do, and it is the same."""
    rng = np.random.default_rng(1)
    x = np.concatenate([_line(90, rng), _line(60, rng) + 1.0, [[1.6, -1.4], [2.4, -0.6], [2, -1]]])
    pairs = np.repeat([("a", "u"), ("b", "u"), ("b", "v")], [90, 60, 3], axis=0)
    names = np.array([" & ".join(pair) for pair in pairs])
    cells = {name: tuple(pair) for name, pair in zip(names, pairs.tolist(), strict=True)}
    few = seeds.from_arrays(x, names)._replace(attribute_name="side", cells=cells)
    found = {}
    for together in (False, True):
        parts = generate.generate(
            net, few, {"b & v": 3000}, key=KEY, scaling="features", together=together
        )
        found[together] = np.concatenate([part for _, part in parts])
    one, both = (np.corrcoef(rows.T)[0, 1] for rows in found.values())
    assert both > one + 0.3  # and below 1: where three rows lie is uncertain in every direction
    assert (np.abs(found[True].mean(axis=0) - [2.0, -1.0]) < 0.7).all()


@pytest.mark.slow
def test_rare_rows_are_written_better_when_all_are_read(net):
    """Numbers of rows with a rare first category: read with all rows, and with their own alone."""
    dim, count = 6, 64
    rows, block = map(np.asarray, prior.draw(4000, 272, dim, jnp.float32, key=jax.random.key(77)))
    whole, alone = [], []
    for x, kinds in zip(rows[3000:], block[3000:], strict=True):
        rare = x[:, 0] > 0
        own = x[:count][rare[:count], 1:]
        new = x[count:][rare[count:]][:2]
        if kinds[1] == 1 or not 4 <= len(own) <= count // 4 or len(new) < 2:
            continue
        room = np.zeros((count, dim - 1), np.float32)
        room[: len(own)] = own
        whole.append((x[:count], count, dim, new, kinds))
        alone.append((room, len(own), dim - 1, new[:, 1:], np.maximum(kinds[1:] - 1, 0)))
    dense = []
    for groups, first in ((whole, 1), (alone, 0)):
        x, number, dims, new, kinds = (np.stack(part) for part in zip(*groups[:160], strict=True))
        sizes = number.astype(np.int32), dims.astype(np.int32)
        found = network.log_density(net.params, net.arch, x, *sizes, new, kinds)
        dense.append(np.asarray(found)[..., first:].sum(axis=-1).mean(axis=1))
    gain = dense[0] - dense[1]
    assert gain.mean() > 4.0 * gain.std(ddof=1) / len(gain) ** 0.5


def test_a_new_table_costs_no_compilation(net):
    """Numbers and categories of another table, of nearly the same size, meet the same programs."""
    rng = np.random.default_rng(0)
    shapes = ((30, 6, 0), (27, 5, 0), (31, 3, 1), (24, 2, 2))
    compiled = []
    for rows, numbers, kinds in shapes:
        x = np.column_stack([rng.normal(size=(rows, numbers)), rng.integers(3, size=(rows, kinds))])
        places = [*range(numbers, numbers + kinds)]
        part = next(writer.batches(net, x, 50, key=KEY, categorical=places))
        assert part.shape == (50, numbers + kinds)
        compiled.append(writer.write._cache_size())
    assert compiled[0] == compiled[-1]


def _drawn(frame, y, **options):
    sampler = SyntheticOverSampler("in_context", random_state=0, n_synthetic={1: 1000}, **options)
    x_new, _ = sampler.fit_resample(frame, y)
    return x_new[sampler.synthetic_mask_].reset_index(drop=True), sampler


def test_columns_that_determine_each_other_are_written_as_one():
    """Indicators of one category keep exactly one 1; a code stays beside its name."""
    rng = np.random.default_rng(6)
    size, kind = rng.normal(size=(200, 3)), rng.integers(4, size=200)
    frame = pd.DataFrame(size, columns=["a", "b", "c"])
    for level in range(4):
        frame[f"is_{level}"] = (kind == level).astype(int)
    frame["code"] = kind // 2
    frame["word"] = np.array(["low", "high"])[kind // 2]
    new, _ = _drawn(frame, np.repeat([0, 1], [160, 40]))
    assert (new[[f"is_{level}" for level in range(4)]].sum(axis=1) == 1).all()
    assert (new["word"] == np.array(["low", "high"])[new["code"]]).all()
    assert (new["code"] == new["is_2"] + new["is_3"]).all()


def test_independent_columns_are_not_joined_and_chains_are():
    rng = np.random.default_rng(0)
    town = rng.integers(6, size=300)
    codes = np.stack(
        [town, rng.integers(3, size=300), town // 2, rng.integers(2, size=300)], axis=1
    )
    assert joined(codes) == [(0, 2), (1,), (3,)]
    assert joined(codes[:12]) == [(0,), (1,), (2,), (3,)]  # too few rows to tell
    assert joined(codes[:0]) == [(0,), (1,), (2,), (3,)]


def test_a_lent_category_goes_with_the_written_ones():
    """Towns are too many to be written, so that town and country both come from one donor."""
    rng = np.random.default_rng(1)
    country = rng.choice(["FR", "DE", "IT"], 200)
    frame = pd.DataFrame({"x": rng.normal(size=200), "country": country})
    frame["town"] = [
        name + str(i) for name, i in zip(country, rng.integers(6, size=200), strict=True)
    ]
    frame["colour"] = rng.choice(["red", "blue"], 200)
    new, sampler = _drawn(frame, np.repeat([0, 1], [160, 40]))
    assert (new["town"].str[:2] == new["country"]).all()
    donor = sampler.seed_indices_[sampler.synthetic_mask_]
    assert (frame["town"].iloc[donor].to_numpy() == new["town"]).all()
    assert (frame["colour"].iloc[donor].to_numpy() == new["colour"]).mean() > 0.99


def test_what_does_not_vary_in_a_group_is_repeated(tmp_path, net):
    y = np.repeat([0, 1], [24, 8])
    frame = pd.DataFrame({"c": list("ababac" * 4) + ["a"] * 8})
    new, _ = _drawn(frame, y)
    assert set(new["c"]) == {"a"}
    array = np.column_stack([np.tile([0.0, 1.0], 16), np.ones(32)])
    array[y == 1, 0] = 1.0
    again, _ = SyntheticOverSampler("in_context", random_state=0).fit_resample(array, y)
    assert (again[32:] == 1.0).all()
    rows = next(writer.batches(net, np.full((6, 1), 2.0), 5, key=KEY, categorical=[0]))
    assert rows.tolist() == [[2.0]] * 5
    path, out = tmp_path / "few.csv", tmp_path / "o.csv"
    path.write_text("a,kind\n" + "3,x\n0,x\n7,x\n" * 10 + "3,y\n3,y\n")
    command = ["generate", str(path), "--label", "kind", "--count", "y=4", "--out", str(out)]
    assert main(command) == 0 and main([*command, "--together", "--overwrite"]) == 0
    assert {line.split(",")[1] for line in out.read_text().splitlines()[1:]} == {"y"}


def test_true_is_not_one():
    rng = np.random.default_rng(3)
    odd = rng.choice(np.array([True, 1, "a"], dtype=object), 120)
    frame = pd.DataFrame({"x": rng.normal(size=120), "o": odd})
    new, _ = _drawn(frame, np.repeat([0, 1], [80, 40]), categorical_features=["o"])
    kinds = {(type(value), value) for value in new["o"]}
    assert kinds == {(bool, True), (int, 1), (str, "a")}


@pytest.mark.parametrize(
    ("levels", "labels", "options", "word"),
    [
        (9, 2, [], "group 'k0': c has 9 levels, expected up to 8"),
        (3, 12, ["--together"], "the label has 12 levels, expected up to 8"),
    ],
)
def test_categories_of_more_levels_than_the_network_met_are_refused(
    tmp_path, capsys, levels, labels, options, word
):
    rng = np.random.default_rng(0)
    lines = [f"{rng.normal()},l{i % levels},k{i % labels}" for i in range(360)]
    path, out = tmp_path / "t.csv", tmp_path / "o.csv"
    path.write_text("\n".join(["x,c,kind", *lines]) + "\n")
    command = ["generate", str(path), "--label", "kind", "--categorical", "c", "--each", "2"]
    assert main([*command, "--out", str(out), *options]) == 2
    assert word in capsys.readouterr().err and not out.exists()


def test_a_file_of_categories_alone_is_read_and_written(tmp_path):
    path, out = tmp_path / "t.csv", tmp_path / "o.csv"
    path.write_text("c,d,kind\n" + "red,1,x\nblue,2,x\nred,2,y\nblue,1,y\n" * 8)
    command = ["generate", str(path), "--label", "kind", "--group", "d", "--categorical", "c"]
    assert main([*command, "--each", "5", "--together", "--out", str(out)]) == 0
    rows = [line.split(",") for line in out.read_text().splitlines()]
    assert rows[0] == ["c", "kind", "d"] and len(rows) == 21
    assert {row[0] for row in rows[1:]} <= {"red", "blue"}


def test_padding_and_order_change_nothing_where_there_are_categories(random_net):
    x, block = np.asarray(_seeds(20)[0], np.float64), BLOCK[0]
    room = writer.padded(x, block)
    y = jnp.asarray(x[None, :4], jnp.float32)
    own = np.array([20], np.int32), np.array([5], np.int32)
    plain = network.log_density(
        random_net.params, ARCH, jnp.asarray(x[None, ::-1], jnp.float32), *own, y, BLOCK
    )
    wide = jnp.concatenate([y, jnp.zeros((1, 4, room[0].shape[2] - 5), jnp.float32)], axis=2)
    padded = network.log_density(
        random_net.params, ARCH, *map(jnp.asarray, room[:3]), wide, room[3]
    )
    np.testing.assert_allclose(padded[..., :5], plain, atol=2e-3)


def test_seeds_read_together_are_the_group_s_own_first(net, monkeypatch):
    """Of 300 own and 300 others 192 and 64 are read; a code that no seed has is refused."""
    read = []
    found = writer.padded

    def padded(z, block=None):
        read.append(z)
        return found(z, block)

    monkeypatch.setattr(writer, "padded", padded)
    rng = np.random.default_rng(0)
    x = np.column_stack([np.repeat([0.0, 1.0], 300), rng.normal(size=600)])
    next(writer.batches(net, x, 4, key=KEY, categorical=[0], given={0: 1.0}))
    (z,) = read
    assert z.shape == (256, 2) and sorted(np.unique(z[:, 0], return_counts=True)[1]) == [64, 192]
    with pytest.raises(ValueError, match="given: got 7.0 for column 0"):
        next(writer.batches(net, x, 4, key=KEY, categorical=[0], given={0: 7.0}))
