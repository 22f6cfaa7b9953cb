//! The script as it is served, and the picture that it shows. What it does is seen in a browser (`xtask/tests/browser`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::world;

#[tokio::test]
async fn script_and_style_are_there_for_pages_of_any_origin() {
    let world = world().await;
    for (path, kind) in [
        ("/static/ndi_txn_sign.js", "text/javascript; charset=utf-8"),
        ("/static/ndi_txn_sign.css", "text/css; charset=utf-8"),
    ] {
        let answer = world.http.get(world.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], kind);
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    }
    let script = async || {
        world.http.get(world.url("/static/ndi_txn_sign.js")).send().await.unwrap().text().await.unwrap()
    };
    let text = script().await;
    let base = world.sandbox.base_url().as_str().trim_end_matches('/');
    assert!(text.contains(&format!("({{\"base\":\"{base}\",\"unsupported\":false}});")), "{text}");
    assert!(!text.contains("SETTINGS"));
    world.txn().change(|settings| settings.unsupported_browser = true);
    assert!(script().await.contains("\"unsupported\":true"));
    assert_eq!(world.sandbox.call_count("txn.script"), 2 + 1);
}

#[tokio::test]
async fn the_qr_code_is_a_picture_that_pages_may_show() {
    let world = world().await;
    let (_, opened) = world.try_open(&world.params(json!({}))).await;
    let picture = opened["qr_code"].as_str().unwrap().strip_prefix("data:image/svg+xml;base64,").unwrap();
    let picture = String::from_utf8(STANDARD.decode(picture).unwrap()).unwrap();
    assert!(picture.contains("<svg") && !picture.contains("<script"), "{picture}");
}
