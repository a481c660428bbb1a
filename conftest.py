"""Settings of every test and docstring example: float64, strict JAX, and the hypothesis profile.

It stands at the root, so that the examples in the packages run under the same settings as tests/.
"""

import os

import hypothesis
import jax
import jaxtyping
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# "ci" draws the same examples each time; HYPOTHESIS_PROFILE=thorough searches for new ones.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, max_examples=25)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def as_installed():
    """Without the type-checking hook of these tests, which would refuse some arguments first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
