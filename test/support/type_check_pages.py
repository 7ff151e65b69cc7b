"""Check the Python blocks of pages with mypy --strict, each page as one program: type_check_pages.py PAGE...

A page may use the names that `run_page.py` defines.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from mypy import api

sys.path.extend(map(str, Path(__file__).resolve().parents[1:3]))

from support import pages

PRELUDE = (
    "from zuora_client.emulator import ZuoraEmulator; zuora: ZuoraEmulator; source_entity_id = target_entity_id = ''"
)


def program(page: Path) -> str:
    """Return the blocks of a page as a program, with the line numbers of the page."""
    lines = [PRELUDE] + [""] * len(pages.read(page).splitlines())
    for block in pages.blocks(page, "python"):
        text = block.text.splitlines()
        lines[block.line - 1 : block.line - 1 + len(text)] = text
    return "\n".join(lines) + "\n"


def main(*names: str) -> int:
    worst = 0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / (Path(name).name.replace(".", "_") + ".py")
            path.write_text(program(Path(name)), encoding="utf-8")
            out, err, status = api.run(["--strict", "--no-incremental", str(path)])
        sys.stdout.write(f"{name}: {out}{err}")
        worst = max(worst, status)
    return worst


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
