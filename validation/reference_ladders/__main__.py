"""Save measured ladders as references: ``python -m rosettalaw.validation.reference_ladders name=results.nc``.

Each argument is a name and the result file that it is made from, whose own record of its command is saved with it.
"""

import sys
from pathlib import Path

from ...console import say
from ...errors import InputError
from ...results import load
from . import write

if set(sys.argv[1:]) <= {"-h", "--help"}:
    print(__doc__)
    sys.exit()
for argument in sys.argv[1:]:
    name, equals, path = argument.partition("=")
    if not (name and equals and path):
        raise SystemExit(str(InputError("argument", argument, "must be name=file", "quickstart=results.nc")))
    say(str(write(load(path, "ladder"), Path(__file__).with_name(f"{name}.csv"))))
