"""MuPDF: mutool draw."""

import re
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from compare import DPI, CannotShow, Page, Shown

SECONDS = 20


def show(path: str) -> Shown:
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        run("-r", str(DPI), "-o", folder / "%04d.ppm", path)
        text = run("-F", "stext", "-o", "-", path)
        images = []
        for file in sorted(folder.glob("*.ppm")):
            with Image.open(file) as image:
                images.append(image.convert("RGB"))
    pages = text.split("<page ")[1:]
    if not images or len(pages) != len(images):
        raise CannotShow(f"{len(images)} pictures and {len(pages)} pages of text")
    return Shown([Page(image, words(page), height(page)) for image, page in zip(images, pages)])


def run(*arguments) -> str:
    """Goes on after errors, as the viewer does: a drawing that is missing is no reason to show nothing."""
    command = ["mutool", "draw", "-q", "-i", *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS).stdout


LETTER = re.compile(r'<char quad="([^"]+)"[^>]* c="([^"]*)"')


def height(page: str) -> float:
    return float(re.search(r'height="([^"]+)"', page)[1])


def words(page: str) -> list:
    """Letter by letter: only their sequence and their places count."""
    found = []
    for quad, letter in LETTER.findall(page):
        xs, ys = quad.split()[::2], quad.split()[1::2]
        xs, ys = list(map(float, xs)), list(map(float, ys))
        if letter.strip():
            found.append((letter, min(xs), min(ys), max(xs), max(ys)))
    return found
