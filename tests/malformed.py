"""Malformed input for every command: files that are not what they should be, and options."""

import itertools
import json
from pathlib import Path

TEXTS = (
    "", " ", "\t\n", "nonsense", "../..", "--", "-1", "0x10", "1e3", "nan", "inf", "NaN", "1,2",
    "R99", "r1.", ".R1", "R1..excess", "R1.excess.", "‮R1", "Ж1", "т" * 5000, "R1\x00", "'; ls",
    "%s%n", "{0}", "*" * 50, "[", "[!", "\\", "𝟙", "1" * 400, "True", "None", "-", "~", "$HOME",
)  # fmt: skip
NOT_COUNTS = (
    "", " ", "-1", "-0.5", "1.5", "1e3", "nan", "inf", "-inf", "x", "0x10", "1,000", "½", "1_0_",
    "None", "1" + "0" * 30, "--", "²", "+-3", "3 4",
)  # fmt: skip
NOT_NUMBERS = tuple(text for text in NOT_COUNTS if len(text) < 30)  # some may be any number

ROWS = [
    "y,a,b",
    *(f"{int(i % 3 == 0)},{i * 0.37 % 1:.3f},{i * i * 0.11 % 1:.3f}" for i in range(24)),
]
GOOD = "\n".join(ROWS) + "\n"


def _with(row: int, text: str) -> str:
    rows = list(ROWS)
    rows[row] = text
    return "\n".join(rows) + "\n"


CELLS = ("", " ", "nan", "NaN", "inf", "-inf", "1e999", "one", "1,5,", '"', "0x1f", "1 2", "\x00",
         "½", "--", "None", "NULL", "?", "1e", "1.2.3")  # fmt: skip

# tables of which no command can make anything
TABLES: dict[str, bytes] = {
    "empty": b"",
    "newline": b"\n",
    "header only": b"y,a,b\n",
    "no label column": GOOD.replace("y,a,b", "z,a,b").encode(),
    "only the label": b"y\n0\n1\n0\n1\n",
    "names twice": GOOD.replace("y,a,b", "y,a,a").encode(),
    "label twice": GOOD.replace("y,a,b", "y,y,b").encode(),
    "long row": _with(3, "1,2,3,4").encode(),
    "short row": _with(3, "1,2").encode(),
    "binary": bytes(range(256)) * 20,
    "utf-16": GOOD.encode("utf-16"),
    "latin-1": GOOD.replace("y,a,b", "y,a,é").encode("latin-1"),
    "zip": b"PK\x03\x04" + bytes(200),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "json": json.dumps({"y": [0, 1]}).encode(),
    "nul bytes": GOOD.replace("0.370", "\0\0").encode(),
    "open quote": _with(2, '"1,0.2,0.3').encode(),
    "semicolons": GOOD.replace(",", ";").encode(),
    "one huge cell": _with(2, "1," + "9" * 300_000 + ",1").encode(),
    **{f"cell {cell!r}": _with(4, f"1,{cell},0.5").encode() for cell in CELLS},
}

DOCUMENTS: dict[str, bytes] = {
    "empty": b"",
    "spaces": b"   \n",
    "binary": bytes(range(256)) * 4,
    "nan": b'{"payload": NaN}',
    "number": b"7",
    "text": b'"artifact"',
    "null": b"null",
    "list": b"[]",
    "object": b"{}",
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 50_000,
    "comma": b'{"format": "synthetic-oversampling artifact",}',
    "only format": b'{"format": "synthetic-oversampling artifact"}',
    "other format": b'{"format": "other", "schema": 1}',
    "other schema": b'{"format": "synthetic-oversampling artifact", "schema": 99}',
    "text schema": b'{"format": "synthetic-oversampling artifact", "schema": "1"}',
    "no checksum": b'{"format": "synthetic-oversampling artifact", "schema": 1, "kind": "x"}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "surrogate": b'"\\ud800"',
    "csv": GOOD.encode(),
    "huge number": b'{"a": ' + b"9" * 5000 + b"}",
    "two": b"{}{}",
}


def cuts(content: bytes, pieces: int = 24) -> dict[str, bytes]:
    """A good file cut."""
    return {
        f"cut at {len(content) * i // pieces}": content[: len(content) * i // pieces]
        for i in range(pieces)
    }


def mutilations(content: bytes, pieces: int = 24) -> dict[str, bytes]:
    """A good file cut, overwritten, doubled and with single bytes changed."""
    size = len(content)
    places = [size * i // pieces for i in range(pieces)]
    out = cuts(content, pieces) | {
        f"byte {at}": content[:at] + bytes([content[at] ^ 0x15]) + content[at + 1 :]
        for at in places[1:]
    }
    out |= {f"zeros at {at}": content[:at] + bytes(8) + content[at + 8 :] for at in places[::3]}
    return out | {"doubled": content + content, "without its end": content[:-3]}


def paths(folder: Path) -> list[Path]:
    """Names under which no file can be read or written."""
    (folder / "file").write_text("")
    (folder / "a folder").mkdir()
    return [folder / "a folder", folder / "file" / "below", folder / ("n" * 300), Path("/proc/x/y")]


def write(folder: Path, files: dict[str, bytes], suffix: str):
    """Each content in a file of its own; pairs of name and path."""
    for number, (name, content) in enumerate(files.items()):
        path = folder / f"{number}{suffix}"
        path.write_bytes(content)
        yield name, path


def options(names: list[str], values) -> list[list[str]]:
    """Every option with every value."""
    return [[name, value] for name, value in itertools.product(names, values)]
