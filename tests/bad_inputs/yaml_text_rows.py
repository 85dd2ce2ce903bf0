"""Which texts are no YAML that anyone means, where, with which code and in which words? Rows.

`(text, code, message)`: the text has exactly one mistake, at `¦` (which is taken out), or at its start.
"""

from __future__ import annotations

from tests.bad_inputs.yaml_rows import every, task

MARK = "¦".encode()
# Each anchor holds the one before it ten times: ten, a hundred, a thousand …
LAUGHS = "imports: [&a [x,x,x,x,x,x,x,x,x,x]" + "".join(
    f", &{name} [{'¦' if name == 'f' else ''}{','.join([f'*{before}'] * 10)}]"
    for before, name in zip("abcde", "bcdef", strict=True)
)

ROWS: tuple[tuple[str | bytes, str, str], ...] = (
    # what the file is
    (b"", "OB145", "the file is empty"),
    ("# later", "OB145", "the file is empty"),
    ("~", "OB145", "the file is empty"),
    ("¦- a", "OB152", "the file must be a mapping, not a list"),
    ("¦hello", "OB152", "the file must be a mapping, not the text 'hello'"),
    ("¦5", "OB152", "the file must be a mapping, not the number 5"),
    ("schedules: {}\n¦---\nschedules: {}", "OB145", "a second document starts here"),
    ("¦%YAML 1.1\n---\nschedules: {}", "OB146", "onebeat reads YAML 1.2 without tags"),
    ("¦%TAG ! tag:x,2026:\n---\nschedules: {}", "OB146", "onebeat reads YAML 1.2 without tags"),
    ("schedules: {}".encode("utf-16"), "OB141", "the file is UTF-16, onebeat reads UTF-8"),
    ("schedules: {}".encode("utf-16-le"), "OB141", "the file is UTF-16, onebeat reads UTF-8"),
    ("schedules: {}".encode("utf-32"), "OB141", "the file is UTF-32, onebeat reads UTF-8"),
    (b"schedules: {}\n# caf" + MARK + b"\xe9\n", "OB141", "byte 0xe9 is not UTF-8"),
    (b"owner: " + MARK + b"\xed\xa0\x80\n", "OB141", "byte 0xed is not UTF-8"),
    ("schedules: {}\n# ¦\x00", "OB142", "the character NUL is invisible or reorders text"),
    ("schedules: {}\n# ¦\x1b[2J", "OB142", "the character U+001B is invisible or reorders text"),
    ("schedules: {}\n# ¦\u202e", "OB142", "the character U+202E is invisible or reorders text"),
    ("schedules: {}\n# ¦\u2066", "OB142", "the character U+2066 is invisible or reorders text"),
    ("schedules: {}\n# ¦\ufeff", "OB142", "the character U+FEFF is invisible or reorders text"),
    ("schedules: {}\n# ¦\u2028", "OB142", "the character U+2028 is invisible or reorders text"),
    ("#" * 1_000_001, "OB143", "the file is larger than 1 MB"),
    (b"owner: " + b"x" * 10_000_000, "OB143", "the file is larger than 1 MB"),
    (
        "schedules:\n" + "".join(f"  a{n}: {{task: t:f, every: 5m}}\n" for n in range(100_000)),
        "OB143",
        "the file is larger than 1 MB",
    ),
    # YAML
    ("schedules:\n¦\ta: 1\n", "OB144", "a tab cannot indent"),
    (
        "schedules:\n  a:\n    task: t:f\n    cron: ¦*/5 * * * *\n",
        "OB144",
        "a * without quotes starts an alias",
    ),
    ("schedules:\n  a:\n    cron: ¦* * * * *\n", "OB144", "a * without quotes starts an alias"),
    (task("cron: ¦@daily"), "OB144", "a value cannot start with @ without quotes"),
    ("timezone: ¦`UTC`\n", "OB144", "a value cannot start with ` without quotes"),
    ("timezone: ¦%UTC\n", "OB144", "a value cannot start with % without quotes"),
    ("schedules: {a: {task: $¦{TASK}}}\n", "OB144", "a ${ without quotes opens a mapping"),
    ("timezone: a¦: b\n", "OB144", "a second ': ' cannot stand here"),
    ("imports: [a, b\nschedules¦: {}\n", "OB144", "a [ or { is not closed, or a comma is missing"),
    ("schedules: {¦", "OB144", "a value is missing, or a [ or { is not closed"),
    ('timezone: ¦"UTC\nschedules: {}\n', "OB144", "a quote is opened and never closed"),
    ("schedules: {}\nimports¦\n", "OB144", "this line is neither 'key: value' nor '- value'"),
    ("schedules: {}\n ¦imports: []\n", "OB144", "the indentation does not fit the lines above"),
    ("schedules:\n    a: {}\n  ¦b: {}\n", "OB144", "the indentation does not fit the lines above"),
    ("imports:\n  - a\n  ¦b: c\n", "OB144", "a list and a mapping are mixed here"),
    ('timezone: "¦\\q"\n', "OB144", "the \\ does not start a known escape"),
    ('timezone: "\\u¦D800"\n', "OB144", "the \\ does not start a known escape"),
    ("schedules: {}\n...\n¦more: 1\n", "OB144", "something follows the end of the document"),
    (
        "%FOO¦ bar\n---\nschedules: {}\n",
        "OB144",
        "a line that starts with % is a directive, and this one is unknown",
    ),
    ("schedules: ¦& {}\n", "OB144", "a & without quotes starts an anchor"),
    (
        "schedules: ¦!!python/object/apply:os.system ['true']",
        "OB146",
        "the tag '!!python/object/apply:os.system' is not part of the language",
    ),
    ("schedules: ¦!include other.yaml", "OB146", "the tag '!include' is not part of the language"),
    ("timezone: ¦!!str UTC", "OB146", "the tag '!!str' is not part of the language"),
    ("timezone: ¦! UTC", "OB146", "the tag '!' is not part of the language"),
    (every("¦<<: {queue: x}"), "OB146", "merge keys are not part of YAML 1.2"),
    ("timezone: ¦*zone", "OB146", "no anchor &zone stands before this alias"),
    ("schedules: &a {a: ¦*a}", "OB146", "*a contains itself"),
    (LAUGHS, "OB143", "the file expands to more than 200000 values"),
    ("imports: [&a x" + ", *a" * 100 + ", ¦*a]", "OB143", "aliases expand this file beyond 100 aliases"),
    ("a: " + "[" * 19 + "¦[" + "]" * 20, "OB143", "nested deeper than 20 levels"),
    ("a: " + "[" * 19 + "¦" + "[" * 5_000, "OB143", "nested deeper than 20 levels"),
    ("{a: " * 20 + "¦" + "{a: " * 5_000, "OB143", "nested deeper than 20 levels"),
    ("- " * 20 + "¦" + "- " * 5_000 + "a", "OB143", "nested deeper than 20 levels"),
    (
        "imports: [&a [[[[[[[[[[]]]]]]]]]], [[[[[[[[[¦*a]]]]]]]]]]",
        "OB143",
        "aliases expand this file deeper than 20 levels",
    ),
    ("timezone: UTC\nschedules: {}\n¦timezone: UTC", "OB147", "the key 'timezone' is already on line 1"),
    (task("every: 5m}\n  ¦a: {task: t:f, every: 6m"), "OB147", "the key 'a' is already on line 2"),
    ('timezone: UTC\n¦"timezone": UTC', "OB147", "the key 'timezone' is already on line 1"),
    ("schedules:\n  ¦5: {task: t:f, every: 5m}", "OB148", "a key must be text"),
    ("schedules:\n  ¦true: {task: t:f, every: 5m}", "OB148", "a key must be text"),
    ("schedules:\n  ¦~: {task: t:f, every: 5m}", "OB148", "a key must be text"),
    ("schedules:\n  ¦010: {task: t:f, every: 5m}", "OB148", "a key must be text"),
    (every("kwargs: {a: {¦{ nominal }}}"), "OB148", "a key must be text"),
    ("? ¦[a]\n: b", "OB148", "a key must be text"),
    (every("args: [¦.nan]"), "OB149", ".nan is not a finite number"),
    (every("args: [¦-.inf]"), "OB149", "-.inf is not a finite number"),
    (every("args: [¦1e400]"), "OB149", "the number is larger than a 64-bit float"),
    (every("args: [¦9223372036854775808]"), "OB149", "the integer does not fit 64 bits"),
    ("priority: ¦" + "9" * 5_000, "OB149", "the integer does not fit 64 bits"),
)
