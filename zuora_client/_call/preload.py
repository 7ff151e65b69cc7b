"""What only some calls need, imported with the first client.

An import costs start-up time. In the middle of a call it does harm: it fails without a free file descriptor and when
the interpreter exits, in a signal handler it may find a module half imported, and in a child that was forked while
another thread imported it waits for ever.
"""

# Imported for those who import them later.
# ruff: noqa: F401
# pyright: reportUnusedImport=false

from __future__ import annotations

import encodings.idna  # for each host name
import html
import signal

from .. import events, models
from .._base import error_summary
from . import advice, redaction, response_errors, retry_table, token_request

for _name in models.__all__:
    getattr(models, _name)
