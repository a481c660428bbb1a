"""Training: a fixed number of steps of Adam on the divergence from the groups' true laws.

Each step draws new groups and asks the network after several log-spaced prefixes of each; the loss
is averaged in closed form over the next sample. Everything random is folded from the seed and the
step, so a run is a function of its configuration, and one resumed from a checkpoint ends in the
same bits as one that was never stopped.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from synthetic_oversampling.transformer_toy import checkpoint, heads, model, tasks
from synthetic_oversampling.transformer_toy.evaluation import divergence

__all__ = [
    "Recipe",
    "Schedule",
    "State",
    "advance_to_end",
    "architecture",
    "batch_loss",
    "chunk_of_steps",
    "initial_state",
    "law_of",
    "next_state",
    "optimiser",
    "prefix_counts",
    "train",
]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Steps of an optimiser.

    Args:
        seed: of everything random.
        steps: optimiser steps.
        learning_rate: peak of Adam(0.9, 0.99); linear warm-up, then cosine to 0.
        warmup: steps of warm-up.
        clip: global norm that gradients are clipped to.
        ema: decay of the running average of the parameters, which is what is kept.
        chunk: steps compiled into one call; progress and checkpoints come between calls.

    Example:
        >>> Schedule().steps
        12000
    """

    seed: int = 0
    steps: int = 12_000
    learning_rate: float = 3e-3
    warmup: int = 500
    clip: float = 1.0
    ema: float = 0.999
    chunk: int = 200

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if isinstance(field.default, int):
                least = 0 if name == "seed" else 1
                if not isinstance(value, int) or isinstance(value, bool) or value < least:
                    raise ValueError(
                        f"Recipe.{name}: got {value!r}, expected a whole number from {least}."
                    )
            elif isinstance(field.default, float) and not 0.0 < value < math.inf:
                raise ValueError(f"Recipe.{name}: got {value!r}, expected a number above 0.")
        if self.ema >= 1.0:
            raise ValueError(f"Recipe.ema: got {self.ema!r}, expected a number below 1.")
        if self.steps % self.chunk:
            raise ValueError(
                f"Recipe.chunk: got {self.chunk}, expected a divisor of steps = {self.steps}. "
                "Training advances by whole chunks; change one of the two."
            )


@dataclass(frozen=True, kw_only=True)
class Recipe(Schedule):
    """How a network is trained.

    Args:
        groups: groups a step.
        prefixes: prefixes a group, stratified and log-spaced from 0 to below ``max_count``.
        max_count: seeds drawn for a group; training shows fewer than that.

    Example:
        >>> Recipe().steps
        12000
    """

    groups: int = 128
    prefixes: int = 8
    max_count: int = 64


def calls_of(steps: int, most: int) -> int:
    """Steps a compiled call: the most, up to the usual number, that divide all of them.

    Example:
        >>> calls_of(12_000, 200), calls_of(300, 200)
        (200, 150)
    """
    return next(size for size in range(most, 0, -1) if steps % size == 0)


class State(NamedTuple):
    """Everything that a step changes: `params`, their average `ema`, `optimiser` and `step`."""

    params: model.Params
    ema: model.Params
    optimiser: optax.OptState
    step: Int[Array, ""]


def optimiser(recipe: Schedule) -> optax.GradientTransformation:
    """Clipping, then Adam(0.9, 0.99), then a warm-up and a cosine to 0.

    Args:
        recipe: the schedule's numbers.

    Returns:
        The optax transformation.

    Example:
        >>> optimiser(Recipe()).update.__name__
        'update_fn'
    """
    warmup = min(recipe.warmup, recipe.steps // 2)
    rate = optax.warmup_cosine_decay_schedule(0.0, recipe.learning_rate, warmup, recipe.steps)
    return optax.chain(
        optax.clip_by_global_norm(recipe.clip),
        optax.scale_by_adam(b1=0.9, b2=0.99),
        optax.scale_by_learning_rate(rate),
    )


def architecture(task: tasks.Task, **sizes: int) -> model.Architecture:
    """The architecture that fits a task.

    Args:
        task: the family.
        **sizes: any size of ``model.Architecture`` other than those the task decides.

    Returns:
        The architecture.

    Example:
        >>> architecture(tasks.unknown_mean(dim=2)).dim_out
        3
    """
    out = heads.dim_out(task.head, task.dim, task.components)
    return model.Architecture(task.dim_token, task.dim_condition, out, **sizes)


def prefix_counts(recipe: Recipe, *, key: Key[Array, ""]) -> Int[Array, "B P"]:
    """Numbers of seeds, log-spaced from 0 to below ``max_count``, stratified within each group.

    Args:
        recipe: how many groups and prefixes, and the most seeds.
        key: a typed key.

    Returns:
        floor((1 + max_count)^u) - 1 with u uniform in its own part of [0, 1).

    Example:
        >>> import jax
        >>> counts = prefix_counts(Recipe(), key=jax.random.key(0))
        >>> counts.shape, int(counts.min()), bool(counts.max() < 64)
        ((128, 8), 0, True)
    """
    jitter = jax.random.uniform(key, (recipe.groups, recipe.prefixes), jnp.float32)
    u = (jnp.arange(recipe.prefixes, dtype=jnp.float32)[None, :] + jitter) / recipe.prefixes
    counts = jnp.floor((1.0 + recipe.max_count) ** u) - 1.0
    return jnp.clip(counts, 0.0, recipe.max_count - 1.0).astype(jnp.int32)


def law_of(
    params: model.Params, task: tasks.Task, token_BxNxD: Array, count_BxP: Array
) -> heads.Law:
    """The law that a network gives after each prefix of the seeds.

    Args:
        params: the network.
        task: the family it is for.
        token_BxNxD: seeds as tokens.
        count_BxP: prefix lengths.

    Returns:
        A law with leading axes (B, P).

    Example:
        >>> import jax, jax.numpy as jnp
        >>> task = tasks.unknown_mean(dim=2)
        >>> params = model.zeros(architecture(task))
        >>> seeds, counts = jnp.ones((1, 3, 2), jnp.float32), jnp.full((1, 1), 3)
        >>> jax.eval_shape(lambda x, n: law_of(params, task, x, n), seeds, counts).mean.shape
        (1, 1, 2)
    """
    asked = tasks.conditions(task, token_BxNxD.dtype)
    raw = model.apply(params, token_BxNxD, count_BxP, asked)
    return heads.interpret(task.head, raw, task.dim, task.components, task.dictionary)


def batch_loss(
    params: model.Params, task: tasks.Task, recipe: Recipe, *, key: Key[Array, ""]
) -> Float[Array, ""]:
    """The loss of one step: groups, seeds and prefixes are drawn from the key.

    The heads' mass exponents stay at 0, softmax attention: heads that sum over the seeds feed
    squared units numbers of order n^2, and training them diverges.

    Args:
        params: the network; its dtype is the dtype of the draws.
        task: the family.
        recipe: sizes.
        key: a typed key.

    Returns:
        Mean divergence from the true laws, in nats.

    Example:
        >>> import jax
        >>> task = tasks.unknown_mean(dim=2)
        >>> zero, key = model.zeros(architecture(task)), jax.random.key(0)
        >>> jax.eval_shape(lambda k: batch_loss(zero, task, Recipe(), key=k), key).shape
        ()
    """
    group_key, prefix_key, node_key = jax.random.split(key, 3)
    dtype = params["query"].dtype
    params = {
        name: jax.lax.stop_gradient(value) if name.endswith("mass_exponent") else value
        for name, value in params.items()
    }
    assert task.draw is not None  # only a network that is written down has a task without it
    truth, token_BxNxD = task.draw(recipe.groups, recipe.max_count, dtype, key=group_key)
    law = law_of(params, task, token_BxNxD, prefix_counts(recipe, key=prefix_key))
    return divergence.loss(truth, law, key=node_key).mean()


def initial_state(task: tasks.Task, arch: model.Architecture, recipe: Recipe) -> State:
    """The state before the first step.

    Args:
        task: the family; its head decides the biases of the read-out.
        arch: the sizes.
        recipe: its seed.

    Returns:
        The state.

    Example:
        >>> task = tasks.unknown_mean()
        >>> int(initial_state(task, architecture(task), Recipe()).step)
        0
    """
    params = model.init(arch, key=jax.random.fold_in(jax.random.key(recipe.seed), 2**31 - 1))
    raw = heads.initial_raw(task.head, task.dim, task.components)
    params["readout.bias"] = jnp.asarray(raw, params["readout.bias"].dtype)
    step = jnp.zeros((), jnp.int32)
    return State(params, params, jax.jit(optimiser(recipe).init)(params), step)


def chunk_of_steps(
    task: tasks.Task, recipe: Recipe
) -> Callable[[State], tuple[State, Float[Array, " chunk"]]]:
    """A compiled function that advances a state by ``recipe.chunk`` steps.

    Args:
        task: the family.
        recipe: the schedule.

    Returns:
        A function from a state to the next state and the losses on the way.

    Example:
        >>> task, recipe = tasks.unknown_mean(), Recipe(steps=2, chunk=1, groups=4)
        >>> start = initial_state(task, architecture(task), recipe)
        >>> state, losses = chunk_of_steps(task, recipe)(start)
        >>> int(state.step), losses.shape
        (1, (1,))
    """
    return _compiled(json.dumps(task.spec), recipe)


@cache
def _compiled(spec: str, recipe: Recipe) -> Callable:
    task = tasks.from_spec(json.loads(spec))
    transform, key = optimiser(recipe), jax.random.key(recipe.seed)

    def step(state: State, _: None) -> tuple[State, Array]:
        step_key = jax.random.fold_in(key, state.step)
        value, gradient = jax.value_and_grad(batch_loss)(state.params, task, recipe, key=step_key)
        return next_state(transform, recipe, state, gradient), value

    return jax.jit(lambda state: jax.lax.scan(step, state, length=recipe.chunk))


def next_state(
    transform: optax.GradientTransformation, recipe: Schedule, state: State, gradient: model.Params
) -> State:
    """The state after one step along a gradient.

    Args:
        transform: from ``optimiser``.
        recipe: its decay of the running average, which grows to its value, so that the average
            forgets the start.
        state: before.
        gradient: of the loss.

    Example:
        >>> recipe, one = Schedule(), {"w": jnp.ones(1)}
        >>> start = State(one, one, optimiser(recipe).init(one), jnp.zeros((), jnp.int32))
        >>> int(next_state(optimiser(recipe), recipe, start, one).step)
        1
    """
    with jax.numpy_dtype_promotion("standard"):  # optax mixes integer counts and floats
        update, inner = transform.update(gradient, state.optimiser, state.params)
    params = jax.tree.map(lambda old, new: old + new.astype(old.dtype), state.params, update)
    count = state.step.astype(jnp.float32)
    decay = jnp.minimum(recipe.ema, (1.0 + count) / (10.0 + count))
    ema = jax.tree.map(
        lambda old, new: decay.astype(old.dtype) * old + (1.0 - decay).astype(old.dtype) * new,
        state.ema,
        params,
    )
    return State(params, ema, inner, state.step + 1)


def train(
    task: tasks.Task,
    recipe: Recipe,
    *,
    arch: model.Architecture | None = None,
    path: Path | None = None,
    save_every: int = 2_000,
    resume: bool = False,
    show_progress: bool = False,
) -> tuple[State, dict]:
    """Train a network from its recipe, or go on from a checkpoint.

    Args:
        task: the family.
        recipe: how.
        arch: the sizes; by default those of ``architecture(task)``.
        path: where the training state is written, atomically; nowhere if None.
        save_every: steps between checkpoints, rounded up to whole chunks.
        resume: go on from ``path`` instead of starting; its recipe must be this one.
        show_progress: draw a progress bar on standard error.

    Returns:
        The last state, and a log: losses (one mean a chunk), seconds, processor seconds.

    Raises:
        ValueError: if the checkpoint to resume from is of another run, or not named.
        FloatingPointError: if the loss stops being a number.

    Example:
        >>> recipe = Recipe(steps=2, chunk=1, groups=4)
        >>> state, log = train(tasks.unknown_mean(), recipe)
        >>> int(state.step), len(log["loss"])
        (2, 2)
    """
    arch = arch or architecture(task)
    about = {"task": task.spec, "architecture": asdict(arch), "recipe": asdict(recipe)}
    return advance_to_end(
        initial_state(task, arch, recipe),
        chunk_of_steps(task, recipe),
        recipe,
        name=task.spec["name"],
        about=about,
        path=path,
        save_every=save_every,
        resume=resume,
        show_progress=show_progress,
    )


def advance_to_end(
    state: State,
    advance: Callable[[State], tuple[State, Array]],
    recipe: Schedule,
    *,
    name: str,
    about: dict,
    path: Path | None,
    save_every: int,
    resume: bool,
    show_progress: bool,
) -> tuple[State, dict]:
    """Train chunk by chunk to the last step, saving the state on the way; else as ``train``.

    Args:
        state: before the first step.
        advance: a chunk of steps: the next state, and the losses on the way; the first axis is
            steps, and the first column, if there are several, is what is minimised.
        recipe: how many steps.
        name: for the progress bar.
        about: what the run is; a state to resume from must be of the same.
        path, save_every, resume, show_progress: as for ``train``.

    Returns:
        The last state, and a log: losses (one mean a chunk), seconds, processor seconds.
    """
    if resume:
        if path is None:
            raise ValueError("path: got None with resume=True, expected the state to go on from.")
        state = checkpoint.load_state(path, state, about)
    losses: list = []
    started, spent = time.perf_counter(), time.process_time()
    bar = Progress(
        TextColumn("training {task.fields[name]}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} steps  loss {task.fields[loss]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not show_progress,
    )
    with bar:
        line = bar.add_task("", total=recipe.steps, completed=int(state.step), name=name, loss="-")
        while (done := int(state.step)) < recipe.steps:
            state, values = advance(state)
            losses.append(np.asarray(values, np.float64).mean(axis=0).tolist())
            loss = float(np.ravel(losses[-1])[0])
            if not loss < float("inf"):
                raise FloatingPointError(
                    f"the loss is {loss} after step {done + recipe.chunk}: training "
                    "diverged. Lower the learning rate or the clip, or try another seed."
                )
            bar.update(line, completed=int(state.step), loss=f"{loss:.6f}")
            due = (done + recipe.chunk) // save_every > done // save_every
            if path is not None and (due or done + recipe.chunk >= recipe.steps):
                checkpoint.save_state(path, state, about)
    seconds = time.perf_counter() - started
    return state, {"loss": losses, "seconds": seconds, "cpu_seconds": time.process_time() - spent}
