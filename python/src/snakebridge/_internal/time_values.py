# Time values of proto/PROTOCOL.md 5.2, both ways. Loaded when the first one appears.
from __future__ import annotations

import datetime
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from snakebridge._internal.wire_encode import Handler, WireEncoder

_MINUTE = datetime.timedelta(minutes=1)
_TIME = r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?"
_DATETIME = re.compile(
    rf"(\d{{4}}-\d\d-\d\d)T{_TIME}(?:(Z)|([+-])(\d\d):(\d\d))?(?:\[([A-Za-z0-9._+/~-]+)\])?", re.ASCII
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME_ONLY = re.compile(_TIME, re.ASCII)


def handler_of(kind: type) -> Handler | None:
    """The handler of an exact type of the datetime module."""
    handlers: dict[type, Handler] = {
        datetime.datetime: _datetime,
        datetime.date: _date,
        datetime.time: _time,
        datetime.timedelta: _timedelta,
    }
    return handlers.get(kind)


def pandas_handler_of(kind: type) -> Handler | None:
    """The handler of `pandas.Timestamp`."""
    return _timestamp if kind is getattr(sys.modules.get("pandas"), "Timestamp", None) else None


def clock_text(value: datetime.datetime | datetime.time) -> str:
    """The time of day, with no fraction or six digits of one, as Python writes it."""
    text = f"{value.hour:02}:{value.minute:02}:{value.second:02}"
    return f"{text}.{value.microsecond:06}" if value.microsecond else text


def tagged(value: Any, kind: type) -> tuple[str, dict[str, Any]] | None:
    """Name and fields of the JSON tag of a time value; None where it has no encoding."""
    if kind is datetime.date:
        return "date", {"value": date_text(value)}
    if kind is datetime.time:
        return None if value.tzinfo is not None else ("time", {"value": clock_text(value)})
    if kind is datetime.timedelta:
        return "timedelta", {"days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}
    if kind is datetime.datetime or pandas_handler_of(kind) is not None:
        text = None if getattr(value, "nanosecond", 0) else datetime_text(value)
        return None if text is None else ("datetime", {"value": text})
    return None


def date_text(value: datetime.date) -> str:
    """ISO text of a date."""
    return f"{value.year:04}-{value.month:02}-{value.day:02}"


def _datetime(encoder: WireEncoder, value: datetime.datetime, depth: int) -> Any:
    text = datetime_text(value)
    return encoder.leaf(value, depth) if text is None else encoder.text_ext(8, text)


def datetime_text(value: datetime.datetime) -> str | None:
    """The RFC 9557 text of a datetime; None where its offset has seconds."""
    text = f"{date_text(value)}T{clock_text(value)}"
    zone = value.tzinfo
    offset = None if zone is None else value.utcoffset()
    if offset is None:
        return text
    minutes, rest = divmod(offset, _MINUTE)
    if rest:
        return None
    sign = "-" if minutes < 0 else "+"
    hours, minutes = divmod(abs(minutes), 60)
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    return f"{text}{sign}{hours:02}:{minutes:02}" + (f"[{name}]" if type(name) is str else "")


def _timestamp(encoder: WireEncoder, value: Any, depth: int) -> Any:
    text = None if value.nanosecond else datetime_text(value)
    return encoder.leaf(value, depth) if text is None else encoder.text_ext(8, text)


def _date(encoder: WireEncoder, value: datetime.date, depth: int) -> Any:
    return encoder.text_ext(9, date_text(value))


def _time(encoder: WireEncoder, value: datetime.time, depth: int) -> Any:
    return encoder.leaf(value, depth) if value.tzinfo is not None else encoder.text_ext(10, clock_text(value))


def _timedelta(encoder: WireEncoder, value: datetime.timedelta, depth: int) -> Any:
    return encoder.fields(11, [value.days, value.seconds, value.microseconds], depth)


def parse_date(text: str) -> datetime.date:
    """Reads an ISO date."""
    if _DATE.fullmatch(text) is None:
        raise ValueError(f"{text:.40} is no date")
    return datetime.date.fromisoformat(text)


def parse_time(text: str) -> datetime.time:
    """Reads an ISO time of day."""
    match = _TIME_ONLY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text:.40} is no time")
    return datetime.time(*_clock(*match.groups()))


def _clock(hour: str, minute: str, second: str | None, fraction: str | None) -> tuple[int, int, int, int]:
    digits = (fraction or "").ljust(9, "0")
    if digits[6:] != "000":
        raise ValueError("Python has no time finer than a microsecond")
    return int(hour), int(minute), int(second or 0), int(digits[:6])


def parse_datetime(text: str) -> datetime.datetime:
    """Reads RFC 9557 text; the offset decides between the two readings of a repeated hour."""
    match = _DATETIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text:.80} is no datetime")
    day, hour, minute, second, fraction, utc, sign, off_hours, off_minutes, name = match.groups()
    naive = datetime.datetime.combine(parse_date(day), datetime.time(*_clock(hour, minute, second, fraction)))
    offset: datetime.timedelta | None = None
    if utc:
        offset = datetime.timedelta()
    elif sign:
        offset = datetime.timedelta(hours=int(off_hours), minutes=int(off_minutes))
        offset = -offset if sign == "-" else offset
    if name is None:
        return naive if offset is None else naive.replace(tzinfo=datetime.timezone(offset))
    if offset is None:
        raise ValueError(f"{text:.80} has a zone and no offset")
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(name)
    for fold in (0, 1):
        local = naive.replace(tzinfo=zone, fold=fold)
        if local.utcoffset() == offset:
            return local
    # The two sides know different rules for the zone: the instant counts, not the reading of the clock.
    return naive.replace(tzinfo=datetime.timezone(offset)).astimezone(zone)


def make_timedelta(days: int, seconds: int, microseconds: int) -> datetime.timedelta:
    """Builds a timedelta from its three whole parts."""
    if not type(days) is type(seconds) is type(microseconds) is int:
        raise ValueError("a part of a timedelta is no integer")
    return datetime.timedelta(days=days, seconds=seconds, microseconds=microseconds)
