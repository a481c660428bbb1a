"""`verify` on a suite that costs nothing, to be run, killed and run again as a program.

The statistics have known means; two experiments are compared replicate by replicate, and one leaves
replicates out, so that everything a stored result holds is used.

    python tests/toy_verify.py HOW ARGUMENTS...

runs `oversampling` with ARGUMENTS. HOW is "whole", "after N": the process kills itself at random
after N results are on disk, "writing N": it kills itself inside the N-th writing, "interrupt N": it
gets Ctrl-C at the N-th writing, "gathering N": it kills itself before the N-th time that several
processes put their blocks together.
"""

import os
import random
import signal
import sys
import threading
import time
from functools import partial

import jax.numpy as jnp

from synthetic_oversampling.simulate import artifacts
from synthetic_oversampling.simulate.checks.declaration import Check, Expectation
from synthetic_oversampling.simulate.replicates import monte_carlo
from synthetic_oversampling.simulate.sampling import streams
from synthetic_oversampling.simulate.verify import stages, suites
from synthetic_oversampling.simulate.verify.stages import Simulation
from synthetic_oversampling.simulate.verify.suites import Suite

NAMES = ("first", "second", "third")


def _functions(label):
    scale = 1.0 + NAMES.index(label)

    def draw(key):
        return streams.normal(key, (2, 3))

    def evaluate(z):
        total = jnp.sum(z**2) * scale
        return {"square": total, "z": z[0] * scale, "separated": (z[0, 0] > 1.5) & (scale == 3)}

    return draw, evaluate


FUNCTIONS = {name: _functions(name) for name in NAMES}


def _checks(profile):
    for label in NAMES:
        scale = 1.0 + NAMES.index(label)
        yield Check(
            id=f"T1.z.toy.{label}",
            claim="mean of a normal",
            kind="exact",
            experiments=(f"toy/{label}",),
            statistic=("z", 1),
            source="simulated and scored independently",
            expect=partial(Expectation, theory=0.0, std=scale, discrepancy=0.11 * scale),
        )
    yield Check(
        id="T1.gap.toy.second",
        claim="gap of two chi-squares on the same numbers",
        kind="exact",
        experiments=("toy/second", "toy/first"),
        statistic=("square", None),
        source="simulated and scored independently",
        expect=lambda: Expectation(theory=6.0, std=12.0**0.5, discrepancy=0.4),
    )


def register(block=64):
    """Make the suite known to `verify`; the program takes blocks of 16, to be killed between."""
    suites.SUITES["toy"] = Suite(
        "toy", _checks, lambda name: Simulation(FUNCTIONS[name.split("/")[1]], block)
    )


def _kill():
    os.kill(os.getpid(), signal.SIGKILL)


def main(how, argv):
    from synthetic_oversampling.__main__ import main as command

    register(16)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below nohup and some shells
    stages.CHECKPOINT_SECONDS = 0.0
    kind, _, number = how.partition(" ")
    written = gathered = 0
    save, sync, fetch = stages.save_result, artifacts.os.fsync, monte_carlo.fetch

    def slow_save(*arguments):
        nonlocal written
        written += 1
        if kind == "after" and written == int(number) + 1:
            threading.Timer(random.uniform(0.0, 0.06), _kill).start()
        if kind == "after" and written > int(number) + 6:
            _kill()  # a late clock
        if kind == "interrupt" and written == int(number):
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        save(*arguments)

    def fatal_sync(handle):
        if kind == "writing" and written == int(number):
            _kill()
        sync(handle)

    def fatal_fetch(output):
        nonlocal gathered
        gathered += 1
        if kind == "gathering" and gathered == int(number):
            _kill()
        return fetch(output)

    stages.save_result, artifacts.os.fsync = slow_save, fatal_sync
    monte_carlo.fetch = fatal_fetch
    return command(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
