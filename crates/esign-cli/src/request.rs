//! From command line or file to a request.

use std::path::{Path, PathBuf};

use esign::{Error, RequestFile, SignRequest};
use serde_json::{Map, Value, json};

use crate::args::Request;
use crate::failure::Failure;
use crate::files::read_text;
use crate::output::file_json;
use crate::settings::{from_value, toml_value};

/// The request, with its documents read.
pub(crate) fn read(args: &Request) -> Result<SignRequest, Failure> {
    match &args.request {
        Some(path) => read_file(path, &args.files),
        None => request(Path::new("command line"), from_options(args)?, &Sources::Given(&args.files)),
    }
}

/// The request of a file, with these documents in the place of its own if there are any.
pub(crate) fn read_file(path: &Path, files: &[PathBuf]) -> Result<SignRequest, Failure> {
    let mut value = file_value(path)?;
    if files.is_empty() {
        return request(path, value, &Sources::Beside(path.parent().unwrap_or(Path::new(""))));
    }
    put_documents(&mut value, files)?;
    request(path, value, &Sources::Given(files))
}

/// Where documents are read from.
enum Sources<'a> {
    /// Paths in a request file start from its folder.
    Beside(&'a Path),
    /// Files of the command line, whose names need not be Unicode as those in a request are.
    Given(&'a [PathBuf]),
}

impl Sources<'_> {
    fn path(&self, named: &Path) -> PathBuf {
        match self {
            Self::Beside(folder) => folder.join(named),
            Self::Given(files) => {
                let given = files.iter().find(|file| file.to_string_lossy() == named.to_string_lossy());
                given.map_or(named, PathBuf::as_path).to_owned()
            }
        }
    }
}

fn request(path: &Path, value: Value, sources: &Sources<'_>) -> Result<SignRequest, Failure> {
    let file: RequestFile = from_value(path, value)?;
    // The reader's own words are lost in the contract's error: keep the file system's.
    let request = file.into_request(|document| {
        let document = sources.path(document);
        std::fs::read(&document)
            .map(Into::into)
            .map_err(|e| Error::config("documents", format!("cannot read {}: {e}", document.display())))
    });
    Ok(request?)
}

fn file_value(path: &Path) -> Result<Value, Failure> {
    let text = read_text(path)?;
    if path.extension().is_some_and(|ending| ending == "json") {
        serde_json::from_str(&text).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
    } else {
        toml_value(path, &text)
    }
}

/// Puts other files in the place of the documents, one by one.
fn put_documents(request: &mut Value, files: &[PathBuf]) -> Result<(), Failure> {
    let listed = request.get("documents").and_then(Value::as_array).map_or(0, Vec::len);
    if listed > 0 && listed != files.len() {
        return Err(Failure::usage(format!(
            "the request file lists {listed} documents, but {} were given",
            files.len()
        )));
    }
    if listed == 0 {
        request["documents"] = Value::Array(vec![json!({}); files.len()]);
    }
    for (i, file) in files.iter().enumerate() {
        request["documents"][i]["path"] = file_json(file);
    }
    Ok(())
}

/// The file form of what the options say, so that both are read by the same rules.
fn from_options(args: &Request) -> Result<Value, Failure> {
    let mut documents: Vec<_> = args.files.iter().map(|file| json!({ "path": file_json(file) })).collect();
    if let Some(name) = &args.name {
        match documents.as_mut_slice() {
            [only] => only["name"] = json!(name),
            _ => return Err(Failure::usage("--name is for one document; name several in a request file")),
        }
    }
    let mut signers: Vec<_> = args.signer.iter().map(|text| signer(text)).collect();
    for text in &args.at {
        place(&mut signers, text)?;
    }
    for text in &args.at_text {
        let (key, anchor) = whose(&signers, text);
        put(&mut signers, key, json!({ "anchor": { "text": anchor } }))
            .map_err(|why| at("text", text, &why))?;
    }
    for text in &args.at_field {
        let (key, field) = whose(&signers, text);
        put(&mut signers, key, json!({ "field": field })).map_err(|why| at("field", text, &why))?;
    }
    let mut request = Map::new();
    request.insert("version".into(), json!(esign::REQUEST_FILE_VERSION));
    request.insert("documents".into(), json!(documents));
    request.insert("signers".into(), json!(signers));
    for (key, value) in [
        ("delivery", &args.delivery),
        ("order", &args.order),
        ("message", &args.message),
        ("reference", &args.reference),
    ] {
        if let Some(value) = value {
            request.insert(key.into(), json!(value));
        }
    }
    Ok(Value::Object(request))
}

fn signer(text: &str) -> Value {
    match text.split_once('=') {
        Some((key, email)) => json!({ "key": key, "email": email, "placements": [] }),
        None => json!({ "key": text, "placements": [] }),
    }
}

/// `[KEY:]PAGE,X,Y,UNIT,ORIGIN,CORNER`
fn place(signers: &mut [Value], text: &str) -> Result<(), Failure> {
    let (key, spot) = match text.rsplit_once(':') {
        Some((key, spot)) => (Some(key), spot),
        None => (None, text),
    };
    let refuse = |why: &str| {
        Failure::usage(format!(
            "--at {text}: {why}; write [KEY:]PAGE,X,Y,UNIT,ORIGIN,CORNER, such as 1,72,144,points,bottom-left,bottom-left"
        ))
    };
    let parts: Vec<_> = spot.split(',').map(str::trim).collect();
    let &[page, x, y, unit, origin, corner] = parts.as_slice() else {
        return Err(refuse(&format!("{} parts instead of 6", parts.len())));
    };
    let page: u32 = page.parse().map_err(|_| refuse("the page is not a whole number"))?;
    let number = |text: &str| {
        text.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(|| refuse("x and y are numbers"))
    };
    let placement = json!({ "page": page, "x": number(x)?, "y": number(y)?, "unit": unit, "origin": origin, "corner": corner });
    put(signers, key, placement).map_err(|why| refuse(&why))
}

/// The signer before the colon, if one is called that: texts may have colons of their own.
fn whose<'a>(signers: &[Value], text: &'a str) -> (Option<&'a str>, &'a str) {
    match text.split_once(':') {
        Some((key, rest)) if signers.iter().any(|signer| signer["key"] == key) => (Some(key), rest),
        _ => (None, text),
    }
}

fn at(option: &str, text: &str, why: &str) -> Failure {
    Failure::usage(format!("--at-{option} {text}: {why}; with several signers write KEY: before it"))
}

fn put(signers: &mut [Value], key: Option<&str>, placement: Value) -> Result<(), String> {
    let signer = match (key, &mut *signers) {
        (None, [only]) => only,
        (None, _) => return Err("say whose place it is".to_owned()),
        (Some(key), all) => {
            let found = all.iter_mut().find(|signer| signer["key"] == key);
            found.ok_or_else(|| format!("no --signer is called {key}"))?
        }
    };
    if let Some(places) = signer["placements"].as_array_mut() {
        places.push(placement);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(signers: &[&str], at: &[&str]) -> Request {
        let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Request {
            files: vec!["a.pdf".into()],
            request: None,
            delivery: Some("shareable-link".into()),
            signer: strings(signers),
            at: strings(at),
            at_text: Vec::new(),
            at_field: Vec::new(),
            order: None,
            name: None,
            message: None,
            reference: None,
        }
    }

    #[test]
    fn options_are_a_request_file() {
        let args = options(
            &["tenant=tenant@example.com", "landlord"],
            &["landlord:2,0.5,0.1,fractions,top-left,top-left"],
        );
        let value = from_options(&args).unwrap();
        assert_eq!(value["signers"][0]["email"], "tenant@example.com");
        assert_eq!(value["signers"][1]["placements"][0]["unit"], "fractions");
        from_value::<RequestFile>(Path::new("x"), value).unwrap();
    }

    #[test]
    fn a_place_that_makes_no_sense_is_refused() {
        for (signers, at, words) in [
            (&["a"][..], "1,2,3", "3 parts instead of 6"),
            (&["a"], "one,2,3,points,top-left,top-left", "the page"),
            (&["a"], "1,NaN,3,points,top-left,top-left", "x and y"),
            (&["a", "b"], "1,2,3,points,top-left,top-left", "whose place"),
            (&["a"], "b:1,2,3,points,top-left,top-left", "no --signer is called b"),
        ] {
            let message = from_options(&options(signers, &[at])).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn texts_and_fields_are_places_too() {
        let mut args = options(&["tenant", "landlord"], &[]);
        args.at_text = vec!["tenant:Sign: here".to_owned()];
        args.at_field = vec!["landlord:form.owner".to_owned()];
        let value = from_options(&args).unwrap();
        assert_eq!(value["signers"][0]["placements"][0]["anchor"]["text"], "Sign: here");
        assert_eq!(value["signers"][1]["placements"][0]["field"], "form.owner");
        from_value::<RequestFile>(Path::new("x"), value).unwrap();
        args.at_text = vec!["Sign: here".to_owned()];
        assert!(from_options(&args).unwrap_err().to_string().contains("say whose place it is"));

        let mut args = options(&["tenant"], &[]);
        args.at_text = vec!["Sign: here".to_owned()];
        let value = from_options(&args).unwrap();
        assert_eq!(value["signers"][0]["placements"][0]["anchor"]["text"], "Sign: here");
    }

    #[test]
    fn files_take_the_place_of_the_documents() {
        let mut request = json!({ "documents": [{ "path": "old.pdf", "name": "Lease" }] });
        put_documents(&mut request, &["new.pdf".into()]).unwrap();
        assert_eq!(request["documents"][0], json!({ "path": "new.pdf", "name": "Lease" }));
        assert!(put_documents(&mut request, &["a.pdf".into(), "b.pdf".into()]).is_err());
    }
}
