"""The suites of `verify`: what each checks, and how its experiments are simulated.

A suite is one setting: a configuration of groups, a discriminant setting, a scaling path. The name
of an experiment starts with its suite's, up to the first slash; experiments of one suite share
the key folded from its name, and with it their real data. To add a suite, add it to `SUITES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from synthetic_oversampling.simulate.checks.declaration import Check
from synthetic_oversampling.simulate.claims.benefit import phase_checks, phase_point
from synthetic_oversampling.simulate.claims.bias import configuration_checks
from synthetic_oversampling.simulate.claims.bounds import SUITE as BOUNDS
from synthetic_oversampling.simulate.claims.bounds import bound_checks
from synthetic_oversampling.simulate.claims.certificate import SUITE as CERTIFICATE
from synthetic_oversampling.simulate.claims.certificate import certificate_checks, replicated
from synthetic_oversampling.simulate.claims.global_law import (
    HYPERBOLA,
    global_law_checks,
    hyperbola_checks,
)
from synthetic_oversampling.simulate.claims.global_law import SUITE as GLOBAL_LAW
from synthetic_oversampling.simulate.claims.in_context.capacity import SUITE as IN_CONTEXT
from synthetic_oversampling.simulate.claims.in_context.capacity import capacity_checks
from synthetic_oversampling.simulate.claims.in_context.rows import SUITE as ROWS
from synthetic_oversampling.simulate.claims.in_context.rows import row_checks
from synthetic_oversampling.simulate.claims.independent import SUITE as INDEPENDENT
from synthetic_oversampling.simulate.claims.independent import independent_checks
from synthetic_oversampling.simulate.claims.metrics import SUITE as METRICS
from synthetic_oversampling.simulate.claims.metrics import expected_metric_checks, metric_checks
from synthetic_oversampling.simulate.claims.multiclass.simulated import SUITE as MULTICLASS
from synthetic_oversampling.simulate.claims.multiclass.simulated import (
    multiclass_checks,
    multiclass_simulation,
)
from synthetic_oversampling.simulate.claims.nonparametric import SUITE_NAME, nonparametric_checks
from synthetic_oversampling.simulate.claims.printed.checks import SUITE as PRINTED
from synthetic_oversampling.simulate.claims.printed.checks import printed_checks
from synthetic_oversampling.simulate.claims.printed.enumeration import two_point_checks
from synthetic_oversampling.simulate.claims.proportional import (
    LIMITS,
    THRESHOLDS,
    fitted_checks,
    limit_checks,
    simulation_of,
    threshold_checks,
)
from synthetic_oversampling.simulate.claims.risk import discriminant_checks
from synthetic_oversampling.simulate.claims.scaling import scaling_checks, scaling_path
from synthetic_oversampling.simulate.claims.worst_group import BLOCK, TIES, worst_group_checks
from synthetic_oversampling.simulate.claims.worst_group import SUITE as TIES_SUITE
from synthetic_oversampling.simulate.experiments import in_context, independent
from synthetic_oversampling.simulate.experiments.configurations import CONFIGURATIONS
from synthetic_oversampling.simulate.experiments.discriminant import DISCRIMINANTS
from synthetic_oversampling.simulate.experiments.experiment import experiment
from synthetic_oversampling.simulate.experiments.proportional_settings import SETTINGS
from synthetic_oversampling.simulate.experiments.sequences import functions_of
from synthetic_oversampling.simulate.verify.stages import Simulation

__all__ = ["SUITES", "Suite", "simulation"]


def _no_experiments(experiment_name: str) -> Simulation:
    raise ValueError(f"{experiment_name}: its suite has no experiments.")


class Suite(NamedTuple):
    """The checks and experiments of one setting.

    Attributes:
        name: first part of the names of its experiments.
        checks: ``profile -> checks``, which predicts nothing yet.
        simulation: ``experiment name -> Simulation``.
    """

    name: str
    checks: Callable[[str], Iterable[Check]]
    simulation: Callable[[str], Simulation] = _no_experiments


def _with_blocks(setting) -> Simulation:
    """Of a setting that says itself how many replicates fit into a block."""
    return Simulation(setting.functions(), setting.block)


def _on_configuration(name: str, profile: str) -> Iterator[Check]:
    yield from configuration_checks(name, profile)
    yield from expected_metric_checks(name, profile)


def _label(experiment_name: str) -> str:
    return experiment_name.split("/")[1]


_EVERY = (
    *(
        Suite(
            name,
            partial(_on_configuration, name),
            lambda name: _with_blocks(experiment(*name.split("/"))),
        )
        for name in CONFIGURATIONS
    ),
    *(
        Suite(
            name, partial(discriminant_checks, name), lambda name: _with_blocks(DISCRIMINANTS[name])
        )
        for name in DISCRIMINANTS
    ),
    Suite(
        SUITE_NAME, nonparametric_checks, lambda name: Simulation(functions_of(_label(name)), 64)
    ),
    Suite("two-points", two_point_checks),
    Suite(
        IN_CONTEXT, capacity_checks, lambda name: Simulation(*in_context.EXPERIMENTS[_label(name)])
    ),
    Suite(ROWS, row_checks, lambda name: Simulation(*in_context.ROW_EXPERIMENTS[_label(name)])),
    Suite(GLOBAL_LAW, global_law_checks),
    Suite(HYPERBOLA, hyperbola_checks),
    Suite(PRINTED, printed_checks),
    Suite(BOUNDS, bound_checks),
    Suite(
        CERTIFICATE, certificate_checks, lambda name: Simulation(replicated(name).functions(), 32)
    ),
    Suite("scaling", scaling_checks, lambda name: _with_blocks(scaling_path(name))),
    Suite(
        INDEPENDENT,
        independent_checks,
        lambda name: Simulation(*independent.EXPERIMENTS[_label(name)]),
    ),
    Suite(
        TIES_SUITE, worst_group_checks, lambda name: Simulation(TIES[_label(name)].functions, BLOCK)
    ),
    *(
        Suite(name, partial(fitted_checks, name), lambda name: Simulation(simulation_of(name), 50))
        for name in SETTINGS
    ),
    Suite(THRESHOLDS, threshold_checks, lambda name: Simulation(simulation_of(name), 50)),
    Suite(LIMITS, limit_checks),
    Suite(METRICS, metric_checks),
    Suite(MULTICLASS, multiclass_checks, lambda name: Simulation(*multiclass_simulation(name))),
    Suite("phases", phase_checks, lambda name: _with_blocks(phase_point(name))),
)
SUITES: dict[str, Suite] = {suite.name: suite for suite in _EVERY}  # every suite, by name


def simulation(experiment_name: str) -> Simulation:
    """How the named experiment is replicated.

    Args:
        experiment_name: as ``suite/name``.

    Example:
        >>> simulation("two-gaussians/raw").block
        128
    """
    return SUITES[experiment_name.split("/")[0]].simulation(experiment_name)
