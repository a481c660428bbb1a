"""The main programs lower for GPUs and TPUs.

Lowering for a platform needs no device of it. An operation that only the CPU has is refused there,
and so is a call back into Python.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from synthetic_oversampling.simulate.experiments.experiment import experiment
from synthetic_oversampling.simulate.sampling.datasets import draw_dataset
from synthetic_oversampling.theory.compiling import quick_jit
from synthetic_oversampling.theory.population.margins import LOGISTIC
from synthetic_oversampling.theory.population.minimum import minimise
from synthetic_oversampling.theory.prediction.bias import population
from synthetic_oversampling.theory.prediction.influence import _fitted
from synthetic_oversampling.transformer_toy import heads, model, tasks, train

PLATFORMS = ("cuda", "tpu")


def _lowered(function, *arguments) -> list[str]:
    traced = jax.jit(function).trace(*arguments)
    return [traced.lower(lowering_platforms=(platform,)).as_text() for platform in PLATFORMS]


def _prediction(label):
    experiment_ = experiment("line", label)
    pieces = population(experiment_.configuration.groups, experiment_.design, experiment_.generator)
    families, target = pieces.masses.families, pieces.target
    rest, room = (pieces.laws, jnp.stack(pieces.masses)), pieces.real.weights.shape[1]

    def predict(law, points, matrix, rest):
        return minimise(law), _fitted(points, matrix, *rest, room, families, LOGISTIC)

    return predict, (target, jnp.array([[0.0, 0.0], [1.0, 1.0]]), jnp.eye(2), rest)


def _experiment():
    draw, evaluate, shared = experiment("line", "raw").functions()
    keys = jax.random.split(jax.random.key(0), 4)
    return jax.vmap(lambda key: evaluate(draw(key), shared)), (keys,)


def _smote():
    experiment_ = experiment("line", "smote")
    groups, design, generator = (
        experiment_.configuration.groups,
        experiment_.design,
        experiment_.generator,
    )
    return (lambda key: draw_dataset(groups, design, generator, key=key)), (jax.random.key(0),)


_SMALL = model.Architecture(2, 0, 3, width=8, num_layers=1, dim_head=4, hidden_embed=4, hidden=8)
_RECIPE = train.Recipe(seed=3, steps=4, groups=4, max_count=8, chunk=2, warmup=2)


def _training():
    task = tasks.unknown_mean(dim=2)
    return train.chunk_of_steps(task, _RECIPE), (train.initial_state(task, _SMALL, _RECIPE),)


def _generation():
    def draw(state, token, key):
        law = train.law_of(state.params, task, token, jnp.full((1, 1), 5, jnp.int32))
        return heads.sample(law, 16, key=key)

    task = tasks.unknown_mean(dim=2)
    state = train.initial_state(task, _SMALL, _RECIPE)
    token = jnp.ones((1, 5, 2), state.params["query"].dtype)
    return draw, (state, token, jax.random.key(0))


PROGRAMS = {
    "prediction, fitted generator": lambda: _prediction("plugin-pooled"),
    "prediction, interpolation": lambda: _prediction("smote"),
    "experiment": _experiment,
    "smote": _smote,
    "training": _training,
    "generation": _generation,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_main_programs_lower_for_gpus_and_tpus(name):
    function, arguments = PROGRAMS[name]()
    assert all("stablehlo" in text for text in _lowered(function, *arguments))


def _host(x):
    return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)


@pytest.mark.parametrize("function", [jnp.linalg.eig, _host])
def test_what_only_the_cpu_can_do_is_refused(function):
    with pytest.raises((NotImplementedError, ValueError), match="platform|backend"):
        _lowered(function, jnp.eye(2))


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
@pytest.mark.parametrize("level", [0, None])
def test_a_short_program_runs_on_the_cpu_of_a_machine_with_an_accelerator(
    monkeypatch, backend, level
):
    places = []

    def double(x):
        places.append(jax.config.jax_default_device)
        return 2 * x

    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    assert float(quick_jit(double, level=level)(1.5)) == 3.0
    home = jax.local_devices(backend="cpu")[0] if (backend, level) == ("gpu", 0) else None
    assert places == [home]
