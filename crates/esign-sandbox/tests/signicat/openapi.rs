//! The OpenAPI file (a reconstruction, not the provider's): what the tests send and what the sandbox answers is held
//! against it in every test, and it is held against itself here.

use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

static FILE: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("openapi.yaml")).expect("the file is YAML"));

/// A schema of the file by name, or an array of it.
fn validator(schema: &Value) -> Validator {
    let mut root = schema.clone();
    root["components"] = FILE["components"].clone();
    jsonschema::options().with_draft(Draft::Draft7).build(&root).unwrap()
}

fn named(name: &str) -> Value {
    // Beside a `$ref` nothing else counts in this draft.
    json!({ "allOf": [{ "$ref": format!("#/components/schemas/{name}") }] })
}

fn list_of(name: &str) -> Value {
    json!({ "type": "array", "items": { "$ref": format!("#/components/schemas/{name}") } })
}

fn check(schema: &Value, value: &Value, what: &str) {
    let errors: Vec<_> = validator(schema).iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{what}: {errors:?}\n{value}");
}

/// An order that is accepted follows the file; `null`, which it does not know, is the sandbox's leniency.
pub(crate) fn check_order(order: &Value) {
    if !order.to_string().contains(":null") {
        check(&named("SigningOrder"), order, "request");
    }
}

/// A JSON answer follows the file. `path` is that of the API.
pub(crate) fn check_answer(method: &str, path: &str, status: u16, body: &Value) {
    if body.is_null() {
        return;
    }
    let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
    let schema = match (status, method, &parts[..]) {
        (400, "POST", ["orders"]) => named("ConstraintProblem"),
        (400.., _, _) => named("Problem"),
        (_, "POST", ["documents"]) => named("UploadedDocument"),
        (_, _, ["orders"] | ["orders", _]) => named("CreatedSigningOrder"),
        (_, _, ["orders", _, "tasks", _, "status"]) => named("TaskStatusInfo"),
        (_, _, ["orders", _, "tasks", _, "events"]) => list_of("TaskEvent"),
        (_, _, ["orders", _, "tasks", _, "forwards"]) => list_of("TaskForwardDetails"),
        (_, _, ["orders", _, "packaging-tasks", _, "status"]) => named("PackagingTaskStatusInfo"),
        _ => panic!("no schema for {method} {path}"),
    };
    check(&schema, body, path);
}

#[test]
fn the_file_refuses_what_it_should() {
    let order = |change: fn(&mut Value)| {
        let mut order = crate::support::order("d");
        change(&mut order);
        order
    };
    let schema = validator(&named("SigningOrder"));
    assert!(schema.is_valid(&order(|_| ())));
    let refused: [fn(&mut Value); 4] = [
        |order| order["tasks"] = json!([]),
        |order| order["daysUntilDeletion"] = 31.into(),
        |order| order["tasks"][0]["language"] = "no".into(),
        |order| order["tasks"][0]["documents"][0]["action"] = "sign".into(),
    ];
    for change in refused {
        assert!(!schema.is_valid(&order(change)), "{}", order(change));
    }
}

#[test]
fn the_file_and_the_sandbox_have_the_same_operations() {
    let paths = FILE["paths"].as_object().unwrap();
    let count: usize = paths
        .values()
        .map(|path| path.as_object().unwrap().keys().filter(|key| *key != "parameters").count())
        .sum();
    assert_eq!((paths.len(), count), (13, 16));
}
