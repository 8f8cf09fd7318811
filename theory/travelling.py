"""Functions that travel to workers: user-written classes too, those of a script and those of modules beside it.

Dask sends functions with cloudpickle, which sends the classes of ``__main__`` whole and names those of modules. A
worker that cannot import such a module would fail before any task begins, and its client would wait for ever. A
`Travelling` function takes the classes of modules that are not installed along, whole, and is unpacked within the task:
what cannot be unpacked there is an error of that task, with a message.
"""

from __future__ import annotations

import pickletools
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InputError, RosettaError
from ..lazy import imported

INSTALLED = {"site-packages", "dist-packages"}  # folders whose modules workers have too
STANDARD = Path(sysconfig.get_path("stdlib")).resolve()


class Travelling:
    """A function, as it is in this process and packed on its way to another one."""

    def __init__(self, function: Callable[..., Any] | None, packed: bytes = b""):
        self._function, self._packed = function, packed

    def __call__(self, *args: Any) -> Any:
        """Return the function's value, unpacking it first where it has arrived from another process."""
        if self._function is None:
            self._function = unpacked(self._packed)
        return self._function(*args)

    def __reduce__(self) -> Any:
        return Travelling, (None, self._packed or packed(self._function))


def require_travelling(function: Any) -> None:
    """Raise `InputError` where a client of `distributed` is open, which will send a function, and it cannot be packed.

    Dask's own message would name its graph alone.
    """
    distributed = imported("distributed")
    if distributed is None:
        return
    try:
        distributed.get_client()
    except ValueError:  # none is open
        return
    packed(function)


def packed(function: Any) -> bytes:
    """Return a function pickled, the classes of modules that are not installed within it.

    Raises
    ------
    InputError
        If it holds what no pickle can, such as an open file or a lock.
    """
    import cloudpickle

    try:
        named = cloudpickle.dumps(function)
    except Exception as error:
        rule = f"must be picklable to be solved by other processes ({type(error).__name__}: {error})"
        raise InputError("model", _shown(function), rule, "a model without open files or locks, or threads") from None
    whole, registered = named, []
    try:
        while new := [name for name in _modules(whole) if name not in registered]:
            for name in new:
                cloudpickle.register_pickle_by_value(sys.modules[name])
                registered.append(name)
            whole = cloudpickle.dumps(function)
    except Exception:  # a module with something in it that no pickle holds: workers are to import it
        return named
    finally:
        for name in registered:
            cloudpickle.unregister_pickle_by_value(sys.modules[name])
    return whole


def unpacked(data: bytes) -> Any:
    """Return the function that was packed.

    Raises
    ------
    RosettaError
        If this process lacks a module that the function needs.
    """
    import cloudpickle

    try:
        return cloudpickle.loads(data)
    except Exception as error:
        raise RosettaError(
            f"model: cannot be unpacked on this worker ({type(error).__name__}: {error}); workers need its modules. "
            "Try: client.upload_file('my_families.py')"
        ) from error


def _modules(data: bytes) -> list[str]:
    """Return the modules named in a pickle that a worker may lack: loaded from a file that is not installed."""
    import cloudpickle

    known = cloudpickle.list_registry_pickle_by_value()
    words = {argument for _, argument, _ in pickletools.genops(data) if isinstance(argument, str)}
    names = {word for word in words if word in sys.modules and word not in known and word != "__main__"}
    return sorted(name for name in names if not _is_installed(name))


def _is_installed(name: str) -> bool:
    file = getattr(sys.modules[name], "__file__", None)
    if file is None or name.partition(".")[0] in (__name__.partition(".")[0], *sys.stdlib_module_names):
        return True
    path = Path(file).resolve()
    return path.is_relative_to(STANDARD) or bool(INSTALLED & set(path.parts))


def _shown(function: Any) -> str:
    return repr(getattr(function, "keywords", {}).get("model", function))
