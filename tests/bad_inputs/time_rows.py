"""Which rules about time cannot be meant, where and in which words? Rows as in `yaml_rows.py`."""

from __future__ import annotations

from tests.bad_inputs.yaml_rows import every, task


def calendar(words: str) -> str:
    """A file whose only schedule has this calendar."""
    return task(f"calendar: {{{words}}}")


ROWS: tuple[tuple[str, str, str], ...] = (
    # jitter
    (every("jitter: ¦90"), "OB111", "'90' is not a duration…"),
    (every("jitter: ¦true"), "OB152", "jitter must be text, not true"),
    ("defaults: {jitter: ¦5}", "OB111", "'5' is not a duration…"),
    (
        every("jitter: ¦30m, expires: 10m"),
        "OB157",
        "a fire that jitter delays by up to 30m may be late for expires, 10m",
    ),
    # daylight saving
    (every("dst: {fold: ¦twice}"), "OB153", "'twice' is not a choice here"),
    (every("dst: ¦skip"), "OB152", "dst must be a mapping, not the text 'skip'"),
    # start and end
    (every("start: ¦soon"), "OB155", "'soon' is not a date and time…"),
    (every("start: ¦2026-02-30"), "OB155", "'2026-02-30' is not a date…"),
    (every("end: ¦2026-01-01T25:00"), "OB155", "'2026-01-01T25:00' is not a date and time…"),
    (every("end: ¦99"), "OB152", "end must be text, not the number 99"),
    (every("end: ¦0001-01-01"), "OB155", "the year 1 cannot be meant…"),
    (every("end: ¦9999-12-31"), "OB155", "the year 9999 cannot be meant…"),
    (
        every("start: 2026-02-01, end: ¦2026-01-01"),
        "OB157",
        "it ends at 2026-01-01, before it starts at 2026-02-01…",
    ),
    (
        every("timezone: America/New_York, start: ¦2026-03-08T02:30"),
        "OB155",
        "2026-03-08T02:30 does not exist in America/New_York…",
    ),
    (task("at: 2026-12-31T23:00, end: ¦2026-12-30"), "OB157", "it never fires: no time of its rule is left"),
    (
        task("at: 2026-12-31T23:00, start: ¦2027-01-01"),
        "OB157",
        "it never fires: no time of its rule is left",
    ),
    (
        task("cron: 0 0 * * *, start: 2026-01-01T01:00, end: ¦2026-01-01T23:00"),
        "OB157",
        "it never fires: no time of its rule is left",
    ),
    (
        task("manual: true, ¦start: 2026-01-01"),
        "OB157",
        "start limits when it fires, and manual never does by itself",
    ),
    # except
    (every("except: ¦2026-12-24"), "OB152", "except must be a list, not the text '2026-12-24'"),
    (every("except: [¦christmas]"), "OB155", "'christmas' is no date…"),
    (every("except: [2026-12-24, ¦2026-02-30]"), "OB155", "'2026-02-30' is not a date…"),
    (every("except: [¦2027-01-02/2026-12-24]"), "OB155", "2027-01-02/2026-12-24 ends before it begins…"),
    (every("except: [¦2026-12-24/]"), "OB155", "'2026-12-24/' is no date…"),
    (every("except: [¦20261224]"), "OB155", "'20261224' is no date…"),
    (every("except: [¦{country: KR}]"), "OB155", "{'country': 'KR'} names no holidays…"),
    (every("except: [¦{holidays: [KR]}]"), "OB155", "{'holidays': ['KR']} names no holidays…"),
    (every("except: [¦{holidays: KR, state: X}]"), "OB155", "…names no holidays…"),
    (
        task("at: 2026-12-31T23:00, except: ¦[2026-12-31]"),
        "OB157",
        "it never fires: no time of its rule is left",
    ),
    (
        task("manual: true, ¦except: [2026-01-01]"),
        "OB157",
        "except limits when it fires, and manual never does…",
    ),
    # calendar
    (task("calendar: ¦monthly"), "OB152", "calendar must be a mapping, not the text 'monthly'"),
    (task("¦calendar: "), "OB152", "calendar has no value"),
    (task("calendar: ¦{month: 1}"), "OB153", "a calendar counts one of days, weeks, months, years…"),
    (calendar("months: 1, ¦weekday: mon"), "OB150", "the key 'weekday' is not known here"),
    (
        task("calendar: ¦{months: 1, weeks: 1}"),
        "OB153",
        "a calendar counts one of days, weeks, months, years…",
    ),
    (task("calendar: ¦{}"), "OB153", "a calendar counts one of days, weeks, months, years…"),
    (calendar("months: ¦0"), "OB153", "calendar.months: it must be at least 1"),
    (calendar("years: ¦41"), "OB153", "calendar.years: it must be at most 40"),
    (calendar("days: ¦1.5"), "OB152", "calendar.days must be a whole number, not the number 1.5"),
    (calendar("days: 1, day: ¦5"), "OB153", "day: every n days has none…"),
    (calendar("weeks: 1, day: ¦5"), "OB153", "day: '5' is no weekday…"),
    (calendar("weeks: 1, day: ¦last"), "OB153", "day: 'last' is no weekday…"),
    (calendar("months: 1, day: ¦mon"), "OB153", "day: 'mon' is no day of a month…"),
    (calendar("months: 1, day: ¦32"), "OB153", "day: '32' is no day of a month…"),
    (calendar("months: 1, day: ¦-1"), "OB153", "day: '-1' is no day of a month…"),
    (calendar("months: 1, day: ¦[]"), "OB153", "day: the list is empty…"),
    (calendar("months: 1, day: ¦true"), "OB152", "day is a day, or a list of days"),
    (calendar("months: 1, day: ¦{a: 1}"), "OB152", "day is a day, or a list of days"),
    (calendar("months: 1, month: ¦2"), "OB153", "month: it belongs to years…"),
    (calendar("years: 1, month: ¦13"), "OB153", "month: '13' is no month…"),
    (calendar("years: 1, month: ¦june"), "OB153", "month: 'june' is no month…"),
    (task("calendar: ¦{years: 1, month: feb, day: 30}"), "OB153", "day 30 is in no month that it counts…"),
    (calendar("days: 1, at: ¦18"), "OB152", "at is a time of day, or a list of times"),
    (calendar("days: 1, at: ¦24:00"), "OB153", "at: '24:00' is no time of day…"),
    (calendar("days: 1, at: ¦9:00"), "OB153", "at: '9:00' is no time of day…"),
    (calendar('days: 1, at: ¦["18:00", 6pm]'), "OB153", "at: '6pm' is no time of day…"),
    (calendar("days: 1, at: ¦[]"), "OB153", "at: the list is empty…"),
    (calendar("weeks: 2, anchor: ¦monday"), "OB153", "anchor: 'monday' is not a date…"),
    (calendar("weeks: 2, anchor: ¦2026-02-30"), "OB153", "anchor: '2026-02-30' is not a date…"),
    # any
    (task("any: ¦{every: 5m}"), "OB152", "any must be a list, not a mapping"),
    (task("any: ¦[]"), "OB153", "any: it has fewer than 1 entries"),
    (task("any: [¦5m]"), "OB152", "any[0] must be a mapping, not the text '5m'"),
    (task("any: [{every: 5m}, ¦{}]"), "OB154", "the rule has no trigger"),
    (task("any: [{cron: '* * * * *', every: ¦5m}]"), "OB154", "every is a second trigger beside cron"),
    (task("any: [{every: ¦90}]"), "OB111", "'90' is not a duration…"),
    (task("any: [{cron: '0 ¦25 * * *'}]"), "OB110", "…25 is out of range…"),
    (task("any: [{¦manual: true}]"), "OB150", "the key 'manual' is not known here"),
    (task("any: [{¦any: []}]"), "OB150", "the key 'any' is not known here"),
    (task("any: [{¦jitter: 5m}]"), "OB150", "the key 'jitter' is not known here"),
    (
        task("any: [{cron: '* * * * *', offset: ¦5s}]"),
        "OB157",
        "offset shifts the grid of every, which is not here",
    ),
    (task("any: [{calendar: {weeks: 1, day: ¦1}}]"), "OB153", "day: '1' is no weekday…"),
    (
        task("any: [{every: 1h}, {at: ¦2026-03-08T02:30}], timezone: America/New_York"),
        "OB155",
        "2026-03-08T02:30 does not exist in America/New_York…",
    ),
    (task("every: 5m, ¦any: [{every: 7m}]"), "OB154", "any is a second trigger beside every"),
    (task("calendar: {days: 1}, ¦cron: '* * * * *'"), "OB154", "cron is a second trigger beside calendar"),
)
