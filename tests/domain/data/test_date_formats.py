"""Texts of dates: which formats there are, which one a column has, and which date a text is."""

import datetime as dt

import numpy as np
import pytest

from gmcore.domain import Feature, Kind
from gmcore.domain.data.date_formats import FORMATS, check_date_format, format_words, read_dates
from gmcore.domain.data.date_recognition import likely_formats, read_known, recognize

WHEN = dt.datetime.fromisoformat("2024-02-29T21:05:09")


def recognized(texts, given=None):
    return recognize(likely_formats(texts), lambda one: read_dates(texts, one), given)


@pytest.mark.parametrize("date_format", FORMATS[1:])
def test_each_format_reads_what_python_writes_in_it(date_format):
    text = WHEN.strftime(date_format.replace("%.f", ".%f"))
    wanted = WHEN.replace(**{
        name: getattr(WHEN, name) if directive in date_format.replace("%I", "%H") else 0
        for name, directive in {"hour": "%H", "minute": "%M", "second": "%S"}.items()
    })  # fmt: skip
    assert read_dates([text], date_format)[0].item() == wanted
    assert date_format in likely_formats([text])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2024-02-29", "2024-02-29T00:00:00"),
        ("2024-02-29T21:05", "2024-02-29T21:05:00"),
        ("2024-02-29 21:05:09.999999999", "2024-02-29T21:05:09"),
        ("2024-02-29T21:05:09Z", "2024-02-29T21:05:09"),
        ("2024-02-29T21:05:09+05:30", "2024-02-29T15:35:09"),
        ("2024-02-29 21:05:09 -0330", "2024-03-01T00:35:09"),
        ("9999-12-31T23:59:59", "9999-12-31T23:59:59"),
        ("0001-01-01", "0001-01-01T00:00:00"),
        *((text, "NaT") for text in (
            "2023-02-29", "2024-13-01", "2024-00-01", "0000-12-31", "2024-02-29T24:00", "2024-02-29T10:60", "24-02-29",
            "0001-01-01T00:00+01:00", "9999-12-31T23:00-02:00", "2024-2-9", "20240229", "29 ", "2024-02-29\n", "",
        )),
    ],
)  # fmt: skip
def test_iso_dates_are_read_in_utc(text, wanted):
    assert str(read_dates([text], None)[0]) == wanted


@pytest.mark.parametrize(
    ("date_format", "text", "wanted"),
    [
        ("%Y%j", "2024366", "2024-12-31"),
        ("%Y%j", "2023366", "NaT"),
        ("%a, %d %b %Y", "Thu, 29 Feb 2024", "2024-02-29"),
        ("%a, %d %b %Y", "Fri, 29 Feb 2024", "NaT"),
        ("%d %B %Y", "29 FEBRUARY 2024", "2024-02-29"),
        ("%d %B %Y", "29 Febtober 2024", "NaT"),
        ("%d.%m.%y", "1.2.69", "2069-02-01"),
        ("%d.%m.%y", "1.2.70", "1970-02-01"),
        ("%Y-%m", "2024-02", "2024-02-01"),
        ("%F %T%z", "2024-02-29 00:00:00+01:00", "2024-02-28T23:00:00"),
        ("%I:%M %p %F", "12:00 am 2024-02-29", "2024-02-29"),
        ("%I:%M %p %F", "12:30 pm 2024-02-29", "2024-02-29T12:30:00"),
        ("%I:%M %p %F", "11:59 PM 2024-02-29", "2024-02-29T23:59:00"),
        ("%I:%M %p %F", "0:30 am 2024-02-29", "NaT"),
        ("%I:%M %p %F", "13:00 pm 2024-02-29", "NaT"),
        ("%H:%M %F", "23:59 2024-02-29", "2024-02-29T23:59:00"),
        ("%H:%M %F", "24:00 2024-02-29", "NaT"),
        ("%d.%m.%y", "1.2.00", "2000-02-01"),
        ("%d.%m.%y", "1.2.99", "1999-02-01"),
        ("%Y%j", "2024000", "NaT"),
        ("%Y%j", "2023365", "2023-12-31"),
        ("%Y年%m月%d日", "2024年2月29日", "2024-02-29"),
    ],
)
def test_formats_can_be_given(date_format, text, wanted):
    check_date_format(date_format)
    assert read_dates([text], date_format)[0] == np.datetime64(wanted, "s") or wanted == "NaT"
    assert np.isnat(read_dates([text], date_format)[0]) == (wanted == "NaT")


@pytest.mark.parametrize(
    ("date_format", "problem"),
    [
        ("", "must have directives such as"),
        ("%d.%m", "must have a year"),
        ("%Y/%Q", "must have directives among %d, .*, got '%Q' in '%Y/%Q'"),
        ("%Y%", "must have directives among .*, got '%' in '%Y%'"),
        ("%-d.%m.%Y", "must have directives among .*, got '%-d' in '%-d.%m.%Y'"),
        ("%Y %Y", "%Y twice"),
        ("%Y %y", "only one of %Y, %y"),
        ("%d %Y", "a month if it has a day"),
        ("%Y-%m-%d %I:%M", "%I and %p together"),
        ("%Y-%m-%d %H", "hours and minutes together"),
        ("%Y-%m-%d %S", "minutes if it has seconds"),
        ("%Y-%m-%d %H:%M%.f", "%S if it has %.f"),
        ("%Y" + "-" * 99, "must have directives such as"),
    ],
)
def test_a_format_that_reads_no_date_is_refused(date_format, problem):
    with pytest.raises(ValueError, match=problem):
        check_date_format(date_format)
    with pytest.raises(ValueError, match=f"date_format .*{problem}"):
        Feature(name="d", kind=Kind.DATETIME, date_format=date_format)


def test_formats_and_texts_of_up_to_100_characters_are_taken():
    check_date_format("%Y" + "-" * 98)
    longest = "2024-02-29T21:05:09." + "9" * 80
    assert likely_formats([longest]) == [None]
    assert likely_formats([longest + "9"]) == []


def test_the_number_of_digits_is_stated_for_formats_of_several_numbers_alone():
    assert "8 digits" in format_words("%Y%m%d")
    assert "5 digits" in format_words("%y%j")
    assert not [one for one in ("%Y", "%Y-%m-%d", "%Y%b%d", None) if "digits" in format_words(one)]


def test_only_dates_have_a_format():
    with pytest.raises(ValueError, match="date_format is only for datetime columns, got '%Y' for one that is numeric"):
        Feature(name="n", date_format="%Y")


def test_the_format_that_most_texts_have_is_recognized_with_the_texts_that_are_no_dates():
    found = recognized(["31.12.2023", "2.1.2024", "31.4.2024", "soon"])
    assert found.date_format == "%d.%m.%Y"
    assert found.stray.tolist() == [False, False, True, True]
    assert found.doubt is None
    assert recognized(["31.12.2023", "soon", "later"]) is None
    assert recognized(["a", "b1", ""]) is None
    assert recognized([]) is None
    assert recognized([], "%d.%m.%Y") is None
    # All have the pattern, and too few are days.
    impossible = ["31.12.2023", "31.4.2024", "31.6.2024"]
    assert recognized(impossible) is recognized(impossible, "%d.%m.%Y") is None
    assert recognized(impossible[:2]).stray.tolist() == [False, True]


def test_days_that_may_be_months_are_doubtful_unless_one_text_decides():
    assert recognized(["03/03/2024", "01/02/2024"]).doubt == (1, "%m/%d/%Y")
    assert recognized(["03/03/2024", "01/02/2024"], "%m/%d/%Y").doubt is None
    for decisive, wanted in (("13/02/2024", "%d/%m/%Y"), ("02/13/2024", "%m/%d/%Y")):
        found = recognized(["01/02/2024", decisive])
        assert (found.date_format, found.doubt) == (wanted, None)
    assert recognized(["03/03/2024"]).doubt is None  # the same date in both


def test_a_known_format_reads_what_texts_alone_leave_open():
    def dates(known, other, *texts):
        return read_known(known, other, lambda one: read_dates(texts, one)).astype("M8[D]").astype(str).tolist()

    assert dates("%m/%d/%Y", None, "01/02/2024") == ["2024-01-02"]
    assert dates("%m/%d/%Y", "%d/%m/%Y", "01/02/2024") == ["2024-01-02"]
    assert dates(None, "%d/%m/%Y", "01/02/2024") == ["2024-02-01"]
    assert dates(None, "%d/%m/%Y", "2024-02-01") == ["2024-02-01"]
    assert dates(None, "%d/%m/%Y", "2024-02-01", "01/02/2024") == ["2024-02-01", "NaT"]
