//! `esign keygen`

use esign::SigningKey;
use esign::secrecy::ExposeSecret;
use esign::singpass::LocalKey;
use serde_json::json;

use crate::args::Keygen;
use crate::failure::{Exit, Failure};
use crate::files::write_new;
use crate::output::{Mark, Output, file_json, printable, shown};

/// Stores the private key and prints the public one.
pub(crate) fn run(args: &Keygen, output: &Output) -> Result<Exit, Failure> {
    let key = LocalKey::generate(args.algorithm, args.key_id.as_deref())?;
    write_new(&args.out, key.to_pem()?.expose_secret().as_bytes())?;
    let (file, id, jwk) = (shown(&args.out), printable(key.key_id()), key.public_jwk());
    output.say(Mark::Good, format!("{file}: {} key {id}; keep the file secret", key.algorithm()));
    if args.key_id.is_some() {
        output.plain("A PEM file has no room for the key's id: set it as key_id in the configuration too.");
    }
    let object = json!({ "key_id": key.key_id(), "algorithm": key.algorithm().as_str(), "file": file_json(&args.out), "jwk": jwk });
    output.answer(&object, || format!("{jwk:#}"));
    Ok(Exit::Good)
}
