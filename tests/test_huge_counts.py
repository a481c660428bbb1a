"""Counts beyond every float, and those that cost digits, at every door that takes one."""

import argparse
import sys

import malformed
from test_fuzz_doors import _answer as answer

import synthetic_oversampling.practice.__main__  # MOVED
import synthetic_oversampling.simulate.__main__  # MOVED
import synthetic_oversampling.transformer_toy.__main__  # MOVED
from synthetic_oversampling.simulate.arguments import whole


def huge_cases(folder):
    """Every option that takes a count, with how the door that has it is called otherwise."""
    good = folder / "good.csv"
    good.write_text(malformed.GOOD)
    out = folder / "out"
    simulate_, toy, practice_ = (
        door.__main__.main for door in (simulate, transformer_toy, practice)
    )
    text = ["language-model", good, "--label=y", "--out", out, "--model=character"]
    resample = ["resample", good, "--label=y", "--out", out]
    table = [
        (simulate_, ["verify", "--only", "toy"], "--process-id --num-processes --seed"),
        (simulate_, ["plan", good, "--label=y"], "--most --bootstrap --seed --price --worth"),
        (simulate_, ["calibrate", "--only", "toy"], "--runs --pool --seeds --seed"),
        (simulate_, ["validity", "--record", out], "--fresh --seed"),
        (toy, ["generate", good, "--label=y", "--out", out], "--each --count --batch --seed"),
        (toy, ["evaluate"], "--contexts --seed"),
        (toy, ["evaluate", "--accuracy"], "--fits"),
        (
            toy, ["train", "unknown_mean", "--out", out],
            "--steps --groups --max-count --chunk --hidden-embed --set --seed",
        ),
        (practice_, resample, "--n-synthetic --augmentation --seed"),
        (practice_, text, "--rows --context --attempts --new-tokens --seed"),
        (practice_, ["planner-study", "--out", out], "--tables --splits --seed"),
        (practice_, ["recalibrate", good, "--label=y"], "--folds --seed"),
        (practice_, ["benchmark", good, "--label=y", "--out", out], "--seeds"),
    ]  # fmt: skip
    names = {"--count": "0=", "--set": "dim="}
    for main, base, options in table:
        for option in options.split():
            for value in ("1" + "0" * 400, "1" + "0" * 5000):
                yield main, [*map(str, base), f"{option}={names.get(option, '')}{value}"]


def test_a_count_beyond_every_float_is_refused_in_a_few_words(tmp_path):
    found = []
    for main, argv in huge_cases(tmp_path):
        status, _, err = answer(main, argv)
        said = err.strip().splitlines()[-1] if err.strip() else ""
        if status != 2 or "got" not in said or "expected" not in said or len(said) > 300:
            found.append((argv[0], argv[-1][:30], status, said[:300]))
    assert found == []


def test_every_option_that_takes_a_count_is_among_the_huge_cases(tmp_path):
    tried = {argv[-1].split("=")[0] for _, argv in huge_cases(tmp_path)}
    for main in (simulate.__main__.main, transformer_toy.__main__.main, practice.__main__.main):
        parser = sys.modules[main.__module__]._parser()
        (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
        for command in commands.choices.values():
            for action in command._actions:
                reads = action.type
                assert reads is not int, (command.prog, action.dest)
                if getattr(reads, "__qualname__", "").startswith("whole."):
                    assert tried & set(action.option_strings), (command.prog, action.dest)


def test_of_a_trillion_and_more_every_count_warns_that_digits_are_lost(tmp_path, capsys):
    assert whole(0)(str(10**12 - 1)) == 10**12 - 1 and capsys.readouterr().err == ""
    assert whole(0)(str(10**13)) == 10**13
    assert "loses 13 of 16 digits; give a smaller number" in capsys.readouterr().err
    good = tmp_path / "good.csv"
    good.write_text(malformed.GOOD)
    argv = ["plan", str(good), "--label=y", f"--most={10**12}", "--bootstrap=20"]
    _, _, err = answer(simulate.__main__.main, argv)
    assert "warning: 1000000000000" in err and "Traceback" not in err
