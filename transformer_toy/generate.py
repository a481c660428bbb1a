"""Synthetic samples from a network: read a group's seeds once, then draw as many as wanted.

The network reads the seeds in units in which the groups together have mean 0 and unit spread within
groups (``seeds.pooled_scaler``), and its draws are turned back into the user's units. It gives one
law for each group; the samples are independent draws from that law. Batches are of constant size,
so memory does not grow with the number of samples.
"""

import math
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from synthetic_oversampling.simulate.arguments import check_new
from synthetic_oversampling.simulate.artifacts import ArtifactError, replacing
from synthetic_oversampling.theory.wording import counted
from synthetic_oversampling.transformer_toy import heads, train
from synthetic_oversampling.transformer_toy.checkpoint import ROWS, Model, kind_of, load_model
from synthetic_oversampling.transformer_toy.evaluation.beyond import BeyondTraining, beyond_training
from synthetic_oversampling.transformer_toy.rows import writer
from synthetic_oversampling.transformer_toy.rows.training import RowNetwork, load
from synthetic_oversampling.transformer_toy.seeds import (
    Scaler,
    SeedError,
    Seeds,
    pooled_scaler,
)

__all__ = [
    "BATCH",
    "FAMILIES",
    "FARTHEST",
    "balanced_counts",
    "batches",
    "check_model",
    "generate",
    "group_law",
    "load_network",
    "prior_std",
    "within_std",
    "write_csv",
]

# families whose networks write rows of numbers
FAMILIES = ("unknown_mean", "unknown_mean_and_scale")
BATCH = 65_536  # rows that are written at once
FARTHEST = 4.0  # prior standard deviations of a group's mean


def load_network(path: Path) -> Model | RowNetwork:
    """Read a network of either kind.

    Args:
        path: a file that ``oversampling train`` wrote.

    Raises:
        CheckpointError: if the file is missing, damaged, foreign or inconsistent.

    Example:
        >>> from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED
        >>> load_network(SHIPPED).task.spec["name"]
        'unknown_mean_and_scale'
    """
    return load(path) if kind_of(path) == ROWS else load_model(path)


def check_model(model: Model, num_features: int) -> None:
    """Refuse a network that cannot generate samples with this many features.

    Args:
        model: a trained or hand-written network.
        num_features: of the seeds.

    Raises:
        SeedError: if the network's family has no free location or no mean variance, or its
            dimension is neither 1 (read feature by feature) nor the number of features.

    Example:
        >>> from synthetic_oversampling.transformer_toy import constructed
        >>> check_model(constructed.location(2), 3)
        Traceback (most recent call last):
        ...
        synthetic_oversampling.transformer_toy.seeds.SeedError: \
the seeds have 3 features, but the network was trained \
for 2. Choose 2 columns, use a network trained for 3, or one trained for 1, which reads any number \
of features one by one.
    """
    name, dim = model.task.spec["name"], model.task.dim
    if name not in FAMILIES:
        raise SeedError(
            f"the network was trained on the family {name!r}, whose laws are fixed in advance; "
            f"generating from a user's seeds needs one of {', '.join(FAMILIES)}."
        )
    shape = model.task.spec.get("shape_prior", math.inf)
    if not shape > 1.0:
        raise SeedError(
            f"the network's family has shape_prior {shape:g}, expected more than 1: its variances "
            "have no mean, which the seeds' spread would be matched with. Train one with more."
        )
    if dim not in (1, num_features):
        raise SeedError(
            f"the seeds have {counted(num_features, 'feature')}, but the network was trained for "
            f"{dim}. Choose {counted(dim, 'column')}, use a network trained for {num_features}, or "
            "one trained for 1, which reads any number of features one by one."
        )


def within_std(model: Model) -> float:
    """The spread within groups, in the network's own units, that its family expects.

    Args:
        model: the network.

    Returns:
        The standard deviation of its prior's mean variance.

    Example:
        >>> from synthetic_oversampling.transformer_toy import constructed
        >>> within_std(constructed.location(1, var_within=4.0))
        2.0
    """
    spec = model.task.spec
    if spec["name"] == "unknown_mean":
        return float(spec["var_within"]) ** 0.5
    return float(spec["rate_prior"] / (spec["shape_prior"] - 1.0)) ** 0.5


def prior_std(model: Model) -> float:
    """The prior spread of a group's mean, in the network's own units.

    Args:
        model: the network.

    Returns:
        A standard deviation.

    Example:
        >>> from synthetic_oversampling.transformer_toy import constructed
        >>> prior_std(constructed.location(1, var_prior=9.0))
        3.0
    """
    spec = model.task.spec
    if spec["name"] == "unknown_mean":
        return float(spec["var_prior"]) ** 0.5
    return within_std(model) / float(spec["mass_prior"]) ** 0.5


def group_law(model: Model, features: np.ndarray, scaler: Scaler) -> heads.Law:
    """The law that the network gives for one group, in its own units.

    Args:
        model: the network.
        features: the group's seeds, (n, d), in the user's units.
        scaler: from all the seeds.

    Returns:
        A law with leading axes (1, 1), or (d, 1) if the network reads feature by feature.

    Raises:
        SeedError: if the network cannot generate samples with d features, the group lies farther
            from the others than it was trained for, or it gives no finite law.

    Example:
        >>> import numpy as np
        >>> from synthetic_oversampling.transformer_toy import constructed
        >>> scaler = Scaler(np.zeros(2), np.eye(2))
        >>> group_law(constructed.location(1), np.ones((3, 2)), scaler).mean.shape
        (2, 1, 1)
    """
    num_seeds, num_features = features.shape
    check_model(model, num_features)
    z_NxD = np.linalg.solve(scaler.spread, (features - scaler.centre).T).T * within_std(model)
    reach = FARTHEST * prior_std(model)
    farthest = np.abs(z_NxD.mean(axis=0)).max() if num_seeds else 0.0
    if not farthest <= reach:
        raise SeedError(
            f"a group's mean lies {farthest / within_std(model):.3g} within-group standard "
            f"deviations from the middle of the groups; the network was trained for up to "
            f"{reach / within_std(model):.3g}. Look for outliers or wrong units, or train one with "
            "a wider prior of the mean."
        )
    one_by_one = model.task.dim == 1
    rows_BxNxD = z_NxD.T[:, :, None] if one_by_one else z_NxD[None]
    token_BxNxD = jnp.asarray(rows_BxNxD, model.params["query"].dtype)
    count_BxP = jnp.full((token_BxNxD.shape[0], 1), num_seeds, jnp.int32)
    law = train.law_of(model.params, model.task, token_BxNxD, count_BxP)
    if not all(bool(jnp.isfinite(leaf).all()) for leaf in law):
        raise SeedError(
            "the network gives no finite law for these seeds; some lie too many standard "
            "deviations from the rest. Look for outliers or wrong units."
        )
    return law


@partial(jax.jit, static_argnames="batch")
def _draw(law: heads.Law, batch: int, key: Key[Array, ""]) -> Array:
    assert not isinstance(law, heads.Labelled)  # `check_model` refuses networks of labels
    return heads.sample(law, batch, key=key)


def batches(
    model: Model,
    law: heads.Law,
    scaler: Scaler,
    count: int,
    *,
    key: Key[Array, ""],
    batch: int = BATCH,
) -> Iterator[np.ndarray]:
    """Synthetic samples of one group in the user's units, a batch at a time.

    Args:
        model: the network.
        law: from ``group_law``.
        scaler: from all the seeds.
        count: how many samples.
        key: a typed key; the samples depend on it and on ``batch``.
        batch: samples a batch; the last one may be shorter.

    Yields:
        Arrays of shape (at most batch, d).

    Example:
        >>> import jax, numpy as np
        >>> from synthetic_oversampling.transformer_toy import constructed
        >>> net, scaler = constructed.location(1), Scaler(np.zeros(2), np.eye(2))
        >>> law = group_law(net, np.ones((3, 2)), scaler)
        >>> parts = batches(net, law, scaler, 5, key=jax.random.key(0), batch=2)
        >>> [part.shape for part in parts]
        [(2, 2), (2, 2), (1, 2)]
    """
    for index, start in enumerate(range(0, count, batch)):
        z = np.asarray(_draw(law, batch, jax.random.fold_in(key, index)), np.float64)
        z_SxD = z[:, 0, :, 0].T if model.task.dim == 1 else z[0, 0]
        z_SxD = z_SxD[: min(batch, count - start)] / within_std(model)
        yield scaler.centre + z_SxD @ scaler.spread.T


def balanced_counts(seeds: Seeds) -> dict[str, int]:
    """How many samples bring every group up to the largest one: m_g = n_max - n_g.

    Args:
        seeds: the seeds.

    Returns:
        A number for every label, 0 for the largest group.

    Example:
        >>> import numpy as np
        >>> from synthetic_oversampling.transformer_toy.seeds import from_arrays
        >>> balanced_counts(from_arrays(np.ones((3, 1)), np.array(["a", "a", "b"])))
        {'a': 0, 'b': 1}
    """
    labels, sizes = np.unique(seeds.labels, return_counts=True)
    return {str(one): int(sizes.max() - size) for one, size in zip(labels, sizes, strict=True)}


def generate(
    model: Model | RowNetwork,
    seeds: Seeds,
    counts: dict[str, int] | None = None,
    *,
    key: Key[Array, ""],
    scaling: str = "covariance",
    together: bool = False,
    batch: int = BATCH,
) -> Iterator[tuple[str, np.ndarray]]:
    """Synthetic samples for every group, a batch at a time.

    Args:
        model: the network; one for whole rows writes features that depend on each other as the
            group's do, one of ``FAMILIES`` a law of independent features.
        seeds: labelled seeds; all of them set the units, each group's own set its law.
        counts: how many samples for which label; ``balanced_counts`` if None.
        key: a typed key.
        scaling: how units are set, see ``seeds.pooled_scaler``.
        together: read all groups for each of them, with label and attribute as categories that
            are given (whole rows alone).
        batch: samples a batch.

    Yields:
        (label, samples), samples of shape (at most batch, d) in the user's units.

    Raises:
        SeedError: before anything is drawn, if a label has no seeds, a count is not a whole number
            from 0, or the network or the seeds cannot be used.

    Warns:
        BeyondTraining: for every doubt of ``beyond.beyond_training``.

    Example:
        >>> import jax, numpy as np
        >>> from synthetic_oversampling.transformer_toy import constructed
        >>> from synthetic_oversampling.transformer_toy.seeds import from_arrays
        >>> seeds = from_arrays(np.arange(6.0)[:, None], np.array(list("aaaabb")))
        >>> parts = generate(constructed.location(1), seeds, key=jax.random.key(0))
        >>> [(label, samples.shape) for label, samples in parts]
        [('b', (2, 1))]
    """
    counts = balanced_counts(seeds) if counts is None else counts
    present = set(seeds.labels.tolist())
    for label, count in counts.items():
        if label not in present:
            raise SeedError(
                f"group {label!r} has no seeds; the groups are {', '.join(sorted(present))}. Give "
                "it at least one seed, or leave it out."
            )
        if not isinstance(count, int) or count < 0:
            raise SeedError(f"group {label!r}: got {count!r}, expected a whole number from 0.")
    if not isinstance(batch, int) or batch < 1:
        raise SeedError(f"batch: got {batch!r}, expected a whole number from 1.")
    if isinstance(model, RowNetwork):
        return writer.group_rows(
            model, seeds, counts, scaling, together=together, key=key, batch=batch
        )
    if together:
        raise SeedError(
            "together: got True, which the network for whole rows can do, and this one cannot. "
            "Leave it out."
        )
    if seeds.levels:
        raise SeedError(
            f"column {seeds.names[min(seeds.levels)]!r} holds categories, which this network does "
            "not write. Leave it out, or use the network for whole rows."
        )
    check_model(model, seeds.features.shape[1])
    scaler = pooled_scaler(seeds, scaling)
    laws = {
        label: group_law(model, seeds.features[seeds.labels == label], scaler)
        for label, count in counts.items()
        if count
    }
    for doubt in beyond_training(model, seeds, counts, scaler):
        warnings.warn(doubt, BeyondTraining, stacklevel=2)

    def parts() -> Iterator[tuple[str, np.ndarray]]:
        for index, (label, law) in enumerate(laws.items()):
            group_key = jax.random.fold_in(key, index)
            size = min(batch, counts[label])
            for part in batches(model, law, scaler, counts[label], key=group_key, batch=size):
                yield label, part

    return parts()


def write_csv(
    path: Path,
    seeds: Seeds,
    parts: Iterator[tuple[str, np.ndarray]],
    total: int,
    *,
    overwrite: bool = False,
    show_progress: bool = False,
) -> int:
    """Write synthetic samples as CSV: the seeds' feature columns, the label's, an attribute's.

    Numbers have nine digits, or nine of their spread in columns that lie far from 0. Categories are
    written by their names.
    The file appears whole or not at all; batches are written as they come.

    Args:
        path: the file.
        seeds: for the columns' names.
        parts: from ``generate``.
        total: how many samples are to come, for the progress bar.
        overwrite: replace a file that is there.
        show_progress: draw a progress bar on standard error.

    Returns:
        How many samples were written.

    Raises:
        ValueError: if the file is there and may not be replaced.
        ArtifactError: if it cannot be written.

    Example:
        >>> import pathlib, tempfile, numpy as np
        >>> from synthetic_oversampling.transformer_toy.seeds import from_arrays
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "out.csv"
        >>> seeds = from_arrays(np.ones((1, 1)), np.array(["a"]))
        >>> write_csv(path, seeds, iter([("a", np.array([[1.5]]))]), 1)
        1
        >>> path.read_text().split()
        ['x0,label', '1.5,a']
    """
    path = Path(path)
    check_new(path, overwrite)
    bar = Progress(
        TextColumn("generating"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} samples"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not show_progress,
    )
    written, cells = 0, _cell_formats(seeds.features)
    texts = {
        place: np.array([*map(_quoted, names)], object) for place, names in seeds.levels.items()
    }
    for place in texts:
        cells[place] = "%s"
    try:
        with replacing(path, newline="", encoding="utf-8") as file, bar:
            line = bar.add_task("", total=total)
            named = [seeds.label_name] + [seeds.attribute_name or ""] * (seeds.cells is not None)
            file.write(",".join(map(_quoted, (*seeds.names, *named))) + "\n")
            for label, part in parts:
                group = (label,) if seeds.cells is None else seeds.cells[label]
                row = ",".join([*cells, *(_quoted(one).replace("%", "%%") for one in group)])
                body = (row + "\n") * len(part)
                whole = part.astype(object) if texts else part
                for place, names in texts.items():
                    whole[:, place] = names[part[:, place].astype(int)]
                file.write(body % tuple(whole.ravel().tolist()))
                written += len(part)
                bar.update(line, completed=written)
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be written ({error.strerror or error}); choose a folder that may be "
            "written to, with room for the samples."
        ) from error
    return written


def _cell_formats(features: np.ndarray) -> list[str]:
    """Of each column's numbers: nine digits, and those by which it is far from 0.

    Example:
        >>> _cell_formats(np.array([[0.0, 1e9, 7.0], [1.0, 1e9 + 2.0, 7.0]]))
        ['%.9g', '%.17g', '%.9g']
    """
    size, spread = np.abs(features).max(axis=0), features.std(axis=0)
    far = np.log10(np.maximum(size / np.where(spread > 0, spread, np.inf) / 10.0, 1.0))
    return [f"%.{9 + min(int(np.ceil(extra)), 8)}g" for extra in far]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\r\n') else text
