// @signpdf over pdf-lib: `sign.mjs KEY.p12 PASSWORD IN OUT`. pdf-lib writes the file anew, so this is a first signature.

import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";

const require = createRequire(`${process.env.ESIGN_NODE_MODULES}/`);
const { pdflibAddPlaceholder } = require("@signpdf/placeholder-pdf-lib");
const { P12Signer } = require("@signpdf/signer-p12");
const { SignPdf } = require("@signpdf/signpdf");
const { PDFDocument } = require("pdf-lib");

const [key, password, from, to] = process.argv.slice(2);
const pdfDoc = await PDFDocument.load(readFileSync(from));
pdflibAddPlaceholder({
  pdfDoc, reason: "Agreed", contactInfo: "", name: "Signer", location: "", widgetRect: [300, 300, 500, 360],
});
const prepared = Buffer.from(await pdfDoc.save({ useObjectStreams: false }));
const signer = new P12Signer(readFileSync(key), { passphrase: password });
writeFileSync(to, await new SignPdf().sign(prepared, signer));
