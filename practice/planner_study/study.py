"""The planner on simulated and real tables: records kept one by one, what they teach and show.

A record has theory's, validation's and the true gain of every design of a table. `learned` takes
the weights of `practice.planner.trust` from records of simulated tables; `shown` lets the planner
decide on records, and counts what its decisions realise beside fixed rules and validation alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from synthetic_oversampling.practice.planner.choices import Choice
from synthetic_oversampling.practice.planner.decision import decide
from synthetic_oversampling.practice.planner.designs import designs_of
from synthetic_oversampling.practice.planner.evidence import Evidence
from synthetic_oversampling.practice.planner.objectives import CROSS_ENTROPY, OBJECTIVES
from synthetic_oversampling.practice.planner.plan import choices_of, short_list
from synthetic_oversampling.practice.planner.proposal import Proposal
from synthetic_oversampling.practice.planner.trust import INFLATION, TRUST, Trust, family
from synthetic_oversampling.practice.planner_study import wide
from synthetic_oversampling.practice.planner_study.judged import judged
from synthetic_oversampling.practice.planner_study.kept import kept
from synthetic_oversampling.practice.planner_study.real_tables import TABLES, Trial, drawn, half
from synthetic_oversampling.practice.planner_study.several_tables import SEVERAL, drawn_several
from synthetic_oversampling.practice.planner_study.simulated import simulated

__all__ = ["learned", "markdown", "recorded", "require_metric", "shown", "weights"]

_GREAT = 0.02  # in units of the objective: a loss that is noticed
_BOOTSTRAPS = 1000  # of tables, for the error of a correlation
_BOUNDS = ((0.0, 1.0), (0.0, 1.0), (np.log(0.05), np.log(2.0)))  # slope, bias, log of doubt


def require_metric(name: str, metric: str) -> None:
    """Raise if a set's tables have more classes than a metric knows.

    Args:
        name: of the set; metric: of `planner.objectives.OBJECTIVES`.

    Raises:
        ValueError: naming what was got, what is expected, and what to do.
    """
    if name == "several" and OBJECTIVES[metric].several is None:
        known = ", ".join(one for one, value in OBJECTIVES.items() if value.several is not None)
        raise ValueError(
            f"metric: got {metric!r} for tables of three and four classes, expected one of {known};"
            " judge tables of two classes by it."
        )


def recorded(
    name: str,
    count: int,
    folder: Path,
    *,
    learner: str = "logistic-l2",
    metric: str = CROSS_ENTROPY,
    repeats: int = 2,
    first: int | None = None,
    seed: int = 1,
    told: Callable[[int, int], None] | None = None,
) -> list[dict]:
    """Records of a set of tables by one objective, read where they are there and made where not.

    A table's file has all objectives, so that each reads the same fits.

    Args:
        name: "simulated", "wide", "development", "closed", "real-wide" or "several".
        count: of simulated tables.
        folder: one artifact for each table is kept there.
        learner: that is trained; metric: of `planner.objectives.OBJECTIVES`.
        repeats: of cross-validation; seed: of the simulated tables.
        first: how many real tables at most, in the order of their names' SHA-256; those of
            several classes in the order of their list.
        told: called with the tables done and their number.

    Raises:
        ValueError: for a metric that knows two classes, of tables that have more.
    """
    require_metric(name, metric)
    todo: list[tuple[str, Callable[[], Trial | None]]]
    if name in ("simulated", "wide"):
        law = simulated if name == "simulated" else wide.simulated
        todo = [(str(k), partial(law, k, seed)) for k in range(count)]
    elif name == "real-wide":
        known = sorted(wide.TABLES, key=_digest)[:first]
        todo = [(entry.key, partial(wide.drawn, entry)) for entry in known]
    elif name == "several":
        todo = [(entry.key, partial(drawn_several, entry)) for entry in SEVERAL[:first]]
    else:
        known = sorted((entry for entry in TABLES if half(entry) == name), key=_digest)[:first]
        todo = [(entry.key, partial(drawn, entry)) for entry in known]
    found = []
    for place, (key, table) in enumerate(todo):
        digest = hashlib.sha256(key.encode()).hexdigest()[:12]
        record = kept(
            folder / f"{name}-{learner}-{digest}.json",
            partial(_judged, table, learner, repeats),
            kind="planner-record",
            configuration={"table": key, "learner": learner, "repeats": repeats},
            seed=seed,
        )
        if record is None:
            continue
        found.append(record | record["metrics"][metric] | {"name": key})
        if told is not None:
            told(place + 1, len(todo))
    return found


def _judged(table: Callable[[], Trial | None], learner: str, repeats: int) -> dict | None:
    trial = table()
    return None if trial is None else judged(trial, learner=learner, repeats=repeats)


def _digest(known) -> str:
    return hashlib.sha256(known.key.encode()).hexdigest()


def _choices(record: dict, metric: str) -> tuple[list[Choice], np.ndarray]:
    """The planner's short list on a record, and the true gains of its designs."""
    sources = list(dict.fromkeys(source for _, source, _ in record["designs"] if source))
    designs = designs_of(record["sizes"], sources)
    theory = np.array(record["theory"], float)
    excess = record["excess"] if np.isfinite(record["excess"]) else np.nan
    proposal = Proposal(theory, excess, 1.0, record["distance"])
    listed, gains = short_list(designs, proposal, metric)
    kept = [designs.index(one) for one in listed]
    gain, error, ridge, validated = (
        np.array(record[key], float)[kept] for key in ("gain", "error", "ridge", "validated")
    )
    evidence = Evidence(gain=gain, error=error, ridge=ridge, loss=validated, fits=record["fits"])
    loss = np.array(record["loss"])
    found = choices_of(listed, gains, excess, evidence, metric=metric)
    return found, loss[1] - loss[kept]


def learned(records: Sequence[dict]) -> tuple[dict[str, Trust], float]:
    """The weights of `practice.planner.trust`: those whose posteriors foretell the gains best.

    The inflation is the root mean square of validation's errors in its own standard errors; the
    three numbers of a family maximise the mean log density of the true gains under the posterior.
    Squared errors beyond 5 and 4 standard deviations count as those, so that no table decides. The
    slope is kept between 0 and 1, the bias too, the doubt at 2 at most: a prior as wide as that
    says next to nothing, and its mean then follows from noise.

    Args:
        records: of simulated tables.
    """
    rows: dict[str, list] = {name: [] for name in TRUST[CROSS_ENTROPY]}
    ratios = []
    for record in records:
        loss, excess = np.array(record["loss"]), record["excess"]
        for k, (_, source, _) in enumerate(record["designs"]):
            gain, error = record["gain"][k], record["error"][k]
            if source and error > 0:
                ratios.append((loss[1] - loss[k] - gain) / error)
            if (
                error > 0
                and family(source)
                and np.isfinite(record["theory"][k])
                and np.isfinite(excess)
            ):
                rows[family(source)].append(
                    (
                        loss[1] - loss[k],
                        record["theory"][k],
                        record["shares"][k],
                        excess,
                        gain,
                        error,
                    )
                )
    inflation = float(np.sqrt(np.mean(np.minimum(np.square(ratios), 25.0))))
    trust = {}
    for name, values in rows.items():
        true, theory, share, excess, gain, error = np.array(values).T
        seen = 1 / (inflation * error) ** 2

        def cost(p, true=true, theory=theory, share=share, excess=excess, gain=gain, seen=seen):
            opinion = Trust(p[0], p[1], np.exp(p[2])).belief(share, theory, excess)
            first = 1 / np.maximum(opinion.error, 1e-9) ** 2
            precision = first + seen
            mean = (first * opinion.mean + seen * gain) / precision
            square = np.minimum((true - mean) ** 2 * precision, 16.0)
            return np.mean(square - np.log(precision)) / 2

        best = minimize(
            cost, [0.5, 0.1, -0.5], method="Nelder-Mead", bounds=_BOUNDS, options={"maxiter": 2000}
        )
        slope, bias, doubt = best.x
        trust[name] = Trust(*(round(float(weight), 3) for weight in (slope, bias, np.exp(doubt))))
    return trust, round(inflation, 3)


def shown(records: Sequence[dict], metric: str = CROSS_ENTROPY) -> dict:
    """What decisions realise on records.

    Args:
        records: of one set; metric: that they were read by.
    """
    gains: dict[str, list[float]] = {
        name: []
        for name in (
            "planner",
            "class weighting",
            "level SMOTE",
            "validation alone",
            "theory alone",
            "best",
        )
    }
    fixed: dict[str, list[float]] = {}
    sources: Counter[str] = Counter()
    inside, every, told = [], [], []
    foretold: list[np.ndarray] = []
    for record in records:
        choices, true = _choices(record, metric)
        loss = np.array(record["loss"])
        theory = np.array(record["theory"], float)
        told_of = np.array([bool(source) for _, source, _ in record["designs"]])
        foretold.append(np.stack([theory, loss[1] - loss])[:, told_of & np.isfinite(theory)])
        rows = [k for k, one in enumerate(choices) if one.rows]
        best, _ = decide(choices, OBJECTIVES[metric].worth)
        place = choices.index(best)
        gains["planner"].append(true[place])
        told.append(best.posterior.mean if best.rows else 0.0)
        gains["class weighting"].append(0.0)
        level = next(k for k in rows if choices[k].name == "level" and choices[k].source == "smote")
        gains["level SMOTE"].append(true[level])
        evidence = [one.evidence.mean for one in choices]
        gains["validation alone"].append(true[int(np.argmax(evidence[1:])) + 1])
        prior = [one.prior.mean if one.prior else -1.0 for one in choices]
        prior[1] = 0.0
        gains["theory alone"].append(true[int(np.argmax(prior))])
        gains["best"].append(float(np.max(true[1:])))
        sources[f"{best.source} {best.name}".strip()] += 1
        for k in rows:
            low, high = choices[k].posterior.between(0.95)
            inside.append(low <= true[k] <= high)
            low, high = choices[k].evidence.between(0.95)
            every.append(low <= true[k] <= high)
            one = choices[k]
            named = f"{one.name} {one.source}" + (
                f" {max(one.shares):.2f}" if one.name != "level" else ""
            )
            fixed.setdefault(named, []).append(true[k])
    most = np.array(gains["best"])
    table = {}
    for name, values in gains.items():
        value = np.array(values)
        table[name] = {
            "mean": float(value.mean()),
            "error": float(value.std(ddof=1) / np.sqrt(len(value))),
            "great losses": float(np.mean(value < -_GREAT)),
            "worst": float(value.min()),
            "regret": float(np.mean(most - value)),
        }
    whole = {name: values for name, values in fixed.items() if len(values) > len(records) / 2}
    top = max(whole, key=lambda name: float(np.mean(whole[name])))
    value = np.array(whole[top])
    adds = np.array(gains["planner"])[np.array(told) != 0]
    return {
        "tables": len(records),
        "rules": table,
        "chosen": dict(sources.most_common()),
        "best fixed": (top, float(value.mean()), float(value.std(ddof=1) / np.sqrt(len(value)))),
        "added": len(adds),
        "positive": int(np.sum(adds > 0)),
        "told": float(np.mean(told)),
        "inside": float(np.mean(inside)),
        "evidence inside": float(np.mean(every)),
        "foretold": _correlation(foretold),
        "fits": float(np.mean([record["fits"] for record in records])),
    }


def _correlation(tables: Sequence[np.ndarray]) -> tuple[float, float]:
    """Of theory's and true gains ``[2, designs]`` of tables, and its error by bootstrap of them."""
    tables = [table for table in tables if table.size]
    if len(tables) < 2:
        return np.nan, np.nan
    rng = np.random.default_rng(0)
    draws = rng.integers(len(tables), size=(_BOOTSTRAPS, len(tables)))
    values = [
        np.corrcoef(np.concatenate([tables[k] for k in draw], axis=1))[0, 1]
        for draw in (np.arange(len(tables)), *draws)
    ]
    return float(values[0]), float(np.std(values[1:], ddof=1))


def markdown(name: str, found: dict, metric: str = CROSS_ENTROPY) -> str:
    """A set's results as a table and a paragraph.

    Args:
        name: of the set; found: from `shown`; metric: that it was shown by.
    """
    words, unit = OBJECTIVES[metric][:2]
    lines = [
        f"### {name}: {found['tables']} tables, {words}",
        "",
        f"| rule | gain over class weighting (10⁻³{' nats' if unit == 'nats' else ''}) "
        "| loses over .02 | worst (10⁻³) "
        "| regret (10⁻³) |",
        "|---|---|---|---|---|",
    ]
    for rule, gains in found["rules"].items():
        lines.append(
            f"| {rule} | {1e3 * gains['mean']:+.2f} ± {2e3 * gains['error']:.2f} "
            f"| {gains['great losses']:.1%} | {1e3 * gains['worst']:+.1f} "
            f"| {1e3 * gains['regret']:.2f} |"
        )
    top, mean, error = found["best fixed"]
    chosen = ", ".join(f"{name} {count}" for name, count in found["chosen"].items())
    value, unsure = found["foretold"]
    theory = f"a correlation of {value:.2f} ± {2 * unsure:.2f} (over tables). "
    theory = f"Theory's gains and the true ones have {theory}" if np.isfinite(value) else ""
    return "\n".join(
        [
            *lines,
            "",
            f"Chosen: {chosen}. Rows were added to {found['added']} tables, with a gain on "
            f"{found['positive']}; the planner expected {1e3 * found['told']:+.2f}. Best fixed "
            f"design: {top}, {1e3 * mean:+.2f} ± {2e3 * error:.2f}. The 95 % interval of the "
            f"posterior holds the truth in {found['inside']:.1%} of designs, validation's own in "
            f"{found['evidence inside']:.1%}. {theory}{found['fits']:.0f} fits a table.",
            "",
        ]
    )


def weights(trust: dict[str, Trust], inflation: float, metric: str = CROSS_ENTROPY) -> str:
    """The learned numbers as they stand beside those in use.

    Args:
        trust, inflation: from `learned`; metric: of the records.
    """
    used = TRUST[metric]
    said = [f"{name}: {trusted} (in use {used[name]})" for name, trusted in trust.items()]
    return "\n".join([*said, f"inflation: {inflation} (in use {INFLATION[metric]})"])
