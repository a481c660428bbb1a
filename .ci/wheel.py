"""Checks a wheel: every file of the package, nothing else, the version of pyproject.toml.

    python .ci/wheel.py dist/NAME.whl

It is unpacked into an empty folder, where its command has to print a theorem. Exit status 1, with
what is wrong, for a wheel that should not go out.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "synthetic_oversampling"
PACKAGES = ("theory", "simulate", "transformer_toy", "figures", "practice")
ALLOWED = {"arxiv.org"}


def wrong(wheel: Path) -> list[str]:
    """What is wrong with a wheel, in lines."""
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        (about,) = (name for name in inside if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(about).decode()
        with tempfile.TemporaryDirectory() as folder:
            archive.extractall(folder)
            done = subprocess.run(
                [sys.executable, "-m", NAME, "theorems", "R2"],
                cwd=folder, capture_output=True, text=True,
            )  # fmt: skip
    files = {
        f"{NAME}/{path.relative_to(ROOT).as_posix()}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    } | {f"{NAME}/__init__.py", f"{NAME}/__main__.py"}
    code = {name for name in inside if ".dist-info/" not in name} - {f"{NAME}/setup.py"}
    said = Parser().parsestr(metadata)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    hosts = set(re.findall(r"\bhttps?://([^/\s)\"]+)", metadata)) - ALLOWED
    found = [f"missing: {name}" for name in sorted(files - code)]
    found += [f"should not be there: {name}" for name in sorted(code - files)]
    found += [f"metadata name an address: {host}" for host in sorted(hosts)]
    if said["Version"] != version:
        found.append(f"version {said['Version']}, expected {version}")
    if done.returncode or not done.stdout.startswith("R2 "):
        found.append(f"its command fails: {done.stdout}{done.stderr}")
    return found


def main() -> int:
    (wheel,) = map(Path, sys.argv[1:])
    found = wrong(wheel)
    for line in found:
        print(f"{wheel.name}: {line}", file=sys.stderr)
    if not found:
        print(f"{wheel}: every file of the package, and its command runs")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
