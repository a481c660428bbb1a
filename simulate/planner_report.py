"""A plan as a table to read and as an artifact to keep."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from simulate.planner import Choice, Plan
from theory.scaling_law import ScalingLaw

__all__ = ["as_dict", "print_plan"]


def as_dict(plan: Plan) -> dict:
    """The plan as plain values, with the curves that its figure shows."""
    return {
        "recommended": _choice(plan.recommended),
        "add_synthetic": plan.add_synthetic,
        "reason": plan.reason,
        "row_weights": plan.row_weights(),
        "groups": [group._asdict() for group in plan.groups],
        "designs": [_choice(own) for own in plan.choices],
        "curves": [_curve(plan, own) for own in plan.choices if own.name == "weight+add"],
        "warnings": [own._asdict() for own in plan.warnings],
        "level": plan.level,
        "price": plan.price,
    }


def _choice(own: Choice) -> dict:
    return {
        "name": own.name,
        "source": own.source,
        "oversampling": own.oversampling,
        "size": own.size,
        "weight": own.weight,
        "rows": own.rows,
        "excess": own.excess._asdict(),
        "bias": own.bias,
        "variance": own.variance,
        "gain": own.gain._asdict(),
        "cost": own.cost,
        "expected": own.expected,
        "moments": None if own.law is None else dict(zip("ACDS", own.law, strict=True)),
        "best_weight": own.best_weight and own.best_weight._asdict(),
        "best_size": own.best_size and own.best_size._asdict(),
    }


def _curve(plan: Plan, own: Choice) -> dict:
    """Excess at the best weight of each size (S1) for one generator."""
    law = ScalingLaw(*(jnp.asarray(value) for value in own.law))
    largest = max(20 * max(group.size for group in plan.groups), own.size)
    size = np.geomspace(1.0, largest, 81)
    return {
        "source": own.source,
        "size": size,
        "excess": np.asarray(law.best_excess(size)),
        "weight": np.asarray(law.best_weight(size)),
        "floor": float(law.floor),
    }


def _range(own, digits: int = 2) -> str:
    return f"{own.low:.{digits}g} .. {own.high:.{digits}g}"


def _title(own: Choice) -> str:
    return f"{own.name} {own.source}".strip()


def print_plan(console: Console, plan: Plan) -> None:
    """Print groups, designs, recommendation and warnings."""
    sizes = ", ".join(f"{g.name}: {g.size}{' (+)' if g.positive else ''}" for g in plan.groups)
    console.print(f"groups: {sizes}", soft_wrap=True, highlight=False, markup=False)
    title = "predicted balanced excess risk (nats)"
    table = Table(box=box.SIMPLE, title=title, title_justify="left")
    percent = f"{100 * plan.level:g} %"
    for name in ("design", "rows", "alpha", "excess", percent, "bias", "gain", percent, "expected"):
        table.add_column(name, justify="left" if name == "design" else "right", no_wrap=True)
    for own in plan.choices:
        chosen = own == plan.recommended
        table.add_row(
            ("> " if chosen else "  ") + _title(own),
            str(own.rows),
            f"{own.weight:.2f}" if own.size else "-",
            f"{own.excess.value:.4g}",
            _range(own.excess),
            f"{own.bias:.2g}",
            "-" if own.name == "weighting" else f"{own.gain.value:+.2g}",
            "-" if own.name == "weighting" else _range(own.gain),
            "-" if own.name == "weighting" else f"{own.expected:+.2g}",
            style="bold" if chosen else None,
        )
    console.print(table)
    own = plan.recommended
    if plan.add_synthetic:
        m = ", ".join(f"{g.name}: {n}" for g, n in zip(plan.groups, own.oversampling, strict=True))
        console.print(f"m (levelling rows)        {m}", highlight=False, markup=False)
        console.print(f"N (added rows per group)  {own.size}", highlight=False)
        console.print(f"alpha (their weight)      {own.weight:.2f}", highlight=False)
        if own.best_weight is not None:
            best = own.best_weight
            console.print(
                f"  best if the estimates were exact: alpha {best.value:.2f} ({_range(best)})",
                highlight=False,
            )
        if own.best_size is not None and math.isfinite(own.best_size.value):
            best = own.best_size
            console.print(f"  and N {best.value:.0f} ({_range(best, 3)})", highlight=False)
    console.print(plan.reason, style="bold", soft_wrap=True, highlight=False, markup=False)
    weights = plan.row_weights()
    for g, info in enumerate(plan.groups):
        parts = [f"{k} {v[g]:.4g}" for k, v in weights.items() if v[g] > 0]
        console.print(
            f"weight of a row in {info.name}: {', '.join(parts)}", highlight=False, markup=False
        )
    for doubt in plan.warnings:
        console.print(
            f"warning ({doubt.check}): {doubt.message}",
            style="yellow", soft_wrap=True, highlight=False, markup=False,
        )  # fmt: skip
