"""Settings of every test and docstring example: float64, strict JAX, and the hypothesis profile.

Examples in docstrings run under the same settings: see test_docstrings.

Most of the time of the tests is compiling. Programs that run for milliseconds need not be compiled
as those that run for minutes (a third less time over all), and the processes of one session,
workers and commands under test, take from a common folder what one of them has compiled. Threads
of BLAS and of scikit-learn wait for each other at every small step: where a test fits many models,
one takes as little as a third of the processor time of two. What the environment sets already is
left as it is.
"""

import dataclasses
import functools
import gc
import inspect
import os
import re
import shutil
import tempfile

for _option in ("--xla_backend_optimization_level=0", "--xla_cpu_use_fusion_emitters=false"):
    if _option.partition("=")[0] not in os.environ.get("XLA_FLAGS", ""):
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_option}".strip()
os.environ.setdefault("OMP_NUM_THREADS", "1")
_COMPILED = None
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # workers inherit it
    _COMPILED = os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="compiled-")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")

gc.set_threshold(50_000, 20, 20)  # tracing makes many objects that live: a few per cent less time

import hypothesis
import jax
import jaxtyping
import pytest

_jaxtyped = jaxtyping.jaxtyped


def _typed(function=None, *, typechecker=None):
    """The hook's decorator, which for each call remembers shapes, only where there are shapes.

    Where no annotation is of arrays the type checker alone refuses the same arguments; two thirds
    of all functions are of this kind, and the difference is a sixth of the time of the tests.
    """
    if function is None:
        return functools.partial(_typed, typechecker=typechecker)
    if dataclasses.is_dataclass(function) and not hasattr(function.__init__, "__wrapped__"):
        function.__init__ = _typed(function.__init__, typechecker=typechecker)
        return function
    if not inspect.isfunction(function):
        return _jaxtyped(function, typechecker=typechecker)
    text = " ".join(map(str, function.__annotations__.values()))
    named = [str(function.__globals__.get(name, "")) for name in re.findall(r"\w+", text)]
    if any("jaxtyping" in one for one in (text, *named)):
        return _jaxtyped(function, typechecker=typechecker)
    checked = typechecker(function)

    @functools.wraps(function)
    def call(*arguments, **keywords):
        disabled = jaxtyping.config.jaxtyping_disable
        return (function if disabled else checked)(*arguments, **keywords)

    return call


jaxtyping.jaxtyped = _typed

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# "ci" draws the same examples each time; HYPOTHESIS_PROFILE=thorough searches for new ones.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, max_examples=25)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


_LONGEST = "test_the_recorded_run_passes_and_every_mutant_is_rejected_on_it"


def pytest_collection_modifyitems(items):
    """The longest test first: begun last, it would leave the other workers without work."""
    items.sort(key=lambda item: item.name != _LONGEST)


def pytest_unconfigure():
    """The folder of compiled programs goes with the session that made it."""
    if _COMPILED:
        shutil.rmtree(_COMPILED, ignore_errors=True)


@pytest.fixture
def as_installed():
    """Without the type-checking hook of these tests, which would refuse some arguments first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
