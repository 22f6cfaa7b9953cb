"""poppler, as evince and Okular show it: pdftoppm and pdftotext."""

import re
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from compare import DPI, CannotShow, Page, Shown

SECONDS = 20


def show(path: str) -> Shown:
    with tempfile.TemporaryDirectory() as folder:
        images = pictures(path, Path(folder))
    words = subprocess.run(["pdftotext", "-bbox", path, "-"], capture_output=True, text=True, timeout=SECONDS)
    pages = [read(text) for text in words.stdout.split("<page ")[1:]]
    if len(pages) != len(images):
        raise CannotShow(f"{len(images)} pictures and {len(pages)} pages of text")
    return Shown([Page(image, words, height) for image, (words, height) in zip(images, pages)])


def pictures(path: str, folder: Path) -> list:
    done = subprocess.run(["pdftoppm", "-r", str(DPI), path, folder / "page"], capture_output=True, text=True, timeout=SECONDS)
    found = sorted(folder.glob("*.ppm"))
    if done.returncode or not found:
        raise CannotShow(done.stderr.strip()[-200:] or f"exit status {done.returncode}")
    images = []
    for file in found:
        with Image.open(file) as image:
            images.append(image.convert("RGB"))
    return images


WORD = re.compile(r'<word xMin="([^"]+)" yMin="([^"]+)" xMax="([^"]+)" yMax="([^"]+)">(.*?)</word>')


def read(text: str) -> tuple:
    height = float(re.search(r'height="([^"]+)"', text)[1])
    words = [(word, *map(float, place)) for *place, word in WORD.findall(text)]
    return words, height
