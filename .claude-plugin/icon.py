"""Draws icon.png beside it: two arms with their intervals, apart enough to tell."""

from pathlib import Path

from PIL import Image, ImageDraw

SIDE = 1024
SMOOTH = 4
"""Drawn this much larger and scaled down, for smooth edges."""
INK, PAPER, CONFIRMED, OTHER = "#17324d", "#f6f1e4", "#2e9e6b", "#d9822b"


def main() -> None:
    """Write the icon."""
    size = SIDE * SMOOTH
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    unit = size / 16

    def box(left: float, top: float, right: float, bottom: float) -> list[float]:
        return [left * unit, top * unit, right * unit, bottom * unit]

    draw.rounded_rectangle(box(0, 0, 16, 16), radius=3.4 * unit, fill=INK)
    draw.rounded_rectangle(box(3, 2.6, 13, 3.7), radius=0.55 * unit, fill=PAPER)
    draw.rounded_rectangle(box(3, 4.7, 9.6, 5.5), radius=0.4 * unit, fill="#7f93a6")
    for middle, left, right, row, colour in (
        (5.9, 3.4, 8.2, 8.3, OTHER),
        (11.1, 9.4, 12.8, 11.9, CONFIRMED),
    ):
        draw.rounded_rectangle(
            box(left, row - 0.28, right, row + 0.28), radius=0.28 * unit, fill=colour
        )
        for end in (left, right):
            draw.rounded_rectangle(
                box(end - 0.28, row - 0.95, end + 0.28, row + 0.95), radius=0.28 * unit, fill=colour
            )
        draw.ellipse(box(middle - 0.95, row - 0.95, middle + 0.95, row + 0.95), fill=PAPER)
        draw.ellipse(box(middle - 0.6, row - 0.6, middle + 0.6, row + 0.6), fill=colour)
    draw.rounded_rectangle(box(8.66, 7, 8.94, 13.4), radius=0.14 * unit, fill="#7f93a6")
    small = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    small.save(Path(__file__).with_name("icon.png"), optimize=True)


if __name__ == "__main__":
    main()
