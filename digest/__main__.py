"""`python -m digest` and the `digest` command."""

import os

from digest.cli.main import main

# Before numpy is imported, which reads it then. Of small products two threads make no more than one, and
# burn twice the time waiting for each other: docs/decisions/0018-speed-of-an-edition.md.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

if __name__ == "__main__":
    main()
