"""Two showings of a document, compared."""

import dataclasses

from PIL import Image, ImageChops, ImageDraw, ImageStat

# Pixels an inch: text of 12 points is 9 pixels high.
DPI = 54
# A pixel differs if a channel does by more than this, of 255.
CHANNEL = 40
# A page differs if more pixels than this do. A viewer draws the same thing the same way, so there is no noise to allow for.
PIXELS = 3
# Widths of lines and rounding: a box is this much larger, in points.
MARGIN = 2.5


class CannotShow(Exception):
    """The viewer gives up on the file."""


@dataclasses.dataclass
class Page:
    """What a viewer shows of a page: the picture, and words as (text, left, top, right, bottom) in points from the upper left."""

    image: Image.Image
    words: list
    height: float


@dataclasses.dataclass
class Shown:
    """What a viewer shows of a document. Scripts are those that it would run, where it tells."""

    pages: list
    scripts: frozenset = frozenset()


def differences(was: Shown, now: Shown, boxes: list) -> list[str]:
    found = [f"runs a script that was not signed: {script[:80]}" for script in sorted(now.scripts - was.scripts)]
    if len(was.pages) != len(now.pages):
        return [*found, f"shows {len(now.pages)} pages instead of {len(was.pages)}"]
    for number, (old, new) in enumerate(zip(was.pages, now.pages), 1):
        here = [box for box in boxes if box["page"] == number]
        found += [f"page {number}: {what}" for what in page_differences(old, new, here)]
    return found


def page_differences(old: Page, new: Page, boxes: list) -> list[str]:
    if old.image.size != new.image.size:
        return [f"its size is {new.image.size} pixels instead of {old.image.size}"]
    found = []
    outside = different(old.image, new.image)
    for box in boxes:
        area = pixels(box["rect"], old, MARGIN)
        ImageDraw.Draw(outside).rectangle(area, fill=0)
        if not box["named"]:
            found += inside(old, new, box)
    count = outside.histogram()[255]
    if count > PIXELS:
        found.append(f"{count} pixels differ outside the named boxes, within {outside.getbbox()} of {outside.size}")
    gone, come = words_outside(old, boxes), words_outside(new, boxes)
    if gone != come:
        found.append(f"text was {sorted(set(gone) - set(come))[:6]} and is {sorted(set(come) - set(gone))[:6]}")
    return found


def inside(old: Page, new: Page, box: dict) -> list[str]:
    """What is wrong within a box that the report only says the place of."""
    changed = different(old.image, new.image).crop(pixels(box["rect"], old, 0)).histogram()[255] > PIXELS
    if not changed:
        return []
    if box["value"] is not None:
        text = "".join(word[0] for word in sorted(words_inside(new, box), key=lambda word: word[1]))
        shows = text == "" or text == "".join(box["value"].split())
        return [] if shows else [f"a field with the value {box['value']!r} shows {text!r}, which no note says"]
    covers = not box["old"] and has_marks(old.image.crop(pixels(box["rect"], old, -1)))
    return ["a new box covers other marks, which no note says"] if covers else []


def different(old: Image.Image, new: Image.Image) -> Image.Image:
    """White where the pictures differ, black elsewhere."""
    channels = ImageChops.difference(old, new).split()
    largest = channels[0]
    for channel in channels[1:]:
        largest = ImageChops.lighter(largest, channel)
    return largest.point(lambda value: 255 if value > CHANNEL else 0)


def has_marks(image: Image.Image) -> bool:
    return any(low + CHANNEL < high for low, high in ImageStat.Stat(image).extrema)


def pixels(rect, page: Page, margin: float) -> tuple:
    """A rect of the page in pixels of its picture."""
    x, y, width, height = rect
    scale = DPI / 72
    top = page.height - y - height
    left, right = (x - margin) * scale, (x + width + margin) * scale
    upper, lower = (top - margin) * scale, (top + height + margin) * scale
    return (int(left), int(upper), max(int(left) + 1, round(right)), max(int(upper) + 1, round(lower)))


def words_outside(page: Page, boxes: list) -> list[str]:
    return [word[0] for word in page.words if not any(is_in(word, box["rect"], page) for box in boxes)]


def words_inside(page: Page, box: dict) -> list:
    return [word for word in page.words if is_in(word, box["rect"], page)]


def is_in(word, rect, page: Page) -> bool:
    """Whether a word's middle is in a box."""
    _, left, top, right, bottom = word
    x, y, width, height = rect
    across, down = (left + right) / 2, page.height - (top + bottom) / 2
    return x - MARGIN <= across <= x + width + MARGIN and y - MARGIN <= down <= y + height + MARGIN
