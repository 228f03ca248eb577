"""The contact sheet of an image: crops at 1:1, drawn with Pillow alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from augkit.errors import printable
from augkit.report.preview import Cell, Sheet, in_lines
from augkit.report.sheet import ImagePair

_GAP, _MARGIN, _LINE = 10, 14, 15
_TITLE, _HEAD, _TEXT = 20, 15, 12
_SMALLEST = 150
_INK, _FAINT = (20, 20, 20), (95, 95, 95)


def draw_images(sheet: Sheet, path: Path) -> None:
    """Draw the sheet: the clean crop at the left of each row, then one crop for each level."""
    cells = [[_clean_of(row), *row] for row in sheet.rows.values()]
    columns = max(map(len, cells))
    first = cells[0][0].pair
    height, width = first.clean.shape[:2] if isinstance(first, ImagePair) else (0, 0)
    wide = max(width, _SMALLEST)
    lines = [[in_lines(cell.caption, wide // 7) for cell in row] for row in cells]
    below = [_LINE * (1 + max(len(text) for text in row)) + _GAP for row in lines]
    size = (
        2 * _MARGIN + columns * (wide + _GAP),
        3 * _MARGIN + _TITLE + sum(height + own + _HEAD + 8 for own in below),
    )
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    _write(draw, (_MARGIN, _MARGIN), printable(sheet.title), _TITLE)
    top = 2 * _MARGIN + _TITLE
    for noise, row, texts, own in zip(sheet.rows, cells, lines, below, strict=True):
        _write(draw, (_MARGIN, top), noise, _HEAD)
        top += _HEAD + 8
        for place, (cell, text) in enumerate(zip(row, texts, strict=True)):
            left = _MARGIN + place * (wide + _GAP)
            canvas.paste(_picture(cell.pair), (left, top))
            _write(draw, (left, top + height + 3), cell.column, _TEXT)
            for number, line in enumerate(text):
                _write(draw, (left, top + height + 3 + _LINE * (number + 1)), line, _TEXT, _FAINT)
        top += height + own
    canvas.save(path, format="PNG")


def _clean_of(row: list[Cell]) -> Cell:
    pair = row[0].pair
    clean = ImagePair("", pair.clean, pair.clean) if isinstance(pair, ImagePair) else pair
    return Cell("before", clean, "at 1:1")


def _picture(pair: object) -> Image.Image:
    pixels = pair.noisy if isinstance(pair, ImagePair) else np.zeros((1, 1), np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, ink: tuple[int, int, int] = _INK
) -> None:
    draw.text(place, text, ink, ImageFont.load_default(size))
