"""All figures by name."""

from __future__ import annotations

from synthetic_oversampling.figures import hero
from synthetic_oversampling.figures.in_context import (
    generated_samples,
    row_depth,
    token_model,
    transformer_kl,
    whole_rows,
)
from synthetic_oversampling.figures.proportional import (
    proportional_errors,
    proportional_phases,
    proportional_spurious,
    separability,
)
from synthetic_oversampling.figures.risk import (
    bias_by_generator,
    classes_by_imbalance,
    excess_against_weight,
    gain_against_separation,
    group_risk,
    metrics_by_imbalance,
    phase_diagram,
    procedures,
    raw_imbalance,
    spurious_weight,
)
from synthetic_oversampling.figures.scaling import (
    fidelity_to_excess,
    literature,
    nonparametric_rates,
    saturation,
    scaling_law,
)
from synthetic_oversampling.figures.spec import Spec

__all__ = ["FIGURES", "chosen"]

# every figure, by name
FIGURES: dict[str, Spec] = {
    spec.name: spec
    for spec in (
        raw_imbalance.SPEC,
        metrics_by_imbalance.SPEC,
        bias_by_generator.SPEC,
        spurious_weight.SPEC,
        excess_against_weight.SPEC,
        gain_against_separation.SPEC,
        phase_diagram.SPEC,
        group_risk.SPEC,
        classes_by_imbalance.SPEC,
        scaling_law.SPEC,
        scaling_law.BEST_WEIGHT,
        nonparametric_rates.SPEC,
        saturation.SPEC,
        literature.SPEC,
        procedures.SPEC,
        transformer_kl.SPEC,
        token_model.SPEC,
        row_depth.SPEC,
        whole_rows.SPEC,
        fidelity_to_excess.SPEC,
        generated_samples.SPEC,
        proportional_errors.SPEC,
        proportional_spurious.SPEC,
        proportional_phases.SPEC,
        separability.SPEC,
        hero.SPEC,
    )
}


def chosen(names: list[str]) -> list[Spec]:
    """Figures by name; all of them when no name is given.

    Args:
        names: of figures.

    Raises:
        ValueError: for a name that does not exist, listing those that do.

    Example:
        >>> [spec.name for spec in chosen(["raw_imbalance"])]
        ['raw_imbalance']
    """
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        raise ValueError(
            f"NAME: got {', '.join(unknown)}, expected figures among {', '.join(FIGURES)}; "
            "--list describes them."
        )
    return [FIGURES[name] for name in dict.fromkeys(names or FIGURES)]
