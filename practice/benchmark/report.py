"""What the benchmark found, as tables for the terminal and Markdown; `figure` draws it.

Tables of numbers and tables with categories are reported apart, since their rivals differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from synthetic_oversampling.practice.benchmark.comparison import Difference, compare_all, interval
from synthetic_oversampling.practice.benchmark.judging import METRICS
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "KINDS",
    "LABELS",
    "by_kind",
    "by_seed",
    "markdown",
    "mean_interval",
    "methods_of",
    "score",
    "summaries",
    "summary",
]

# what tables call a metric
LABELS = {
    "raw": "raw",
    "weighted": "class weights",
    "duplicate": "duplication",
    "smote": "SMOTE",
    "smotenc": "SMOTENC",
    "borderline": "borderline-SMOTE",
    "adasyn": "ADASYN",
    "rose": "ROSE-like",
    "plugin": "Gaussian plug-in",
    "predictive": "Student-t predictive",
    "mixture": "Gaussian mixture",
    "in_context": "in-context network",
    "language_model": "language model",
    "supplied": "supplied rows",
    "oracle": "oracle: real rows",
}
# headings, by whether tables have categories
KINDS = {False: "tables of numbers", True: "tables with categories"}
REFERENCES = ("plugin", "in_context", "language_model", "supplied")
COMPARED = ("balanced_cross_entropy", "balanced_error", "auc")
_COLUMNS = (
    "balanced_cross_entropy",
    "balanced_error",
    "minority_error",
    "worst_error",
    "auc",
    "calibration",
    "calibration_corrected",
)
Results = dict[str, list[dict]]


def by_kind(results: Results) -> dict[str, Results]:
    """The results of tables of numbers and of tables with categories, those that there are.

    Args:
        results: scores by task, as `practice.benchmark.run` leaves them.

    Example:
        >>> by_kind({"a/imbalance": [{"categories": False}], "b/imbalance": [{"categories": True}]})
        {'tables of numbers': {'a/imbalance': [{'categories': False}]}, \
'tables with categories': {'b/imbalance': [{'categories': True}]}}
    """
    found = {
        title: {task: seeds for task, seeds in results.items() if seeds[0]["categories"] == kind}
        for kind, title in KINDS.items()
    }
    return {title: scores for title, scores in found.items() if scores}


def methods_of(results: Results) -> list[str]:
    """Methods with scores, in the order of `LABELS`.

    Args:
        results: scores by task, as `practice.benchmark.run` leaves them.
    """
    present = {m for seeds in results.values() for seed in seeds for m in seed["scores"]}
    return [m for m in LABELS if m in present]


def by_seed(results: Results, value) -> np.ndarray:
    """``value(own)`` averaged over tables, one number a seed; NaN where a table has none.

    Args:
        results: scores by task, as `practice.benchmark.run` leaves them.
        value: reads a number from what one seed left.
    """
    count = min(len(seeds) for seeds in results.values())
    table = [[value(seed) for seed in seeds[:count]] for seeds in results.values()]
    return np.mean(np.array(table, dtype=float), axis=0)


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """Over the seeds in which no table lacks a number; NaN if there are none.

    Args:
        values: ``[seeds]``.
    """
    there = values[~np.isnan(values)]
    return interval(there) if len(there) else (float("nan"), float("nan"))


def score(method: str, metric: str, classifier: str | None = None):
    """Reader of a score, averaged over classifiers unless one is named.

    Args:
        method: its name.
        metric: its name.
        classifier: its name; all of them if omitted.
    """

    def value(record: dict) -> float:
        scores = record["scores"].get(method)
        if scores is None:
            return float("nan")
        chosen = scores.values() if classifier is None else (scores[classifier],)
        return float(np.mean([one[metric] for one in chosen]))

    return value


def summaries(results: Results) -> dict[str, dict]:
    """A `summary` of each kind of table that there is.

    Args:
        results: scores by task, as `practice.benchmark.run` leaves them.
    """
    return {title: summary(results) for title, results in by_kind(results).items()}


def summary(results: Results) -> dict:
    """All that the report says, as plain numbers: for JSON.

    Args:
        results: scores by task, as `practice.benchmark.run` leaves them.

    Returns:
        "means": method -> metric -> (mean, half-width) over seeds of the mean over tables and
        classifiers; "families": reference -> metric -> differences; "verdicts": reference ->
        metric -> rival -> counts; "refused", "copies", "cleaned" by method.
    """
    methods = methods_of(results)
    means = {
        m: {metric: mean_interval(by_seed(results, score(m, metric))) for metric in METRICS}
        for m in methods
    }
    families: dict = {}
    for reference in (r for r in REFERENCES if r in methods):
        families[reference] = {
            metric: compare_all(results, reference, metric) for metric in METRICS
        }
    return {
        "means": means,
        "families": {
            r: {
                metric: [item._asdict() | {"verdict": item.verdict} for item in found]
                for metric, found in by_metric.items()
            }
            for r, by_metric in families.items()
        },
        "verdicts": {
            r: {metric: _verdicts(found) for metric, found in by_metric.items()}
            for r, by_metric in families.items()
        },
        "refused": _refused(results),
        "copies": _copies(results),
        "cleaned": _cleaned(results),
    }


def _verdicts(found: Sequence[Difference]) -> dict[str, dict[str, int]]:
    """Rival -> how often better, undecided, worse; and better or worse after widening too."""
    counts: dict[str, dict[str, int]] = {}
    for item in found:
        line = counts.setdefault(
            item.rival, {"better": 0, "undecided": 0, "worse": 0, "better_wide": 0, "worse_wide": 0}
        )
        line[item.verdict] += 1
        if item.p_corrected <= 0.05:
            line["better_wide" if item.mean < 0 else "worse_wide"] += 1
    return counts


def _refused(results: Results) -> dict[str, list[dict]]:
    """Method -> what it said, in how many seeds of which tables."""
    found: dict[str, Counter] = {}
    for task, seeds in results.items():
        for seed in seeds:
            for method, reason in seed["refused"].items():
                found.setdefault(method, Counter())[task, reason] += 1
    return {
        method: [
            {"task": task, "reason": reason, "seeds": count}
            for (task, reason), count in reasons.items()
        ]
        for method, reasons in found.items()
    }


def _refusals(said: list[dict]) -> list[str]:
    """What a method said, with the tables on which it said the same equally often."""
    tables: dict[tuple[str, int], list[str]] = {}
    for line in said:
        tables.setdefault((line["reason"], line["seeds"]), []).append(line["task"])
    return [
        f"{counted(count, 'seed')} of {', '.join(tasks)}: {reason}"
        for (reason, count), tasks in tables.items()
    ]


def _copies(results: Results) -> dict[str, dict[str, float]]:
    """Shares of added rows that copy seeds or test rows, and what chance explains."""
    found: dict[str, dict[str, list]] = {}
    for seeds in results.values():
        for seed in seeds:
            for method, both in seed["copies"].items():
                line = found.setdefault(method, {})
                for name in ("seeds", "test"):
                    rows = both[name]["rows"]
                    line.setdefault("rows", []).append(rows / 2)  # once for each of the two
                    for kind in ("exact", "near"):
                        line.setdefault(f"{kind}_{name}", []).append(both[name][kind])
                    chance = both[name]["share_by_chance"] * rows
                    line.setdefault(f"chance_{name}", []).append(chance)
    return {m: {k: float(np.sum(v)) for k, v in line.items()} for m, line in found.items()}


def _cleaned(results: Results) -> dict[str, dict]:
    """Losses with and without the rows that copy test rows, where there are some."""
    found: dict[str, dict] = {}
    for seeds in results.values():
        for seed in seeds:
            for method, scores in seed["cleaned"].items():
                line = found.setdefault(method, {"seeds": 0, "change": []})
                line["seeds"] += 1
                line["change"] += [
                    one["balanced_cross_entropy"]
                    - seed["scores"][method][name]["balanced_cross_entropy"]
                    for name, one in scores.items()
                ]
    for line in found.values():
        line["change"] = interval(line["change"])
    return found


def markdown(results: Results, found: dict[str, dict]) -> str:
    """The report as Markdown tables, one section for each kind of table.

    Args:
        results: from `benchmark.run_tasks`.
        found: from `summaries`.
    """
    return "\n".join(
        f"### {title[0].upper()}{title[1:]}\n\n{_section(results, found[title])}"
        for title, results in by_kind(results).items()
    )


def _section(results: Results, found: dict) -> str:
    count = min(len(seeds) for seeds in results.values())
    lines = [
        f"{counted(count, 'seed')} on "
        f"{counted(len(results), 'table and setting', 'tables and settings')}: "
        f"{', '.join(results)}.",
        "",
        "Losses, mean over tables and classifiers, with the half-width of the 95 % interval over "
        "the seeds in which a method refused on no table (a dash if there are none):",
        "",
        "| method | " + " | ".join(METRICS[m] for m in _COLUMNS[:-1]) + " | corrected |",
        "|---" * (len(_COLUMNS) + 1) + "|",
    ]
    for method, by_metric in found["means"].items():
        cells = [_cell(*by_metric[metric]) for metric in _COLUMNS]
        lines.append(f"| {LABELS[method]} | " + " | ".join(cells) + " |")
    for reference, by_metric in found["verdicts"].items():
        total = sum(
            sum(v[k] for k in ("better", "undecided", "worse"))
            for v in by_metric[COMPARED[0]].values()
        )
        lines += [
            "",
            f"{LABELS[reference]} against each method, over tables and classifiers: better / "
            "undecided / worse (paired t-tests over seeds, Holm's correction over the family of "
            f"{counted(total, 'comparison')} of a metric; in brackets, better and worse by the "
            "resampled t-test of Nadeau and Bengio, uncorrected for their number):",
            "",
            "| against | " + " | ".join(METRICS[m] for m in COMPARED) + " |",
            "|---" * (len(COMPARED) + 1) + "|",
        ]
        for rival in by_metric[COMPARED[0]]:
            cells = [
                "{better} / {undecided} / {worse} ({better_wide}, {worse_wide})".format(
                    **by_metric[metric][rival]
                )
                for metric in COMPARED
            ]
            lines.append(f"| {LABELS[rival]} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Copies among the added rows (exact + near), and what chance explains:",
        "",
        "| method | rows | of seeds | by chance | of test rows | by chance |",
        "|---" * 6 + "|",
    ]
    for method, scores in found["copies"].items():
        lines.append(
            f"| {LABELS[method]} | {scores['rows']:.0f} | {scores['exact_seeds']:.0f} + "
            f"{scores['near_seeds']:.0f} | {scores['chance_seeds']:.1f} | "
            f"{scores['exact_test']:.0f} + {scores['near_test']:.0f} | "
            f"{scores['chance_test']:.1f} |"
        )
    lines.append("")
    if found["cleaned"]:
        lines += [
            "Change of the balanced cross-entropy without the rows that copy test rows, over the "
            "seeds that have some:",
            "",
        ]
        for method, scores in found["cleaned"].items():
            mean, half = scores["change"]
            lines.append(
                f"- {LABELS[method]}: {_cell(mean, half, sign='+')} "
                f"({counted(scores['seeds'], 'seed')})"
            )
    else:
        lines.append("No method's rows copied a test row, so nothing changes without them.")
    lines.append("")
    if found["refused"]:
        lines += ["Refused:", ""]
        for method, said in found["refused"].items():
            lines += [f"- {LABELS[method]}, {line}" for line in _refusals(said)]
    else:
        lines.append("No method refused.")
    return "\n".join(lines) + "\n"


def _cell(mean: float, half: float, sign: str = "") -> str:
    if np.isinf(half):  # of a single number
        return f"{mean:{sign}.3f}"
    return "-" if np.isnan(mean) else f"{mean:{sign}.3f} ± {half:.3f}"
