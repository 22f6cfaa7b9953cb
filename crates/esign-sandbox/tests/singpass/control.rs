//! The control API by JSON, for programs in other languages.

use std::net::SocketAddr;

use esign_sandbox::singpass::{Client, NotPossible, SingpassControl};
use esign_sandbox::{Sandbox, ServeOptions, StartError};
use reqwest::Method;
use serde_json::{Value, json};

use crate::rp::{CLIENT, Rp};
use crate::support::{World, object, other_person, pdf, person, read, world};

impl World {
    /// A call of the control API; `path` follows `/_sandbox/singpass`.
    async fn control(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.http.request(method, self.url(&format!("/_sandbox/singpass{path}")));
        if let Some(body) = body {
            request = request.json(&body);
        }
        read(request.send().await.unwrap()).await
    }

    async fn order(&self, path: &str, body: Option<Value>) -> (u16, Value) {
        self.control(Method::POST, path, body).await
    }
}

#[tokio::test]
async fn a_script_acts_as_the_signer_step_by_step() {
    let world = world().await;
    let request = world.initiate().await;
    let path = |step: &str| format!("/requests/{}/{step}", request.id);
    let me = json!({ "name": "A. Tester", "uin": "S1234567D" });
    assert_eq!(world.order(&path("proceed"), None).await.0, 409, "not open");
    assert_eq!(world.order(&path("open"), Some(me)).await.0, 204);
    assert_eq!(world.order(&path("approve"), None).await.0, 409, "not proceeded");
    assert_eq!(world.order(&path("proceed"), None).await.0, 204);
    assert_eq!(world.order(&path("reject"), None).await.0, 204);
    assert_eq!(world.order(&path("proceed"), None).await.0, 204);
    let (status, state) = world.control(Method::GET, &format!("/requests/{}", request.id), None).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&state["status"], &state["active"], &state["locked"]),
        (&json!("pending"), &json!(true), &json!(true))
    );
    assert_eq!(state["signing_url"], request.signing_url);
    let other = json!({ "name": "B", "uin": "T7654321Z" });
    assert_eq!(world.order(&path("open"), Some(other)).await.0, 403);
    let (status, back) = world.order(&path("approve"), None).await;
    assert_eq!(status, 200);
    assert!(back["redirect_url"].as_str().unwrap().ends_with("&status=success"));
    world.singpass().webhooks_done().await;
    let (_, webhooks) = world.control(Method::GET, "/webhooks", None).await;
    assert_eq!(webhooks[0]["outcome"], json!({ "answered": 200 }));
    assert_eq!(world.order(&path("webhook"), Some(json!({}))).await.0, 202);
    assert_eq!(world.order(&path("webhook"), Some(json!({ "forgery": "expired" }))).await.0, 202);
    assert_eq!(world.singpass().webhooks_done().await.len(), 3);
    let (_, state) = world.control(Method::GET, &format!("/requests/{}", request.id), None).await;
    assert_eq!((&state["status"], &state["active"]), (&json!("signed"), &json!(false)));

    let other = world.initiate().await;
    let me = json!({ "name": "A. Tester", "uin": "S1234567D" });
    let path = |step: &str| format!("/requests/{}/{step}", other.id);
    assert_eq!(world.order(&path("open"), Some(me.clone())).await.0, 204);
    let (_, back) = world.order(&path("leave"), None).await;
    assert!(back["redirect_url"].as_str().unwrap().ends_with("&status=cancelled"));
    assert_eq!(world.order(&path("expire"), None).await.0, 204);
    assert_eq!(world.order(&path("sign"), Some(me.clone())).await.0, 409);
    assert_eq!(world.order(&path("webhook"), Some(json!({}))).await.0, 409);
    for (step, body) in [("open", Some(me.clone())), ("sign", Some(me)), ("proceed", None), ("expire", None)]
    {
        let (status, body) = world.order(&format!("/requests/signv3-0/{step}"), body).await;
        assert_eq!(status, 404, "{step}");
        assert!(body["error"].as_str().unwrap().contains("signv3-0"));
    }
}

#[tokio::test]
async fn clients_register_while_the_sandbox_runs() {
    let world = world().await;
    world.singpass().unregister(CLIENT);
    let claims = json!({ "x": 0, "y": 0, "page": 1 });
    assert_eq!(world.try_initiate(claims.clone(), pdf()).await.0, 400);
    let address = world.rp.address;
    let mut client = json!({
        "client_id": CLIENT, "jwks_url": format!("http://{address}/jwks"),
        "redirect_url": "http://localhost:4000/redirect", "webhook_url": format!("http://{address}/webhook"),
    });
    assert_eq!(world.order("/clients", Some(client.clone())).await, (204, Value::Null));
    assert_eq!(world.try_initiate(claims.clone(), pdf()).await.0, 200);
    let (_, state) = world.control(Method::GET, "", None).await;
    assert_eq!(state["clients"], json!([client]));
    assert_eq!(state["requests"].as_array().unwrap().len(), 1);
    assert_eq!(world.control(Method::DELETE, &format!("/clients/{CLIENT}"), None).await.0, 204);
    assert_eq!(world.try_initiate(claims, pdf()).await.0, 400);
    client["webhook_url"] = json!("http://rp.example/webhook");
    let (status, body) = world.order("/clients", Some(client.clone())).await;
    assert_eq!(status, 422);
    assert!(body["error"].as_str().unwrap().contains("webhook_url must be https"), "{body}");
    let (status, _) =
        world.control(Method::PATCH, "/settings", Some(json!({ "allow_plain_http": true }))).await;
    assert_eq!(status, 200);
    assert_eq!(world.order("/clients", Some(client.clone())).await.0, 204);
    client["colour"] = json!("red");
    assert_eq!(world.order("/clients", Some(client)).await.0, 422);
}

#[tokio::test]
async fn switches_and_keys_change_by_json() {
    let world = world().await;
    let changes =
        json!({ "result_paths": "underscore", "redirect_status": { "always": "x" }, "signer_info": false });
    let (status, settings) = world.control(Method::PATCH, "/settings", Some(changes)).await;
    assert_eq!(status, 200);
    assert_eq!((&settings["result_paths"], &settings["payload"]), (&json!("underscore"), &json!("both")));
    for wrong in [json!({ "result_paths": "both ways" }), json!({ "colour": 1 })] {
        let (status, body) = world.control(Method::PATCH, "/settings", Some(wrong)).await;
        assert_eq!(status, 422);
        assert!(body["error"].as_str().unwrap().contains("not settings of Singpass"));
    }
    assert!(!world.singpass().settings().signer_info);
    assert_eq!(world.order("/keys", None).await, (201, json!({ "kid": "sign-sandbox-02" })));
    assert_eq!(world.control(Method::DELETE, "/keys", None).await.0, 204);
    assert_eq!(world.jwks().await.keys.len(), 1);
}

#[tokio::test]
async fn steps_are_refused_out_of_order() {
    let world = world().await;
    let request = world.initiate().await;
    let singpass: SingpassControl = world.singpass();
    let id = request.id.as_str();
    assert!(matches!(singpass.leave(id), Err(NotPossible::NotOpen)));
    assert!(matches!(singpass.reject(id), Err(NotPossible::NotOpen)));
    singpass.open(id, &person()).unwrap();
    assert!(matches!(singpass.reject(id), Err(NotPossible::OutOfOrder)));
    assert!(matches!(singpass.approve(id).await, Err(NotPossible::OutOfOrder)));
    assert!(matches!(singpass.open(id, &other_person()), Err(NotPossible::WrongPerson { .. })));
    assert!(matches!(singpass.replace_pdf(id, &b"x"[..]), Err(NotPossible::NotSigned)));
    singpass.proceed(id).unwrap();
    singpass.approve(id).await.unwrap();
    assert!(matches!(singpass.approve(id).await, Err(NotPossible::OutOfOrder | NotPossible::Dead)));
    assert!(matches!(singpass.open(id, &person()), Err(NotPossible::Dead)));
    // A document that was tampered with on the way.
    singpass.replace_pdf(id, &b"something else"[..]).unwrap();
    let (_, result) = world.result(&request).await;
    assert_eq!(world.download(result["signed_doc_url"].as_str().unwrap()).await.1, b"something else");
}

#[tokio::test]
async fn the_program_serves_the_clients_it_is_started_with() {
    let rp = Rp::start().await;
    let mut options = ServeOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    options.singpass_clients = vec![rp.client()];
    let mut clients = Vec::new();
    let ready = |sandbox: &Sandbox| clients = sandbox.singpass().clients();
    esign_sandbox::serve(options, ready, async {}).await.unwrap();
    assert_eq!(clients, [rp.client()]);
    let bad: Client =
        "client_id=a jwks_url=http://x redirect_url=https://b webhook_url=https://c".parse().unwrap();
    let refused = Sandbox::builder().singpass(|s| s.client(bad)).start().await.unwrap_err();
    assert!(
        matches!(&refused, StartError::SingpassClient { client_id, .. } if client_id == "a"),
        "{refused}"
    );
}

#[tokio::test]
async fn nothing_secret_or_personal_is_in_debug_output() {
    let world = world().await;
    let request = world.signed().await;
    let state = world.singpass().request(&request.id).unwrap();
    let client = world.rp.client();
    let all = format!(
        "{:?} {:?} {:#?} {:?} {:?} {:?}",
        state,
        client,
        client.keys,
        person(),
        world.singpass(),
        world.sandbox
    );
    let token = request.signing_url.split("token=").nth(1).unwrap().split('&').next().unwrap();
    for secret in [token, "S1234567D", "case=7", &request.exchange_code] {
        assert!(!all.contains(secret), "{secret} is in {all}");
    }
    assert!(!object(serde_json::to_value(&state).unwrap()).contains_key("exchange_code"));
}
