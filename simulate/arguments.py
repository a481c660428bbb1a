"""What the commands' options and exit statuses have in common."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from synthetic_oversampling.theory.wording import shortened

__all__ = [
    "add_cache",
    "add_selection",
    "answer",
    "check_new",
    "one_device_per_core",
    "parse",
    "seed_number",
    "set_cache",
    "whole",
]

COMPILED = Path("artifacts/compiled")


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line; ``--name=--``, which argparse reads as an empty list, is bad usage.

    Args:
        parser: of the command line.
        argv: arguments; those of the process when omitted.

    Raises:
        SystemExit: with status 2, after a message.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for word in words:
        if word.startswith("-") and word.endswith("=--"):
            parser.error(f"{word}: expected a value after the equals sign")
    if words == ["--"]:  # which argparse reads as no word at all
        parser.error("--: expected an argument or an option")
    return parser.parse_args(words)


def answer(command: str, run: Callable[[], int], *, interrupted: str = "interrupted") -> int:
    """The exit status of a command: of what it runs, 2 for what cannot be used, 130 on Ctrl-C.

    Args:
        command: for messages.
        run: does the work; returns its status.
        interrupted: what to say on Ctrl-C.

    Example:
        >>> answer("oversampling plan", lambda: 0)
        0
    """
    from synthetic_oversampling.simulate.artifacts import ArtifactError
    from synthetic_oversampling.theory.prediction.validity import Unreliable

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Unreliable)  # verdicts are in the results themselves
            return run()
    except (ValueError, ArtifactError, OSError, ImportError, FloatingPointError) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(
            f"{command}: {error or 'no memory is left'}; ask for fewer rows or columns",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return 130


def check_new(path: Path, overwrite: bool, read: Sequence[Path | None] = ()) -> None:
    """Refuse to write over a file unless that was asked for, and over one that is read at all.

    Args:
        path: to be written.
        overwrite: whether a file that is there may be replaced.
        read: files that the command reads; None for those that were not given.

    Raises:
        ValueError: the file is there, or is one of those that are read.
        ArtifactError: it cannot be written.
    """
    from synthetic_oversampling.simulate.artifacts import check_writable

    if any(value is not None and _same(path, value) for value in read):
        raise ValueError(
            f"{path}: would be written over a file that the command reads; choose another name."
        )
    if path.exists() and not overwrite:
        raise ValueError(f"{path}: is there already; choose another, or pass --overwrite.")
    check_writable(path)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there
        return one.resolve() == other.resolve()


def seed_number(text: str) -> int:
    """A seed on the command line.

    Args:
        text: what stands on the command line.

    Raises:
        argparse.ArgumentTypeError: for anything but a whole number of 32 bits.

    Example:
        >>> seed_number("7")
        7
    """
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(
            f"got {shortened(text)!r}, expected a whole number, 0 .. 2**32 - 1"
        )
    return value


MOST = 10**15 - 1
_LARGE = 10**12


def whole(least: int, why: str = "", most: int = MOST) -> Callable[[str], int]:
    """A reader of whole numbers; of 10^12 and more it warns on standard error.

    Args:
        least: that is accepted; why: that many are needed, for the message.
        most: that is accepted.

    Raises:
        argparse.ArgumentTypeError: by the reader, for anything else.

    Example:
        >>> whole(2)("12")
        12
    """

    def read(text: str) -> int:
        digits = text.strip().removeprefix("+")
        shown = shortened(text)
        number = digits.isascii() and digits.isdecimal()
        if number and (len(digits.lstrip("0")) > len(str(most)) or int(digits) > most):
            raise argparse.ArgumentTypeError(
                f"got {shown!r}, expected a whole number of at most {most}; give a smaller one"
            )
        if not number or int(digits) < least:
            raise argparse.ArgumentTypeError(
                f"got {shown!r}, expected a whole number from {least}{why}"
            )
        value = int(digits)
        if value >= _LARGE:
            print(
                f"warning: {shown}: what is of order 1/n among so many loses "
                f"{len(str(value)) - 1} of 16 digits; give a smaller number",
                file=sys.stderr,
            )
        return value

    return read


def add_selection(command: argparse.ArgumentParser, *, seed: int, only: str) -> None:
    """Declare which checks a command is about: ``--only``, ``--seed`` and ``--profile``.

    Args:
        command: its parser.
        seed: the default.
        only: what ``--only`` says of itself.
    """
    command.add_argument("--only", action="append", default=[], metavar="PATTERN", help=only)
    command.add_argument(
        "--seed", type=seed_number, default=seed, help=f"seed of the run (default {seed})"
    )
    command.add_argument(
        "--profile",
        choices=("smoke", "quick", "full"),
        default="quick",
        help="quick detects constants off by 20%%, full by 10%% and on every configuration; smoke "
        "has every theorem for a first look, in seconds, and detects constants off by 60%%",
    )


def add_cache(command: argparse.ArgumentParser) -> None:
    """Declare where compiled programs are kept: ``--compilation-cache`` and its opposite.

    Args:
        command: its parser.
    """
    command.add_argument(
        "--compilation-cache",
        type=Path,
        metavar="DIR",
        help=f"where compiled programs are kept for the next run (default {COMPILED}, or what "
        "JAX_COMPILATION_CACHE_DIR names)",
    )
    command.add_argument(
        "--no-compilation-cache", action="store_true", help="keep no compiled programs"
    )


def set_cache(options: argparse.Namespace) -> None:
    """Do what the options of `add_cache` say; before anything is compiled.

    Args:
        options: as parsed.

    Raises:
        ArtifactError: a folder that was named cannot be made or written to.
    """
    from synthetic_oversampling.simulate.replicates.compilation import keep_compiled

    named = options.compilation_cache
    if options.no_compilation_cache and named:
        raise ValueError(
            f"--no-compilation-cache: got --compilation-cache {named} as well, expected one of "
            "the two."
        )
    folder = None if options.no_compilation_cache else named or COMPILED
    keep_compiled(folder, chosen=named is not None)


def one_device_per_core() -> None:
    """Let JAX see every CPU core as a device, unless told otherwise; it changes no result.

    To be called before JAX makes its first array.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    name = "--xla_force_host_platform_device_count"
    if name not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {name}={min(os.cpu_count() or 1, 64)}".strip()
