"""Asks programs that are not ours whether the signatures that the sandbox makes are valid.

Runs `esign demo`, then gives every signed PDF to pyHanko (its library, `validate` and `adesverify`), to poppler's `pdfsig`
and to `qpdf --check`, with the sandbox's root as the only trust anchor. All of them must find every signature valid, the
earlier ones of a file too, and all of them must refuse a copy in which one signed byte was changed.

    pades.py --esign target/debug/esign     make the files with the command and check them
    pades.py --folder DIR                   check the PDFs of a folder that holds sandbox-root.pem
"""

import argparse
import json
import logging
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

LEVELS = ("B-B", "B-T", "B-LT")
TIMEOUT = 600  # seconds for one command: only so that a hanging one is named


@dataclass(frozen=True)
class Signed:
    """A signed PDF and what is claimed about it."""

    path: Path
    label: str
    level: str
    signatures: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--esign", type=Path, help="the command whose `demo` makes the files")
    source.add_argument("--folder", type=Path, help="a folder of signed PDFs and their sandbox-root.pem")
    parser.add_argument("--level", choices=LEVELS, default="B-LT", help="what the files of --folder claim to be")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)  # pyHanko logs each path it tries; the verdicts are what counts here
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.esign:
            folder = Path(scratch, "demo")
            files = demo(arguments.esign, folder)
        else:
            folder = arguments.folder
            files = [Signed(p, p.name, arguments.level, 0) for p in sorted(folder.glob("*.pdf"))]
        return judge(files, folder / "sandbox-root.pem", Path(scratch))


def demo(esign: Path, folder: Path) -> list[Signed]:
    """Runs the demonstration; its JSON lines name each file, its provider, flow, number of signatures and level."""
    done = run(esign, "demo", "--out", folder, "--json")
    if done.returncode != 0:
        sys.exit(f"esign demo failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    files = []
    for line in done.stdout.splitlines():
        record = json.loads(line)
        if "file" not in record:
            continue
        if record.get("ok") is not True:
            sys.exit(f"esign demo reports a failure itself: {line}")
        path = Path(record["file"])
        label = f"{record['provider']} {record['flow']}"
        level = record.get("level", "B-LT")  # what Sign with Singpass delivers, and so what the sandbox makes
        files.append(Signed(path if path.is_absolute() else folder / path.name, label, level, record["signatures"]))
    return files


def judge(files: list[Signed], root: Path, scratch: Path) -> int:
    """Prints one row per file and check; 1 when any verdict is not the expected one, or when there was nothing to judge."""
    if not files:
        print("no signed PDF to judge")
        return 1
    trust = trust_database(root, scratch)
    rows = []
    for signed in files:
        rows += [(signed.label, *verdict) for verdict in verdicts(signed, root, trust)]
    changed = Signed(tampered(files[-1].path, scratch), f"{files[-1].label}, one byte changed", files[-1].level, 0)
    rows += [(changed.label, *verdict) for verdict in refusals(changed, root, trust)]
    width = max(len(label) for label, *_ in rows)
    failed = 0
    for label, check, problem in rows:
        failed += bool(problem)
        print(f"{label:{width}}  {check:32}  {problem or 'as expected'}")
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


def verdicts(signed: Signed, root: Path, trust: str) -> list[tuple[str, str]]:
    """Each check of a good file with what is wrong, or nothing."""
    statuses = library(signed.path, root)
    count = len(statuses)
    found = [("signatures", "" if count and signed.signatures in (0, count) else f"{count}, not {signed.signatures}")]
    found.append(("pyHanko library", "; ".join(filter(None, (why_not(signed.level, *status) for status in statuses)))))
    found.append(("pyhanko validate", expect(pyhanko("validate", signed.path, root), "VALID", count)))
    if signed.level == "B-LT":
        found.append(("adesverify", expect(pyhanko("adesverify", signed.path, root), "VALID", count)))
    else:
        # AdES validation asks for revocation information, which only B-LT brings along: without it the verdict must be no,
        # and it must be for that reason alone.
        found.append(("adesverify, no revocation data", expect(pyhanko("adesverify", signed.path, root), "INVALID", count)))
        unchecked = pyhanko("adesverify", signed.path, root, "--no-revocation-check")
        found.append(("adesverify, revocation unchecked", expect(unchecked, "VALID", count)))
    found.append(("pdfsig", pdfsig(signed.path, trust, count)))
    structure = run("qpdf", "--check", signed.path)
    found.append(("qpdf --check", "" if structure.returncode == 0 else last_line(structure.stdout + structure.stderr)))
    return found


def refusals(changed: Signed, root: Path, trust: str) -> list[tuple[str, str]]:
    """Each check of a changed file, which none may accept: otherwise its agreement means nothing."""
    statuses = library(changed.path, root)
    accepted = {
        "pyHanko library": all(not why_not(changed.level, *status) for status in statuses),
        "pyhanko validate": not expect(pyhanko("validate", changed.path, root), "VALID", len(statuses)),
        "adesverify": not expect(pyhanko("adesverify", changed.path, root), "VALID", len(statuses)),
        "pdfsig": not pdfsig(changed.path, trust, len(statuses)),
    }
    return [(check, "accepted it" if fine else "") for check, fine in accepted.items()]


def library(path: Path, root: Path) -> list:
    """Validates every signature of a file: (status, whether it is the last one)."""
    with path.open("rb") as stream:
        context = ValidationContext(trust_roots=[load_cert_from_pemder(root)], allow_fetching=False)
        embedded = PdfFileReader(stream).embedded_regular_signatures
        return [(validate_pdf_signature(s, context), s is embedded[-1]) for s in embedded]


def why_not(level: str, status, last: bool) -> str:
    """What keeps a signature from being valid at its level under the root, or nothing."""
    later = ModificationLevel.LTA_UPDATES if last else ModificationLevel.FORM_FILLING
    stamp = status.timestamp_validity
    checks = {
        "not intact": status.intact,
        "not valid": status.valid,
        "not trusted": status.trusted,
        "refused as a whole": status.bottom_line,
        "no timestamp": stamp is not None or level == "B-B",
        "its timestamp is not valid": stamp is None or (stamp.valid and stamp.intact and stamp.trusted),
        f"changed afterwards ({status.modification_level})": (status.modification_level or later) <= later,
    }
    return ", ".join(problem for problem, fine in checks.items() if not fine)


def pyhanko(command: str, path: Path, root: Path, *options: str) -> list[str]:
    """The verdict of pyHanko's command for each signature."""
    program = Path(sys.executable).parent / "pyhanko"
    arguments = ("--trust", root, "--trust-replace", "--executive-summary", *options, path)
    return [line.rsplit(":", 1)[-1] for line in run(program, "sign", command, *arguments).stdout.splitlines() if line]


def pdfsig(path: Path, trust: str, count: int) -> str:
    """What poppler finds wrong, or nothing."""
    text = run("pdfsig", "-nssdir", trust, path).stdout
    valid = expect(re.findall(r"Signature Validation: (.*)", text), "Signature is Valid.", count)
    return valid or expect(re.findall(r"Certificate Validation: (.*)", text), "Certificate is Trusted.", count)


def expect(verdicts: list[str], wanted: str, count: int) -> str:
    """Nothing when there are `count` verdicts and each is the wanted one."""
    return "" if verdicts == [wanted] * count and count else f"{', '.join(verdicts) or 'no verdict'}"


def trust_database(root: Path, scratch: Path) -> str:
    """A certificate database for poppler in which the sandbox's root, and nothing else, is trusted."""
    folder = scratch / "nss"
    folder.mkdir()
    database = f"sql:{folder}"
    for arguments in (["-N", "--empty-password"], ["-A", "-n", "sandbox", "-t", "CT,C,C", "-i", root]):
        done = run("certutil", *arguments, "-d", database)
        if done.returncode != 0:
            sys.exit(f"certutil failed: {done.stderr}")
    return database


def tampered(path: Path, scratch: Path) -> Path:
    """A copy in which one signed byte differs: the last digit of the version in its header, so that it still parses."""
    data = bytearray(path.read_bytes())
    data[len("%PDF-1.")] ^= 1
    copy = scratch / "changed.pdf"
    copy.write_bytes(data)
    return copy


def run(*command) -> subprocess.CompletedProcess:
    arguments = [str(part) for part in command]
    return subprocess.run(arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT)


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["failed without a word"])[-1]


if __name__ == "__main__":
    sys.exit(main())
