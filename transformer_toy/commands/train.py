"""``oversampling train``: a network for a family of groups."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

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
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument(
        "task",
        metavar="FAMILY",
        help="rows (whole rows of correlated features), or unknown_mean, labelled, dictionary or "
        "symbols",
    )
    parser.add_argument("--out", type=Path, required=True, help="the model's .safetensors file")
    parser.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="a parameter of the family, such as dim=2, or for rows a size of the network or the "
        "recipe, such as width=16; may be repeated",
    )
    parser.add_argument("--seed", type=seed_number, default=0)
    parser.add_argument(
        "--steps", type=whole(0), help="of the optimiser (default 12000; rows 7200)"
    )
    parser.add_argument(
        "--groups", type=whole(0, most=10**6), help="groups a step (default 128; rows 48)"
    )
    parser.add_argument(
        "--max-count", type=whole(0, most=10**6), help="most seeds (default 64; rows 256)"
    )
    parser.add_argument(
        "--chunk",
        type=whole(0, most=10**6),
        help="steps a call; default: the most up to 200 (rows 60) that divide --steps",
    )
    parser.add_argument(
        "--hidden-embed",
        type=whole(0, most=10**5),
        help="hidden units of a seed's embedding (default 16; not for rows)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.add_argument("--resume", action="store_true", help="go on from OUT.state if it is there")


def _state_of(out: Path) -> Path:
    """Where an unfinished training of a network is kept."""
    return out.with_name(out.name + ".state")


def _asked(options: argparse.Namespace, usual: Any, *names: str) -> dict:
    """Settings of a recipe that were asked for, and a chunk that divides the steps."""
    from synthetic_oversampling.transformer_toy import train

    asked = {name: getattr(options, name) for name in ("steps", "groups", "chunk", *names)}
    asked = {name: value for name, value in asked.items() if value is not None}
    if "chunk" not in asked:
        asked["chunk"] = train.calls_of(asked.get("steps", usual.steps), usual.chunk)
    return asked | {"seed": options.seed}


def _times(log: dict) -> dict:
    return {name: round(log[name], 1) for name in ("seconds", "cpu_seconds")}


def _family(options: argparse.Namespace) -> tuple[Callable, Callable, dict]:
    """How to train for one of the families of `tasks`, how to write it, and what it is."""
    from synthetic_oversampling.transformer_toy import checkpoint, tasks, train

    task = tasks.from_spec({"name": options.task} | dict(options.set))
    recipe = train.Recipe(**_asked(options, train.Recipe(), "max_count"))
    units = {} if options.hidden_embed is None else {"hidden_embed": options.hidden_embed}
    arch = train.architecture(task, **units)

    def finish(state: train.State, log: dict) -> None:
        about = {"recipe": vars(recipe)} | _times(log)
        checkpoint.save_model(options.out, state.ema, task, arch, **about)

    return partial(train.train, task, recipe, arch=arch), finish, task.spec


def _rows(options: argparse.Namespace) -> tuple[Callable, Callable, dict]:
    """How to train the network for whole rows, how to write it, and what it is."""
    from synthetic_oversampling.transformer_toy.rows import training
    from synthetic_oversampling.transformer_toy.rows.architecture import Architecture

    if options.hidden_embed is not None:
        raise ValueError("--hidden-embed: the network for rows has none. Leave it out.")
    usual = training.RowRecipe()
    asked = _asked(options, usual)
    if options.max_count is not None:
        lengths = [size for size in usual.lengths if size < options.max_count]
        asked["lengths"] = (*lengths, options.max_count)
    sizes = vars(Architecture())
    numbers = {name for name in vars(usual) if name not in ("seed", "chunk", "lengths")}
    for name, value in options.set:
        if name not in sizes and name not in numbers:
            known = ", ".join(sorted(numbers.union(sizes)))
            raise ValueError(f"--set: got {name!r}, expected one of {known}.")
        if name in numbers:
            asked[name] = value
    arch = Architecture(**{name: one for name, one in options.set if name in sizes})
    recipe = training.RowRecipe(**asked)

    def finish(net: training.RowNetwork, log: dict) -> None:
        loss = [[round(one, 4) for one in part] for part in log["loss"]]
        training.save(options.out, net, **_times(log), loss=loss)

    return partial(training.train_rows, recipe, arch=arch), finish, vars(recipe)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit status.

    Args:
        options: what was parsed.

    Raises:
        ValueError: naming the option, for what does not fit together.
    """
    start, finish, spec = (_rows if options.task == "rows" else _family)(options)
    if not options.out.parent.is_dir():
        raise ValueError(f"--out: no folder {options.out.parent}. Make it first.")
    check_new(options.out, options.overwrite)  # worth knowing before minutes of training
    state_path = _state_of(options.out)
    try:
        trained, log = start(
            path=state_path, show_progress=True, resume=options.resume and state_path.exists()
        )
    except KeyboardInterrupt:
        if state_path.exists():
            print("the same command with --resume goes on", file=sys.stderr)
        raise
    finish(trained, log)
    state_path.unlink()
    print(f"{options.out}: trained in {log['seconds']:.0f} s on {json.dumps(spec)}")
    return 0
