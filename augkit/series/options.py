"""What a run over sensor series can be asked for."""

from __future__ import annotations

from msgspec import field

from augkit.errors import UsageError, nearest
from augkit.level import Level, NoiseOptions
from augkit.noise.colour import as_color

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " ", "whitespace": " "}
"""Words that name a delimiter; a space stands for any run of spaces and tabs."""


class SeriesOptions(NoiseOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of series, besides those of noise.

    A `std` or `scale` is in the unit of each column, or relative to it: ``"0.1sd"``, ``"0.5mad"``, ``"0.01range"``,
    ``"1diff"``. An `snr_db` is about the AC power of each column (its mean removed).

    Attributes
    ----------
    columns : list of str
        Columns to be noised: names, positions (from 0; negative ones from the end) or globs. A name or a position also
        picks a column that would be left alone by itself (time, id, label...); a glob picks among the others. Empty
        for all that carry a signal.
    exclude_columns : list of str
        Columns to be left alone, named in the same ways.
    color : str or number
        The spectrum of the noise, as `as_color` reads it, with its slope from one period in the column's length up.
    delimiter : str or None
        Of text tables: ``,``, ``;``, ``|``, ``tab`` or ``whitespace``; None to find out.
    decimal : str or None
        Decimal mark of text tables, ``.`` or ``,``; None to find out.
    header : bool or None
        Whether the first row of a text table holds names; None to find out (a row of numbers does not).
    """

    columns: list[str] = field(default_factory=list)
    exclude_columns: list[str] = field(default_factory=list)
    color: str | float = "white"
    delimiter: str | None = None
    decimal: str | None = None
    header: bool | None = None

    def level(self) -> Level:
        """Return the level; a peak has no meaning for series, so PSNR is refused."""
        level = super().level()
        if level.kind == "psnr_db":
            raise UsageError(f"psnr_db={level}: a series has no full scale; give std, scale or snr_db")
        as_color(self.color)
        if not isinstance(self.sharing(), str):
            raise UsageError(f"channels={self.channels!r}: columns are 'independent' or 'shared'")
        self.delimiter_mark()
        self.decimal_mark()
        return level

    def delimiter_mark(self) -> str | None:
        """Return the delimiter as one character, or None."""
        if self.delimiter is None:
            return None
        mark = DELIMITERS.get(self.delimiter, self.delimiter)
        if mark not in DELIMITERS.values():
            expected = "',', ';', '|', tab or whitespace"
            raise UsageError(f"delimiter={self.delimiter!r}: expected {expected}{nearest(self.delimiter, DELIMITERS)}")
        return mark

    def decimal_mark(self) -> str | None:
        """Return the decimal mark, or None."""
        if self.decimal not in (None, ".", ","):
            raise UsageError(f"decimal={self.decimal!r}: expected '.' or ','")
        if self.decimal == "," and self.delimiter_mark() == ",":
            raise UsageError("decimal=',' and delimiter=',' cannot both be: a cell such as 1,5 would be two")
        return self.decimal
