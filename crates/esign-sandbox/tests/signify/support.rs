//! A sandbox on a virtual clock, a client, and documents.

use std::fmt::Write as _;

use esign_sandbox::signify::SignifySetup;
use esign_sandbox::{Sandbox, SandboxClock};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

pub(crate) const KEY: &str = "sandbox_key";

/// When the sample document of the guide was created.
pub(crate) const START: &str = "2023-11-19T07:21:14.065Z";

/// Two recipients, three signatures on pages 1 and 2.
pub(crate) const RECIPIENTS: &str = r#"[
    {"email":"a@agency.gov.sg","requiredSignatures":[
        {"page":1,"positionX":0.1,"positionY":0.2},{"page":2,"positionX":0.2,"positionY":0.3}],
     "customMessage":"Please sign on both pages."},
    {"email":"b@agency.gov.sg","requiredSignatures":[{"page":1,"positionX":0.5,"positionY":0.5}]}]"#;

/// One link, two signatures.
pub(crate) const BY_LINK: &str = r#"[{"requiredSignatures":[
    {"page":1,"positionX":0,"positionY":0},{"page":2,"positionX":0.2,"positionY":0.3}]}]"#;

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
}

/// A sandbox that accepts [`KEY`].
pub(crate) async fn world() -> World {
    world_with(|signify| signify).await
}

pub(crate) async fn world_with(set_up: impl FnOnce(SignifySetup) -> SignifySetup) -> World {
    let clock = SandboxClock::virtual_at(START.parse().unwrap());
    let signify = |signify: SignifySetup| set_up(signify.api_key(KEY));
    let sandbox = Sandbox::builder().clock(clock).signify(signify).start().await.unwrap();
    World { sandbox, http: client() }
}

#[allow(clippy::disallowed_methods, reason = "a client that shares nothing with the adapters")]
fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

impl World {
    pub(crate) fn url(&self, path: &str) -> String {
        self.sandbox.base_url().join(path).unwrap().to_string()
    }

    /// A call of the API with [`KEY`]; `path` follows `/public/`.
    pub(crate) fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(&format!("/public/{path}"))).bearer_auth(KEY)
    }

    pub(crate) async fn post(&self, form: Form) -> Response {
        self.api(Method::POST, "v2/documents").multipart(form).send().await.unwrap()
    }

    /// Creates a document and returns the answer's body.
    pub(crate) async fn create(&self, fields: &Fields) -> Value {
        let response = self.post(fields.form()).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    /// A document in email mode; returns its id.
    pub(crate) async fn email_document(&self) -> String {
        self.create(&Fields::email()).await["documentId"].to_string()
    }

    /// A document in link mode; returns its id and the signing link.
    pub(crate) async fn link_document(&self) -> (String, String) {
        let created = self.create(&Fields::link()).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&created["documentId"]), text(&created["signingLinks"][0]["signingLink"]))
    }

    pub(crate) async fn read(&self, id: &str) -> Value {
        let response = self.api(Method::GET, &format!("v2/documents/{id}")).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    pub(crate) async fn status_of(&self, method: Method, path: &str) -> u16 {
        self.api(method, path).send().await.unwrap().status().as_u16()
    }

    pub(crate) async fn advance(&self, by: &str) {
        let body = serde_json::json!({ "advance": by });
        let response = self.http.post(self.url("/_sandbox/clock")).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    }
}

/// The fields of a create, to be changed by a test.
#[derive(Clone)]
pub(crate) struct Fields {
    text: Vec<(&'static str, String)>,
    file: Option<Vec<u8>>,
}

impl Fields {
    /// All that email mode needs.
    pub(crate) fn email() -> Self {
        let text = vec![("documentName", "Testing API".to_owned()), ("recipients", RECIPIENTS.to_owned())];
        Self { text, file: Some(pdf(2)) }
    }

    /// All that link mode needs.
    pub(crate) fn link() -> Self {
        let text = vec![
            ("documentName", "Document 1".to_owned()),
            ("totalSignaturesByLink", BY_LINK.to_owned()),
            ("documentMode", "link".to_owned()),
        ];
        Self { text, file: Some(pdf(2)) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self = self.without(name);
        self.text.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.text.retain(|(existing, _)| *existing != name);
        self
    }

    pub(crate) fn file(mut self, file: impl Into<Option<Vec<u8>>>) -> Self {
        self.file = file.into();
        self
    }

    /// As a client of the guide sends it: the file last.
    pub(crate) fn form(&self) -> Form {
        let form = self.text.iter().fold(Form::new(), |form, (name, value)| form.text(*name, value.clone()));
        match &self.file {
            Some(file) => form.part("file", Part::bytes(file.clone()).file_name("contract.pdf")),
            None => form,
        }
    }
}

/// `count` signatures on page 1.
pub(crate) fn signatures(count: usize) -> String {
    let one = r#"{"page":1,"positionX":0.1,"positionY":0.2}"#;
    format!("[{}]", vec![one; count].join(","))
}

/// A PDF of `pages` A4 pages.
pub(crate) fn pdf(pages: usize) -> Vec<u8> {
    pdf_with(pages, "")
}

/// A PDF of `pages` A4 pages with more entries in its trailer.
pub(crate) fn pdf_with(pages: usize, trailer: &str) -> Vec<u8> {
    let kids: String = (0..pages).map(|page| format!("{} 0 R ", page + 3)).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!("<</Type/Pages/Count {pages}/Kids[{kids}]/MediaBox[0 0 595 842]>>"),
    ];
    objects.extend(vec!["<</Type/Page/Parent 2 0 R>>".to_owned(); pages]);
    let mut file = "%PDF-1.7\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        writeln!(table, "{:010} 00000 n ", file.len()).unwrap();
        write!(file, "{} 0 obj\n{object}\nendobj\n", index + 1).unwrap();
    }
    let (start, size) = (file.len(), objects.len() + 1);
    write!(file, "{table}trailer\n<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n")
        .unwrap();
    file.into_bytes()
}
