"""What honest signing programs make must stay good.

pyHanko, endesive, @signpdf over pdf-lib, and PDFBox sign, countersign, timestamp, fill and add validation data, over documents
that the sandbox or pyHanko signed before. `esign verify` must call every file good; whatever it refuses fails, with its reasons.

    honest.py --esign target/debug/esign --sign target/debug/examples/sign_folder
"""

import argparse
import datetime
import io
import logging
import os
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import pikepdf
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.validation import DocumentSecurityStore

import differential
import pades

# endesive's verification, which is not used here, brings a library that does not start with every OpenSSL.
sys.modules["endesive.verifier"] = types.SimpleNamespace(SignatureVerifier=object)
from endesive import pdf as endesive  # noqa: E402

HERE = Path(__file__).parent
JARS = [f"/usr/share/java/{name}.jar" for name in ("pdfbox2", "fontbox2", "bcpkix", "bcprov", "bcutil", "commons-logging")]
PASSWORD = "honest"
N = generic.NameObject


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--esign", type=Path, required=True)
    parser.add_argument("--sign", type=Path, required=True, help="the example `sign_folder` of esign-pdf")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        honest = Honest(scratch, arguments.sign)
        files = [*honest.pyhanko(), *honest.endesive(), *honest.signpdf(), *honest.pdfbox()]
        failed = 0
        for name, data in files:
            path = scratch / "honest.pdf"
            path.write_bytes(data)
            verdict, why = differential.verdict(arguments.esign, path, honest.roots)
            failed += verdict != "good"
            print(f"{name:60} {verdict}", *why, sep="\n    ")
            if verdict != "good" and (kept := os.environ.get("ESIGN_HONEST_KEEP")):
                Path(kept, name.replace(" ", "-").replace(",", "") + ".pdf").write_bytes(data)
                Path(kept, "roots.pem").write_bytes(honest.roots.read_bytes())
    print(f"{len(files)} honest files, {failed} refused")
    return 1 if failed else 0


class Honest:
    """The programs, their keys and the documents that they go on with."""

    def __init__(self, scratch: Path, sign: Path):
        self.scratch = scratch
        # What @signpdf reads keys with knows RSA and the older encryption only.
        self.pki = differential.Pki(rsa.generate_private_key(65537, 3072))
        self.key = rsa.generate_private_key(65537, 2048)
        self.certificate = self.pki.certificate("Honest Signer", self.key.public_key())
        self.signer = self.pki.signer(self.key)
        self.p12 = scratch / "key.p12"
        encryption = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2048)
        encryption = encryption.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        encryption = encryption.hmac_hash(hashes.SHA1()).build(PASSWORD.encode())
        self.p12.write_bytes(pkcs12.serialize_key_and_certificates(b"key", self.key, self.certificate, [self.pki.root], encryption))
        self.plain = {"table": document(), "streams": document(streams=True)}
        self.by_sandbox = self.sandbox(sign)
        certified = {f"certified 2, {name}": differential.signed(self.pki, self.signer, data, certify=2) for name, data in self.plain.items()}
        self.certified = certified
        self.roots = scratch / "roots.pem"
        self.roots.write_bytes(self.pki.root_pem + (scratch / "signed" / "root.pem").read_bytes())

    def sandbox(self, sign: Path) -> dict:
        source, folder = self.scratch / "source", self.scratch / "signed"
        source.mkdir()
        for name, data in self.plain.items():
            source.joinpath(f"{name}.pdf").write_bytes(data)
        subprocess.run([sign, source, folder, "B-T", "1", "50", "100", "200", "60", "p256"], check=True)
        return {f"sandbox, {path.stem}": path.read_bytes() for path in sorted(folder.glob("*.pdf"))}

    def pyhanko(self):
        signed = differential.signed
        for name, data in self.plain.items():
            yield f"pyHanko signs, {name}", signed(self.pki, self.signer, data, visible=True)
        for name, data in self.by_sandbox.items():
            yield f"pyHanko countersigns, {name}", signed(self.pki, self.signer, data)
            yield f"pyHanko countersigns in a box, {name}", signed(self.pki, self.signer, data, visible=True)
            yield f"pyHanko fills the empty field, {name}", signed(self.pki, self.signer, data, into="empty")
            yield f"pyHanko countersigns B-LTA, {name}", signed(self.pki, self.signer, data, level="B-LTA")
            yield f"pyHanko timestamps, {name}", self.timestamped(data)
            yield f"pyHanko adds validation data, {name}", self.with_validation_data(data)
        for name, data in self.certified.items():
            yield f"pyHanko fills in, {name}", differential.changed(data, fill)
            yield f"pyHanko fills in and signs, {name}", signed(self.pki, self.signer, differential.changed(data, fill), into="empty")

    def timestamped(self, data: bytes) -> bytes:
        writer = IncrementalPdfFileWriter(io.BytesIO(data))
        return signers.PdfTimeStamper(self.pki.timestamper()).timestamp_pdf(writer, "sha256").getvalue()

    def with_validation_data(self, data: bytes) -> bytes:
        writer = IncrementalPdfFileWriter(io.BytesIO(data))
        certificates = [differential.asn1(self.pki.root), differential.asn1(self.pki.tsa)]
        DocumentSecurityStore.supply_dss_in_writer(writer, sig_contents=None, certs=certificates, ocsps=[], crls=[])
        out = io.BytesIO()
        writer.write(out)
        return out.getvalue()

    def endesive(self):
        today = datetime.datetime.now(datetime.timezone.utc).strftime("D:%Y%m%d%H%M%S+00'00'")
        how = {"sigflags": 3, "contact": "", "location": "", "signingdate": today, "reason": "Agreed", "aligned": 16384,
               "sigfield": "endesive"}
        box = {"signaturebox": (300, 300, 500, 360), "signature": "Signed by endesive", "sigbutton": False}
        tables = {name: data for name, data in {**self.plain, **self.by_sandbox}.items() if "streams" not in name}  # it fails on others
        for name, data in tables.items():
            for label, more in (("", {}), (" in a box", box)):
                update = endesive.cms.sign(data, {**how, **more}, self.key, self.certificate, [self.pki.root], "sha256")
                yield f"endesive signs{label}, {name}", data + update

    def signpdf(self):
        for name, data in self.plain.items():
            came, went = self.scratch / "in.pdf", self.scratch / "out.pdf"
            came.write_bytes(data)
            run("node", HERE / "node/sign.mjs", self.p12, PASSWORD, came, went)
            yield f"@signpdf signs, {name}", went.read_bytes()
            second = differential.signed(self.pki, self.signer, went.read_bytes(), field="second")
            yield f"pyHanko countersigns @signpdf, {name}", second

    def pdfbox(self):
        jobs = []
        for name, data in {**self.plain, **self.by_sandbox}.items():
            jobs += [(f"PDFBox signs {how}, {name}", how, data) for how in ("invisible", "visible")]
        jobs += [(f"PDFBox fills in, {name}", "fill", data) for name, data in self.certified.items()]
        arguments = []
        for number, (_, how, data) in enumerate(jobs):
            came, went = self.scratch / f"box-{number}.pdf", self.scratch / f"boxed-{number}.pdf"
            came.write_bytes(data)
            arguments += [how, came, went]
        run("java", "-Djava.awt.headless=true", "-cp", ":".join(JARS), HERE / "java/Sign.java", self.p12, PASSWORD, *arguments)
        for number, (name, _, _) in enumerate(jobs):
            yield name, self.scratch.joinpath(f"boxed-{number}.pdf").read_bytes()


def document(streams: bool = False) -> bytes:
    """The differential document, with the font that its field names."""
    with pikepdf.open(io.BytesIO(differential.document(streams))) as pdf:
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica,
                                  Encoding=pikepdf.Name.WinAnsiEncoding)
        pdf.Root.AcroForm.DR = pikepdf.Dictionary(Font=pikepdf.Dictionary(Helv=pdf.make_indirect(font)))
        out = io.BytesIO()
        mode = pikepdf.ObjectStreamMode.generate if streams else pikepdf.ObjectStreamMode.disable
        pdf.save(out, object_stream_mode=mode)
        return out.getvalue()


def fill(writer):
    """Fills in the amount, with its appearance."""
    field = writer.root["/AcroForm"]["/Fields"][0]
    box = generic.ArrayObject(map(generic.NumberObject, (0, 0, 100, 20)))
    resources = generic.DictionaryObject({N("/Font"): writer.root["/AcroForm"]["/DR"].raw_get("/Font")})
    look = generic.StreamObject(
        {N("/Type"): N("/XObject"), N("/Subtype"): N("/Form"), N("/BBox"): box, N("/Resources"): resources},
        stream_data=b"/Tx BMC q BT /Helv 10 Tf 0 g 2 5 Td (250) Tj ET Q EMC",
    )
    differential.set_in(writer, field, "/V", generic.pdf_string("250"))
    differential.set_in(writer, field, "/AP", generic.DictionaryObject({N("/N"): writer.add_object(look)}))


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=pades.TIMEOUT)
    if done.returncode:
        sys.exit(f"{command[0]} failed: {done.stderr[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
