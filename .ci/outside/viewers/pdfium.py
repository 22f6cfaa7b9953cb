"""PDFium, as Chrome and Edge show it, forms included."""

import pypdfium2
import pypdfium2.raw as raw

from compare import DPI, CannotShow, Page, Shown


def show(path: str) -> Shown:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise CannotShow(str(error)) from error
    try:
        if document.get_formtype() != raw.FORMTYPE_NONE:
            document.init_forms()
        if not len(document):
            raise CannotShow("no pages")
        return Shown([page(document[number]) for number in range(len(document))])
    except pypdfium2.PdfiumError as error:
        raise CannotShow(str(error)) from error
    finally:
        document.close()


def page(page) -> Page:
    image = page.render(scale=DPI / 72, may_draw_forms=True).to_pil().convert("RGB")
    height = page.get_height()
    return Page(image, letters(page.get_textpage(), height), height)


def letters(text, height: float) -> list:
    found = []
    whole = text.get_text_range()
    for number in range(text.count_chars()):
        letter = chr(raw.FPDFText_GetUnicode(text, number))
        if letter.strip():
            left, bottom, right, top = text.get_charbox(number)
            found.append((letter, left, height - top, right, height - bottom))
    del whole
    return found
