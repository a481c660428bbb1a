"""Every example of a docstring does what it shows, and a record says what its fields are."""

import dataclasses
import doctest
import importlib
import inspect
import pkgutil
import re

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


def _fields(kind: type) -> list[str]:
    """Of a record's own, without those of its bases."""
    names = getattr(kind, "_fields", ())
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
    own = inspect.get_annotations(kind)
    return [name for name in names if name in own and not name.startswith("_")]


def test_every_field_of_a_public_record_is_in_its_docstring():
    silent = {}
    for name in MODULES:
        module = importlib.import_module(name)
        for offered in getattr(module, "__all__", ()):
            kind = getattr(module, offered)
            if inspect.isclass(kind) and kind.__module__ == name:
                words = set(re.findall(r"\w+", inspect.getdoc(kind) or ""))
                if missing := [field for field in _fields(kind) if field not in words]:
                    silent[f"{name}.{offered}"] = missing
    assert not silent
