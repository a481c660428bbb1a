"""Recorded measurements that figures draw: the gap of the trained networks (T1).

Training takes minutes a network, so its outcome ships with the package as an artifact, which
`oversampling evaluate` wrote; here it becomes data for a figure, beside the closed
forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.experiments.paths import Progress
from synthetic_oversampling.theory.in_context import capacity

__all__ = ["transformer_kl_trained"]

_ROOT = Path(__file__).parents[2]


def transformer_kl_trained(settings: Mapping, seed: int, progress: Progress) -> dict:
    """Expected divergence of trained networks from a group's law, from their recorded gaps.

    Statement (exact): averaged over groups and seeds, KL(group || network) is KL(group || exact
    predictive), in closed form, plus the gap KL(exact predictive || network).

    Args:
        settings: ``recorded``, a path below the folder of the packages.
        seed, progress: as every sweep takes them; nothing is drawn here.
    """
    body = artifacts.load(_ROOT / settings["recorded"], kind="transformer gap")
    entries = body["payload"]
    dim, *var = (entries[0]["task"][key] for key in ("dim", "var_within", "var_prior"))
    counts = [count for count in entries[0]["counts"] if count >= 1]
    bayes = [float(capacity.location_expected_kl(n, dim, *var)) for n in counts]
    networks = []
    for entry in entries:
        if entry["task"] != entries[0]["task"] or entry["counts"] != entries[0]["counts"]:
            raise artifacts.ArtifactError(
                f"{settings['recorded']}: holds networks of several families or counts, expected "
                "one; record them again with `oversampling evaluate`."
            )
        rows = {row["count"]: row for row in entry["rows"] if row["rule"] == "network"}
        gap = np.array([rows[count]["kl"] for count in counts])
        error = np.array([rows[count]["kl_standard_error"] for count in counts])
        networks.append(
            {
                "seed": entry["about"]["recipe"]["seed"],
                "gap": {"mean": gap, "std_error": error},
                "total": {"mean": gap + bayes, "std_error": error},
            }
        )
    predicted = {
        name: [value for n, value in zip(entries[0]["counts"], values, strict=True) if n >= 1]
        for name, values in entries[0]["predicted"].items()
    }
    progress(1.0)
    return {
        "dim": dim,
        "most_trained": entries[0]["about"]["recipe"]["max_count"] - 1,
        "count": counts,
        "bayes": bayes,
        "minimax": [float(capacity.flat_prior_expected_kl(n, dim)) for n in counts],
        "plug-in": [float(capacity.plugin_expected_kl(n, dim)) for n in counts],
        "gap": predicted,
        "networks": networks,
    }
