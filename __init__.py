"""Synthetic oversampling: its theory, simulations that check it, and its use on tables.

* `theory`: every theorem, as a formula and as a function; start with ``theory.predict``.
* `simulate`: Monte Carlo of the same quantities, and the verifier that compares the two.
* `transformer_toy`: a transformer that reads a group's seeds and generates new samples.
* `figures`: the plots of the theory.
* `practice`: the planner, resamplers for scikit-learn pipelines, and benchmarks on real tables.

On the command line all of it is ``oversampling``; ``oversampling --help`` lists the commands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["__version__", "lazy"]


def lazy(package: str, names: Mapping[str, str]) -> Callable[[str], object]:
    """A module's ``__getattr__`` that imports names when they are first asked for.

    So ``oversampling --help``, and all that needs one module only, does not wait for JAX.

    Args:
        package: ``__name__`` of the package that offers the names.
        names: by module below it, what that module defines, with spaces between.

    Example:
        >>> lazy("synthetic_oversampling.theory", {"population.design": "Design"})("Design")
        <class 'synthetic_oversampling.theory.population.design.Design'>
    """
    homes = {name: module for module, line in names.items() for name in line.split()}

    def __getattr__(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return __getattr__


def __getattr__(name: str) -> str:
    """``__version__``, read when it is asked for: that of the installed package."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("synthetic-oversampling")
    except PackageNotFoundError:  # a folder that nobody installed
        return "not installed"
