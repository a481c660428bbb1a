"""All mutants of the gate, by name."""

from __future__ import annotations

from collections.abc import Sequence

from synthetic_oversampling.simulate.mutants.bias import BIAS_MUTANTS
from synthetic_oversampling.simulate.mutants.bounds import BOUND_MUTANTS
from synthetic_oversampling.simulate.mutants.capacity import CAPACITY_MUTANTS
from synthetic_oversampling.simulate.mutants.generators import GENERATOR_MUTANTS
from synthetic_oversampling.simulate.mutants.metrics import METRIC_MUTANTS
from synthetic_oversampling.simulate.mutants.multiclass import MULTICLASS_MUTANTS
from synthetic_oversampling.simulate.mutants.mutation import Mutant
from synthetic_oversampling.simulate.mutants.printed import PRINTED_MUTANTS
from synthetic_oversampling.simulate.mutants.proportional import PROPORTIONAL_MUTANTS
from synthetic_oversampling.simulate.mutants.risk import RISK_MUTANTS
from synthetic_oversampling.simulate.mutants.scaling import SCALING_MUTANTS

__all__ = ["MUTANTS", "UNREACHED", "choose"]


def _by_name(*families: Sequence[Mutant]) -> dict[str, Mutant]:
    every = [mutant for family in families for mutant in family]
    table = {mutant.name: mutant for mutant in every}
    if len(table) != len(every):
        raise ValueError("name: got two mutants of one name; every mutant needs its own.")
    return table


# every wrong form, by its name
MUTANTS: dict[str, Mutant] = _by_name(
    BIAS_MUTANTS,
    RISK_MUTANTS,
    BOUND_MUTANTS,
    SCALING_MUTANTS,
    CAPACITY_MUTANTS,
    GENERATOR_MUTANTS,
    PRINTED_MUTANTS,
    PROPORTIONAL_MUTANTS,
    METRIC_MUTANTS,
    MULTICLASS_MUTANTS,
)


_ONE_TOKEN = "without seeds attention has one token, which has weight 1 whatever its logit is"
_EVERY_SAMPLE = (
    "counts violations of an inequality, of which theory and any wrong formula predict none; wrong "
    "inequalities are refuted on small samples, by R7.sample"
)
# checks that no wrong formula can fail, and why; any other check that none fails is a defect
UNREACHED: dict[str, str] = {
    **{f"R7.outside.certificate.{label}": _EVERY_SAMPLE for label in ("line", "plane", "few")},
    "T1.attention_mean.in-context.n0": _ONE_TOKEN,
    "T1.attention_var.in-context.n0": _ONE_TOKEN,
}


def choose(names: Sequence[str]) -> tuple[Mutant, ...]:
    """The mutants of these names; "all" is all of them.

    Args:
        names: of wrong formulas, or "all".

    Raises:
        ValueError: for a name that does not exist, listing those that do.

    Example:
        >>> [mutant.theorems for mutant in choose(["gain-sign"])]
        [('R3',)]
    """
    unknown = [name for name in names if name != "all" and name not in MUTANTS]
    if unknown or not names:
        raise ValueError(
            f"--mutate: got {', '.join(unknown) or 'no name'}, expected all, list, or names of "
            f"mutants: {', '.join(MUTANTS)}."
        )
    wanted = MUTANTS if "all" in names else names
    return tuple(MUTANTS[name] for name in dict.fromkeys(wanted))
