"""axe-core, where this machine has it: in the file that ``AXE_CORE`` names, a ``node_modules`` folder, or a package."""

import importlib.util
import os
from pathlib import Path

import pytest

PACKAGES = ("axe_core_python", "axe_playwright_python", "axe_selenium_python")
HOW = "npm pack axe-core && tar xzf axe-core-*.tgz && export AXE_CORE=$PWD/package/axe.min.js"
SERIOUS = {"serious", "critical"}


def places():
    """Return the files that may be axe-core, those first that a user named."""
    named = os.environ.get("AXE_CORE")
    if named:
        yield Path(named)
    for folder in (Path.cwd(), *Path(__file__).parents):
        yield folder / "node_modules/axe-core/axe.min.js"
    for package in PACKAGES:
        found = importlib.util.find_spec(package)
        for folder in (found.submodule_search_locations or []) if found else []:
            yield from sorted(Path(folder).rglob("axe*.js"))


def source():
    """Return the script; the test is skipped where there is none."""
    found = next((path for path in places() if path.is_file()), None)
    if found is None:
        pytest.skip(f"no axe-core: {HOW}")
    return found.read_text(encoding="utf-8")


def serious(page, script):
    """Return the serious violations on an open page, as (impact, rule, first element)."""
    page.call("Runtime.evaluate", expression=script)
    found = page(
        "axe.run(document, {resultTypes: ['violations']})"
        ".then(r => r.violations.map(v => [v.impact, v.id, v.nodes[0].html.slice(0, 200)]))"
    )
    return [one for one in found if one[0] in SERIOUS]
