"""``python -m rosettalaw`` is the command ``rosettalaw``."""

from .cli import main

if __name__ == "__main__":
    main()
