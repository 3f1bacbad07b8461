"""Images that every machine has: the ten digits in the fonts that matplotlib ships.

Twelve faces of DejaVu to learn and four of STIX that are never seen, in eight sizes, each shifted
nine ways. Small and clean, so no substitute for photographs; good for a quick run and for tests.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SIDE = 28
DIGITS = "0123456789"
SIZES_PIXELS = range(14, 30, 2)
SHIFTS = tuple(itertools.product((-3, 0, 3), repeat=2))
SLOPES = {"Sans": "Oblique", "SansMono": "Oblique", "Serif": "Italic"}
FONTS = {
    "train": tuple(
        f"DejaVu{family}{face}"
        for family, slope in SLOPES.items()
        for face in ("", "-Bold", f"-Bold{slope}", f"-{slope}")
    ),
    "test": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta", "STIXGeneralItalic"),
}


def draw(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images uint8 [N, 28, 28], ink is 255, and the digits int32 [N] of a split."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    images, labels = [], []
    for font, size in itertools.product(FONTS[split], SIZES_PIXELS):
        for label, glyph in enumerate(_rendered(folder / f"{font}.ttf", size)):
            images += [_placed(glyph, shift) for shift in SHIFTS]
            labels += [label] * len(SHIFTS)
    return np.stack(images), np.array(labels, np.int32)


def _rendered(font_file: Path, size_pixels: int) -> Iterator[np.ndarray]:
    from matplotlib.ft2font import FT2Font

    font = FT2Font(str(font_file))
    font.set_size(size_pixels, 72)
    for digit in DIGITS:
        font.set_text(digit)
        font.draw_glyphs_to_bitmap(antialiased=True)
        yield np.array(font)  # a copy: the font's bitmap is drawn over


def _placed(glyph: np.ndarray, shift: tuple[int, ...]) -> np.ndarray:
    image = np.zeros((SIDE, SIDE), np.uint8)
    rows, columns = glyph.shape
    top, left = (
        int(np.clip((SIDE - length) // 2 + by, 0, SIDE - length))
        for length, by in zip(glyph.shape, shift, strict=True)
    )
    image[top : top + rows, left : left + columns] = glyph
    return image
