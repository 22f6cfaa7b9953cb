//! The OpenAPI file of the API (a reconstruction, not Signicat's own): every order that is sent is held against it, with
//! the fields that it knows and no others.

use std::sync::LazyLock;

use jsonschema::Draft;
use serde_json::{Value, json};

static FILE: LazyLock<Value> = LazyLock::new(|| {
    // Beside the simulator, which keeps it: read, because it is no part of this crate.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../esign-sandbox/tests/signicat/openapi.yaml");
    let mut file: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for schema in file["components"]["schemas"].as_object_mut().unwrap().values_mut() {
        close(schema);
    }
    file
});

/// Refuses fields that the schema does not name.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("type") == Some(&json!("object")) && fields.contains_key("properties") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn faults(order: &Value) -> Vec<String> {
    let root = json!({ "allOf": [{ "$ref": "#/components/schemas/SigningOrder" }], "components": FILE["components"] });
    let validator = jsonschema::options().with_draft(Draft::Draft7).build(&root).unwrap();
    validator.iter_errors(order).map(|error| error.to_string()).collect()
}

pub(crate) fn check_order(order: &Value) {
    assert_eq!(faults(order), [""; 0], "{order}");
}

#[test]
fn the_file_refuses_what_it_does_not_know() {
    let document = json!({ "id": "d", "action": "SIGN", "source": "SESSION", "documentRef": "r" });
    let order = json!({ "tasks": [{ "id": "1", "documents": [document] }] });
    check_order(&order);
    let changed = |pointer: &str, name: &str, value: Value| {
        let mut order = order.clone();
        order.pointer_mut(pointer).unwrap()[name] = value;
        faults(&order).len()
    };
    assert_eq!(changed("", "daysToLive", json!(1)), 1, "a field of a task, not of an order");
    assert_eq!(changed("/tasks/0", "language", json!("no")), 1);
    assert_eq!(changed("/tasks/0/documents/0", "action", json!("sign")), 1);
    assert_eq!(changed("", "daysUntilDeletion", json!(31)), 1);
}
