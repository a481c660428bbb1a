"""The suites of `verify`: what each checks, and how its experiments are simulated.

A suite is one setting: a configuration of groups, a discriminant setting, a scaling path. The name
of an experiment starts with its suite's, up to the first slash; experiments of one suite share
the key folded from its name, and with it their real data. To add a suite, add it to `SUITES`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from simulate import in_context
from simulate.checks import Check
from simulate.claims import configuration_checks, discriminant_checks, experiment_labels
from simulate.claims_capacity import SUITE as IN_CONTEXT
from simulate.claims_capacity import capacity_checks
from simulate.claims_hyperbola import SUITE as HYPERBOLA
from simulate.claims_hyperbola import hyperbola_checks
from simulate.claims_nonparametric import SUITE_NAME, nonparametric_checks
from simulate.claims_phases import phase_checks, phase_point
from simulate.claims_scaling import scaling_checks, scaling_path
from simulate.configurations import CONFIGURATIONS
from simulate.discriminant import DISCRIMINANTS
from simulate.enumeration import two_point_checks
from simulate.experiments import experiment
from simulate.sequences import functions_of

__all__ = ["SUITES", "Preparation", "Simulation", "Suite", "simulation"]


class Simulation(NamedTuple):
    """How an experiment is replicated.

    Attributes:
        functions: for `simulate.monte_carlo.run`.
        block: replicates computed together.
    """

    functions: Callable | tuple[Callable, Callable]
    block: int


class Preparation(NamedTuple):
    """A prediction that may be computed ahead, on any thread.

    Attributes:
        name: of its experiment.
        first: whether it compiles a form that others share: it then runs before them.
        compute: does it, and keeps the result where the checks find it.
    """

    name: str
    first: bool
    compute: Callable[[], object]


@dataclasses.dataclass(frozen=True)
class Suite:
    """The checks and experiments of one setting.

    Attributes:
        name: first part of the names of its experiments.
        checks: ``profile -> checks``, predicted as they are built.
        simulation: ``experiment name -> Simulation``.
        preparations: ``profile -> predictions that the checks will need``.
    """

    name: str
    checks: Callable[[str], Iterable[Check]]
    simulation: Callable[[str], Simulation]
    preparations: Callable[[str], Sequence[Preparation]] = lambda profile: ()


_FORMS = ("raw", "plugin-pooled", "smote")  # designs that between them compile every form


def _of_configuration(name: str) -> Suite:
    def prepare(label: str) -> None:
        own = experiment(name, label)
        _ = own.probe, own.objective

    def preparations(profile: str) -> list[Preparation]:
        return [
            Preparation(f"{name}/{label}", label in _FORMS, lambda label=label: prepare(label))
            for label in experiment_labels(name, profile)
        ]

    def simulated(experiment_name: str) -> Simulation:
        own = experiment(*experiment_name.split("/"))
        return Simulation(own.functions(), own.block)

    return Suite(name, lambda profile: configuration_checks(name, profile), simulated, preparations)


def _without_experiments(name: str, checks: Callable[[str], Iterable[Check]]) -> Suite:
    def simulated(experiment_name: str) -> Simulation:
        raise ValueError(f"{experiment_name}: suite {name} has no experiments.")

    return Suite(name, checks, simulated)


def _of_discriminant(name: str) -> Suite:
    setting = DISCRIMINANTS[name]
    return Suite(
        name,
        lambda profile: discriminant_checks(name, profile),
        lambda _: Simulation(setting.functions(), setting.block),
    )


_SEQUENCE = Suite(
    SUITE_NAME,
    nonparametric_checks,
    lambda name: Simulation(functions_of(name.split("/")[1]), 64),
)
_IN_CONTEXT = Suite(
    IN_CONTEXT,
    capacity_checks,
    lambda name: Simulation(*in_context.EXPERIMENTS[name.split("/")[1]]),
)


def _path_simulation(experiment_name: str) -> Simulation:
    own = scaling_path(experiment_name)
    return Simulation(own.functions(), own.block)


def _phase_simulation(experiment_name: str) -> Simulation:
    own = phase_point(experiment_name)
    return Simulation(own.functions(), own.block)


SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        *map(_of_configuration, CONFIGURATIONS),
        *map(_of_discriminant, DISCRIMINANTS),
        _SEQUENCE,
        _without_experiments("two-points", two_point_checks),
        _IN_CONTEXT,
        _without_experiments(HYPERBOLA, hyperbola_checks),
        Suite("scaling", scaling_checks, _path_simulation),
        Suite("phases", phase_checks, _phase_simulation),
    )
}


def simulation(experiment_name: str) -> Simulation:
    """How the named experiment is replicated.

    Example:
        >>> simulation("two-gaussians/raw").block
        32
    """
    return SUITES[experiment_name.split("/")[0]].simulation(experiment_name)
