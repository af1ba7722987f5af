"""A text of a date is the same date in a file and in an array, in every format that can be given."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from gm_csv_data import CSVDataProvider
from gm_csv_data.dates import parse_dates
from hypothesis import given, settings
from hypothesis import strategies as st

from gmcore.domain.data.date_formats import FORMATS, LONGEST, check_date_format, read_instants
from gmcore.errors import DataError

DAYS = (["%m", "%d"], ["%m", "%e"], ["%b", "%d"], ["%B", "%d"], ["%j"], ["%m"], ["%b"], ["%B"], [])
TIMES = ([], ["%H", "%M"], ["%H", "%M", "%S"], ["%H", "%M", "%S%.f"], ["%I", "%M", "%p"], ["%T", "%.f"], ["%R", "%z"])
SEPARATORS = ("", "", " ", "-", ".", "/", ":", "1", "%%", "年", "[", "\\", "\n")


@st.composite
def formats(draw):
    """Return a format with a year, and perhaps a day and a time, in any order and with any text between."""
    year, days, times = (draw(st.sampled_from(parts)) for parts in (["%Y", "%y"], DAYS, TIMES))
    weekdays = draw(st.sampled_from(["", "%a", "%A"])) if {"%d", "%e", "%j"} & set(days) else ""
    pieces = draw(st.permutations([year, *days, *times, weekdays]))
    return "".join(piece + draw(st.sampled_from(SEPARATORS)) for piece in pieces)


MOMENTS = st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2069, 12, 30))  # noqa: DTZ001 - local times of an offset
OFFSETS = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))


def meant(when, date_format):
    """Return what can be read of a time that is written in a format, in UTC."""
    has = [any(part in date_format for part in parts) for parts in (
        ("%m", "%b", "%B", "%j"), ("%d", "%e", "%j"), ("%H", "%I", "%T", "%R"), ("%S", "%T"), ("%.f",),
    )]  # fmt: skip
    month, day, hours, seconds, fraction = has
    local = dt.datetime(  # noqa: DTZ001 - the offset is subtracted below
        when.year, when.month if month else 1, when.day if day else 1, when.hour if hours else 0,
        when.minute if hours else 0, when.second if seconds else 0, when.microsecond if fraction else 0,
    )  # fmt: skip
    return local - (when.utcoffset() if "%z" in date_format else dt.timedelta())


def both(texts, date_format):
    """Return the dates of a file and of an array, as texts."""
    in_file = parse_dates(pl.Series(texts, dtype=pl.String), date_format).to_numpy().astype("datetime64[us]")
    return in_file.astype(str).tolist(), read_instants(texts, date_format).astype(str).tolist()


@settings(max_examples=40, deadline=None)
@given(date_format=formats(), moment=MOMENTS, offset=OFFSETS, case=st.sampled_from([str, str.upper, str.lower]))
def test_what_python_writes_in_a_format_is_read(date_format, moment, offset, case):
    check_date_format(date_format)
    when = moment.replace(tzinfo=offset)
    text = case(when.strftime(date_format.replace("%.f", ".%f")))
    wanted = [str(np.datetime64(meant(when, date_format), "us"))]
    assert both([text], date_format) == (wanted, wanted)


PARTS = {
    "%Y": ["0000", "0001", "1969", "2023", "2024", "9999", "24"], "%y": ["00", "69", "70", "99"],
    "%m": ["0", "1", "01", "2", "12", "13"], "%d": ["0", "1", "01", "29", "30", "31", "32"], "%e": ["1", " 1", "31"],
    "%j": ["000", "001", "060", "365", "366", "1"], "%H": ["0", "7", "07", "23", "24"], "%M": ["00", "59", "60", "5"],
    "%I": ["0", "1", "12", "13", "01"], "%S": ["00", "59", "60"], "%p": ["AM", "pm", "Pm", "xm"],
    "%.f": [".0", ".5", ".123456789", "."], "%z": ["+00:00", "+0530", "-23:59", "+24:00", "Z", "-1"],
    "%b": ["Jan", "feb", "MAY", "Xyz", "\u017fep"], "%B": ["January", "may", "DECEMBER", "Sept", "augu\u017ft"],
    "%a": ["Mon", "tue", "SUN"], "%A": ["Monday", "tue", "FRIDAYS"], "%%": ["%"],
}  # fmt: skip
SHORT = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M"}
ISO = ("%Y-%m-%d", "%Y-%m-%dT%H", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H%M%S%.f", "%Y-%m-%dT%H:%M:%S %z")


@st.composite
def formats_with_texts(draw):
    """Return a format, and texts that have it nearly."""
    date_format = draw(st.sampled_from(FORMATS) | formats())
    texts = []
    for _ in range(8):
        text = date_format or draw(st.sampled_from(ISO))
        for directive, parts in (SHORT | PARTS).items():
            text = text.replace(directive, draw(st.sampled_from([parts] if isinstance(parts, str) else parts)))
        at, change = draw(st.integers(0, len(text))), draw(st.sampled_from(["", "", "", " ", "\n", "1", "\u0661", "x"]))
        texts.append(text[:at] + change + text[at:])
    return date_format, [*texts, "", "9" * (LONGEST + 1)]


@settings(max_examples=20, deadline=None)
@given(formats_with_texts())
def test_a_text_is_the_same_date_in_a_file_and_in_an_array(drawn):
    date_format, texts = drawn
    in_file, in_array = both(texts, date_format)
    assert in_file == in_array


@pytest.mark.parametrize(
    ("date_format", "text", "wanted"),
    [
        ("%d%m%Y", "01122024", "2024-12-01"),
        ("%d%m%Y", "1122024", "NaT"),
        ("%Y%m%d", "2024112", "NaT"),
        ("%y%m%d", "240102", "2024-01-02"),
        ("%y%m%d", "2412", "NaT"),
        ("%d%b%Y", "1Feb2024", "2024-02-01"),
        ("%m%e.%Y", "02 1.2024", "2024-02-01"),
        ("%m%e.%Y", "021.2024", "NaT"),
        ("%d1%m%Y", "0110220241", "NaT"),
        ("%d1%m%Y", "011022024", "2024-02-01"),
        ("%Y-%m-%d %H:%M:%S%.f", "2024-01-02 03:04:05.0678", "2024-01-02T03:04:05.067800"),
        ("%B%A %d %Y", "febthursday 29 2024", "2024-02-29"),
        ("%Y-%m-%d %H:%M%z", "2024-01-02 00:00+24:00", "NaT"),
        ("%Y-%m-%d %H:%M%z", "2024-01-02 00:00+23:59", "2024-01-01T00:01"),
        (None, "2024-01-02T00:00+24", "NaT"),
        (None, "2024-01-02T00:00:00.25Z", "2024-01-02T00:00:00.25"),
        (None, "2024-01-02" + " " * LONGEST, "NaT"),
        ("%Y-%m-%d %T%.f", "2024-01-02 03:04:05." + "0" * LONGEST, "NaT"),
    ],
)
def test_a_text_has_the_digits_of_its_format(date_format, text, wanted):
    check_date_format(date_format or "%F")
    expected = [str(np.datetime64(wanted, "us"))]
    assert both([text], date_format) == (expected, expected)


@pytest.mark.parametrize("value", ["9999-12-31T23:00:00-05:00", "0001-01-01T00:00:00+05:00"])
def test_a_time_outside_the_calendar_is_named_with_its_line(tmp_path, value):
    path = tmp_path / "data.csv"
    path.write_text(f"a,t,y\n1,2024-01-01T00:00:00+05:00,1\n2,{value},2\n")
    with pytest.raises(DataError, match=f"line 3, column 't': '{value[:19]}.* is not "):
        CSVDataProvider(path=path, target="y", time="t").rows()


@pytest.mark.parametrize("date_format", ["%d%m%Y", "%d.%m.%Y"])
def test_a_missing_digit_is_refused_with_the_number_of_digits(tmp_path, date_format):
    path = tmp_path / "data.csv"
    path.write_text("a,t,y\n1,11122024,1\n2,1122024,2\n3,1122025,3\n")
    value, hint = (1122024, " with all 8 digits") if date_format == "%d%m%Y" else (11122024, "")
    with pytest.raises(DataError, match=f"'{value}' is not a date of the format '{date_format}'{hint};"):
        CSVDataProvider(path=path, target="y", types={"t": "datetime"}, date_format=date_format).rows()
