"""The Python side of the bench `pdf`: libraries that are timed in their own process, and the peak memory of a command.

    others.py pikepdf ROOT FILE...     seconds for each file, or a word where it cannot be read
    others.py pyhanko ROOT FILE...
    others.py peak COMMAND...          memory and time of one command
"""

import logging
import resource
import subprocess
import sys
import time
from pathlib import Path

RUNS = 3


def main():
    mode, *rest = sys.argv[1:]
    if mode == "peak":
        return peak(rest)
    root, *files = rest
    work = {"pikepdf": pikepdf_reader, "pyhanko": pyhanko_reader}[mode](root)
    logging.disable(logging.CRITICAL)
    for file in files:
        print(best(work, file, RUNS if len(files) > 1 else 1))


def best(work, file, runs):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        try:
            work(file)
        except Exception:  # whatever it is: this file is not read
            return "unreadable"
        times.append(time.perf_counter() - start)
    return min(times)


def pikepdf_reader(_root):
    """What a preflight needs: every page with its boxes, rotation and unit, and the form's fields."""
    import pikepdf

    def fields(nodes):
        return sum(1 + fields(node.get("/Kids", [])) for node in nodes)

    def work(file):
        with pikepdf.open(file) as pdf:
            for page in pdf.pages:
                _ = (page.mediabox, page.cropbox, page.obj.get("/Rotate"), page.obj.get("/UserUnit"))
            form = pdf.Root.get("/AcroForm")
            return fields(form.get("/Fields", [])) if form is not None else 0

    return work


def pyhanko_reader(root):
    from pyhanko.keys import load_cert_from_pemder
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    roots = [load_cert_from_pemder(root)] if root else []

    def work(file):
        with open(file, "rb") as source:
            reader = PdfFileReader(source, strict=False)
            for signature in reader.embedded_signatures:
                context = ValidationContext(trust_roots=roots, allow_fetching=False)
                validate_pdf_signature(signature, context, ts_validation_context=context)

    return work


def peak(command):
    start = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    took = time.perf_counter() - start
    if done.returncode > 1:
        print(f"{Path(command[0]).name} failed: {done.stderr.decode(errors='replace').strip()[-60:]}")
        return
    mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{mib:.0f} ({took * 1000:.0f} ms)")


main()
