"""The sweeps that figures draw: settings by profile, and their artifacts, computed when missing."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.experiments import scaling_paths
from synthetic_oversampling.simulate.experiments.paths import Progress
from synthetic_oversampling.simulate.sweeps.benefit import (
    fidelity_to_excess,
    generated_samples,
    phase_diagram,
)
from synthetic_oversampling.simulate.sweeps.bias import (
    bias_by_generator,
    raw_imbalance,
    spurious_weight,
)
from synthetic_oversampling.simulate.sweeps.capacity import (
    row_depth,
    token_model,
    transformer_kl,
    transformer_kl_trained,
    whole_rows,
)
from synthetic_oversampling.simulate.sweeps.literature import literature
from synthetic_oversampling.simulate.sweeps.metrics import metrics_by_imbalance
from synthetic_oversampling.simulate.sweeps.multiclass.classes import CLASSES, classes_by_imbalance
from synthetic_oversampling.simulate.sweeps.nonparametric import saturation
from synthetic_oversampling.simulate.sweeps.procedures import procedures
from synthetic_oversampling.simulate.sweeps.proportional import (
    proportional_errors,
    proportional_phases,
    proportional_spurious,
    separability,
)
from synthetic_oversampling.simulate.sweeps.risk import (
    excess_against_weight,
    gain_against_separation,
)
from synthetic_oversampling.simulate.sweeps.scaling import nonparametric_rates, scaling_law

__all__ = ["KIND", "PROFILES", "SEED", "SWEEPS", "Sweep", "artifact_path", "obtain"]

KIND = "figure data"  # kind of artifact
PROFILES = ("quick", "full")  # how many replicates: a quick look, or those of a paper
SEED = 2024  # seed of every sweep unless another is asked for
_EYE3 = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
_OTHER = [[0.3, 0.0, 0.0], [0.0, 2.0, 0.4], [0.0, 0.4, 1.5]]
_MEANS = [[0.0, 0.0, 0.0], [1.5, 0.5, 0.0]]


@dataclasses.dataclass(frozen=True)
class Sweep:
    """One artifact's worth of simulation.

    Attributes:
        name: of the artifact.
        compute: ``(settings, seed, progress) -> payload``.
        shared, by_profile: settings of every profile, and those that differ, usually replicates.
    """

    name: str
    compute: Callable[[Mapping, int, Progress], dict]
    shared: Mapping[str, Any]
    by_profile: Mapping[str, Mapping[str, Any]]

    def settings(self, profile: str) -> dict[str, Any]:
        """Settings of a profile, plain data.

        Args:
            profile: "quick" or "full".
        """
        if profile not in PROFILES:
            raise ValueError(f"profile: got {profile!r}, expected one of {', '.join(PROFILES)}.")
        return {"profile": profile, **self.shared, **self.by_profile[profile]}


def _replicates(quick: int, full: int) -> dict[str, dict[str, int]]:
    return {"quick": {"replicates": quick}, "full": {"replicates": full}}


# long ones first; those of many steps of NumPy, which threads cannot share, between compiled ones
_ALL = (
    Sweep(
        "proportional_phases",
        proportional_phases,
        {
            "distance": 2.0,
            "few": 40,
            "plans": ["smote-pairs", "plugin-pooled", "plugin"],
            "ridges_per_row": [0.003, 1.0],
            "imbalance": [1.5, 32.0],
            "dims": [8, 320],
            "grid": 8,
            "shown": 25,
            "ratios": [2, 8, 24],
            "points": [12, 40, 130],
        },
        _replicates(40, 400),
    ),
    Sweep(
        "scaling_law",
        scaling_law,
        {
            "means": [group.mean[0].tolist() for group in scaling_paths.GROUPS],
            "covs": [group.cov[0].tolist() for group in scaling_paths.GROUPS],
            "sizes": list(scaling_paths.SIZES),
            "minority_shift": list(scaling_paths.SHIFTED.shift),
            "minority_scale": scaling_paths.SCALED.factor,
            "generators": ["oracle", "shifted", "scaled", "smote", "duplicate", "plugin"],
            "fixed_weight": scaling_paths.FIXED_WEIGHT,
            "synthetic_sizes": [100, 100000],
            "paths": ["wide", "farther"],
            "shares": [1.0, 0.2],
        },
        _replicates(300, 4000),
    ),
    Sweep(
        "proportional_errors",
        proportional_errors,
        {
            "distance": 2.0,
            "sizes": [240, 48],
            "ridge": 1.0,
            "plans": ["raw", "weighted", "duplicate", "smote-pairs", "plugin-pooled", "oracle"],
            "dims": [6, 12, 24, 48, 96, 192],
            "curve": 31,
        },
        _replicates(40, 400),
    ),
    Sweep(
        "metrics_by_imbalance",
        metrics_by_imbalance,
        {
            "means": [[0.0, 0.0, 0.0], [1.2, 0.5, -0.3]],
            "labels": [0, 1],
            "covs": {"same": [_EYE3, _EYE3], "different": [_EYE3, _OTHER]},
            "methods": ["raw", "weighted", "smote", "plugin"],
            "n_max": 5000,
            "largest_ratio": 40.0,
            "curve": 19,
            "ratios": [2, 8, 32],
        },
        _replicates(200, 4000),
    ),
    Sweep(
        "proportional_spurious",
        proportional_spurious,
        {
            "core": 0.8,
            "attribute": 1.0,
            "sizes": [200, 40],
            "ridge": 1.0,
            "plans": ["raw", "weighted", "duplicate", "smote-pairs", "plugin-pooled", "oracle"],
            "dims": [10, 20, 40, 80, 160],
            "curve": 25,
        },
        _replicates(30, 300),
    ),
    Sweep(
        "phase_diagram",
        phase_diagram,
        {
            "means": _MEANS,
            "separations": [1.0, 1.75, 2.5],
            "n_max": 1000,
            "augmentation": 1000,
            "weight": 0.4,
            "direction": [1.0, -1.0, 0.5],
            "ratio_range": [1.0, 25.0],
            "length_range": [0.05, 3.5],
            "ratios": [2.0, 10.0],
            "lengths": [0.1, 0.3, 0.6, 1.4, 2.2],
        },
        _replicates(300, 4000),
    ),
    Sweep(
        "separability",
        separability,
        {
            "distances": [1.0, 2.0],
            "rows": 120,
            "largest_ratio": 20.0,
            "ratios": [1, 2, 4, 8, 16],
            "curve": 41,
        },
        _replicates(30, 400),
    ),
    Sweep(
        "gain_against_separation",
        gain_against_separation,
        {
            "dim": 5,
            "distances": [1.0, 1.5, 2.0, 2.5, 3.0, 3.5],
            "balanced_size": 1500,
            "sizes": [1500, 300],
            "augmentation": 1500,
            "weight": 0.5,
        },
        _replicates(300, 4000),
    ),
    Sweep("classes_by_imbalance", classes_by_imbalance, CLASSES, _replicates(100, 2000)),
    Sweep(
        "spurious_weight",
        spurious_weight,
        {
            "means": [[-0.9, 0.4, -1.1], [-0.9, 0.4, 1.1], [0.9, -0.4, -1.1], [0.9, -0.4, 1.1]],
            "covs": [[[1.21, 0.0, 0.0], [0.0, 1.21, 0.0], [0.0, 0.0, 0.64]]] * 4,
            "labels": [0, 0, 1, 1],
            "spurious": 2,
            "sizes": [1000, 240, 200, 760],
            "augmentation": 400,
            "weight": 0.35,
            "shift": [0.0, 0.0, 0.4],
            "flip_rate": 0.05,
            "generators": ["oracle", "smote", "plugin", "shifted", "mislabelled"],
            "aligned_size": 1000,
            "largest_share": 0.98,
            "shares": [0.5, 0.6, 0.7, 0.8, 0.9, 0.96],
            "shift_range": [-0.6, 0.6],
            "shift_lengths": [-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6],
        },
        _replicates(200, 3000),
    ),
    Sweep(
        "whole_rows",
        whole_rows,
        {"recorded": "transformer_toy/rows/fidelity.json", "prior": [0.5, 5.0, 3.0], "dim": 8}
        | {"depths": [2, 4, 6], "families": ["gaussian", "mixture", "structural"]},
        _replicates(64, 1024),
    ),
    Sweep(
        "procedures",
        procedures,
        {
            "means": _MEANS,
            "covs": [_EYE3, _EYE3],
            "labels": [0, 1],
            "sizes": [400, 40],
            "shift": [0.25, -0.1, 0.1],
            "generators": ["oracle", "shifted", "plugin"],
            "folds": 5,
            "multiples": [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0],
            "price": 1e-6,
            "most": 1000,
        },
        _replicates(100, 2000),
    ),
    Sweep(
        "bias_by_generator",
        bias_by_generator,
        {
            "means": [[0.2, -0.3, 0.1], [1.6, 0.4, -0.5]],
            "covs": [
                [[1.2, 0.4, 0.0], [0.4, 0.8, 0.1], [0.0, 0.1, 0.9]],
                [[0.8, -0.2, 0.1], [-0.2, 1.3, 0.0], [0.1, 0.0, 1.0]],
            ],
            "labels": [0, 1],
            "sizes": [1000, 200],
            "augmentation": 500,
            "weight": 0.4,
            "shift": [0.15, -0.2, 0.1],
            "scale": 0.7,
            "flip_rate": 0.05,
            "generators": [
                *("oracle", "shifted", "scaled", "mislabelled", "duplicate", "smote"),
                *("plugin", "plugin-pooled", "predictive"),
            ],
        },
        _replicates(300, 4000),
    ),
    Sweep(
        "token_model",
        token_model,
        {"dim": 3, "vocabulary": 16, "family_seed": 7, "natural": [0.6, -0.4, 0.5], "damping": 0.7}
        | {"layers": [1, 2, 4, 16], "counts": [16, 64, 256, 1024, 4096]},
        _replicates(1024, 16384),
    ),
    Sweep(
        "row_depth",
        row_depth,
        {"dim": 5, "seeds": 20, "family_seed": 3, "conditions": [4.0, 30.0, 300.0], "most": 9},
        _replicates(1024, 16384),
    ),
    Sweep(
        "excess_against_weight",
        excess_against_weight,
        {
            "means": _MEANS,
            "covs": [_EYE3, _EYE3],
            "labels": [0, 1],
            "sizes": [800, 80],
            "augmentation": 800,
            "shift": [0.25, -0.1, 0.1],
            "generators": ["oracle", "shifted", "smote", "plugin-pooled"],
            "weights": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
        },
        _replicates(400, 4000),
    ),
    Sweep(
        "transformer_kl",
        transformer_kl,
        {"dim": 4, "var_within": 1.0, "var_prior": 4.0, "symbols": 8, "concentration": 0.5}
        | {"counts": [1, 2, 4, 8, 16, 32, 64, 128, 256]},
        _replicates(2048, 65536),
    ),
    Sweep(
        "literature",
        literature,
        {
            "means": _MEANS,
            "covs": [_EYE3, _EYE3],
            "labels": [0, 1],
            "sizes": [800, 160],
            "augmentation": 400,
            "shift": [0.12, -0.06, 0.05],
            "generators": ["oracle", "shifted", "plugin"],
            "weights": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
            "real": 60,
            "surrogate": 240,
            "relative_bias": 0.1,
            "coordinates": 2000,
            "smoothness": [0.5, 1.0, 2.0],
        },
        _replicates(300, 4000),
    ),
    Sweep(
        "raw_imbalance",
        raw_imbalance,
        {
            "means": _MEANS,
            "covs": [_EYE3, _EYE3],
            "labels": [0, 1],
            "n_max": 2000,
            "largest_ratio": 100.0,
            "ratios": [1, 2, 4, 8, 16, 32, 64],
        },
        _replicates(300, 4000),
    ),
    Sweep(
        "fidelity_to_excess",
        fidelity_to_excess,
        {
            "means": _MEANS,
            "covs": [_EYE3, _EYE3],
            "labels": [0, 1],
            "sizes": [1000, 200],
            "augmentation": 1000,
            "weight": 0.4,
            "along": [1.5, 0.5, 0.0],
            "aslant": [1.0, -2.0, 0.5],
            "lengths": [0.02, 1.0],
            "shrinkage": [0.02, 0.7],
            "divergence": [2e-4, 0.6],
            "points": [0.1, 0.2, 0.4, 0.8],
        },
        _replicates(400, 4000),
    ),
    Sweep(
        "nonparametric_rates",
        nonparametric_rates,
        {"amplitude": 1.0, "n_max": 50, "coordinates": 200000, "smoothness": [0.5, 1.0, 2.0]}
        | {"synthetic_sizes": [30, 100, 300, 1000, 3000, 10000, 30000, 100000]},
        _replicates(512, 8192),
    ),
    Sweep(
        "generated_samples",
        generated_samples,
        {
            "means": [[0.0, 0.0], [1.0, 0.5]],
            "covs": [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.6], [0.6, 0.8]]],
            "labels": [0, 1],
            "seeds": 15,
            "shown": 150,
            "neighbours": 5,
        },
        {"quick": {}, "full": {}},
    ),
    Sweep(
        "transformer_kl_trained",
        transformer_kl_trained,
        {"recorded": "transformer_toy/gap_unknown_mean.json"},
        {"quick": {}, "full": {}},
    ),
    Sweep(
        "saturation",
        saturation,
        {
            "seeds": 50,
            "many": 1000,
            "smoothness": [0.5, 1.0, 2.0],
            "synthetic_sizes": [5, 15, 50, 150, 500, 1500, 5000, 15000],
            "seed_numbers": [10, 30, 100, 300, 1000, 3000],
        },
        _replicates(512, 8192),
    ),
)

SWEEPS: dict[str, Sweep] = {sweep.name: sweep for sweep in _ALL}  # by name, in the order of work


def artifact_path(folder: str | os.PathLike, name: str, profile: str) -> Path:
    """Where a sweep's artifact lies under a folder.

    Args:
        folder, name, profile: as for `obtain`.
    """
    return Path(folder) / profile / f"{name}.json"


def obtain(
    name: str,
    profile: str,
    folder: str | os.PathLike,
    *,
    progress: Progress | None = None,
    recompute: bool = False,
) -> dict[str, Any]:
    """The artifact of a sweep: read when it is there and sound, computed and written when missing.

    Args:
        name, profile, folder: of the sweep; "quick" or "full"; of the artifacts.
        progress: called with the share of the computation that is done.
        recompute: compute it in any case, and replace the file.

    Returns:
        The loaded artifact: "payload", "configuration", "seed", "versions".

    Raises:
        ArtifactError: it is truncated, altered or of other settings, and stays; or not writable.
    """
    sweep = SWEEPS[name]
    settings = sweep.settings(profile)
    path = artifact_path(folder, name, profile)
    kept: dict[str, Any] = {"kind": KIND, "configuration": settings, "seed": SEED}
    if not recompute:
        try:
            return artifacts.load(path, **kept)
        except FileNotFoundError:
            pass
    artifacts.check_writable(path)
    payload = sweep.compute(settings, SEED, progress or (lambda share: None))
    artifacts.save(path, payload, **kept)
    return artifacts.load(path, **kept)
