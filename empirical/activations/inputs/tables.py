"""pandas tables: a row for each position, a column for each neuron, an index that names the positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....errors import InputError
from ....lazy import imported
from ..arrays import ArraySource, require_exact
from .labelled import Labelled, named_layers


class Tables:
    """Tables of pandas. Columns of two levels are layer and unit."""

    def accepts(self, value: Any) -> bool:
        """Return whether it is a DataFrame."""
        pandas = imported("pandas")
        return pandas is not None and isinstance(value, pandas.DataFrame)

    def open(self, value: Any, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
        """Return its activations, with its index as identities of positions, but for the default 0, 1, 2, …"""
        import pandas as pd

        strange = [label for label, dtype in value.dtypes.items() if not _is_real(dtype)]
        if strange:
            example = f"table.drop(columns={strange[:3]!r}), or table.set_index({strange[0]!r}) if it names the rows"
            raise InputError(name, f"column {strange[0]!r}", "must hold real numbers, one for each position", example)
        for place, dtype in enumerate(value.dtypes):
            if getattr(dtype, "kind", "") in "iu" and dtype.itemsize == 8:  # may become floats beside other columns
                require_exact(name, value.iloc[:, place].dropna().to_numpy())
        mixed = len({dtype.kind == "b" for dtype in value.dtypes}) > 1  # which NumPy has as objects
        if value.shape[1] and not mixed and all(isinstance(dtype, np.dtype) for dtype in value.dtypes):
            numbers = value.to_numpy()
        else:  # pandas' own types, whose missing values are NaN here
            numbers = value.to_numpy(dtype=np.float64, na_value=np.nan)
        layer = layers = None
        names = value.columns
        if isinstance(names, pd.MultiIndex) and names.nlevels == 2:
            keys = list(dict.fromkeys(names.get_level_values(0)))
            places, layers = named_layers(keys)
            number = dict(zip(keys, places, strict=True))
            layer = np.array([number[key] for key in names.get_level_values(0)])
            names = names.get_level_values(1)
        default = isinstance(names, pd.RangeIndex) or (layer is not None and names.dtype.kind == "i")
        return Labelled(
            ArraySource(numbers, name, layer),
            None if is_default(value.index) else np.asarray(value.index),
            layers,
            None if default else np.array([str(label) for label in names], dtype=object),
        )


def is_default(index: Any) -> bool:
    """Return whether an index of pandas only counts the rows."""
    import pandas as pd

    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def _is_real(dtype: Any) -> bool:
    return getattr(dtype, "kind", "O") in "fiub" and "datetime" not in str(dtype)
