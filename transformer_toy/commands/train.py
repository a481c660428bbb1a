"""``oversampling train``: a network for a family of groups."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from synthetic_oversampling.simulate.arguments import check_new, seed_number, whole

__all__ = ["add_arguments", "run"]

_DESCRIPTION = """Train an in-context generator on a family of groups: a small transformer that
reads a group's seeds and writes the law of its next samples."""


def _setting(text: str) -> tuple[str, int | float]:
    name, _, value = text.partition("=")
    if value.isdecimal() and len(value.lstrip("0")) > 6:
        raise argparse.ArgumentTypeError(
            f"got {text[:40]!r}, expected {name}=NUMBER with a number below a million; give a "
            "smaller one"
        )
    try:
        return name, int(value)
    except ValueError:
        try:
            return name, float(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"got {text!r}, expected NAME=NUMBER") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = _DESCRIPTION
    parser.add_argument(
        "task",
        metavar="FAMILY",
        help="unknown_mean, unknown_mean_and_scale, labelled, dictionary or symbols",
    )
    parser.add_argument("--out", type=Path, required=True, help="the model's .safetensors file")
    parser.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="a parameter of the family, such as dim=2; may be repeated",
    )
    parser.add_argument("--seed", type=seed_number, default=0)
    parser.add_argument("--steps", type=whole(0), help="of the optimiser (default 12000)")
    parser.add_argument("--groups", type=whole(0, most=10**6), help="groups a step (default 128)")
    parser.add_argument("--max-count", type=whole(0, most=10**6), help="most seeds (default 64)")
    parser.add_argument(
        "--chunk",
        type=whole(0, most=10**6),
        help="steps a call; default: the most up to 200 that divide --steps",
    )
    parser.add_argument(
        "--hidden-embed",
        type=whole(0, most=10**5),
        default=16,
        help="hidden units of a seed's embedding",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.add_argument("--resume", action="store_true", help="go on from OUT.state if it is there")


def _state_of(out: Path) -> Path:
    """Where an unfinished training of a network is kept."""
    return out.with_name(out.name + ".state")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    from synthetic_oversampling.transformer_toy import checkpoint, tasks, train

    task = tasks.from_spec({"name": options.task} | dict(options.set))
    asked = {name: getattr(options, name) for name in ("steps", "groups", "max_count", "chunk")}
    asked = {name: value for name, value in asked.items() if value is not None}
    if "chunk" not in asked:
        asked["chunk"] = train.calls_of(asked.get("steps", train.Recipe().steps))
    recipe = train.Recipe(seed=options.seed, **asked)
    arch = train.architecture(task, hidden_embed=options.hidden_embed)
    if not options.out.parent.is_dir():
        raise ValueError(f"--out: no folder {options.out.parent}. Make it first.")
    check_new(options.out, options.overwrite)  # worth knowing before minutes of training
    state_path = _state_of(options.out)
    try:
        state, log = train.train(
            task,
            recipe,
            arch=arch,
            path=state_path,
            show_progress=True,
            resume=options.resume and state_path.exists(),
        )
    except KeyboardInterrupt:
        if state_path.exists():
            print("the same command with --resume goes on", file=sys.stderr)
        raise
    about = {"recipe": vars(recipe), "seconds": round(log["seconds"], 1)}
    about["cpu_seconds"] = round(log["cpu_seconds"], 1)
    checkpoint.save_model(options.out, state.ema, task, arch, **about)
    state_path.unlink()
    print(f"{options.out}: trained in {log['seconds']:.0f} s on {json.dumps(task.spec)}")
    return 0
