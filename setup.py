"""What pyproject.toml cannot say: every folder of Python below is part of one package."""

from setuptools import find_packages, setup

FOLDERS = ("theory", "simulate", "transformer_toy", "figures", "practice")
FOUND = find_packages(include=[pattern for name in FOLDERS for pattern in (name, f"{name}.*")])

setup(packages=["synthetic_oversampling", *(f"synthetic_oversampling.{name}" for name in FOUND)])
