"""Synthetic samples for labelled seeds, in the user's units, from the network for whole rows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Array, Key
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from synthetic_oversampling.simulate.arguments import check_new
from synthetic_oversampling.simulate.artifacts import ArtifactError, replacing
from synthetic_oversampling.transformer_toy.rows import writer
from synthetic_oversampling.transformer_toy.rows.training import RowNetwork
from synthetic_oversampling.transformer_toy.seeds import SeedError, Seeds, joined_seeds

__all__ = ["balanced_counts", "generate", "write_csv"]


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
    net: RowNetwork,
    seeds: Seeds,
    counts: dict[str, int] | None = None,
    *,
    key: Key[Array, ""],
    scaling: str = "covariance",
    together: bool = False,
    batch: int = writer.BATCH,
) -> Iterator[tuple[str, np.ndarray]]:
    """Synthetic samples for every group, a batch at a time.

    Categories that belong together (``tables.kinds.joined``) are written as one, in combinations
    that seeds have.

    Args:
        net: the network.
        seeds: labelled seeds; all of them set the units, each group's own set its law.
        counts: how many samples for which label; ``balanced_counts`` if None.
        key: a typed key.
        scaling: how units are set, see ``seeds.pooled_covariance``.
        together: read all groups for each of them, with label and attribute as categories that
            are given.
        batch: samples a batch.

    Yields:
        (label, samples), samples of shape (at most batch, d) in the user's units; categories are
        codes, as in the seeds.

    Raises:
        SeedError: before anything is drawn, if a label has no seeds, a count is not a whole number
            from 0, or the seeds cannot be used.

    Warns:
        BeyondTraining: for every doubt of ``writer.unlike_training``.

    Example:
        >>> import jax
        >>> from synthetic_oversampling.transformer_toy.checkpoint import SHIPPED_ROWS
        >>> from synthetic_oversampling.transformer_toy.rows.training import load
        >>> from synthetic_oversampling.transformer_toy.seeds import from_arrays
        >>> seeds = from_arrays(np.arange(6.0)[:, None], np.array(list("aaaabb")))
        >>> parts = generate(load(SHIPPED_ROWS), seeds, key=jax.random.key(0))
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
    one = joined_seeds(seeds)
    parts = writer.group_rows(
        net, one.seeds, counts, scaling, together=together, key=key, batch=batch
    )
    return ((label, one.apart(part)) for label, part in parts)


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
