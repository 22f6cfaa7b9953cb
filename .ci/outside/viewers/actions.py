"""qpdf's view of what a document would do: every action in it. Shows no pages."""

import pikepdf

from compare import CannotShow, Shown

KINDS = ("/JavaScript", "/Launch", "/URI", "/GoToR", "/GoToE", "/SubmitForm", "/ImportData", "/Named", "/ResetForm", "/Hide",
         "/SetOCGState", "/Rendition", "/Movie", "/Sound", "/RichMediaExecute", "/Thread", "/Trans")


def show(path: str) -> Shown:
    try:
        with pikepdf.open(path, suppress_warnings=True) as pdf:
            found = set()
            for item in pdf.objects:
                look(item, found, 0)
            return Shown([], frozenset(found))
    except pikepdf.PdfError as error:
        raise CannotShow(str(error)) from error


def look(item, found: set, depth: int):
    """Direct parts only: what is indirect comes by itself."""
    if depth > 40:
        return
    if isinstance(item, pikepdf.Stream):
        item = pikepdf.Dictionary({key: value for key, value in item.items() if key != "/Length"})
    if isinstance(item, pikepdf.Dictionary):
        if str(item.get("/S", "")) in KINDS:
            found.add(f"{item['/S']} {str(item.get('/JS', item.get('/URI', item.get('/F', ''))))[:200]}")
        parts = [value for _, value in item.items()]
    elif isinstance(item, pikepdf.Array):
        parts = list(item)
    else:
        return
    for part in parts:
        if isinstance(part, pikepdf.Object) and not part.is_indirect:
            look(part, found, depth + 1)
