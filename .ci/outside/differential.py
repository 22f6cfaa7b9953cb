"""Holds our verdicts on signed PDFs against those of programs that are not ours, both ways.

What pyHanko signs (every algorithm and level, certified or not, and with later changes of many kinds) is given to
`esign verify`; what we sign (every level and kind of key, over tables and streams, several times, on top of pyHanko's signatures) is given to
pyHanko, poppler and qpdf. Where verdicts differ, the difference must be in `DIFFERENCES`, which is the table in
docs/pdf-verdicts.md.

    differential.py --esign target/debug/esign --sign target/debug/examples/sign_folder
"""

import argparse
import datetime
import io
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import pikepdf
from asn1crypto import crl as asn1_crl
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

import pades

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
N = generic.NameObject

# Signers, each in letters that the standard fonts do not have and in another script or another kind of mark.
NAMES = ("陈伟明 陳偉明", "முத்துக்குமரன் கோபால்", "Nguyễn Thị Hồng Żółć")

# Kinds of keys of the signers of a file, in turn.
KEYS = {"B-B": "rsa2048", "B-T": "p384,p256", "B-LT": "rsa3072,p384,p256"}

# Verdicts that differ, and why. docs/pdf-verdicts.md says it at length.
DIFFERENCES = {
    "form filled": ("bad", "VALID", "what is filled in changes what the page shows, and nobody's certification allowed it"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--esign", type=Path, required=True)
    parser.add_argument("--sign", type=Path, required=True, help="the example `sign_folder` of esign-pdf")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        pki = Pki()
        failed = theirs(pki, arguments.esign, scratch) + ours(pki, arguments.esign, arguments.sign, scratch)
    print(f"{failed} failed")
    return 1 if failed else 0


class Pki:
    """A root, an authority for timestamps below it, and somebody with a certificate for each kind of key."""

    def __init__(self, root_key=None):
        self.root_key = root_key or ec.generate_private_key(ec.SECP384R1())
        self.root = self.certificate("Differential Root", self.root_key.public_key(), ca=True)
        self.tsa_key = rsa.generate_private_key(65537, 2048)
        self.tsa = self.certificate("Differential Timestamps", self.tsa_key.public_key(), timestamps=True)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.root.subject)
        builder = builder.last_update(NOW - DAY).next_update(NOW + 30 * DAY)
        self.crl = builder.sign(self.root_key, hashes.SHA384())
        self.root_pem = self.root.public_bytes(serialization.Encoding.PEM)

    def certificate(self, name, key, ca=False, timestamps=False):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if ca else self.root.subject
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(NOW - DAY).not_valid_after(NOW + 365 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        usage = dict.fromkeys(
            ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
        )
        usage |= {"digital_signature": not ca, "content_commitment": not ca and not timestamps}
        builder = builder.add_extension(x509.KeyUsage(key_cert_sign=ca, crl_sign=ca, **usage), critical=True)
        if timestamps:
            purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            builder = builder.add_extension(purposes, critical=True)
        return builder.sign(self.root_key, hashes.SHA384())

    def signer(self, key, pss=False):
        store = SimpleCertificateStore()
        store.register(asn1(self.root))
        certificate = asn1(self.certificate("Differential Signer", key.public_key()))
        return signers.SimpleSigner(certificate, private(key), store, prefer_pss=pss)

    def timestamper(self):
        store = SimpleCertificateStore()
        store.register(asn1(self.root))
        return DummyTimeStamper(asn1(self.tsa), private(self.tsa_key), store)

    def context(self):
        crl = asn1_crl.CertificateList.load(self.crl.public_bytes(serialization.Encoding.DER))
        others = [asn1(self.tsa)]
        return ValidationContext(trust_roots=[asn1(self.root)], other_certs=others, crls=[crl], allow_fetching=False)


def asn1(certificate):
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def private(key):
    encoding = serialization.Encoding.DER
    der = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return asn1_keys.PrivateKeyInfo.load(der)


def document(streams: bool = False) -> bytes:
    """Two pages with text, a text field and an empty signature field."""
    pdf = pikepdf.new()
    for _ in range(2):
        page = pdf.add_blank_page(page_size=(595, 842))
        page.Contents = pdf.make_stream(b"0.8 g 50 700 100 20 re f")
    page = pdf.pages[0].obj
    text = pdf.make_indirect(pikepdf.Dictionary(
        FT=pikepdf.Name.Tx, T="amount", V="100", Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget,
        Rect=[50, 600, 150, 620], P=page, F=4, DA="/Helv 10 Tf 0 g",
    ))
    empty = pdf.make_indirect(pikepdf.Dictionary(
        FT=pikepdf.Name.Sig, T="empty", Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget,
        Rect=[50, 500, 150, 540], P=page, F=132,
    ))
    page.Annots = pikepdf.Array([text, empty])
    pdf.Root.AcroForm = pdf.make_indirect(pikepdf.Dictionary(Fields=[text, empty], DA="/Helv 10 Tf 0 g"))
    pdf.docinfo["/Title"] = "Differential"
    out = io.BytesIO()
    mode = pikepdf.ObjectStreamMode.generate if streams else pikepdf.ObjectStreamMode.disable
    pdf.save(out, object_stream_mode=mode)
    return out.getvalue()


def signed(pki: Pki, signer, data: bytes, field="signature", level="B-B", certify=None, visible=False, plain=False, into=None):
    """What pyHanko makes of a document."""
    digest = "sha512" if signer.signing_key.algorithm == "ed25519" else "sha256"  # the only one that it goes with
    meta = {"field_name": into or field, "md_algorithm": digest}
    if not plain:
        meta["subfilter"] = fields.SigSeedSubFilter.PADES
    if certify:
        meta |= {"certify": True, "docmdp_permissions": fields.MDPPerm(certify)}
    if level in ("B-LT", "B-LTA"):
        meta |= {"embed_validation_info": True, "validation_context": pki.context()}
        meta["use_pades_lta"] = level == "B-LTA"
    box = (300, 100, 500, 160) if visible else None
    spec = None if into else fields.SigFieldSpec(field, box=box)
    stamp = None if level == "B-B" else pki.timestamper()
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    out = signers.sign_pdf(writer, signers.PdfSignatureMetadata(**meta), signer, timestamper=stamp, new_field_spec=spec)
    return out.getvalue()


def changed(data: bytes, change) -> bytes:
    """The document with one more revision, in which something was changed."""
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def page_of(writer, index=0):
    return writer.root["/Pages"]["/Kids"][index]


def set_in(writer, container, key, value):
    container[N(key)] = value
    writer.update_container(container)


def content(writer):
    stream = generic.StreamObject(stream_data=b"1 0 0 rg 0 0 300 300 re f")
    set_in(writer, page_of(writer), "/Contents", writer.add_object(stream))


def rotate(writer):
    set_in(writer, page_of(writer), "/Rotate", generic.NumberObject(90))


def script(writer):
    action = generic.DictionaryObject({N("/S"): N("/JavaScript"), N("/JS"): generic.pdf_string("app.alert(1)")})
    writer.root[N("/OpenAction")] = action
    writer.update_root()


def annotation(writer):
    note = generic.DictionaryObject({
        N("/Type"): N("/Annot"), N("/Subtype"): N("/FreeText"), N("/Contents"): generic.pdf_string("PAID"),
        N("/Rect"): generic.ArrayObject(map(generic.NumberObject, (50, 600, 150, 620))),
    })
    notes = page_of(writer)["/Annots"]
    notes.append(writer.add_object(note))
    writer.update_container(notes)


def fill(writer):
    set_in(writer, writer.root["/AcroForm"]["/Fields"][0], "/V", generic.pdf_string("999"))


def repaint(writer):
    """The signed field shows something else: a shadow attack on its appearance."""
    field = next(f.get_object() for f in writer.root["/AcroForm"]["/Fields"] if f.get_object()["/T"] == "signature")
    paint = generic.StreamObject(
        {N("/Type"): N("/XObject"), N("/Subtype"): N("/Form"), N("/BBox"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 9, 9)))},
        stream_data=b"0 0 9 9 re f",
    )
    set_in(writer, field, "/AP", generic.DictionaryObject({N("/N"): writer.add_object(paint)}))


def strip(writer):
    """The signature is taken out of its field."""
    field = next(f.get_object() for f in writer.root["/AcroForm"]["/Fields"] if f.get_object()["/T"] == "signature")
    del field["/V"]
    writer.update_container(field)


def metadata(writer):
    stream = generic.StreamObject({N("/Type"): N("/Metadata"), N("/Subtype"): N("/XML")}, stream_data=b"<x/>")
    writer.root[N("/Metadata")] = writer.add_object(stream)
    writer.update_root()


def info(writer):
    writer.set_info(writer.add_object(generic.DictionaryObject({N("/Title"): generic.pdf_string("Other")})))


def xfa(writer):
    set_in(writer, writer.root["/AcroForm"], "/XFA", generic.pdf_string("<xdp/>"))


def rights(writer):
    writer.root[N("/Perms")] = generic.DictionaryObject({N("/UR3"): generic.DictionaryObject()})
    writer.update_root()


def remove_page(writer):
    pages = writer.root["/Pages"]
    del pages["/Kids"][1]
    set_in(writer, pages, "/Count", generic.NumberObject(1))


def theirs(pki: Pki, esign: Path, scratch: Path) -> int:
    """What pyHanko signs, judged by it and by us."""
    root = scratch / "theirs.pem"
    root.write_bytes(pki.root_pem)
    plain = document()
    p256 = pki.signer(ec.generate_private_key(ec.SECP256R1()))
    rsa_key = rsa.generate_private_key(65537, 2048)
    cases = [
        ("RSA PKCS#1", signed(pki, pki.signer(rsa_key), plain)),
        ("RSA PSS", signed(pki, pki.signer(rsa_key, pss=True), plain)),
        ("P-256", signed(pki, p256, plain)),
        ("P-384", signed(pki, pki.signer(ec.generate_private_key(ec.SECP384R1())), plain)),
        ("P-521", signed(pki, pki.signer(ec.generate_private_key(ec.SECP521R1())), plain)),
        ("Ed25519", signed(pki, pki.signer(ed25519.Ed25519PrivateKey.generate()), plain)),
        ("object streams", signed(pki, p256, document(streams=True))),
        ("adbe.pkcs7.detached", signed(pki, p256, plain, plain=True)),
        ("visible", signed(pki, p256, plain, visible=True)),
        ("empty field filled", signed(pki, p256, plain, into="empty")),
        ("B-T", signed(pki, p256, plain, level="B-T")),
        ("B-LT", signed(pki, p256, plain, level="B-LT")),
        ("B-LTA", signed(pki, p256, plain, level="B-LTA")),
        ("certified 1", signed(pki, p256, plain, certify=1)),
        ("certified 2", signed(pki, p256, plain, certify=2)),
        ("certified 3", signed(pki, p256, plain, certify=3)),
    ]
    once = dict(cases)
    cases += [
        ("signed twice", signed(pki, p256, once["P-256"], field="second")),
        ("signed twice, visible", signed(pki, p256, once["visible"], field="second", visible=True)),
        ("signed under DocMDP 2", signed(pki, p256, once["certified 2"], into="empty")),
        ("signed under DocMDP 1", signed_anyway(once["certified 1"])),
    ]
    visible = once["visible"]
    for name, change in (
        ("content replaced", content), ("page rotated", rotate), ("page removed", remove_page), ("open action", script),
        ("annotation added", annotation), ("form filled", fill), ("signature repainted", repaint),
        ("signature taken out", strip), ("metadata changed", metadata), ("info changed", info), ("XFA added", xfa),
        ("usage rights added", rights),
    ):
        cases.append((name, changed(visible, change)))
    cases.append(("form filled under DocMDP 2", changed(once["certified 2"], fill)))
    cases.append(("annotation under DocMDP 3", changed(once["certified 3"], annotation)))
    flipped = bytearray(once["P-256"])
    flipped[7] ^= 1
    cases.append(("one byte flipped", bytes(flipped)))
    failed = 0
    for name, data in cases:
        path = scratch / "case.pdf"
        path.write_bytes(data)
        mine, why = verdict(esign, path, root)
        other = pyhanko(path, root)
        expected = DIFFERENCES.get(name)
        agree = (mine == "good") == (other == "VALID")
        known = expected is not None and expected[:2] == (mine, other)
        fine = known or (expected is None and agree)
        failed += not fine
        note = "" if agree else (f"known: {expected[2]}" if known else "DIFFERS")
        print(f"{name:28} esign {mine:16} pyHanko {other:8} {note or ('' if fine else 'NOT AS LISTED')}")
        if not fine and why:
            print("    ", *why, sep="\n      ")
    return failed


def signed_anyway(data: bytes) -> bytes:
    """pyHanko refuses to sign what is locked, so an empty field gets a value that looks like a signature."""
    reader = IncrementalPdfFileWriter(io.BytesIO(data))
    value = generic.DictionaryObject({
        N("/Type"): N("/Sig"), N("/Filter"): N("/Adobe.PPKLite"), N("/SubFilter"): N("/ETSI.CAdES.detached"),
        N("/Contents"): generic.ByteStringObject(b"0"),
        N("/ByteRange"): generic.ArrayObject(map(generic.NumberObject, (0, 1, 2, 3))),
    })
    field = next(f.get_object() for f in reader.root["/AcroForm"]["/Fields"] if f.get_object()["/T"] == "empty")
    set_in(reader, field, "/V", reader.add_object(value))
    out = io.BytesIO()
    reader.write(out)
    return out.getvalue()


def verdict(esign: Path, path: Path, root: Path) -> tuple[str, list[str]]:
    done = pades.run(esign, "verify", path, "--root", root, "--json")
    answer = json.loads(done.stdout.splitlines()[0])
    if "error" in answer:
        return "unreadable", [answer["error"]["message"]]
    if (done.returncode == 0) != answer["good"]:
        sys.exit(f"exit status {done.returncode} and good {answer['good']}")
    if answer["good"]:
        return "good", []
    return ("undecided" if answer["report"]["verdict"] == "indeterminate" else "bad"), answer["problems"]


def pyhanko(path: Path, root: Path) -> str:
    """Valid if every signature is, and nothing but signing and validation data came after it."""
    try:
        with path.open("rb") as stream:
            context = ValidationContext(trust_roots=[load_cert_from_pemder(root)], allow_fetching=False)
            embedded = PdfFileReader(stream).embedded_regular_signatures
            statuses = [validate_pdf_signature(s, context) for s in embedded]
    except Exception as error:  # whatever it stumbles over, it does not accept the file
        return type(error).__name__[:8]
    return "VALID" if statuses and all(status.bottom_line for status in statuses) else "INVALID"


def ours(pki: Pki, esign: Path, sign: Path, scratch: Path) -> int:
    """What we sign, judged by pyHanko, poppler and qpdf."""
    source = scratch / "source"
    source.mkdir()
    p256 = pki.signer(ec.generate_private_key(ec.SECP256R1()))
    source.joinpath("table.pdf").write_bytes(document())
    source.joinpath("streams.pdf").write_bytes(document(streams=True))
    failed = 0
    for level, times in (("B-B", 1), ("B-T", 2), ("B-LT", len(NAMES))):
        folder = scratch / level
        subprocess.run([sign, source, folder, level, str(times), "300", "100", "200", "60", KEYS[level], *NAMES], check=True)
        root = folder / "root.pem"
        files = [pades.Signed(p, f"{p.stem}, {level}", level, times) for p in sorted(folder.glob("*.pdf"))]
        place = scratch / f"judge-{level}"
        place.mkdir()
        failed += pades.judge(files, root, place)
        for file in files:
            mine, why = verdict(esign, file.path, root)
            failed += mine != "good"
            print(f"{file.label:28} esign {mine} {why or ''}")
            failed += names_missing(file)
    return failed + on_top(pki, esign, sign, scratch, p256)


def names_missing(file: pades.Signed) -> int:
    """How many signers' names poppler does not find in the boxes of a file, letter by letter."""
    text = " ".join(pades.run("pdftotext", file.path, "-").stdout.split())
    missing = [name for name in NAMES[: file.signatures] if f"signed by {name} " not in text]
    print(f"{file.label:28} names in boxes: {'missing ' + ', '.join(missing) if missing else 'as they were given'}")
    return len(missing)


def on_top(pki: Pki, esign: Path, sign: Path, scratch: Path, p256) -> int:
    """Our signature on top of pyHanko's: both must stay valid for both."""
    source, folder = scratch / "theirs", scratch / "on-top"
    source.mkdir()
    source.joinpath("visible.pdf").write_bytes(signed(pki, p256, document(), visible=True))
    source.joinpath("lta.pdf").write_bytes(signed(pki, p256, document(), level="B-LTA"))
    source.joinpath("streams.pdf").write_bytes(signed(pki, p256, document(streams=True), level="B-T"))
    subprocess.run([sign, source, folder, "B-LT", "1", "300", "300", "200", "60", "p256"], check=True)
    both = scratch / "both.pem"
    both.write_bytes(pki.root_pem + (folder / "root.pem").read_bytes())
    roots = [asn1(pki.root), load_cert_from_pemder(folder / "root.pem")]
    failed = 0
    for path in sorted(folder.glob("*.pdf")):
        with path.open("rb") as stream:
            context = ValidationContext(trust_roots=roots, allow_fetching=False)
            statuses = [validate_pdf_signature(s, context) for s in PdfFileReader(stream).embedded_regular_signatures]
        fine = len(statuses) == 2 and all(status.bottom_line for status in statuses)
        mine, why = verdict(esign, path, both)
        failed += (not fine) + (mine != "good")
        print(f"on top of pyHanko, {path.stem:10} esign {mine} {why or ''} pyHanko {'VALID' if fine else 'INVALID'}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
