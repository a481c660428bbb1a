"""What a plan is made of: the designs compared, the one to use, and what its rows weigh."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.practice.planner.designs import Design
from synthetic_oversampling.practice.planner.diagnostics import Caution
from synthetic_oversampling.practice.planner.objectives import OBJECTIVES
from synthetic_oversampling.practice.planner.sources import (
    Source,
    centre_and_spread,
    draw_rows,
    rows_written,
)
from synthetic_oversampling.practice.planner.table import GroupInfo
from synthetic_oversampling.practice.planner.trust import Belief
from synthetic_oversampling.practice.thresholds import ClassOffsets, Thresholds
from synthetic_oversampling.theory.prediction.validity import NOT_JUDGED, Validity
from synthetic_oversampling.theory.wording import counted

__all__ = ["Choice", "Data", "Plan", "TrainingTable", "chosen_rows"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """One design, and what is believed of its gain over class weighting, in units of the metric.

    Attributes:
        name, source, counts, shares: of the `planner.designs.Design`.
        prior: what theory expects, None where it has no word.
        evidence: what cross-validation found; posterior: both together.
        ridge: the penalty that the design is to be fitted with; 0 where the learner has none.
        loss: held-out loss: cross-entropy or error, or what a share falls short of 1 by.
        cost: price of its synthetic rows.
    """

    name: str
    source: str
    counts: tuple[int, ...]
    shares: tuple[float, ...]
    prior: Belief | None
    evidence: Belief
    posterior: Belief
    ridge: float
    loss: float
    cost: float = 0.0

    @property
    def design(self) -> Design:
        """It alone."""
        return Design(self.name, self.source, self.counts, self.shares)

    @property
    def rows(self) -> int:
        """Synthetic rows in all."""
        return sum(self.counts)

    @property
    def weight(self) -> float:
        """``alpha``: share of all weight that synthetic rows have."""
        return self.design.weight

    @property
    def expected(self) -> float:
        """Posterior expected gain less the cost: what designs are ranked by."""
        return self.posterior.mean - self.cost


class Data(NamedTuple):
    """The rows that a plan was made for: features, labels, and the synthetic rows that it was
    given, with their groups, or the function that writes them."""

    features: np.ndarray
    labels: np.ndarray
    given: tuple[np.ndarray, np.ndarray] | Source | None


class TrainingTable(NamedTuple):
    """Rows to train on, the real ones first.

    Attributes:
        features: ``[n, d]``; labels: ``[n]``; weights: ``[n]`` with mean 1.
        synthetic: which rows are ``[n]``; group: of each ``[n]``.
    """

    features: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    synthetic: np.ndarray
    group: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do with a table.

    Attributes:
        choices: every design compared; the first two are raw and class weighting.
        recommended: the design to use; reason: why, in a sentence.
        groups: names, sizes and labels, in the order of every per-group tuple.
        warnings: what speaks against the plan.
        thresholds: above which to call a row positive, and the correction of probabilities; of
            more than two classes the correction alone.
        learner: that it is for; metric: that designs were compared by.
        theory: what theory had to say, in a sentence.
        level: of the intervals; price: of a synthetic row; worth: what rows must gain.
        fits: made in cross-validation; folds: ``(K, repeats)``.
        seed: of everything random.
        group_index: group of every row given ``[n]``.
        validity: theory's verdict on class weighting without a penalty, of normal groups like the
            table's; "not judged" where theory is silent.
        data: the rows; None for a plan that was read from JSON.
    """

    choices: tuple[Choice, ...]
    recommended: Choice
    reason: str
    groups: tuple[GroupInfo, ...]
    warnings: tuple[Caution, ...]
    thresholds: Thresholds | ClassOffsets
    learner: str
    metric: str
    theory: str
    level: float
    price: float
    worth: float
    fits: int
    folds: tuple[int, int]
    seed: int
    group_index: np.ndarray
    validity: Validity = NOT_JUDGED
    data: Data | None = None

    @property
    def add_synthetic(self) -> bool:
        """Whether the recommended design has synthetic rows."""
        return self.recommended.rows > 0

    @property
    def oversampling(self) -> tuple[int, ...]:
        """Synthetic rows to add to each group."""
        return self.recommended.counts

    @property
    def weight(self) -> float:
        """``alpha``, the share of all weight that they have."""
        return self.recommended.weight

    @property
    def ridge(self) -> float:
        """The penalty to fit with."""
        return self.recommended.ridge

    def row_weights(self) -> dict[str, np.ndarray]:
        """Weight of one row of each group, "real" and "synthetic" ``[G]``; the total is 1."""
        real, made = self.recommended.design.weights([g.size for g in self.groups])
        return {"real": real, "synthetic": made}

    def training_table(self, seed: int | None = None) -> TrainingTable:
        """The rows to train on, synthetic ones drawn or chosen, with their weights.

        Args:
            seed: of the draws; the plan's own when omitted.

        Raises:
            ValueError: for a plan that was read from JSON, which has no rows.
        """
        if self.data is None:
            raise ValueError(
                "plan: got one without rows, expected one that plan_table made; a plan from JSON "
                "keeps what was decided, not the table."
            )
        seed = self.seed if seed is None else seed
        x, labels, given = self.data
        counts, index = np.array(self.oversampling), np.asarray(self.group_index)
        if not self.add_synthetic:
            drawn, group = np.empty((0, x.shape[1])), np.empty(0, int)
        elif callable(given):
            group = np.repeat(np.arange(len(counts)), counts)
            drawn = rows_written(given(np.arange(len(x)), counts, seed), len(group), x.shape[1])
        elif given is not None:
            chosen = chosen_rows(given[1], counts, seed)
            drawn, group = given[0][chosen], given[1][chosen]
        else:
            centre, unit = centre_and_spread(x, np.ones(len(x)))
            scaled = (x - centre) / unit  # else small columns are lost beside large
            drawn, group = draw_rows(self.recommended.source, scaled, index, counts, seed=seed)
            drawn = drawn * unit + centre
        weights = self.weights_of(group)
        first = np.array([np.flatnonzero(index == g)[0] for g in range(len(self.groups))])
        both = np.concatenate([index, group])
        return TrainingTable(
            features=np.concatenate([x, drawn]),
            labels=np.concatenate([labels, labels[first[group]]]),
            weights=weights,
            synthetic=np.arange(len(both)) >= len(x),
            group=both,
        )

    def weights_of(self, group: np.ndarray) -> np.ndarray:
        """Weights of all rows, mean 1: the real ones, then synthetic ones of these groups.

        Args:
            group: of each synthetic row ``[m]``.
        """
        row_weight = self.row_weights()
        weights = np.concatenate(
            [row_weight["real"][self.group_index], row_weight["synthetic"][group]]
        )
        return weights * (len(weights) / weights.sum())

    def records(self) -> list[dict]:
        """One flat dict for each design."""
        found = []
        for choice in self.choices:
            row = {
                "design": choice.name,
                "source": choice.source,
                "rows": choice.rows,
                "alpha": choice.weight,
            }
            for name in ("prior", "evidence", "posterior"):
                belief = getattr(choice, name) or Belief(np.nan, np.nan)
                row |= {name: belief.mean, f"{name}_error": belief.error}
            row |= {"expected": choice.expected, "loss_probability": choice.posterior.loss()}
            found.append(row | {"ridge": choice.ridge, "recommended": choice == self.recommended})
        return found

    def to_frame(self):
        """`records` as a data frame where pandas is installed, else the list itself."""
        try:
            import pandas as pd
        except ImportError:
            return self.records()
        return pd.DataFrame(self.records())

    def summary(self) -> str:
        """The plan as text in 80 columns, as the command prints it."""
        from synthetic_oversampling.practice.planner.report import lines

        return "\n".join(text for text, _ in lines(self))

    def plot(self):
        """A Matplotlib figure of what theory, held-out rows and both say of every design.

        Returns:
            A figure; its ``savefig`` writes it.
        """
        from synthetic_oversampling.figures.plan import draw_plan
        from synthetic_oversampling.practice.planner.report import as_dict

        return draw_plan(as_dict(self))

    def to_json(self) -> str:
        """All but the rows, as JSON that `from_json` reads."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields["choices"] = [dataclasses.asdict(choice) for choice in self.choices]
        fields["recommended"] = self.choices.index(self.recommended)
        fields["group_index"] = np.asarray(self.group_index).tolist()
        fields["data"] = None
        fields["validity"] = [
            None if isinstance(value, float) and math.isnan(value) else value
            for value in self.validity
        ]
        return json.dumps(fields, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that `to_json` wrote, without its rows.

        Args:
            text: JSON.

        Raises:
            ValueError: for JSON that is no plan.
        """
        try:
            fields = json.loads(text)
            choices = tuple(_choice(choice) for choice in fields["choices"])
            return cls(
                **fields
                | {
                    "choices": choices,
                    "recommended": choices[fields["recommended"]],
                    "groups": tuple(GroupInfo(*group) for group in fields["groups"]),
                    "warnings": tuple(Caution(*doubt) for doubt in fields["warnings"]),
                    "thresholds": _thresholds(fields["thresholds"]),
                    "folds": tuple(fields["folds"]),
                    "validity": _validity(fields["validity"]),
                    "group_index": np.array(fields["group_index"]),
                }
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"text: got no plan ({error}), expected what to_json wrote.") from None

    def __repr__(self) -> str:
        chosen = self.recommended
        what = (
            f"{counted(chosen.rows, 'row')} of {chosen.source} ({chosen.name})"
            if chosen.rows
            else chosen.name
        )
        unit = OBJECTIVES[self.metric].unit
        return f"<Plan for {self.learner}: {what}, expected gain {chosen.expected:+.2g} {unit}>"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.summary())}</pre>"


def _validity(values: list) -> Validity:
    verdict, reasons, causes, *numbers = values
    known = (math.nan if number is None else number for number in numbers)
    return Validity(verdict, tuple(reasons), tuple(causes), *known)


def _thresholds(values: list) -> Thresholds | ClassOffsets:
    if len(values) == len(Thresholds._fields):
        return Thresholds(*values)
    if len(values) != len(ClassOffsets._fields):
        raise ValueError(f"thresholds of {counted(len(values), 'number')}")
    classes, prevalence, intercepts, slope, errors, balanced = values
    return ClassOffsets(
        classes=tuple(classes),
        prevalence=tuple(prevalence),
        intercepts=tuple(intercepts),
        slope=slope,
        errors=tuple(errors),
        balanced_errors=tuple(balanced),
    )


def _choice(record: dict) -> Choice:
    beliefs = {
        name: None if record[name] is None else Belief(*record[name])
        for name in ("prior", "evidence", "posterior")
    }
    lists = {name: tuple(record[name]) for name in ("counts", "shares")}
    return Choice(**record | beliefs | lists)


def chosen_rows(group: np.ndarray, counts: np.ndarray, seed: int) -> np.ndarray:
    """Places of given rows, so many of each group, at random without replacement.

    Args:
        group: of each given row ``[m]``; counts: wanted of each group ``[G]``; seed: of the choice.
    """
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [rng.permutation(np.flatnonzero(group == g))[:count] for g, count in enumerate(counts)]
    )
