"""The suites of `verify`: what each checks, and how its experiments are simulated.

A suite is one setting: a configuration of groups, a discriminant setting, a scaling path. The name
of an experiment starts with its suite's, up to the first slash; experiments of one suite share
the key folded from its name, and with it their real data. To add a suite, add it to `SUITES`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from synthetic_oversampling.simulate.checks.check import Check
from synthetic_oversampling.simulate.claims.benefit import SEPARATIONS, phase_checks, phase_point
from synthetic_oversampling.simulate.claims.bias import (
    CLOSE,
    LABELS,
    configuration_checks,
    experiment_labels,
)
from synthetic_oversampling.simulate.claims.bounds import LABELS as BOUND_LABELS
from synthetic_oversampling.simulate.claims.bounds import SUITE as BOUNDS
from synthetic_oversampling.simulate.claims.bounds import bound_checks
from synthetic_oversampling.simulate.claims.capacity import SUITE as IN_CONTEXT
from synthetic_oversampling.simulate.claims.capacity import capacity_checks
from synthetic_oversampling.simulate.claims.certificate import LABELS as CERTIFICATES
from synthetic_oversampling.simulate.claims.certificate import SUITE as CERTIFICATE
from synthetic_oversampling.simulate.claims.certificate import certificate_checks, replicated
from synthetic_oversampling.simulate.claims.global_law import SUITE as GLOBAL_LAW
from synthetic_oversampling.simulate.claims.global_law import global_law_checks
from synthetic_oversampling.simulate.claims.hyperbola import SUITE as HYPERBOLA
from synthetic_oversampling.simulate.claims.hyperbola import hyperbola_checks
from synthetic_oversampling.simulate.claims.independent import LABELS as INDEPENDENT_LABELS
from synthetic_oversampling.simulate.claims.independent import SUITE as INDEPENDENT
from synthetic_oversampling.simulate.claims.independent import independent_checks
from synthetic_oversampling.simulate.claims.nonparametric import SUITE_NAME, nonparametric_checks
from synthetic_oversampling.simulate.claims.printed import enumeration
from synthetic_oversampling.simulate.claims.printed.checks import PRINTED, printed_checks
from synthetic_oversampling.simulate.claims.printed.checks import SUITE as PRINTED_SUITE
from synthetic_oversampling.simulate.claims.proportional import (
    LIMIT_LABELS,
    LIMITS,
    THRESHOLDS,
    fitted_checks,
    limit_checks,
    simulation_of,
    threshold_checks,
)
from synthetic_oversampling.simulate.claims.proportional import SEPARATIONS as SEPARATED
from synthetic_oversampling.simulate.claims.risk import discriminant_checks
from synthetic_oversampling.simulate.claims.scaling import scaling_checks, scaling_path
from synthetic_oversampling.simulate.claims.worst_group import BLOCK, TIES, worst_group_checks
from synthetic_oversampling.simulate.claims.worst_group import SUITE as TIES_SUITE
from synthetic_oversampling.simulate.experiments import in_context, independent
from synthetic_oversampling.simulate.experiments.configurations import CONFIGURATIONS
from synthetic_oversampling.simulate.experiments.discriminant import DISCRIMINANTS, EFRON_1975
from synthetic_oversampling.simulate.experiments.experiment import experiment
from synthetic_oversampling.simulate.experiments.proportional_settings import FULL_ONLY, SETTINGS
from synthetic_oversampling.simulate.experiments.scaling_paths import GENERATORS
from synthetic_oversampling.simulate.experiments.sequences import functions_of

__all__ = ["SUITES", "Preparation", "Simulation", "Suite", "simulation"]


class Simulation(NamedTuple):
    """How an experiment is replicated.

    Attributes:
        functions: for `simulate.replicates.monte_carlo.run`.
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
        families: first two parts of its checks' ids, as shell-style patterns; when empty, any
            theorem's.
        labels: last parts of their ids, of both profiles; when empty, any.
        experiments: ``profile -> names``; when omitted, any that start with the suite's.
    """

    name: str
    checks: Callable[[str], Iterable[Check]]
    simulation: Callable[[str], Simulation]
    preparations: Callable[[str], Sequence[Preparation]] = lambda profile: ()
    families: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    experiments: Callable[[str], Sequence[str]] | None = None


def _families(statistics: str) -> tuple[str, ...]:
    """``B1: x y; B2: z`` as ``B1.x``, ``B1.y``, ``B2.z``."""
    parts = [part.split(":") for part in statistics.split(";")]
    return tuple(f"{theorem.strip()}.{own}" for theorem, names in parts for own in names.split())


_ON_EVERY_CONFIGURATION = _families(
    "B1: objective; B2: gradient; B3: displacement order; R1: control controlled excess local "
    "second_order; R2: excess second_order; R3: gain; R5: error_controlled error_second_order "
    "group_controlled group_excess group_second_order; R6: excess"
)
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

    setting = CONFIGURATIONS[name]()
    families = _ON_EVERY_CONFIGURATION
    if setting.common_cov:
        families += _families("B4: error_0 error_1 intercept shift")
    if setting.dim == 1:
        families += ("B2.fitted",)
    if setting.spurious:
        families += ("B5.balanced", *(f"B5.weight{index}" for index in setting.spurious))
    return Suite(
        name, lambda profile: configuration_checks(name, profile), simulated, preparations,
        families, (*LABELS, CLOSE, "population"),
        lambda profile: [f"{name}/{label}" for label in experiment_labels(name, profile)],
    )  # fmt: skip


def _without_experiments(
    name: str, checks: Callable[[str], Iterable[Check]], families: str, labels: Sequence[str] = ()
) -> Suite:
    def simulated(experiment_name: str) -> Simulation:
        raise ValueError(f"{experiment_name}: suite {name} has no experiments.")

    return Suite(
        name, checks, simulated, families=_families(families), labels=tuple(labels),
        experiments=lambda profile: (),
    )  # fmt: skip


def _of_discriminant(name: str) -> Suite:
    setting = DISCRIMINANTS[name]
    return Suite(
        name,
        lambda profile: discriminant_checks(name, profile),
        lambda _: Simulation(setting.functions(), setting.block),
        families=_families(
            "R4: formula formula_error lda_error lda_excess lda_orthogonal logistic_error "
            "logistic_excess logistic_orthogonal table table_error"
        ),
        labels=("limit", *(f"{distance:g}" for distance in EFRON_1975)),
        experiments=lambda _: [name],
    )


_SEQUENCE = Suite(
    SUITE_NAME,
    nonparametric_checks,
    lambda name: Simulation(functions_of(name.split("/")[1]), 64),
    families=_families(
        "S2: bias constant decay deviation excess exponent level minimax saturation scale slope "
        "squared truncation; S3: crossover exponent floor squared"
    ),
    experiments=lambda _: [f"{SUITE_NAME}/{name}" for name in ("design", "range", "seeds")],
)
_IN_CONTEXT = Suite(
    IN_CONTEXT,
    capacity_checks,
    lambda name: Simulation(*in_context.EXPERIMENTS[name.split("/")[1]]),
    families=_families(
        "T1: attention_mean attention_var expected_kl flat_kl formula gaussian_kl plugin_kl "
        "predictive_mean predictive_var; T2: contraction floor formula noise sharp_rate; T3: "
        "dictionary dirichlet formula symbols_kl; T4: attained formula intercept score"
    ),
    experiments=lambda _: [f"{IN_CONTEXT}/{name}" for name in in_context.EXPERIMENTS],
)


def _path_simulation(experiment_name: str) -> Simulation:
    own = scaling_path(experiment_name)
    return Simulation(own.functions(), own.block)


def _phase_simulation(experiment_name: str) -> Simulation:
    own = phase_point(experiment_name)
    return Simulation(own.functions(), own.block)


def _of_proportional(name: str) -> Suite:
    statistics = "auroc error error_0 error_1 error_2 error_3 risk_1 risk_3 square train_error_*"
    return Suite(
        name, lambda profile: fitted_checks(name, profile),
        lambda experiment_name: Simulation(simulation_of(experiment_name), 50),
        families=_families(f"H1: {statistics}; H2: {statistics}"),
        labels=tuple(plan.name for plan in SETTINGS[name].plans),
        experiments=lambda profile: () if _left_out(name, profile) else (f"{name}/fits",),
    )  # fmt: skip


def _left_out(name: str, profile: str) -> bool:
    return profile == "quick" and name in FULL_ONLY


SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        *map(_of_configuration, CONFIGURATIONS),
        *map(_of_discriminant, DISCRIMINANTS),
        _SEQUENCE,
        _without_experiments(
            "two-points",
            enumeration.two_point_checks,
            "R1: bias_order order; R2: bias_order order; R5: order",
            enumeration.LABELS,
        ),
        _IN_CONTEXT,
        _without_experiments(
            GLOBAL_LAW,
            global_law_checks,
            "S1: best_excess best_weight break_even_size concave crossover excess_100 excess_35 "
            "floor harmful_weight price slope",
        ),
        _without_experiments(
            HYPERBOLA,
            hyperbola_checks,
            "S1: best_excess best_weight crossover excess_100 excess_35 floor",
        ),
        _without_experiments(
            PRINTED_SUITE,
            printed_checks,
            "; ".join(sorted({f"{name.split('.')[0]}: formula" for name in PRINTED})),
            [name.split(".")[1] for name in PRINTED],
        ),
        _without_experiments(
            BOUNDS,
            bound_checks,
            "R6: local population; R7: sample; T4: chain proxy",
            BOUND_LABELS,
        ),
        Suite(
            CERTIFICATE,
            certificate_checks,
            lambda name: Simulation(replicated(name).functions(), 32),
            families=_families("R7: below_0 below_1 decrement outside premise"),
            labels=CERTIFICATES,
            experiments=lambda _: [f"{CERTIFICATE}/{label}" for label in CERTIFICATES],
        ),
        Suite(
            "scaling",
            scaling_checks,
            _path_simulation,
            families=_families(
                "S1: aug* cross* edge* excess* gain* harm* over* vertex*; S3: floor*"
            ),
            experiments=lambda _: [
                "scaling/halved-case",
                *(
                    f"scaling/{label}-{kind}"
                    for label in GENERATORS
                    for kind in ("gradient", "curve", "far", "farther", "floor1", "floor4")
                ),
            ],
        ),
        Suite(
            INDEPENDENT,
            independent_checks,
            lambda name: Simulation(*independent.EXPERIMENTS[name.split("/")[1]]),
            families=_families(
                "B3: displacement; B4: error_0 error_1; R1: excess; R2: excess; S1: excess; T1: "
                "expected_kl flat_kl"
            ),
            labels=INDEPENDENT_LABELS,
            experiments=lambda _: [f"{INDEPENDENT}/{name}" for name in independent.EXPERIMENTS],
        ),
        Suite(
            TIES_SUITE,
            worst_group_checks,
            lambda name: Simulation(TIES[name.split("/")[1]].functions, BLOCK),
            families=_families("R5: worst_error"),
            labels=tuple(TIES),
            experiments=lambda _: [f"{TIES_SUITE}/{name}" for name in TIES],
        ),
        *map(_of_proportional, SETTINGS),
        Suite(
            THRESHOLDS,
            threshold_checks,
            lambda name: Simulation(simulation_of(name), 50),
            families=_families("H3: features"),
            labels=tuple(SEPARATED),
            experiments=lambda _: [f"{THRESHOLDS}/{label}" for label in SEPARATED],
        ),
        _without_experiments(
            LIMITS,
            limit_checks,
            "H1: squared_margin stiffness; H2: pairs_squared plugin_squared squared; H3: edge; "
            "H4: area classical response training",
            LIMIT_LABELS,
        ),
        Suite(
            "phases",
            phase_checks,
            _phase_simulation,
            families=_families("R3: above_* below_*"),
            experiments=lambda _: [f"phases/{own:g}" for own in SEPARATIONS],
        ),
    )
}


def simulation(experiment_name: str) -> Simulation:
    """How the named experiment is replicated.

    Example:
        >>> simulation("two-gaussians/raw").block
        128
    """
    return SUITES[experiment_name.split("/")[0]].simulation(experiment_name)
