// A relying party that is nothing but a page, written from Singpass's documentation alone.
"use strict";

const made = [];   // what the supplier returned
const told = [];   // what onError was told

const text = "Transfer SGD 10.00 to account ****5678";
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const utf8 = (words) => new TextEncoder().encode(words);
const curve = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const key = crypto.subtle.generateKey(curve, true, ["sign"]);

async function jwk() {
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", (await key).publicKey);
  return { kty, crv, x, y, use: "sig", kid: "stranger-1" };
}

async function sign(claims) {
  const header = { alg: "ES256", typ: "JWT", kid: "stranger-1" };
  const message = [header, claims].map((part) => base64url(utf8(JSON.stringify(part)))).join(".");
  return `${message}.${base64url(await crypto.subtle.sign(curve, (await key).privateKey, utf8(message)))}`;
}

async function supplier() {
  const iat = Math.floor(Date.now() / 1000);
  const txn_id = "TXN-7";
  const hash = await crypto.subtle.digest("SHA-256", utf8(`${txn_id}:${text}`));
  const txn_hash = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const txnInfo = await sign({ iat, exp: iat + 120, txn_id, txn_instructions: text, txn_hash });
  const params = { state: crypto.randomUUID(), nonce: crypto.randomUUID(), txnInfo };
  made.push(params);
  return params;
}

const onError = (errorId, message) => told.push([errorId, message]);
const client = { clientId: "stranger", redirectUri: `${location.origin}/back` };
const init = (supply = supplier, options = undefined) =>
  window.NDI.initTxnSigning("ndi-qr", client, supply, onError, options);
