"""`python -m zuora_client`: the same as the script `zuora-connections`."""

from __future__ import annotations

import sys

from ._cli.main import main

if __name__ == "__main__":
    sys.exit(main())
