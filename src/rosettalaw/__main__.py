"""``python -m rosettalaw`` is the command ``rosettalaw``; Ctrl-C gives a message also while it is imported."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, and exit; Ctrl-C while Python ends prints no traceback."""
    try:
        try:
            from .cli import main as run
        except KeyboardInterrupt:
            print("interrupted before anything was started", file=sys.stderr)
            raise SystemExit(130) from None
        run()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
