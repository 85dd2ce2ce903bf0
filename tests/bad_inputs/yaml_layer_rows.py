"""Which profiles, matrices, variables and blanks cannot be meant? Rows as in `yaml_rows.py`."""

from __future__ import annotations

from tests.bad_inputs.yaml_rows import every, task


def matrix(more: str, axes: str = "{t: [a, b]}") -> str:
    """A file with one schedule for each value of its matrix."""
    return f"schedules:\n  a: {{task: t:f, every: 5m, matrix: {axes}, {more}}}\n"


def profiles(said: str, entry: str = "extends: p") -> str:
    """A file whose only schedule extends a profile."""
    return f"profiles: {said}\nschedules:\n  a: {{task: t:f, every: 5m, {entry}}}\n"


ROWS: tuple[tuple[str, str, str], ...] = (
    # profiles
    (every("extends: ¦heavy"), "OB160", "no profile is called 'heavy'"),
    (profiles("{heavy: {}}", "extends: ¦haevy"), "OB160", "no profile is called 'haevy'"),
    (profiles("{p: {}}", "extends: [p, ¦q]"), "OB160", "no profile is called 'q'"),
    (profiles("{p: {extends: ¦p}}"), "OB160", "the profile p extends itself: p → p"),
    (
        profiles("{p: {extends: q}, q: {extends: ¦p}}"),
        "OB160",
        "the profile p extends itself: p → q → p",
    ),
    (every("extends: ¦5"), "OB152", "extends names one profile, or a list of them"),
    (every("extends: ¦{a: b}"), "OB152", "extends names one profile, or a list of them"),
    ("profiles: ¦[heavy]", "OB152", "profiles must be a mapping, not a list"),
    ("profiles: {p: ¦5}", "OB152", "profiles.p must be a mapping, not the number 5"),
    ("profiles: {¦Heavy: {}}", "OB130", "'Heavy' is not the name of a profile"),
    (profiles("{p: {¦timout: 5m}}"), "OB150", "the key 'timout' is not known here"),
    (profiles("{p: {timeout: ¦5}}"), "OB111", "'5' is not a duration…"),
    (profiles("{p: {cron: '¦61 * * * *'}}"), "OB110", "…61 is out of range…"),
    (profiles("{p: {¦matrix: {a: [1]}}}"), "OB150", "the key 'matrix' is not known here"),
    (
        "profiles: {p: {queue: q}}\nschedules:\n  ¦a: {task: t:f, extends: p}",
        "OB154",
        "the schedule has no trigger",
    ),
    ("profiles: {p: {every: 5m}}\nschedules:\n  ¦a: {extends: p}", "OB151", "the key task is missing"),
    (
        "profiles: {p: {every: 5m, cron: '* * * * *'}}\nschedules:\n  ¦a: {task: t:f, extends: p}",
        "OB154",
        "cron is a second trigger beside every",
    ),
    (
        "profiles: {p: {cron: '* * * * *'}}\nschedules:\n  a: {task: t:f, extends: p, ¦offset: 5s}",
        "OB157",
        "offset shifts the grid of every, which is not here",
    ),
    (
        "defaults: {timezone: ¦Mars}\nschedules: {a: {task: t:f, every: 5m}}",
        "OB112",
        "'Mars' is not an IANA time zone…",
    ),
    ("defaults: {enabled: ¦no}\nschedules: {a: {task: t:f, every: 5m}}", "OB152", "…must be true or false…"),
    # matrix
    (every("matrix: ¦[a]"), "OB163", "a matrix is a mapping of names to lists"),
    (every("matrix: ¦{}"), "OB163", "a matrix is a mapping of names to lists"),
    (every("matrix: ¦5"), "OB163", "a matrix is a mapping of names to lists"),
    (every("matrix: {t: ¦[]}"), "OB163", "t needs a list of values, or a mapping to values"),
    (every("matrix: {t: ¦acme}"), "OB163", "t needs a list of values, or a mapping to values"),
    (every("matrix: {¦T: [a]}"), "OB163", "'T' is not the name of an axis"),
    (every("matrix: {¦a-b: [a]}"), "OB163", "'a-b' is not the name of an axis"),
    (every("matrix: {t: [¦Acme]}"), "OB163", "'Acme' cannot be a part of an id"),
    (every("matrix: {t: [¦'a b']}"), "OB163", "'a b' cannot be a part of an id"),
    (every("matrix: {t: {¦Acme: 1}}"), "OB163", "'Acme' cannot be a part of an id"),
    (every("matrix: {t: [¦{a: b}]}"), "OB163", "a value in a list is a word or a number"),
    (every("matrix: {t: [a, ¦null]}"), "OB163", "a value in a list is a word or a number"),
    (every("matrix: {t: [a, ¦a]}"), "OB163", "a is already a value of t"),
    (every("matrix: {t: [1, ¦'1']}"), "OB163", "1 is already a value of t"),
    (
        every(f"matrix: {{t: [¦{'x' * 63}]}}"),
        "OB163",
        "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' cannot be a part of an id",
    ),
    (
        every(f"matrix: ¦{{t: [{'x' * 62}, b], u: [c]}}"),
        "OB163",
        f"the id a.{'x' * 28}…{'x' * 8}.c is longer than 64 characters",
    ),
    (
        every(f"matrix: ¦{{t: {list(range(101))}, u: {list(range(100))}}}"),
        "OB163",
        "the matrix makes 10100 schedules, more than 10000",
    ),
    (matrix("args: ['¦{{ matrix.u }}']"), "OB164", "the matrix has no axis 'u'"),
    (every("args: ['¦{{ matrix.t }}']"), "OB164", "the matrix has no axis 't'"),
    (matrix("queue: '¦{{ nominal }}'"), "OB164", "'nominal' is filled in only in args and kwargs"),
    (matrix("owner: 'x ¦{{ tenant }}'"), "OB164", "'tenant' is filled in only in args and kwargs"),
    (
        matrix("priority: ¦'{{ matrix.t }}'", "{t: [a]}"),
        "OB152",
        "priority must be a whole number, not the text 'a'",
    ),
    (matrix("timeout: ¦'{{ matrix.t }}'", "{t: [5m, 90]}"), "OB111", "'90' is not a duration…"),
    (
        matrix("args: ['x ¦{{ matrix.t }}']", "{t: {a: {b: c}}}"),
        "OB164",
        "the values of t are no text, so they cannot be part of one",
    ),
    (every("matrix: {t: [¦'{{ nominal }}']}"), "OB164", "a value of a matrix cannot be filled in itself"),
    (
        "schedules:\n  a.x: {task: t:f, every: 5m}\n  a: {task: t:f, every: 5m, matrix: {t: [¦Y]}}",
        "OB163",
        "'Y' cannot be a part of an id",
    ),
    # blanks
    (every('kwargs: {a: "¦{{ nominl }}"}'), "OB164", "nothing is called 'nominl' when a run is made"),
    (every('kwargs: {a: {b: ["x ¦{{ now() }}"]}}'), "OB164", "nothing is called 'now()' when a run is made"),
    (every('args: ["¦{{ nominal"]'), "OB164", "{{ begins a blank that is not closed"),
    (every('args: ["¦{{}}"]'), "OB164", "nothing is called '' when a run is made"),
    (every('args: ["¦{{ nominal.year }}"]'), "OB164", "nothing is called 'nominal.year' when a run is made"),
    (every("args: ['¦{{\"a\": 1}}']"), "OB164", "{{ begins a blank that is not closed"),
    (every('owner: "¦{{ run_id }}"'), "OB164", "'run_id' is filled in only in args and kwargs"),
    (task('every: "¦{{ nominal }}"'), "OB164", "'nominal' is filled in only in args and kwargs"),
    ('namespace: ¦"{{ nominal }}"', "OB164", "{{ is filled in in schedules only"),
    (
        'defaults: {queue: ¦"{{ nominal }}"}\nschedules: {}',
        "OB130",
        "queue '{{ nominal }}' is not a valid name…",
    ),
    # variables: the tests set ONEBEAT_TEST_SET=Mars/Secret, ONEBEAT_TEST_EMPTY= and nothing else
    (every('args: ["x ¦${HOME}"]'), "OB161", "the variable HOME is not set"),
    ('redis: "¦${REDIS_URL:?set it}"', "OB161", "the variable REDIS_URL is not set: set it"),
    (every("owner: $¦{A B}"), "OB144", "a ${ without quotes opens a mapping"),
    (every('owner: "a ¦${A B} c"'), "OB161", "${A B} names no variable"),
    (every('owner: "¦${}"'), "OB161", "${} names no variable"),
    (every('owner: "¦${A"'), "OB161", "${A names no variable"),
    (every('owner: "¦${A:+b}"'), "OB161", "${A:+b} names no variable"),
    (every('owner: "¦${ONEBEAT_TEST_EMPTY:?why}"'), "OB161", "the variable ONEBEAT_TEST_EMPTY is empty: why"),
    (
        'timezone: ¦"${ONEBEAT_TEST_SET}"',
        "OB112",
        "what '${ONEBEAT_TEST_SET}' stands for is wrong: a time zone is not a name of the IANA list",
    ),
    (
        task('cron: ¦"${ONEBEAT_TEST_SET} * * * *"'),
        "OB110",
        "what '${ONEBEAT_TEST_SET} * * * *' stands for is wrong: a cron expression is wrong",
    ),
    (
        every('enabled: ¦"${ONEBEAT_TEST_SET}"'),
        "OB152",
        "what '${ONEBEAT_TEST_SET}' stands for is wrong: a value has another type than its key wants",
    ),
    (
        every('overlap: ¦"${ONEBEAT_TEST_SET}"'),
        "OB153",
        "what '${ONEBEAT_TEST_SET}' stands for is wrong: a value is none of those that its key allows",
    ),
    (
        every('matrix: {t: [¦"${ONEBEAT_TEST_SET}"]}'),
        "OB163",
        "what '${ONEBEAT_TEST_SET}' stands for is wrong: a matrix is not names with lists of values, "
        "or makes too many schedules",
    ),
    (
        every('matrix: {t: {a: "${ONEBEAT_TEST_SET}"}}, timezone: ¦"{{ matrix.t }}"'),
        "OB112",
        "what '{{ matrix.t }}' stands for is wrong: a time zone is not a name of the IANA list",
    ),
    (
        every('queue: ¦"${ONEBEAT_TEST_UNSET:-a b}"'),
        "OB130",
        "what '${ONEBEAT_TEST_UNSET:-a b}' stands for is wrong: a schedule id, queue or namespace has "
        "characters that its keys cannot carry",
    ),
    # include
    (
        "include: [¦/etc/onebeat/*.yaml]",
        "OB162",
        "'/etc/onebeat/*.yaml' is not a pattern of YAML files beside this one",
    ),
    ("include: [¦schedules/]", "OB162", "'schedules/' is not a pattern of YAML files beside this one"),
    (
        "include: [¦../../etc/passwd]",
        "OB162",
        "'../../etc/passwd' is not a pattern of YAML files beside this one",
    ),
    ("include: [¦no-such-file.yaml]", "OB162", "the included file no-such-file.yaml is not there"),
    ("include: ¦a.yaml", "OB152", "include must be a list, not the text 'a.yaml'"),
    ("include: [¦5]", "OB152", "include[0] must be text, not the number 5"),
)
