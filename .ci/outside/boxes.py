"""Checks by rendering that a box stands where the neutral placement says.

Makes a page for every combination of rotation, crop box, user unit and inheritance, has `sign_folder` draw a box at one place of
the page as shown, renders each file with poppler and with pdfium, and measures where the box is: 72 pages, 144 measurements.
Programs that ignore the user unit draw the whole page smaller; which of the two a program does is read from its image's size.

    boxes.py --sign target/debug/examples/sign_folder
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

import pypdfium2
from PIL import Image, ImageChops

DPI = 96
TOLERANCE = 2.5  # pixels
BOX = (31.0, 47.0, 140.0, 52.0)  # x, y, width, height in points, from the lower left of the page as shown
ROTATIONS = (0, 90, 180, 270, -90, 450)
# MediaBox and CropBox in user space.
CROPS = (
    ((0, 0, 400, 300), None),
    ((-50, -20, 400, 300), (10, 30, 390, 290)),
    ((420, 340, 20, 40), (400, 60, 60, 330)),  # corners in another order
)
UNITS = (1, 2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sign", type=Path, required=True, help="the example `sign_folder` of esign-pdf")
    sign = parser.parse_args().sign
    combinations = list(itertools.product(ROTATIONS, CROPS, UNITS, (False, True)))
    worst, failed, measured = 0.0, 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        source, signed = Path(scratch, "in"), Path(scratch, "out")
        source.mkdir()
        for number, combination in enumerate(combinations):
            source.joinpath(f"{number:03}.pdf").write_bytes(page(*combination))
        subprocess.run([sign, source, signed, "B-B", "1", *map(str, BOX), "p256"], check=True)
        for number, (rotation, (media, crop), unit, inherited) in enumerate(combinations):
            path = signed / f"{number:03}.pdf"
            width, height = shown(media, crop, rotation)
            for renderer in (pdfium, poppler):
                image = renderer(path)
                scale = unit if abs(image.width - width * unit * DPI / 72) < TOLERANCE else 1
                off = distance(image, [side / unit * scale for side in BOX], height * scale)
                measured += 1
                worst = max(worst, off)
                if off > TOLERANCE:
                    failed += 1
                    words = f"rotation {rotation}, media {media}, crop {crop}, unit {unit}, inherited {inherited}"
                    print(f"{renderer.__name__}: off by {off:.1f} px: {words}")
    print(f"{measured - failed} of {measured} boxes within {TOLERANCE} px at {DPI} dpi, the worst off by {worst:.1f} px")
    return 1 if failed or measured != 2 * len(combinations) else 0


def page(rotation: int, boxes: tuple, unit: int, inherited: bool) -> bytes:
    """A file with one empty page. The user unit is never inherited (ISO 32000-1, table 30)."""
    media, crop = boxes
    array = lambda box: "[" + " ".join(map(str, box)) + "]"
    entries = f"/MediaBox {array(media)} /Rotate {rotation}" + (f" /CropBox {array(crop)}" if crop else "")
    above, own = (entries, "") if inherited else ("", entries)
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count 1 /Kids [3 0 R] {above} >>",
        f"<< /Type /Page /Parent 2 0 R /UserUnit {unit} {own} >>",
    ]
    file, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(file))
        file += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer << /Root 1 0 R /Size {len(objects) + 1} >>\n"
    return file + f"{end}startxref\n{len(file)}\n%%EOF\n".encode()


def shown(media: tuple, crop: tuple | None, rotation: int) -> tuple[float, float]:
    """Width and height of the visible part in user units, turned as the page is."""
    low = [min(media[i], media[i + 2]) for i in (0, 1)]
    high = [max(media[i], media[i + 2]) for i in (0, 1)]
    if crop:
        low = [max(low[i], min(crop[i], crop[i + 2])) for i in (0, 1)]
        high = [min(high[i], max(crop[i], crop[i + 2])) for i in (0, 1)]
    width, height = high[0] - low[0], high[1] - low[1]
    return (height, width) if rotation % 180 else (width, height)


def pdfium(path: Path) -> Image.Image:
    document = pypdfium2.PdfDocument(path)
    document.init_forms()
    return document[0].render(scale=DPI / 72).to_pil().convert("RGB")


def poppler(path: Path) -> Image.Image:
    stem = path.with_suffix("")
    subprocess.run(["pdftoppm", "-r", str(DPI), "-cropbox", "-singlefile", "-png", path, stem], check=True)
    return Image.open(stem.with_suffix(".png")).convert("RGB")


def distance(image: Image.Image, box: list[float], height: float) -> float:
    """By how many pixels the edge that is furthest off is off; of a box that is not there, by the image's size."""
    found = ImageChops.difference(image, Image.new("RGB", image.size, "white")).getbbox()
    if found is None:
        return float(max(image.size))
    x, y, width, tall = box
    wanted = (x, height - y - tall, x + width, height - y)
    return max(abs(edge - point * DPI / 72) for edge, point in zip(found, wanted))


if __name__ == "__main__":
    sys.exit(main())
