"""Training of the network for whole rows: a fixed number of steps on new groups each time.

A step draws groups of ``prior``, asks for the law of rows that the network has not read, and
descends the mean of -log density a feature. Lengths take turns, so that few and many seeds are met
with the shapes that suit them. As for the other networks a run is a function of its recipe, and one
that is resumed ends in the same bits.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from synthetic_oversampling.theory.wording import counted
from synthetic_oversampling.transformer_toy import checkpoint, train
from synthetic_oversampling.transformer_toy.rows import conjugate, network, prior
from synthetic_oversampling.transformer_toy.rows.architecture import (
    Architecture,
    Params,
    init,
    shapes,
)

__all__ = ["LOSSES", "RowNetwork", "RowRecipe", "batch_loss", "load", "save", "train_rows"]

LOSSES = ("all", *prior.FAMILIES, "exact gaussian")  # columns of the record of losses


@dataclass(frozen=True, kw_only=True)
class RowRecipe(train.Schedule):
    """How a network for whole rows is trained.

    Args:
        steps: of the optimiser; warmup: of them, until the full rate; chunk: run at once.
        groups: groups a step, a multiple of 4.
        rows: rows a group whose law is asked.
        lengths: the most seeds a group, each length in turn; from a quarter of it (from 0 for the
            first) to all of it, log-uniform.
        features: of a group; half of the groups use them all, the others fewer.

    Example:
        >>> RowRecipe().lengths
        (16, 64, 256)
    """

    steps: int = 8400
    warmup: int = 200
    chunk: int = 60
    groups: int = 48
    rows: int = 8
    lengths: tuple[int, ...] = (16, 64, 256)
    features: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.lengths, tuple) or not all(
            isinstance(size, int) and not isinstance(size, bool) and size >= 1
            for size in self.lengths
        ):
            raise ValueError(
                f"RowRecipe.lengths: got {self.lengths!r}, expected a tuple of whole numbers "
                "from 1."
            )
        if self.groups % 4:
            raise ValueError(
                f"RowRecipe.groups: got {self.groups}, expected a multiple of 4: a quarter of the "
                "groups is of each family."
            )
        if not self.lengths or max(self.lengths) + self.rows > prior.SAMPLE:
            raise ValueError(
                f"RowRecipe.lengths: got {self.lengths} and {counted(self.rows, 'row')}, "
                f"expected lengths that leave room for those among {prior.SAMPLE}."
            )


@dataclass(frozen=True, kw_only=True)
class RowNetwork:
    """A trained network: its sizes, its weights, and how it was made.

    Attributes:
        arch: sizes; params: weights; about: recipe, versions and losses.
    """

    arch: Architecture
    params: Params
    about: dict


def _places(size: int) -> Int[Array, "1 N"]:
    return jnp.arange(size, dtype=jnp.int32)[None, :]


def _sizes(
    recipe: RowRecipe, turn: int, key: Key[Array, ""]
) -> tuple[Int[Array, " B"], Int[Array, " B"]]:
    """Numbers of seeds and of features of the groups of a step."""
    count_key, all_key, dim_key = jax.random.split(key, 3)
    most = recipe.lengths[turn]
    least = 0 if turn == 0 else most // 4
    u = jax.random.uniform(count_key, (recipe.groups,), jnp.float32)
    ratio = (1.0 + most) / (1.0 + least)
    count = jnp.floor((1.0 + least) * ratio**u).astype(jnp.int32) - 1
    fewer = jax.random.randint(dim_key, (recipe.groups,), 1, recipe.features + 1, jnp.int32)
    whole = jax.random.bernoulli(all_key, np.float32(0.5), (recipe.groups,))
    return jnp.clip(count, 0, most), jnp.where(whole, recipe.features, fewer)


def batch_loss(
    params: Params,
    arch: Architecture,
    recipe: RowRecipe,
    row_BxNxD: Float[Array, "B N D"],
    block_BxD: Int[Array, "B D"],
    turn: int,
    *,
    key: Key[Array, ""],
) -> tuple[Float[Array, ""], Float[Array, " L"]]:
    """The loss of one step on given groups, and its parts, nats a feature.

    Args:
        params: the network.
        arch: its sizes.
        recipe: how many seeds and rows are used.
        row_BxNxD: rows of groups; the last ``recipe.rows`` are those whose law is asked.
        block_BxD: which category each feature is part of, 0 for a number.
        turn: which of the recipe's lengths.
        key: a typed key, for the numbers of seeds and features.

    Returns:
        What is minimised, and ``LOSSES``: the mean, that of each family, and what the exact law
        of the Gaussian groups would have.

    Example:
        >>> recipe, arch = RowRecipe(groups=4, rows=2), Architecture()
        >>> params = init(arch, key=jax.random.key(0))
        >>> rows, block = jnp.zeros((4, 40, 5), jnp.float32), jnp.zeros((4, 5), jnp.int32)
        >>> run = lambda key: batch_loss(params, arch, recipe, rows, block, 0, key=key)
        >>> jax.eval_shape(run, jax.random.key(0))[1].shape
        (6,)
    """
    count, dims = _sizes(recipe, turn, key)
    kept = (_places(row_BxNxD.shape[2]) < dims[:, None]).astype(row_BxNxD.dtype)
    row_BxNxD = row_BxNxD * kept[:, None, :]
    x, y = row_BxNxD[:, : recipe.lengths[turn]], row_BxNxD[:, -recipe.rows :]
    share = kept / kept.sum(axis=1, keepdims=True)

    def a_group(dense: Array) -> Array:
        return -(dense.mean(axis=1) * share[: len(dense)]).sum(axis=1)

    loss = a_group(network.log_density(params, arch, x, count, dims, y, block_BxD))
    quarter = len(x) // 4
    used = (_places(x.shape[1]) < count[:quarter, None]).astype(x.dtype)
    known = conjugate.posterior(prior.exact_prior(x.dtype), x[:quarter], used)
    best = a_group(conjugate.log_density(known, y[:quarter])).mean()
    parts = [loss[start : start + quarter].mean() for start in range(0, 4 * quarter, quarter)]
    return loss.mean(), jax.lax.stop_gradient(jnp.stack([loss.mean(), *parts, best]))


@cache
def _chunk(arch: Architecture, recipe: RowRecipe) -> Callable:
    transform, key = train.optimiser(recipe), jax.random.key(recipe.seed)
    length = max(recipe.lengths) + recipe.rows

    def step(state: train.State, _: None) -> tuple[train.State, Array]:
        draw_key, size_key = jax.random.split(jax.random.fold_in(key, state.step))
        rows, block = prior.draw(recipe.groups, length, recipe.features, jnp.float32, key=draw_key)

        def of_turn(turn: int) -> Callable:
            def gradient(params: Params) -> tuple[Params, Array]:
                loss = jax.value_and_grad(batch_loss, has_aux=True)
                (_, parts), slope = loss(params, arch, recipe, rows, block, turn, key=size_key)
                return slope, parts

            return gradient

        turns = [of_turn(turn) for turn in range(len(recipe.lengths))]
        slope, parts = jax.lax.switch(state.step % len(turns), turns, state.params)
        return train.next_state(transform, recipe, state, slope), parts

    return jax.jit(lambda state: jax.lax.scan(step, state, length=recipe.chunk))


def train_rows(
    recipe: RowRecipe,
    *,
    arch: Architecture | None = None,
    path: Path | None = None,
    save_every: int = 600,
    resume: bool = False,
    show_progress: bool = False,
) -> tuple[RowNetwork, dict]:
    """Train a network for whole rows from its recipe, or go on from a checkpoint.

    Args:
        recipe: how.
        arch: the sizes; by default the usual ones.
        path: where the training state is written, atomically; nowhere if None.
        save_every: steps between checkpoints, rounded up to whole chunks.
        resume: go on from ``path`` instead of starting; its recipe must be this one.
        show_progress: draw a progress bar on standard error.

    Returns:
        The network, whose weights are the running average, and the log of ``train.train``.

    Raises:
        ValueError: if the checkpoint to resume from is of another run, or not named.
        FloatingPointError: if the loss stops being a number.

    Example:
        >>> RowRecipe(steps=120).chunk
        60
    """
    arch = arch or Architecture()
    about = {
        "architecture": asdict(arch),
        "recipe": asdict(recipe) | {"lengths": [*recipe.lengths]},
    }
    key = jax.random.fold_in(jax.random.key(recipe.seed), 2**31 - 1)
    params = init(arch, key=key)
    start = train.State(
        params, params, jax.jit(train.optimiser(recipe).init)(params), jnp.zeros((), jnp.int32)
    )
    state, log = train.advance_to_end(
        start,
        _chunk(arch, recipe),
        recipe,
        name="whole rows",
        about=about,
        path=path,
        save_every=save_every,
        resume=resume,
        show_progress=show_progress,
    )
    return RowNetwork(arch=arch, params=state.ema, about=about), log


def save(path: Path, net: RowNetwork, **about: object) -> None:
    """Write a network.

    Args:
        path: where; a ``.safetensors`` file.
        net: the network.
        **about: anything JSON can hold that says how it was made.
    """
    checkpoint.write_tensors(path, net.params, checkpoint.ROWS, net.about | about)


def load(path: Path) -> RowNetwork:
    """Read a network, checking that the file holds what it describes.

    Args:
        path: a file that ``save`` wrote.

    Raises:
        CheckpointError: if the file is missing, damaged, foreign or inconsistent.

    Example:
        >>> load(Path("missing.safetensors"))
        Traceback (most recent call last):
        ...
        synthetic_oversampling.transformer_toy.checkpoint.CheckpointError: \
missing.safetensors: no such file. Pass the \
path of a checkpoint.
    """
    tensors, about = checkpoint.read_tensors(path, checkpoint.ROWS)
    try:
        arch = Architecture(**about["architecture"])
    except (KeyError, TypeError, ValueError) as error:
        raise checkpoint.CheckpointError(
            f"{path}: its description is damaged ({error}); copy it again or train anew."
        ) from error
    got = {name: tensor.shape for name, tensor in tensors.items()}
    checkpoint.require_shapes(path, got, shapes(arch))
    params = jax.device_put({name: tensors[name] for name in shapes(arch)})
    return RowNetwork(arch=arch, params=params, about=about)
