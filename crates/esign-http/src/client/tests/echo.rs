//! A server that repeats our credentials shows them to nobody.

use esign_core::secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::*;

/// Neither long nor with a digit, so that nothing could tell it from a word.
const KEY: &str = "onlyletters";
const FORM_SECRET: &str = "pass/word \"with\" signs";

#[derive(Debug)]
struct Fixed;

#[async_trait]
impl Authorize for Fixed {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<()> {
        request.set_authorization(&format!("Bearer {KEY}"))
    }
}

/// Answers with all that it was sent, in every place that is read.
struct Echo(u16);

impl Respond for Echo {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let sent = request.headers["authorization"].to_str().unwrap();
        let body = String::from_utf8_lossy(&request.body);
        let words = format!("{sent} {FORM_SECRET} {body}");
        ResponseTemplate::new(self.0)
            .insert_header("x-request-id", sent)
            .set_body_json(json!({ "message": words, "code": sent, "traceId": KEY, "status": words }))
    }
}

#[tokio::test]
async fn our_own_secrets_are_replaced_wherever_a_server_repeats_them() {
    for status in [200, 400, 401, 404, 429, 500, 302] {
        let api = MockServer::start().await;
        Mock::given(any()).respond_with(Echo(status)).mount(&api).await;
        let builder = HttpClient::builder(api.uri().parse().unwrap(), Arc::new(jumping()));
        let client = builder.auth(Arc::new(Fixed)).build().unwrap();
        let call = client
            .post(client.url(["x"]).unwrap())
            .operation(Operation::Status)
            .form(&[("client_secret", FORM_SECRET)])
            .hiding(SecretString::from(FORM_SECRET));
        let shown = match call.send().await {
            Ok(answer) => format!("{} {:?}", answer.json::<Value>().unwrap(), answer.headers),
            Err(error) => format!("{error} {error:#?} {}", error.to_json()),
        };
        assert!(shown.contains("<secret>") || status == 302, "{status}: {shown}");
        let encoded: String = url::form_urlencoded::byte_serialize(FORM_SECRET.as_bytes()).collect();
        for secret in [KEY, FORM_SECRET, &encoded, r#"pass/word \"with\""#] {
            assert!(!shown.contains(secret), "{status}: {secret} in {shown}");
        }
    }
}
