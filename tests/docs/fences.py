"""What does a page ask its reader to do? Its code blocks, in order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_OPENS = re.compile(r"```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\s*")
RUN = ("python", "yaml", "console")
SHOWN = ("text", "mermaid")  # pictures: nothing to run


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `title` names the file that the reader is told to write."""

    language: str
    title: str | None
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a console block and the output that is shown below it."""

    command: str
    shown: str

    @property
    def serves(self) -> bool:
        """Whether it runs until it is stopped."""
        return re.match(r"onebeat (up|beat|worker)\b(?! quiet)(?!.*--help)", self.command) is not None


def pages() -> list[Path]:
    """Every page that people write; the reference is compared with the code, decisions show no code."""
    written = (
        path for path in (ROOT / "docs").rglob("*.md") if path.parent.name not in ("reference", "decisions")
    )
    return [ROOT / "README.md", *sorted(written)]


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page.

    Raises:
        ValueError: a fence that says no language, or one that nobody runs; or that never ends.
    """
    found: list[Block] = []
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        if not line.startswith("```"):
            continue
        opens = _OPENS.fullmatch(line)
        if opens is None or opens["language"] not in (*RUN, *SHOWN):
            raise ValueError(f"line {number}: {line!r} must name one of {RUN + SHOWN}")
        inside: list[str] = []
        for _, inner in lines:
            if inner == "```":
                break
            inside.append(inner)
        else:
            raise ValueError(f"line {number}: this block never ends")
        found.append(Block(opens["language"], opens["title"], "\n".join(inside) + "\n", number))
    return found


def steps(block: Block) -> list[Step]:
    """The commands of a console block: lines with `$ `, each with the output shown below it."""
    found: list[Step] = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        found.append(Step(command, shown.strip("\n")))
    return found


def looks_like(shown: str) -> re.Pattern[str]:
    """What the shown output stands for: `...` is anything, and so is the width of a column."""
    lines = [re.escape(" ".join(line.split())).replace(r"\.\.\.", ".*?") for line in shown.splitlines()]
    return re.compile("\n".join(lines), re.DOTALL)


def plain(output: str) -> str:
    """Output as `looks_like` compares it."""
    return "\n".join(" ".join(line.split()) for line in output.strip("\n").splitlines())
