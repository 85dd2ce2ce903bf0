"""Can this machine check the models?"""

from __future__ import annotations

import shutil

SPIN = shutil.which("spin")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
