"""Rows from a language model: text and back, what is rejected, copies, bounds, and the adapter."""

import sys
import types
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_oversampling.__main__ import main
from synthetic_oversampling.practice.text import hugging_face
from synthetic_oversampling.practice.text.character_model import CharacterModel
from synthetic_oversampling.practice.text.language_model import (
    GenerationError,
    TextModel,
    generate_rows,
)
from synthetic_oversampling.practice.text.row_text import parse_rows, schema_of, write_row
from synthetic_oversampling.simulate.tables.reading import Line, TableError, read_lines, read_table

HEADER = ("height", "count", "kind, of thing", "y")


def _lines(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Line(
            k + 2,
            {
                "height": f"{rng.normal(1.5 if k % 3 else 3.0, 0.3):.4f}",
                "count": str(rng.integers(9)),
                "kind, of thing": ["plain", 'with "quotes"', "a, b"][k % 3],
                "y": "ab"[k % 3 == 0],
            },
        )
        for k in range(n)
    ]


class Scripted:
    """A model that says what it is told to, and remembers what it was asked."""

    def __init__(self, *texts):
        self.texts, self.prompts, self.seeds = texts, [], []

    def complete(self, prompt, *, n, seed):
        self.prompts.append(prompt)
        self.seeds.append(seed)
        return [self.texts[(len(self.prompts) - 1) % len(self.texts)]] * n


def test_real_rows_come_back_from_their_own_text():
    lines = _lines()
    schema = schema_of(HEADER, lines, ("y",))
    for line in lines:
        group = {"y": line.cells["y"]}
        parsed = parse_rows(schema, group, write_row(schema, line.cells) + "\n")
        assert parsed.rows == [line.cells] and not parsed.rejected


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_exception_and_accepted_rows_are_valid(text):
    lines = _lines()
    schema = schema_of(HEADER, lines, ("y",))
    parsed = parse_rows(schema, {"y": "a"}, text)
    for row in parsed.rows:
        again = parse_rows(schema, {"y": "a"}, write_row(schema, row) + "\n")
        assert again.rows == [row]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.5,3,plain\n", "wrong number of cells"),
        ("1.5,3,plain,a,\n", "wrong number of cells"),
        ("tall,3,plain,a\n", "not a number"),
        ("nan,3,plain,a\n", "not a number"),
        ("inf,3,plain,a\n", "not a number"),
        ("0x10,3,plain,a\n", "not a number"),
        ("1_5,3,plain,a\n", "not a number"),
        ("1e999,3,plain,a\n", "not a number"),
        ("99,3,plain,a\n", "out of range"),
        ("1.5,3.5,plain,a\n", "not a whole number"),
        ("1.5,3,fancy,a\n", "unknown category"),
        ("1.5,3,plain,c\n", "unknown category"),
        ("1.5,3,plain,b\n", "wrong group"),
        ('1.5,3,"plain,a\n', "not CSV"),
        ("1.5,3,plain,a", "unfinished line"),
    ],
)
def test_a_malformed_line_is_rejected_with_its_reason(text, reason):
    schema = schema_of(HEADER, _lines(), ("y",))
    parsed = parse_rows(schema, {"y": "a"}, text)
    assert parsed.rows == [] and parsed.rejected == Counter({reason: 1})


def test_a_prompt_shows_only_seeds_of_its_group_and_never_the_rows_held_back():
    lines = _lines()
    texts = {line.number: write_row(schema_of(HEADER, lines, ("y",)), line.cells) for line in lines}
    model = Scripted("1.51,3,plain,a\n1.52,3,plain,a\n", "3.01,3,plain,b\n3.02,3,plain,b\n")
    # the groups take turns: one call each is enough for two rows
    generate_rows(model, HEADER, lines, ("y",), 2, context=100)
    first, second = model.prompts
    of = {label: [texts[x.number] for x in lines if x.cells["y"] == label] for label in "ab"}
    assert first.splitlines()[1] == 'height,count,"kind, of thing",y'
    for prompt, label in ((first, "a"), (second, "b")):
        shown = prompt.splitlines()[2:]
        assert set(shown) <= set(of[label])
        assert len(shown) == len(of[label]) - len(of[label]) // 5


def test_copies_and_repeats_are_counted_and_dropped():
    lines = _lines()
    schema = schema_of(HEADER, lines, ("y",))
    texts = [write_row(schema, x.cells) for x in lines if x.cells["y"] == "a"]
    fresh = ["1.501,3,plain,a", "1.502,3,plain,a", "1.5010,3,plain,a"]  # the last repeats the first
    model = Scripted("\n".join([*texts, *fresh]) + "\n")
    made = generate_rows(model, HEADER, lines, ("y",), {("a",): 2}, continuations=1)
    assert [row["height"] for row in made.rows] == ["1.501", "1.502"]
    held_back = len(texts) // 5
    assert made.report.copied_unseen == held_back
    assert made.report.copied_shown == len(texts) - held_back
    assert made.report.repeated == 1 and made.report.rejection_rate == 0.0
    kept = generate_rows(
        model, HEADER, lines, ("y",), {("a",): 5}, continuations=1, keep_copies=True
    )
    assert len(kept.rows) == 5 and kept.report.copied_shown > 0


def test_asking_stops_at_its_bound_and_says_what_was_wrong():
    model = Scripted("nonsense\n99,3,plain,a\n1.5,")
    with pytest.raises(GenerationError, match="0 new rows of 3 with y = a in 7 calls") as error:
        generate_rows(model, HEADER, _lines(), ("y",), 3, attempts=7, continuations=2)
    assert len(model.prompts) == 7 and len(set(model.seeds)) == 7
    assert "out of range: 14" in str(error.value) and "unfinished line: 14" in str(error.value)


def test_retries_collect_rows_over_several_calls():
    texts = [f"bad\n1.5{k},3,plain,a\n" for k in range(5)]
    made = generate_rows(Scripted(*texts), HEADER, _lines(), ("y",), {("a",): 4}, continuations=1)
    assert made.report.calls == 4 and made.report.rejected == {"wrong number of cells": 4}
    assert made.report.rejection_rate == 0.5


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"counts": {("c",): 1}}, "got group c, expected one of a, b"),
        ({"counts": -1}, "got -1 rows"),
        ({"attempts": 0}, "attempts: got 0"),
        ({"context": 0}, "context: got 0"),
    ],
)
def test_unusable_arguments_are_refused(change, match):
    options = {"counts": 1} | change
    with pytest.raises(GenerationError, match=match):
        generate_rows(Scripted(""), HEADER, _lines(), ("y",), **options)


def test_rows_that_are_no_lines_of_text_are_refused():
    lines = _lines()
    lines[3].cells["height"] = ""
    with pytest.raises(TableError, match="line 5, column 'height': the cell is empty"):
        schema_of(HEADER, lines, ("y",))
    lines[3].cells["height"] = "1\n2"
    with pytest.raises(TableError, match="has a line break"):
        schema_of(HEADER, lines, ("y",))


def test_a_model_that_breaks_the_protocol_is_reported():
    class Short:
        def complete(self, prompt, *, n, seed):
            return ["1.5,3,plain,a\n"] * (n - 1)

    with pytest.raises(GenerationError, match="returned 3 texts, expected 4"):
        generate_rows(Short(), HEADER, _lines(), ("y",), 1)


def test_the_character_model_learns_what_follows_what():
    model = CharacterModel.trained(["abcabcabc"] * 30, order=2)
    assert isinstance(model, TextModel)
    law = model._law("ab")
    assert law[model._letters.index("c")] > 0.9 and law.sum() == pytest.approx(1.0, abs=1e-12)
    one, two = model.complete("a", n=2, seed=5)
    assert one != two and model.complete("a", n=1, seed=5) == [one]


def _write(path, lines):
    schema = schema_of(HEADER, lines, ("y",))
    header = 'height,count,"kind, of thing",y'
    path.write_text("\n".join([header, *(write_row(schema, x.cells) for x in lines)]) + "\n")


def test_the_command_writes_rows_that_the_planner_can_read(tmp_path, capsys):
    rng = np.random.default_rng(0)
    rows = [f"{rng.normal():.1f},{rng.normal():.1f},{'ab'[k % 4 == 0]}" for k in range(80)]
    table = tmp_path / "seeds.csv"
    table.write_text("\n".join(["u,v,y", *rows]) + "\n")
    out = tmp_path / "syn.csv"
    command = ["language-model", str(table), "--label", "y", "--model", "character"]
    assert main([*command, "--rows", "12", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "24 rows from" in printed and "copies of rows shown" in printed
    made = read_table(out, "y", names=("u", "v"))
    assert Counter(made.labels.tolist()) == {"a": 12, "b": 12}
    loaded = read_table(table, "y")
    real = {(*row, y) for row, y in zip(loaded.features.tolist(), loaded.labels, strict=True)}
    assert not real & {
        (*row, y) for row, y in zip(made.features.tolist(), made.labels, strict=True)
    }
    assert main([*command, "--rows", "12", "--out", str(tmp_path / "again.csv")]) == 0
    assert (tmp_path / "again.csv").read_bytes() == out.read_bytes()


def test_the_command_refuses_bad_input_with_status_2(tmp_path, capsys):
    table = tmp_path / "seeds.csv"
    _write(table, _lines())
    command = ["language-model", str(table), "--out", str(tmp_path / "s.csv"), "--label"]
    for options, match in (
        (["z", "--model", "character"], "no column 'z'"),
        (["y", "--model", "character", "--group", "s"], "no column 's'"),
        (["y", "--model", str(tmp_path / "none")], "config.json"),
        (["y", "--model", "character", "--attempts", "1", "--rows", "5000"], "raise attempts"),
    ):
        assert main([*command, *options]) == 2
        assert match in capsys.readouterr().err
    assert read_lines(table, "y")[0] == HEADER


# A stand-in for torch and transformers with the few functions that the adapter calls.


class _Config:
    max_position_embeddings = 64


class _Tokens(list):
    @property
    def shape(self):
        return (len(self), len(self[0]))


class _FakeTokenizer:
    eos_token_id = 0

    def __call__(self, prompt, return_tensors):
        assert return_tensors == "pt"
        return {"input_ids": _Tokens([[ord(c) for c in prompt]])}

    def decode(self, tokens, skip_special_tokens):
        assert skip_special_tokens
        return "".join(map(chr, tokens))


class _FakeModel:
    config = _Config()

    def __init__(self):
        self.asked = []

    def eval(self):
        self.evaluated = True

    def generate(self, input_ids, **options):
        self.asked.append(options)
        (prompt,) = input_ids
        return [prompt + [ord("0") + k] * 2 for k in range(options["num_return_sequences"])]


@pytest.fixture
def fake(monkeypatch, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    calls, seeds, model = [], [], _FakeModel()

    @contextmanager
    def scope():
        yield

    torch = types.ModuleType("torch")
    torch.random = types.SimpleNamespace(fork_rng=scope)
    torch.no_grad, torch.manual_seed = scope, seeds.append
    transformers = types.ModuleType("transformers")

    def loader(result):
        def from_pretrained(path, **options):
            calls.append((path, options))
            return result

        return types.SimpleNamespace(from_pretrained=from_pretrained)

    transformers.AutoTokenizer = loader(_FakeTokenizer())
    transformers.AutoModelForCausalLM = loader(model)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "transformers", transformers)
    return types.SimpleNamespace(folder=tmp_path, calls=calls, seeds=seeds, model=model)


def test_the_adapter_loads_local_files_only_and_returns_only_the_continuation(fake):
    model = hugging_face.load(fake.folder, new_tokens=50)
    assert isinstance(model, TextModel) and fake.model.evaluated
    for path, options in fake.calls:
        assert path == str(fake.folder)
        assert options == {"local_files_only": True, "trust_remote_code": False}
    assert model.complete("x" * 30, n=3, seed=9) == ["00", "11", "22"]
    assert fake.seeds == [9]
    asked = fake.model.asked[0]
    assert asked["max_new_tokens"] == 34  # what the model's 64 positions leave
    assert asked["do_sample"] and asked["num_return_sequences"] == 3


def test_the_adapter_refuses_what_it_cannot_use(fake, tmp_path, monkeypatch):
    model = hugging_face.load(fake.folder)
    with pytest.raises(hugging_face.ModelError, match="has 80 tokens and the model reads 64"):
        model.complete("x" * 80, n=1, seed=0)
    with pytest.raises(hugging_face.ModelError, match="never downloaded"):
        hugging_face.load("gpt2")
    with pytest.raises(hugging_face.ModelError, match="new_tokens"):
        hugging_face.load(fake.folder, new_tokens=0)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(hugging_face.ModelError, match="language-model"):
        hugging_face.load(fake.folder)


def test_importing_the_adapter_imports_neither_torch_nor_transformers():
    import subprocess

    code = (
        "import sys, practice.text.hugging_face, practice.text.language_model\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
