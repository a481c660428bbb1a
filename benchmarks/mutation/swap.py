"""Put a wrong source in place of the right one in a running program, and take it back.

A function keeps its identity and gets other code, so that whoever imported or compiled it has the
error; a formula or a constant that a module makes when it is imported is made again from the wrong
source and replaced.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np

from benchmarks.mutation.sites import Site, mutated
from synthetic_oversampling.simulate.mutants.mutation import formula
from synthetic_oversampling.theory.formula.formula import Formula
from synthetic_oversampling.theory.theorems.table import FORMULAS

__all__ = ["forget", "module_of", "swapped"]

_PACKAGES = ("synthetic_oversampling.theory", "synthetic_oversampling.simulate")
_PLAIN = (bool, int, float, complex, str, tuple, np.ndarray)


def module_of(file: str) -> types.ModuleType:
    """The imported module of a file of the package."""
    return sys.modules["synthetic_oversampling." + ".".join(Path(file).with_suffix("").parts)]


@functools.cache
def _living() -> tuple[list, dict[str, dict[tuple[str, int], list[types.FunctionType]]]]:
    """What remembers results, and functions by file, name and line, of when it is first asked."""
    remembering, functions = [], {}
    for thing in gc.get_objects():
        module = str(getattr(thing, "__module__", "")) if callable(thing) else ""
        if not module.startswith(_PACKAGES):
            continue
        if isinstance(thing, functools._lru_cache_wrapper) and not module.endswith("compiling"):
            remembering.append(thing)
        if isinstance(thing, types.FunctionType):
            code = thing.__code__
            file = functions.setdefault(code.co_filename, {})
            file.setdefault((code.co_qualname, code.co_firstlineno), []).append(thing)
    return remembering, functions


def forget(compiled: bool) -> None:
    """Whatever functions of the package remember is computed anew, compiled programs if asked.

    With the programs go the functions that formulas were lowered to.
    """
    for function in _living()[0]:
        function.cache_clear()
    if compiled:
        for function in FORMULAS.values():
            for name in vars(function).keys() - function.__dataclass_fields__.keys():
                del vars(function)[name]
    if compiled:
        jax.clear_caches()


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _codes(constant)


def _same(left, right) -> bool:
    try:
        return type(left) is type(right) and bool(np.all(left == right))
    except Exception:
        return False


@contextlib.contextmanager
def swapped(site: Site) -> Iterator[int]:
    """The program with an error in it, for as long as the context is open.

    Yields:
        How many functions, formulas and constants are wrong.
    """
    path = Path(site.file)
    tree = mutated(path.read_text(), site)
    code = compile(tree, str(path.resolve()), "exec", dont_inherit=True)
    right = module_of(site.file)
    living = _living()[1].get(str(path.resolve()), {})
    with contextlib.ExitStack() as stack:
        count = 0
        for wrong in _codes(code):
            for function in living.get((wrong.co_qualname, wrong.co_firstlineno), []):
                if function.__code__ != wrong and len(wrong.co_freevars) == len(
                    function.__code__.co_freevars
                ):
                    stack.callback(setattr, function, "__code__", function.__code__)
                    function.__code__ = wrong
                    count += 1
        # what the import makes, where it is not the same with the error
        if not site.statement or "/theorems/" in site.file:
            copy = types.ModuleType(right.__name__)
            copy.__file__ = right.__file__
            sys.modules[right.__name__] = copy  # dataclasses look their module up
            try:
                exec(code, vars(copy))
            finally:
                sys.modules[right.__name__] = right
            count += _remade(stack, right, copy, living)
        yield count


def _remade(stack, right, copy, living) -> int:
    count = 0
    for value in vars(copy).values():
        for made in value if isinstance(value, tuple) else (value,):
            if isinstance(made, Formula):
                with contextlib.suppress(ValueError):  # it has not changed
                    stack.enter_context(formula(made.id, lambda rhs, made=made: made.rhs)())
                    count += 1
    for name, value in vars(copy).items():
        old = vars(right).get(name)
        if isinstance(value, types.FunctionType):
            for function in living.get(
                (value.__code__.co_qualname, value.__code__.co_firstlineno), []
            ):
                for field in ("__defaults__", "__kwdefaults__"):
                    if not _same(getattr(function, field), getattr(value, field)):
                        stack.callback(setattr, function, field, getattr(function, field))
                        setattr(function, field, getattr(value, field))
                        count += 1
        elif isinstance(value, _PLAIN) and not name.startswith("__") and not _same(old, value):
            if isinstance(value, tuple) and any(isinstance(item, Formula) for item in value):
                continue
            for module in list(sys.modules.values()):
                if getattr(module, "__name__", "").startswith(_PACKAGES):
                    if vars(module).get(name) is old:
                        stack.callback(setattr, module, name, old)
                        setattr(module, name, value)
                        count += 1
    return count
