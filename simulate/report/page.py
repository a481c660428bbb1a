"""The report of a run as one page: theorems, checks, figures, mutants; no other file, no network.

It is made from what `verify --json` writes, and from nothing else but the figures that are handed
in, so that a run can be reported elsewhere and later.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from synthetic_oversampling.simulate.artifacts import ArtifactError
from synthetic_oversampling.simulate.checks.declaration import SOURCES
from synthetic_oversampling.simulate.report.formula import formula_svg
from synthetic_oversampling.simulate.report.parts import (
    STYLE,
    badge,
    escape,
    number,
    row_of_check,
    table,
)
from synthetic_oversampling.simulate.report.prose import prose
from synthetic_oversampling.theory.wording import counted

__all__ = ["Picture", "report_page"]

_CHECKS = ["verdict", "check", "kind", ">predicted", ">observed", "=interval", ">z", ">n"]
_TITLE = "Synthetic oversampling: the theorems"
_RANK = {"fail": 0, "inconclusive": 1, "pass": 2}


class Picture(NamedTuple):
    """A figure for the page: its name, title, theorems, caption, and the text of its SVG file.

    Attributes:
        name, title, theorems, caption: of the figure; svg: the text.
    """

    name: str
    title: str
    theorems: tuple[str, ...]
    caption: str
    svg: str


def report_page(artifact: Mapping[str, Any], pictures: Sequence[Picture] = ()) -> str:
    """The page of a run.

    Args:
        artifact: a loaded artifact of kind "verification".
        pictures: figures to show, with the first of their theorems that the page has.

    Returns:
        HTML, complete in itself.

    Raises:
        ArtifactError: the artifact does not hold the report of a run.
    """
    try:
        return _page(artifact, pictures)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ArtifactError(
            f"the report of a run lacks what its page shows ({type(error).__name__}: {error}); it "
            "was written by another version of the package: run verify again."
        ) from error


def _page(artifact: Mapping[str, Any], pictures: Sequence[Picture]) -> str:
    report, seed = artifact["payload"], artifact["seed"]
    checks = report["checks"]
    theorems = {entry["id"]: entry for entry in report.get("theorems", [])}
    for check in checks:
        theorems.setdefault(check["theorem"], {"id": check["theorem"], "claim": ""})
    groups = {name: [c for c in checks if c["theorem"] == name] for name in theorems}
    shown = _placed(pictures, theorems)
    failing = [check for check in checks if check["verdict"] != "pass"]
    failing.sort(key=lambda check: _RANK[check["verdict"]])
    parts = [
        _head(report),
        _summary(report, seed, artifact["configuration"]),
        _contents(theorems, groups, failing, report),
        _failing(failing, seed) if failing else "",
        _reading(report),
        *(_theorem(theorems[n], groups[n], shown.get(n, []), report, seed) for n in theorems),
        _mutants(report) if report.get("mutants") else "",
        _excluded(report),
        _versions(report, seed, artifact["configuration"]),
    ]
    return "\n".join(filter(None, parts)) + "\n</main></body></html>\n"


def _placed(pictures: Sequence[Picture], theorems: Mapping) -> dict[str, list[Picture]]:
    placed: dict[str, list[Picture]] = {}
    for picture in pictures:
        home = next((name for name in picture.theorems if name in theorems), None)
        if home is not None:
            placed.setdefault(home, []).append(picture)
    return placed


def _head(report: Mapping) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report['verdict'])}: {escape(report.get('title', _TITLE))}</title>"
        f"<style>{STYLE}</style></head><body><main>"
    )


def _counts(checks: Sequence[Mapping]) -> str:
    verdicts = [check["verdict"] for check in checks]
    named = [f"{verdicts.count(v)} {v}" for v in _RANK if verdicts.count(v)]
    return ", ".join(named) or "no check in this run"


def _summary(report: Mapping, seed: int, configuration: Mapping) -> str:
    verdict = report["verdict"]
    replicates = sum(report["replicates"].values())
    only = configuration.get("only") or []
    if configuration.get("mutate") and not report.get("judged_by_every_check"):
        only = only or ["what wrong formulas name"]
    part = f" Only {escape(', '.join(only))}: a part of the checks." if only else ""
    return (
        f"<header><h1>{escape(report.get('title', _TITLE))}, held against simulation</h1>"
        f'<div class="banner {escape(verdict)}"><p>{badge(verdict)}: '
        f"{_counts(report['checks'])} of {counted(len(report['checks']), 'check')}</p>"
        f'<p class="small">Seed {seed}, {_profile(report)}'
        f"{counted(len(report['replicates']), 'experiment')}, "
        f"{counted(replicates, 'replicate', form=',')}. Probability of any false alarm at most "
        f"{report['family_false_alarm_rate']:g}, of an undecided check of a true theory "
        f"{report['family_indecision_rate']:g}.{_second(report)}{part}{_gate(report)}</p></div>"
        "</header>"
    )


def _profile(report: Mapping) -> str:
    return f"profile {escape(report['profile'])}, " if report["profile"] else ""


def _command(report: Mapping, seed: int, options: str) -> str:
    """What runs a part of it again; nothing for claims, which only their own program can run."""
    if not report["profile"]:
        return ""
    command = f"oversampling verify --profile {report['profile']} --seed {seed}{options}"
    return f"<pre>{escape(command)}</pre>"


def _second(report: Mapping) -> str:
    """One sentence on the checks that needed more replicates, if any did."""
    if not report["second_stage"]:
        return ""
    names = ", ".join(f"<code>{escape(name)}</code>" for name in report["second_stage"])
    return f" A second stage was used for {names}."


def _gate(report: Mapping) -> str:
    """One sentence on the wrong formulas of a run that had some."""
    trials = report.get("mutants")
    if not trials:
        return ""
    names = {trial["name"] for trial in trials}
    survived = sorted({trial["name"] for trial in trials if trial["verdict"] != "fail"})
    left = f" ({escape(', '.join(survived))} survived)" if survived else ""
    said = f" {len(names) - len(survived)} of {counted(len(names), 'wrong formula')} rejected{left}"
    if report.get("judged_by_every_check"):
        failed, total = len(report["checks_failed_by_mutants"]), len(report["checks"])
        said += f"; {failed} of {counted(total, 'check')} failed under at least one of them"
    return f'{said}: see <a href="#mutants">wrong formulas</a>.'


def _claim(entry: Mapping, before: str) -> str:
    return f"{before}{prose(entry['claim'])}" if entry["claim"] else ""


def _contents(theorems, checks, failing, report) -> str:
    items = ['<li><a href="#failing">Checks that did not pass</a></li>'] if failing else []
    items.append('<li><a href="#reading">How to read a check</a></li>')
    items += [
        f'<li><a href="#{escape(name)}">{escape(name)}{_claim(entry, ": ")}</a> '
        f'<span class="small">({_counts(checks[name])})</span></li>'
        for name, entry in theorems.items()
    ]
    items += ['<li><a href="#mutants">Wrong formulas</a></li>'] if report.get("mutants") else []
    items.append('<li><a href="#excluded">Replicates left out</a></li>')
    items.append('<li><a href="#versions">Versions and how to run it again</a></li>')
    return f'<nav aria-label="Contents"><h2>Contents</h2><ul>{"".join(items)}</ul></nav>'


def _failing(failing: Sequence[Mapping], seed: int) -> str:
    parts = ['<section id="failing"><h2>Checks that did not pass</h2>']
    for check in failing:
        noise = (
            f"standard error {number(check['std_error'])}, n = {check['n']}, z = {check['z']:+.2f}"
            if check["n"]
            else "without noise"
        )
        reason = f": {escape(check['reason'])}" if check["reason"] else ""
        parts.append(
            f"<h3>{badge(check['verdict'])} <code>{escape(check['id'])}</code></h3>"
            f"<p>{prose(check['claim'])}. Predicted {number(check['theory'])}, observed "
            f"{number(check['observed'])} ({noise}); interval {number(check['interval'][0])} to "
            f"{number(check['interval'][1])}, allowance {number(check['allowance'])}, "
            f"discrepancy {number(check['discrepancy'])}, seed {seed}{reason}.</p>"
            + (f"<pre>{escape(check['command'])}</pre>" if check["command"] else "")
        )
    return "".join([*parts, "</section>"])


def _reading(report: Mapping) -> str:
    example = {
        "id": "",
        "claim": "",
        "kind": "asymptotic",
        "theory": 1.0,
        "observed": 1.1,
        "n": 1000,
        "std_error": 0.05,
        "interval": [0.85, 1.35],
        "allowance": 0.15,
        "discrepancy": 0.6,
        "z": 2.0,
        "verdict": "pass",
        "source": "",
        "stage": 1,
        "left_out": 0.0,
    }
    strip = row_of_check(example)[5].split("<br>")[0]
    return (
        '<section id="reading"><h2>How to read a check</h2>'
        f"<p>{strip} The tick is the predicted value and the line the confidence interval "
        f"({report['interval_z']:.2f} standard errors on each side, shifted for skewness). The "
        "light band is the discrepancy that the check was planned to detect, the dark band the "
        "remainder that the statement itself allows for. A check fails when its interval lies "
        "outside the dark band, passes when it does not and lies inside the light band, and is "
        "inconclusive otherwise. A bound passes when the interval lies below it; its light band "
        "is all that the bound allows. z is the whole deviation in standard errors, allowed or "
        "not. Everything is declared before the simulation.</p><p>A check that is inconclusive "
        "goes on to a second stage: four times the replicates, and "
        f"{report['interval_z_second_stage']:.2f} standard errors, with its own part of the "
        "false-alarm rate. Expectations are over the replicates whose fit exists; where some do "
        "not, their share stands below <code>n</code>. In brackets, where the observed value comes "
        f"from:</p><dl>{_sources(report)}</dl></section>"
    )


def _sources(report: Mapping) -> str:
    return "".join(
        f"<dt>{escape(name)} ({report['sources'][name]})</dt><dd>{escape(text)}</dd>"
        for name, text in SOURCES.items()
    )


def _source(entry: Mapping[str, str]) -> str:
    return f"{entry['form']}: {entry['says']} ({entry['work']}, {entry['version']})"


def _theorem(entry, checks, pictures: Sequence[Picture], report, seed: int) -> str:
    name = entry["id"]
    parts = [f'<section id="{escape(name)}"><h2>{escape(name)}{_claim(entry, ". ")}</h2>']
    if "statement" in entry:
        kinds = [*entry["kinds"], *entry["forms"]]
        assumed = "; ".join(entry["assumptions"])
        facts = [
            ("sources", "; ".join(_source(source) for source in entry["sources"])),
            ("assumes", assumed),
            ("left out", entry["remainder"]),
        ]
        described = "".join(f"<dt>{key}</dt><dd>{prose(text)}</dd>" for key, text in facts)
        computed = ", ".join(f"<code>{escape(function)}</code>" for function in entry["functions"])
        described += f"<dt>computed by</dt><dd>{computed}</dd>"
        parts += [
            f"<p>{''.join(f'<span class=tag>{escape(kind)}</span>' for kind in kinds)}</p>",
            f"<p>{prose(entry['statement'])}</p><dl>{described}</dl>",
        ]
        if entry["formulas"]:
            parts.append("<details open><summary>Formulas</summary>")
            parts += [_formula(formula) for formula in entry["formulas"]]
            parts.append("</details>")
    if checks:
        ordered = sorted(checks, key=lambda check: _RANK[check["verdict"]])
        parts.append(
            f"<details open><summary>Checks: {_counts(checks)}</summary>"
            + table(_CHECKS, [row_of_check(check) for check in ordered])
            + f"{_command(report, seed, f' --only {name}')}</details>"
        )
    else:
        parts.append('<p class="small">No check in this run.</p>')
    parts += [_figure(picture) for picture in pictures]
    return "".join([*parts, "</section>"])


def _formula(formula: Mapping) -> str:
    return (
        f'<div>{prose(formula["claim"])} <span class="small">({escape(formula["kind"])}, '
        f"<code>{escape(formula['id'])}</code>)</span></div>"
        f'<div class="eq">{formula_svg(formula["latex"])}</div>'
    )


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.svg.encode()).decode()
    return (
        f'<figure id="figure-{escape(picture.name)}"><img alt="{escape(picture.title)}" '
        f'src="data:image/svg+xml;base64,{data}"><figcaption>{prose(picture.caption)} '
        f"Theorems {escape(', '.join(picture.theorems))}.</figcaption></figure>"
    )


def _mutants(report: Mapping) -> str:
    """Every wrong formula with the checks that it names, and the checks that none fails."""
    trials = report["mutants"]
    rows, last = [], None
    for trial in trials:
        same, last = trial["name"] == last, trial["name"]
        kind = f" ({escape(trial['generator'])})" if trial["generator"] else ""
        about = (
            ("", "")
            if same
            else (
                f"<code>{escape(trial['name'])}</code>: {prose(trial['change'])}",
                escape(", ".join(trial["theorems"])) + kind,
            )
        )
        rows.append(
            [
                *about,
                badge("rejected" if trial["verdict"] == "fail" else "survived"),
                f"<code>{escape(trial['check'] or '–')}</code>",
                *(
                    "–" if trial.get(key) is None else number(trial[key])
                    for key in ("predicted", "wrong", "observed")
                ),
                "–" if trial["z"] is None else f"{trial['z']:+.1f}".replace("-", "−"),
            ]
        )
    rejected = sum(trial["verdict"] == "fail" for trial in trials)
    header = [
        "wrong formula",
        "about",
        "verdict",
        "=by the check",
        ">right",
        ">wrong",
        ">observed",
        ">z",
    ]
    return (
        '<section id="mutants"><h2>Wrong formulas</h2><p>Each replaces one formula by a wrong one '
        "while the predictions are made anew; each check named must reject it, at its planned "
        f"size, on what the true simulation observed: {rejected} of {len(trials)} do. "
        "<code>z</code> is the deviation of the observation from the wrong prediction in standard "
        "errors. Where nothing is random it is –, and the wrong formula may be on the side that is "
        "observed: a remainder of the wrong order, a residual that is not 0.</p>"
        + table(header, rows)
        + _coverage(report)
        + "</section>"
    )


def _coverage(report: Mapping) -> str:
    """How many checks can fail at all, as far as the wrong formulas of a wide gate show."""
    if not report.get("judged_by_every_check"):
        return ""
    failed, idle = report["checks_failed_by_mutants"], report["checks_failed_by_none"]
    rows = [
        [f"<code>{escape(name)}</code>", escape(why or "no reason is known: a defect")]
        for name, why in idle.items()
    ]
    text = (
        "<h3>Checks that no wrong formula fails</h3><p>A check that nothing can fail shows "
        f"nothing. {len(failed)} of {counted(len(failed) + len(idle), 'check')} failed under at "
        "least one wrong formula"
    )
    return text + ("; these did not.</p>" + table(["check", "why"], rows) if rows else ".</p>")


def _excluded(report: Mapping) -> str:
    rows = [
        [
            f"<code>{escape(name)}</code>",
            escape(reason.replace("_", " ")),
            f"{count:,}",
            f"{report['replicates'][name]:,}",
        ]
        for name, problems in report["excluded"].items()
        for reason, count in problems.items()
        if count
    ]
    content = (
        table(["experiment", "reason", ">left out", ">of replicates"], rows)
        if rows
        else "<p>None: every replicate of every experiment counts.</p>"
    )
    return f'<section id="excluded"><h2>Replicates left out</h2>{content}</section>'


def _versions(report: Mapping, seed: int, configuration: Mapping) -> str:
    facts = report["versions"] | {"seed": seed, "profile": report["profile"]}
    described = "".join(
        f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items() if v != ""
    )
    only = "".join(f" --only '{pattern}'" for pattern in configuration.get("only") or [])
    if configuration.get("mutate"):
        only += f" --mutate {configuration['mutate']}"
    return (
        '<section id="versions"><h2>Versions and how to run it again</h2>'
        f"<dl>{described}</dl>{_command(report, seed, only)}</section>"
    )
