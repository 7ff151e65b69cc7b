"""`python -m support.uwsgi_command ARGUMENTS`: the program uwsgi of the distribution pyuwsgi."""

from __future__ import annotations

from support.tools import load

if __name__ == "__main__":
    load("pyuwsgi").run()
