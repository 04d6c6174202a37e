"""`python -m techspec` is the `techspec` command."""

import sys

from techspec.cli import main

if __name__ == "__main__":
    sys.exit(main())
