"""qpdf's view of what a document would do: every action that its catalog leads to. Shows no pages."""

import pikepdf

from compare import CannotShow, Shown

KINDS = ("/JavaScript", "/Launch", "/URI", "/GoToR", "/GoToE", "/SubmitForm", "/ImportData", "/Named", "/ResetForm", "/Hide",
         "/SetOCGState", "/Rendition", "/Movie", "/Sound", "/RichMediaExecute", "/Thread", "/Trans")


def show(path: str) -> Shown:
    try:
        with pikepdf.open(path, suppress_warnings=True) as pdf:
            found, seen, left = set(), set(), [pdf.Root]
            while left:
                look(left.pop(), found, seen, left)
            return Shown([], frozenset(found))
    except pikepdf.PdfError as error:
        raise CannotShow(str(error)) from error


def look(item, found: set, seen: set, left: list):
    """Takes one object, and puts what it leads to on the list."""
    if item.is_indirect:
        if item.objgen in seen:
            return
        seen.add(item.objgen)
    if isinstance(item, pikepdf.Array):
        left += [part for part in item if isinstance(part, pikepdf.Object)]
    elif isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)):
        if str(item.get("/S", "")) in KINDS:
            found.add(f"{item['/S']} {str(item.get('/JS', item.get('/URI', item.get('/F', ''))))[:200]}")
        left += [part for _, part in item.items() if isinstance(part, pikepdf.Object)]
