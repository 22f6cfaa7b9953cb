"""Shows signed PDFs as they were signed and as they are now, in viewers that are not ours, and says where they differ.

Reads one JSON object a line: `{"id", "signed", "now", "boxes": [{"page", "rect", "named", "old", "value"}]}`; the two are paths,
a rect is x, y, width, height in points from the lower left of the page as shown. Writes one a line: `{"id", "findings"}`.
What may differ is inside the boxes only: in a new box over marks, or in a field that shows something else than its value,
only if the report names it.
"""

import concurrent.futures
import json
import sys

import actions
import compare
import mupdf
import pdfium
import pdfjs
import poppler


def main() -> int:
    browser = pdfjs.Browser(sys.argv[1])
    try:
        answer(browser)
    finally:
        browser.close()
    return 0


def answer(browser: pdfjs.Browser):
    viewers = {"poppler": poppler.show, "mupdf": mupdf.show, "pdfium": pdfium.show, "pdf.js": browser.show,
               "qpdf": actions.show}
    signed = Remembered()
    with concurrent.futures.ThreadPoolExecutor(len(viewers)) as pool:
        for line in sys.stdin:
            request = json.loads(line)
            jobs = {
                name: pool.submit(judge, name, show, signed, request) for name, show in viewers.items()
            }
            findings = [f"{name}: {finding}" for name, job in jobs.items() for finding in job.result()]
            print(json.dumps({"id": request["id"], "findings": findings}), flush=True)


class Remembered:
    """What viewers show of signed revisions: many files have the same one."""

    def __init__(self):
        self.shown = {}

    def get(self, name, show, path):
        if (name, path) not in self.shown:
            self.shown[name, path] = show(path)
        return self.shown[name, path]


def judge(name, show, signed, request) -> list[str]:
    try:
        was = signed.get(name, show, request["signed"])
    except compare.CannotShow as error:
        return [f"cannot show the signed revision: {error}"]
    try:
        now = show(request["now"])
    except compare.CannotShow as error:
        return [f"cannot show the file any more: {error}"]
    return compare.differences(was, now, request["boxes"])


if __name__ == "__main__":
    sys.exit(main())
