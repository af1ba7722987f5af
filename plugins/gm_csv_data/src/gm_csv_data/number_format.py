"""How numbers are written: decimal and thousands separators, and signs of currency and percent."""

import re
from collections.abc import Iterator
from typing import Literal, get_args

import attrs
import polars as pl

__all__ = ["PLAIN", "Decimal", "NumberFormat", "Thousands", "formats", "looks_numeric", "mixed_signs"]

Decimal = Literal[".", ","]
Thousands = Literal["", ",", ".", " ", "'", "_"]

_GROUPS = {"": "", ",": ",", ".": r"\.", " ": r"[ \u{a0}\u{2009}\u{202f}]", "'": r"['\u{2019}]", "_": "_"}
_CURRENCY = r"(?:\p{Sc}|EUR|USD|GBP|JPY|CHF|CNY|INR)"
_PREFIX = rf"^([+-]?)\s*{_CURRENCY}\s*([+-]?)"
_SUFFIX = rf"\s*(?:{_CURRENCY}|%)$"
_MINUS = "\N{MINUS SIGN}"
_EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
_MARKS = r"[0-9.,'_ \u{a0}\u{2009}\u{202f}\u{2019}]"
_NUMERIC = (
    rf"^\(?[+\u{{2212}}-]?\s*{_CURRENCY}?\s*[+\u{{2212}}-]?{_MARKS}*[0-9]{_MARKS}*{_EXPONENT}\s*(?:{_CURRENCY}|%)?\)?$"
)


@attrs.frozen(kw_only=True)
class NumberFormat:
    """How numbers are written.

    Attributes:
        decimal: the decimal separator.
        thousands: the separator between groups of three digits; empty for none.
    """

    decimal: Decimal = "."
    thousands: Thousands = ""

    def __str__(self) -> str:
        thousands = f" and thousands = {self.thousands!r}" if self.thousands else ""
        return f"decimal = {self.decimal!r}{thousands}"

    def fits(self, texts: pl.Series) -> pl.Series:
        """Return whether each text is a number, without its signs of currency and percent, in this format."""
        return _bare(texts).str.contains(self._pattern)

    def has_groups(self, texts: pl.Series) -> bool:
        """Return whether the thousands separator occurs in any text."""
        return bool(self.thousands) and bool(texts.str.contains(_GROUPS[self.thousands]).any())

    def whole(self, texts: pl.Series) -> pl.Series:
        """Return whether each text is digits alone, with thousands separators if the format has them."""
        plain = texts.str.replace_all(_GROUPS[self.thousands], "") if self.thousands else texts
        return plain.str.contains(r"^[+-]?[0-9]+$") & self.fits(texts)

    def parse(self, texts: pl.Series) -> pl.Series:
        """Return texts as float64, null where missing or not a number.

        A sign of currency or percent is left out: `"5 %"` is 5.
        """
        if self == PLAIN:
            numbers = _cast(texts)
            if numbers.null_count() == texts.null_count():
                return numbers
        bare = _bare(texts)
        plain = bare.str.replace_all(_GROUPS[self.thousands], "") if self.thousands else bare
        plain = plain.str.replace(self.decimal, ".", literal=True)
        found = pl.select(pl.when(bare.str.contains(self._pattern)).then(_cast(plain))).to_series()
        return numbers.zip_with(numbers.is_not_null(), found) if self == PLAIN else found

    @property
    def _pattern(self) -> str:
        decimal = re.escape(self.decimal)
        plain = rf"[0-9]+(?:{decimal}[0-9]*)?|{decimal}[0-9]+"
        if not self.thousands:
            return rf"^[+-]?(?:{plain}){_EXPONENT}$"
        grouped = rf"[1-9][0-9]{{0,2}}(?:{_GROUPS[self.thousands]}[0-9]{{3}})+(?:{decimal}[0-9]*)?"
        return rf"^[+-]?(?:{grouped}|{plain}){_EXPONENT}$"


PLAIN = NumberFormat()


def formats(decimal: Decimal | Literal["auto"], thousands: Thousands | Literal["auto"]) -> Iterator[NumberFormat]:
    """Yield the formats that options allow, the simplest first; each option is a separator or `"auto"`."""
    for group in get_args(Thousands) if thousands == "auto" else (thousands,):
        for point in get_args(Decimal) if decimal == "auto" else (decimal,):
            if point != group:
                yield NumberFormat(decimal=point, thousands=group)


def looks_numeric(texts: pl.Series) -> pl.Series:
    """Return whether each text consists of digits, separators and signs, so that it may be a number in some format."""
    return texts.str.contains(_NUMERIC)


def mixed_signs(texts: pl.Series) -> pl.Series | None:
    """Return where texts lack or differ in a sign that others have, which would change their meaning; or None.

    A percentage and a plain number, or two currencies, can't be compared.
    """
    present = texts.is_not_null()
    percent = texts.str.ends_with("%")
    if percent.any() and not percent.drop_nulls().all():
        return ~percent & present
    currency = texts.str.extract(rf"({_CURRENCY})")
    others = currency.drop_nulls().unique(maintain_order=True)[1:].to_list()
    return currency.is_in(others) if others else None


def _bare(texts: pl.Series) -> pl.Series:
    """Return texts without the signs of currency and percent, and with ASCII minus signs."""
    return texts.str.replace(_MINUS, "-", literal=True).str.replace(_PREFIX, "${1}${2}").str.replace(_SUFFIX, "")


def _cast(texts: pl.Series) -> pl.Series:
    return texts.str.replace(r"^\+([0-9.])", "${1}").cast(pl.Float64, strict=False)
