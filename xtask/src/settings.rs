//! The settings of a provider as a table, from the documentation of its configuration type.

use syn::{Attribute, Expr, Fields, Item, ItemStruct, Lit, Meta};

/// A Markdown table of the public fields of this struct: key, whether it must be there, and what it says of itself.
///
/// # Errors
/// If the text is not Rust, or has no such struct.
pub fn table(source: &str, name: &str) -> Result<String, String> {
    let file = syn::parse_file(source).map_err(|e| e.to_string())?;
    let found = file.items.into_iter().find_map(|item| match item {
        Item::Struct(item) if item.ident == name => Some(item),
        _ => None,
    });
    let item = found.ok_or_else(|| format!("there is no struct {name}"))?;
    let mut table = "| key | needed | what |\n| --- | --- | --- |\n".to_owned();
    for (key, needed, what) in rows(&item)? {
        let needed = if needed { "yes" } else { "–" };
        table += &format!("| `{key}` | {needed} | {what} |\n");
    }
    Ok(table)
}

fn rows(item: &ItemStruct) -> Result<Vec<(String, bool, String)>, String> {
    let Fields::Named(fields) = &item.fields else {
        return Err(format!("{} has no named fields", item.ident));
    };
    let rows = fields.named.iter().filter_map(|field| {
        let key = field.ident.as_ref()?.to_string();
        let optional = has_default(&field.attrs) || is_option(&field.ty);
        Some((key, !optional, in_a_cell(&documentation(&field.attrs))))
    });
    Ok(rows.collect())
}

fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join(" ")
}

/// Links to items lead nowhere outside their crate's documentation: `[`X::y`]` becomes `y`.
fn in_a_cell(text: &str) -> String {
    let mut cell = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((link, behind)) = after.split_once("`]") else { break };
        cell += &format!("{before}`{}`", link.rsplit("::").next().unwrap_or(link));
        rest = behind;
    }
    (cell + rest).replace('|', "\\|")
}

fn has_default(attributes: &[Attribute]) -> bool {
    let serde = attributes.iter().filter(|attribute| attribute.path().is_ident("serde"));
    let mut found = false;
    for attribute in serde {
        // What is not a list of names and values has no default in it.
        let _ = attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("default");
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<Expr>()?;
            }
            Ok(())
        });
    }
    found
}

fn is_option(of: &syn::Type) -> bool {
    matches!(of, syn::Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "Option"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_field_says_what_the_type_says() {
        let source = r#"
            /// A configuration.
            pub struct Config {
                /// Where to send: [`Config::key`] too. Either
                /// this or | that.
                #[serde(default, deserialize_with = "address")]
                pub base_url: Option<Url>,
                /// The key.
                pub key: SecretRef,
                /// Whether. Default `true`.
                #[serde(default = "yes")]
                pub one: bool,
            }
        "#;
        let lines = [
            "| key | needed | what |",
            "| --- | --- | --- |",
            "| `base_url` | – | Where to send: `key` too. Either this or \\| that. |",
            "| `key` | yes | The key. |",
            "| `one` | – | Whether. Default `true`. |",
        ];
        assert_eq!(table(source, "Config").unwrap().lines().collect::<Vec<_>>(), lines);
        assert!(table(source, "Other").is_err());
    }
}
