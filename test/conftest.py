"""Settings for every test, nothing of the project itself."""

from __future__ import annotations

import hypothesis

# A deadline an example would fail on a slow machine; a database would leave files in the tree.
hypothesis.settings.register_profile("project", deadline=None, database=None)
hypothesis.settings.load_profile("project")
