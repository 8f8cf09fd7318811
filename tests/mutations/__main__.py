"""The command ``python -m tests.mutations``."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import tests.mutations

from .changes import ROOT, Mutation, formulas, modules, tree
from .suite import ENDLESS, Suite
from .table import TABLE, UNRUN, read, write

UNSEEN = "NONE"  # in place of a test
# Operators, by their number in a formula, of which a change leaves all results as they are, and why; others are tried.
EQUIVALENT: dict[str, dict[int, str]] = {
    "chain._tail": {0: "exponents do not know the constant κ"},
    "chain._beyond": {0: "T = −U'/U'' does not know the scale of U", 1: "the same"},
    "detectability._false_pairs": {0: "a guard at ±1, which chance does not reach", 1: "the same"},
    "inverse._least_whole": {0: "the start of a search", 1: "the same", 2: "a step of a search that halves afterwards"},
    "inverse._crossing": {0: "another condition ends the search at rounding", 1: "the same"},
    "own_steps.require_concave": {0: "the sign of U'' decides"},
    "power_law.power_integral": {0: "either side of it is the same logarithm, to rounding"},
    "power_law._discrete_levels": dict.fromkeys(range(3), "the start of turns that go on until they agree"),
    "power_law._continuum_levels": dict.fromkeys(range(13), "the start of Newton's method, or its guard"),
    "specialization._point": {4: "a longer list of features than those within reach"},
    "spectra.Spectrum.by_beta": {0: "the step of a difference of fourth order"},
    "model.Model._local_exponent": {0: "a step of differences, at most ½: slopes agree within the steps of A"},
}


def main(arguments: list[str]) -> int:
    """Run the mutants asked for; return 1 if one of them was not seen."""
    about = tests.mutations.__doc__
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names of formulas; all without any")
    parser.add_argument("--all", action="store_true", help="every operator, not the first alone")
    parser.add_argument("--missing", action="store_true", help="only formulas that the table does not hold")
    parser.add_argument("--out", default=TABLE, type=pathlib.Path, help="the table")
    parser.add_argument("--reach", type=pathlib.Path, help="a file that keeps which tests reach which formulas")
    chosen = parser.parse_args(arguments)
    os.chdir(ROOT)
    rows: list[dict[str, str]] = []

    def work(suite: Suite) -> None:
        table = [row for row in read(chosen.out) if row["red"] != UNRUN]
        known = {row["formula"] for row in table}
        wanted = [
            (module, formula, number)
            for module in modules()
            for formula, number in formulas(module)
            if any(name in f"{module}.{formula}" for name in chosen.names or [""])
            and not (chosen.missing and f"{module}.{formula}" in known)
        ]
        reach = _reach(suite, chosen.reach) if wanted else {}
        for module, formula, number in wanted:
            for row in mutants(suite, reach, module, formula, number, chosen.all):
                rows.append(row)
                print(*row.values(), sep="  ", flush=True)
            new = {row["formula"] for row in rows}
            write([row for row in table if row["formula"] not in new] + rows, chosen.out)

    Suite.run(work)
    tried = [row for row in rows if not row["red"].startswith("(equivalent")]
    unseen = sum("::" not in row["red"] for row in tried)
    print(f"{len(tried)} mutants, {unseen} of them not seen")
    return 1 if unseen else 0


def mutants(suite: Any, reach: Any, module: str, formula: str, number: int, every: bool) -> Iterator[dict[str, str]]:
    """Yield the rows of a formula: of every operator, or of the first whose mutant ends and is seen."""
    name = f"{module}.{formula}"
    for index, reason in EQUIVALENT.get(name, {}).items():
        mutation = Mutation(formula, index)
        mutation.visit(tree(module))
        change = " ".join(mutation.change.split())
        yield {"formula": name, "line": str(mutation.line), "change": change, "red": f"(equivalent: {reason})"}
    indices = [index for index in range(number) if index not in EQUIVALENT.get(name, {})] if number else [-1]
    for index in indices:
        mutation = Mutation(formula, index)
        red = suite.first_red(module, mutation, reach) or UNSEEN
        change = " ".join(mutation.change.split())
        row = {"formula": name, "line": str(mutation.line), "change": change, "red": red}
        if every or red != ENDLESS or index == indices[-1]:
            yield row
        if not every and red != ENDLESS:
            return


def _reach(suite: Suite, path: pathlib.Path | None) -> dict[str, Any]:
    """Return which tests reach which formulas, from a file where there is one."""
    if path and path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    found = suite.reach()
    for name in [name for name, row in found.items() if row["red"]]:
        print(f"{name} is red without a change, and left out", file=sys.stderr)
    if path:
        path.write_text(json.dumps(found), encoding="utf-8")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
