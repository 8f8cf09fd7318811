"""The speed claims, measured: ``python -m benchmarks`` for all areas, ``python -m benchmarks theory`` for one.

An area is a module of this folder with a function ``run() -> list[Ratio]``, and with ``ON_REQUEST = True`` if it is to
be measured only where it is named; each ratio compares two computations that were timed in turn within one run, so that
a busy machine slows both.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks
from rosettalaw.errors import RosettaError

from .timing import Ratio, processor


def areas() -> list[str]:
    """Return the names of all modules here that have a `run`."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__"]
    return [name for name in names if hasattr(importlib.import_module(f"benchmarks.{name}"), "run")]


def main(arguments: list[str]) -> int:
    known = areas()
    unknown = set(arguments) - set(known)
    if unknown:
        print(f"unknown area {', '.join(sorted(unknown))}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    results: list[Ratio] = []
    for name in arguments or known:
        area = importlib.import_module(f"benchmarks.{name}")
        if arguments or not getattr(area, "ON_REQUEST", False):
            try:
                results += area.run()
            except RosettaError as error:
                print(error, file=sys.stderr)
                return 2
    print(processor())
    for result in results:
        print(result)
    return 0 if all(result.met for result in results) else 1


sys.exit(main(sys.argv[1:]))
