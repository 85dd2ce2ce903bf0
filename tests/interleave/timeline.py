"""What happened, for people? A failed history as text and as one page of HTML without anything outside."""

from __future__ import annotations

import json
import tempfile
from html import escape
from pathlib import Path

from tests.interleave.history import Line, Told

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 13px/1.5 system-ui, sans-serif; margin: 2rem; color: #1c2430; background: #fbfbfa }}
h1 {{ font-size: 1.3rem }} .broken {{ color: #a3121f; font-weight: 600 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: .2rem .5rem; border-bottom: 1px solid #e4e4e0 }}
th {{ position: sticky; top: 0; background: #fbfbfa }}
td.at {{ text-align: right; color: #777; white-space: nowrap }}
td code {{ font-size: 12px; overflow-wrap: anywhere }}
.answer {{ color: #2b6a3f }} .world {{ background: #f4ead5 }}
</style>
<h1>{title}</h1><p class="broken">{violation}</p><p>Again: <code>{command}</code></p>
<table><tr><th>ms</th>{heads}</tr>{rows}</table></html>
"""


def command_for(told: Told) -> str:
    """What a person types to see it again."""
    return f"python -m tests.interleave --scenario {told.scenario} --seed {told.seed} --histories 1"


def as_text(told: Told) -> str:
    """The violation, how to see it again, and the trace."""
    lines = [str(told.violation), f"again: {command_for(told)}", *map(str, told.trace)]
    return "\n".join(lines)


def as_page(told: Told) -> str:
    """One column for each process; what happens to the store and to time goes across."""
    who = list(dict.fromkeys(line.who for line in told.trace if line.who))
    return _PAGE.format(
        title=escape(f"{told.scenario}, seed {told.seed}"),
        violation=escape(str(told.violation)),
        command=escape(command_for(told)),
        heads="".join(f"<th>{escape(name)}</th>" for name in who),
        rows="".join(_row(line, who) for line in told.trace),
    )


def _row(line: Line, who: list[str]) -> str:
    what = f"<code>{escape(line.what)}</code>"
    if line.answer:
        what += f' <code class="answer">→ {escape(line.answer)}</code>'
    if not line.who:
        return f'<tr class="world"><td class="at">{line.at_ms}</td><td colspan="{len(who)}">{what}</td></tr>'
    cells = "".join(f"<td>{what if name == line.who else ''}</td>" for name in who)
    return f'<tr><td class="at">{line.at_ms}</td>{cells}</tr>'


def save(told: Told) -> Path:
    """Write page and choices into a new temporary folder; where the page is."""
    folder = Path(tempfile.mkdtemp(prefix=f"onebeat-{told.scenario}-{told.seed}-"))
    page = folder / "timeline.html"
    page.write_text(as_page(told), encoding="utf-8")
    kept = {"scenario": told.scenario, "seed": told.seed, "choices": told.choices}
    (folder / "choices.json").write_text(json.dumps(kept), encoding="utf-8")
    return page
