"""Counts beyond every float, and those that cost digits, with every command that takes one."""

import argparse
from importlib import import_module

import malformed
from test_fuzz_commands import _answer as answer

from synthetic_oversampling.__main__ import COMMANDS, main
from synthetic_oversampling.simulate.arguments import whole


def huge_cases(folder):
    """Every option that takes a count, with how its command is called otherwise."""
    good = folder / "good.csv"
    good.write_text(malformed.GOOD)
    out = folder / "out"
    text = ["language-model", good, "--label=y", "--out", out, "--model=character"]
    resample = ["resample", good, "--label=y", "--out", out]
    table = [
        (["verify", "--only", "toy"], "--process-id --num-processes --seed"),
        (["plan", good, "--label=y"], "--most --repeats --seed --price --worth"),
        (["calibrate", "--only", "toy"], "--runs --pool --seeds --seed"),
        (["validity", "--record", out], "--fresh --seed"),
        (["generate", good, "--label=y", "--out", out], "--each --count --batch --seed"),
        (["evaluate"], "--contexts --seed"),
        (["evaluate", "--accuracy"], "--fits"),
        (
            ["train", "unknown_mean", "--out", out],
            "--steps --groups --max-count --chunk --hidden-embed --set --seed",
        ),
        (resample, "--n-synthetic --augmentation --seed"),
        (text, "--rows --context --attempts --new-tokens --seed"),
        (["planner-study", "--out", out], "--simulated --wide --givers --first --repeats --seed"),
        (["recalibrate", good, "--label=y"], "--folds --seed"),
        (["benchmark", good, "--label=y", "--out", out], "--seeds"),
    ]
    names = {"--count": "0=", "--set": "dim="}
    for base, options in table:
        for option in options.split():
            for value in ("1" + "0" * 400, "1" + "0" * 5000):
                yield [*map(str, base), f"{option}={names.get(option, '')}{value}"]


def test_a_count_beyond_every_float_is_refused_in_a_few_words(tmp_path):
    found = []
    for argv in huge_cases(tmp_path):
        status, _, err = answer(main, argv)
        said = err.strip().splitlines()[-1] if err.strip() else ""
        if status != 2 or "got" not in said or "expected" not in said or len(said) > 300:
            found.append((argv[0], argv[-1][:30], status, said[:300]))
    assert found == []


def test_every_option_that_takes_a_count_is_among_the_huge_cases(tmp_path):
    tried = {argv[-1].split("=")[0] for argv in huge_cases(tmp_path)}
    for name, command in COMMANDS.items():
        parser = argparse.ArgumentParser()
        import_module(f"synthetic_oversampling.{command.module}").add_arguments(parser)
        for action in parser._actions:
            reads = action.type
            assert reads is not int, (name, action.dest)
            if getattr(reads, "__qualname__", "").startswith("whole."):
                assert tried & set(action.option_strings), (name, action.dest)


def test_of_a_trillion_and_more_every_count_warns_that_digits_are_lost(tmp_path, capsys):
    assert whole(0)(str(10**12 - 1)) == 10**12 - 1 and capsys.readouterr().err == ""
    assert whole(0)(str(10**13)) == 10**13
    assert "loses 13 of 16 digits; give a smaller number" in capsys.readouterr().err
    good = tmp_path / "good.csv"
    good.write_text(malformed.GOOD)
    argv = ["plan", str(good), "--label=y", f"--most={10**12}", "--repeats=1"]
    _, _, err = answer(main, argv)
    assert "warning: 1000000000000" in err and "Traceback" not in err
