"""Every example of a docstring does what it shows."""

import doctest
import importlib
import pkgutil

import pytest

import synthetic_oversampling

MODULES = sorted(
    found.name
    for package in ("theory", "simulate", "transformer_toy", "figures", "practice")
    for found in pkgutil.walk_packages(
        [f"{synthetic_oversampling.__path__[0]}/{package}"], f"synthetic_oversampling.{package}."
    )
)


@pytest.mark.parametrize(
    "name", [*MODULES, "synthetic_oversampling", "synthetic_oversampling.__main__"]
)
def test_the_examples_of_a_module_are_right(name):
    assert not doctest.testmod(importlib.import_module(name)).failed


def test_most_modules_have_an_example():
    found = [doctest.DocTestFinder().find(importlib.import_module(name)) for name in MODULES]
    assert sum(any(part.examples for part in item) for item in found) > len(MODULES) / 3
