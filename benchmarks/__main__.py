"""The speed claims, measured: ``python -m benchmarks`` for all areas, ``python -m benchmarks theory`` for one.

``--record`` also writes them into this machine's file in ``docs/reference/measured``, which the documentation shows.

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

from . import record
from .timing import Ratio, instructions, processor, threads


def areas() -> list[str]:
    """Return the names of all modules here that have a `run`."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__"]
    return [name for name in names if hasattr(importlib.import_module(f"benchmarks.{name}"), "run")]


def main(arguments: list[str]) -> int:
    known, recorded = areas(), "--record" in arguments
    arguments = [one for one in arguments if one != "--record"]
    unknown = set(arguments) - set(known)
    if unknown:
        print(f"unknown area {', '.join(sorted(unknown))}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    results: list[Ratio] = []
    for name in arguments or known:
        area = importlib.import_module(f"benchmarks.{name}")
        if arguments or not getattr(area, "ON_REQUEST", False):
            try:
                measured = area.run()
                results += measured
                if recorded:
                    record.write(name, measured)
            except RosettaError as error:
                print(error, file=sys.stderr)
                return 2
    print(f"{processor()}; {', '.join(instructions())}; {threads()} threads")
    for result in results:
        print(result)
    return 0 if all(result.met for result in results) else 1


sys.exit(main(sys.argv[1:]))
