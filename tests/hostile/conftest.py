"""Make the targets of the fuzz command importable by these tests, from wherever pytest is called."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
