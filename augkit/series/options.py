"""What a run over sensor series can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from msgspec import field

from augkit.errors import UsageError, nearest
from augkit.level import KINDS, Level, NoiseOptions, check_level, one_level
from augkit.noise.colour import as_color
from augkit.series.assigned import ALL, assigned, parse_range
from augkit.series.converter import Converter, as_converter
from augkit.series.faults.model import AnyFault, as_faults
from augkit.series.sensors.files import decode
from augkit.series.sensors.sheet import ColumnSensor, check_rate

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " ", "whitespace": " "}
"""Words that name a delimiter; a space stands for any run of spaces and tabs."""

_NO_DELIMITERS = '"\n\r\0#+-._'
"""Marks that numbers, rows, quotes and comments have."""

_MOST_DECIMALS = 17


class SeriesOptions(NoiseOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of series, besides those of noise.

    A `std` or `scale` is in the unit of each column, or relative to it: ``"0.1sd"``, ``"0.5mad"``, ``"0.01range"``,
    ``"1diff"``. An `snr_db` is about the AC power of each column (its mean removed). Columns can have levels of their
    own, ``"ax=0.1sd,adc=3"``; only these are noised then, unless the first term has no name and stands for the others.

    Attributes
    ----------
    columns : list of str
        Columns to be noised: names, positions (from 0; negative ones from the end) or globs. A name or a position also
        picks a column that would be left alone by itself (time, id, label...); a glob picks among the others. Empty
        for all that carry a signal.
    exclude_columns : list of str
        Columns to be left alone, named in the same ways.
    group_by : str or None
        A column, or a ``key=`` of the folders that a file lies in: each of its values names an entity with a scale and
        a noise of its own.
    time : str or None
        The column with the time of each row, in order within a group.
    time_unit : "s", "ms", "us", "ns" or None
        Of times that are numbers; None to find out.
    scale_over : "file" or "folder"
        Where relative levels and SNRs are learnt: from each file, or once from all files of the run together.
    scale_from : str or None
        A file to learn them from instead.
    multiplicative : bool
        Whether noise of the law is a share of each value; its level is then that share.
    sensor : list of tables
        Data sheets of sensors, each a table as `ColumnSensor` has it; their errors are added.
    faults : list of str or tables
        Faults of sensors, as `as_faults` reads them.
    samplerate : float or None
        Rows per second, for sensors and faults where no `time` tells it.
    step : number, text or None
        The step of the converter behind the sensor, ``"0.5"`` or ``"ax=0.001,adc=1"``: noisy values are clipped to the
        `range`, then rounded to it.
    save_mask : bool
        Whether a table of what is wrong with each cell is saved beside each output.
    decimals : int, "full" or None
        How many decimals new numbers of text tables have; "full" for the shortest form that reads back exactly; None
        for those of their column.
    range : str or None
        Where new values saturate, ``"LOW..HIGH"``, or ``"ax=-16..16,adc=0..4095"``.
    color : str or number
        The spectrum of the noise, as `as_color` reads it, with its slope from one period in the column's length up.
    delimiter : str or None
        Of text tables: ``,``, ``;``, ``|``, ``tab`` or ``whitespace``, or any other ASCII character that is no letter,
        digit, quote, sign or point; None to find out (among the five).
    decimal : str or None
        Decimal mark of text tables, ``.`` or ``,``; None to find out.
    header : bool or None
        Whether the first row of a text table holds names; None to find out (a row of numbers does not).
    """

    PATHS: ClassVar[tuple[str, ...]] = ("scale_from",)
    """The options that are paths, which a recipe holds relative to itself."""

    columns: list[str] = field(default_factory=list)
    exclude_columns: list[str] = field(default_factory=list)
    group_by: str | None = None
    time: str | None = None
    time_unit: Literal["s", "ms", "us", "ns"] | None = None
    scale_over: Literal["file", "folder"] = "file"
    scale_from: str | None = None
    multiplicative: bool = False
    sensor: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str | dict[str, Any]] = field(default_factory=list)
    samplerate: float | None = None
    step: float | str | None = None
    save_mask: bool = False
    decimals: int | str | None = None
    range: str | None = None
    color: str | float = "white"
    delimiter: str | None = None
    decimal: str | None = None
    header: bool | None = None

    def check(self) -> None:
        """Raise `UsageError` for options that make no noise."""
        self.levels()
        self.limits()
        self.fixed_decimals()
        as_color(self.color)
        self.sharing()
        self.sensors()
        self.fault_list()
        self.converters()
        if self.samplerate is not None:
            check_rate(self.samplerate)
        needs_time = self.sensor or any(fault.needs_time for fault in self.fault_list())
        if needs_time and self.time is None and self.samplerate is None:
            raise UsageError(
                "errors of sensors, and faults in seconds, depend on the intervals between rows: give a time or "
                "samplerate"
            )
        if self.save_mask and not self.faults:
            raise UsageError("save_mask: there are no faults to tell of; give faults")
        if self.scale_from is not None and self.scale_over == "folder":
            raise UsageError("scale_from and scale_over='folder': give one of the two")
        self.delimiter_mark()
        self.decimal_mark()

    def level(self) -> Level:
        """Return the level of all columns; `UsageError` where some have levels of their own."""
        levels = self.levels()
        if set(levels) != {ALL}:
            raise UsageError(f"one level was expected for all columns, got {', '.join(map(repr, levels))}")
        return levels[ALL]

    def levels(self) -> Mapping[str, Level]:
        """Return the level of each column that has one of its own, and that of all others under `ALL`.

        Raises
        ------
        UsageError
            For a level that means nothing; a peak has no meaning for series, so PSNR is refused.
        """
        given = {kind: getattr(self, kind) for kind in KINDS}
        named = {kind: assigned(kind, value) for kind, value in given.items() if value is not None}
        if not named and (self.sensor or self.faults or self.step is not None):
            return {}
        names = list(dict.fromkeys(name for terms in named.values() for name in terms)) or [ALL]
        levels = {name: one_level(**{kind: terms.get(name) for kind, terms in named.items()}) for name in names}
        for level in levels.values():
            check_level(self.law(), level)
            if level.kind == "psnr_db":
                raise UsageError(f"psnr_db={level}: a series has no full scale; give std, scale or snr_db")
            if self.multiplicative and (level.unit or level.kind == "snr_db"):
                raise UsageError(
                    f"multiplicative noise with {level.kind}={level}: give std or scale, a share of the value"
                )
        return levels

    def limits(self) -> Mapping[str, tuple[float, float]]:
        """Return where columns saturate, by their names; `ALL` for those that have no range of their own."""
        return {name: parse_range("range", text) for name, text in assigned("range", self.range).items()}

    def sensors(self) -> list[ColumnSensor]:
        """Return the data sheets, decoded."""
        return [decode(table, ColumnSensor, f"sensor[{place}].") for place, table in enumerate(self.sensor)]

    def fault_list(self) -> tuple[AnyFault, ...]:
        """Return the faults, read."""
        return as_faults(self.faults)

    def converters(self) -> Mapping[str, Converter]:
        """Return the converters of columns that have a step, by their names; their ranges are those of `limits`."""
        steps = {name: as_converter(None, str(step)) for name, step in assigned("step", self.step).items()}
        return {name: converter for name, converter in steps.items() if converter is not None}

    def fixed_decimals(self) -> int | Literal["full"] | None:
        """Return how many decimals new numbers have, "full", or None for those of their column."""
        text = str(self.decimals).strip().lower()
        if self.decimals is None or text == "full":
            return None if self.decimals is None else "full"
        if not text.isdecimal() or int(text) > _MOST_DECIMALS:
            raise UsageError(f"decimals={self.decimals}: expected a number from 0 to {_MOST_DECIMALS}, or 'full'")
        return int(text)

    def delimiter_mark(self) -> str | None:
        """Return the delimiter as one character, or None."""
        if self.delimiter is None:
            return None
        mark = DELIMITERS.get(self.delimiter, self.delimiter)
        if len(mark) != 1 or not mark.isascii() or mark.isalnum() or mark in _NO_DELIMITERS:
            expected = "',', ';', '|', tab, whitespace, or another mark of one character"
            raise UsageError(f"delimiter={self.delimiter!r}: expected {expected}{nearest(self.delimiter, DELIMITERS)}")
        return mark

    def decimal_mark(self) -> str | None:
        """Return the decimal mark, or None."""
        if self.decimal not in (None, ".", ","):
            raise UsageError(f"decimal={self.decimal!r}: expected '.' or ','")
        if self.decimal == "," and self.delimiter_mark() == ",":
            raise UsageError("decimal=',' and delimiter=',' cannot both be: a cell such as 1,5 would be two")
        return self.decimal
