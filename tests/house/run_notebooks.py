"""The cells of notebooks, run one after the other in this process; the texts that they show, as JSON.

python -m tests.house.run_notebooks examples/arrays.ipynb examples/theory.ipynb

A network that is trained in a few steps goes through the same code as one of many (`FEWER`).
"""

import json
import sys

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

FEWER = {"steps=200,": "steps=8,"}


def texts(path: str) -> list[str]:
    """Return the text of every output of a notebook's code, errors and standard error included."""
    shell, shown = InteractiveShell(), []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        source = cell.source
        for many, few in FEWER.items():
            source = source.replace(many, few)
        with capture_output() as captured:
            result = shell.run_cell(source, store_history=True)
        if result.error_in_exec is not None or result.error_before_exec is not None:
            return [*shown, repr(result.error_in_exec or result.error_before_exec)]
        value = [] if result.result is None else [shell.display_formatter.format(result.result)[0]["text/plain"]]
        printed = captured.stdout.partition(f"Out[{shell.execution_count - 1}]: ")[0]
        shown += [text for text in (captured.stderr, printed, *value) if text.strip()]
    return shown


if __name__ == "__main__":
    sys.stdout.write(json.dumps([texts(path) for path in sys.argv[1:]]))
