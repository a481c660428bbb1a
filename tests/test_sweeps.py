"""Sweeps and figures go together: all that is computed is drawn, all that is set is said."""

from pathlib import Path

import numpy as np
import pytest

from synthetic_oversampling.figures import style
from synthetic_oversampling.figures.gallery import FIGURES
from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.sweeps import table as sweeps
from synthetic_oversampling.simulate.sweeps.common import fitted_exponent, generators_of

DATA = Path(__file__).parent / "figure_artifacts"


def _tiny(name: str) -> dict:
    """A small artifact of a sweep."""
    return artifacts.load(DATA / f"{name}.json", kind=sweeps.KIND)


class _Read(dict):
    """A part of an artifact that enters what is read of it in a set, by its path."""

    def __init__(self, part, read, path=()):
        super().__init__({key: _read(value, read, (*path, key)) for key, value in part.items()})
        self._read, self._path = read, path

    def __getitem__(self, key):
        self._read.add((*self._path, key))
        return super().__getitem__(key)

    def items(self):
        return [(key, self[key]) for key in self]

    def values(self):
        return [self[key] for key in self]


def _read(value, read, path=()):
    if isinstance(value, list):
        return [_read(item, read, path) for item in value]
    return _Read(value, read, path) if isinstance(value, dict) else value


def _paths(value, path=()):
    for item in value if isinstance(value, list) else [value]:
        for key, part in item.items() if isinstance(item, dict) else ():
            yield (*path, key)
            yield from _paths(part, (*path, key))


def test_all_that_the_sweeps_compute_is_drawn():
    read = {name: set() for name in sweeps.SWEEPS}
    payloads = {name: _tiny(name)["payload"] for name in sweeps.SWEEPS}
    for spec in FIGURES.values():
        spec.draw(*(_read(payloads[name], read[name]) for name in spec.sweeps))
    left = {
        f"{name}: {'.'.join(path)}"
        for name, payload in payloads.items()
        for path in set(_paths(payload)) - read[name]
        if path[0] != "counts" and path[-1] not in ("replicates", "value")  # said, not drawn
    }
    assert left == {"raw_imbalance: distance"}


def test_a_fitted_exponent_is_that_of_the_points_where_they_show_one():
    x = np.geomspace(10.0, 1e5, 9)
    bent, flat = (
        fitted_exponent(x, {"mean": y, "std_error": 0.01 * y})
        for y in (2.0 * (1 + x / 50) ** -0.7, 0 * x + 3.0)
    )
    assert bent["low"] < 0.7 < bent["high"] < 0.8 and flat is None
    assert style.exponent({"exponent": 0.7, "fitted": bent}).startswith("0.700 (0.6")


def test_a_generator_has_no_number_that_the_settings_do_not_say():
    with pytest.raises(KeyError, match="scale"):
        generators_of({"shift": [0.1], "generators": ["shifted", "scaled"]})
    drawn = _tiny("bias_by_generator")
    assert set(drawn["payload"]["generators"]) == set(generators_of(drawn["configuration"]))


def test_every_sweep_bears_the_name_of_a_figure():
    drawn = {name for spec in FIGURES.values() for name in spec.sweeps[:1]}
    assert drawn <= set(FIGURES) and set(sweeps.SWEEPS) - drawn == {"transformer_kl_trained"}
