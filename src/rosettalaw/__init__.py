"""RosettaLaw: the scaling law of Rosetta Neurons in theory, simulation and measurement (arXiv 2606.03990).

    import rosettalaw as rl

    pairs = rl.match(a, b)                  # arrays, tensors, tables, {layer: array}, files, or models with text=
    law = rl.fit(neurons, counts)           # a power law, the theory, and a verdict

Public interface
----------------
Public is what `__all__` below lists, with the documented arguments and attributes of these functions and of the results
that they return, the commands of ``rosettalaw``, and the files that they write:

==================  ===============================================================
`match`             neurons of two models, or of two sets of activations, matched
`match_several`     three and more models, and the neurons that recur in them
`fit`               the law of counts over sizes
`forecast`          the count at a size that was not measured
`compare`           several series of counts under the same tests
`measure_ladder`    pairs of models at several sizes
`predict`, `sweep`  predictions of the theory
`load`, `save`      results in files
`RosettaError`      base class of all errors that a user can correct, and `InputError`
==================  ===============================================================

These keep their names and meaning from one minor version to the next. A name is deprecated before it is removed: it
works for one more minor version, with a `DeprecationWarning` that names its replacement (`CHANGELOG.md` lists them).
These may change at any time: the words of messages, summaries and figures, further columns and variables in results,
digits beyond the stated errors. Result files of format 1 and later will always be readable.

Everything else, the subpackages among it, is documented for those who build on it and may change in a minor version.
Names that begin with ``_`` are private.

Subpackages
-----------
theory
    The allocation model: derived in symbols, solved exactly, swept over its parameters.
sims
    Synthetic networks with known truth, and toy models trained by gradient descent.
empirical
    Corpora, model families, activations, matching, nulls and calibrated counts.
validation
    Fits of power laws and of the theory, comparisons, verdicts and reports.
paper_figs
    One script per figure and table.
testing
    Laws of the theory as checks and strategies for tests of your own.
interface
    The functions above, and their results.

Messages go to the log ``rosettalaw`` of `logging`, and to standard error where no handler of one's own writes there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import InputError, RosettaError
from .lazy import lazily

if TYPE_CHECKING:
    from .interface.counting import compare, fit, forecast, measure_ladder
    from .interface.matching import match
    from .interface.matching_several import match_several
    from .interface.reading import load
    from .results import save
    from .theory.predictions import predict
    from .theory.sweeps import sweep

    __version__: str

_PLACES = {
    "compare": "interface.counting",
    "fit": "interface.counting",
    "forecast": "interface.counting",
    "load": "interface.reading",
    "match": "interface.matching",
    "match_several": "interface.matching_several",
    "measure_ladder": "interface.counting",
    "predict": "theory.predictions",
    "save": "results",
    "sweep": "theory.sweeps",
}
__all__ = [
    "InputError",
    "RosettaError",
    "__version__",
    "compare",
    "fit",
    "forecast",
    "load",
    "match",
    "match_several",
    "measure_ladder",
    "predict",
    "save",
    "sweep",
]
_place, _lazy_names = lazily(__name__, _PLACES)


def __getattr__(name: str) -> Any:
    """Import a name when it is first used; also the version, as reading it takes half of the time that is left."""
    if name != "__version__":
        return _place(name)
    from importlib.metadata import version

    globals()[name] = version("rosettalaw")
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), "__version__", *_lazy_names()})
