//! Whose types `esign-core` shows: only those of dependencies that its interface was meant to be tied to.
//!
//! Rust's own check of public dependencies is not stable, so this one reads the sources: signatures, public fields, trait
//! bounds and re-exports, never bodies. It knows names by their `use` lines, which is as much as is needed here.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::Visit;
use syn::{Attribute, ImplItem, Item, UseTree, Visibility};

use crate::graph::CORE_PRIVATE;
use crate::{File, Repository};

/// Public items of `esign-core` that name a dependency which is not public.
pub fn check(repository: &Repository) -> Vec<String> {
    let sources = repository.ending(".rs").filter(|f| f.path.starts_with("crates/esign-core/src/"));
    judge(&sources.collect::<Vec<_>>(), CORE_PRIVATE)
}

fn judge(sources: &[&File], private: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut parsed = Vec::new();
    for source in sources {
        match syn::parse_file(&source.text) {
            Ok(file) => parsed.push((source.path.as_str(), file.items)),
            Err(e) => findings.push(format!("{} is not Rust: {e}", source.path)),
        }
    }
    let public: BTreeSet<_> = parsed.iter().flat_map(|(_, items)| public_types(items)).collect();
    for (path, items) in &parsed {
        let mut search = Search { private, imports: imports(items), public: &public, found: BTreeSet::new() };
        items.iter().for_each(|item| search.item(item));
        findings.extend(search.found.iter().map(|name| {
            format!("{path} shows a type of {name} in its interface: hide it, or add {name} to CORE_PUBLIC with a record")
        }));
    }
    findings
}

/// Collects the private dependencies that signatures name.
struct Search<'a> {
    private: &'a [&'a str],
    /// Name in this file → crate it was imported from.
    imports: BTreeMap<String, String>,
    public: &'a BTreeSet<String>,
    found: BTreeSet<String>,
}

impl Search<'_> {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Fn(f) if is_public(&f.vis) => self.visit_signature(&f.sig),
            Item::Struct(s) if is_public(&s.vis) => {
                self.visit_generics(&s.generics);
                s.fields.iter().filter(|f| is_public(&f.vis)).for_each(|f| self.visit_type(&f.ty));
            }
            Item::Enum(e) if is_public(&e.vis) => {
                self.visit_generics(&e.generics);
                e.variants.iter().flat_map(|v| &v.fields).for_each(|f| self.visit_type(&f.ty));
            }
            Item::Trait(t) if is_public(&t.vis) => self.visit_item_trait(t),
            Item::Type(t) if is_public(&t.vis) => self.visit_item_type(t),
            Item::Const(c) if is_public(&c.vis) => self.visit_type(&c.ty),
            Item::Static(s) if is_public(&s.vis) => self.visit_type(&s.ty),
            Item::Use(u) if is_public(&u.vis) => roots(&u.tree).iter().for_each(|(_, root)| self.name(root)),
            Item::Mod(m) if !is_test(&m.attrs) => {
                m.content.iter().flat_map(|(_, items)| items).for_each(|item| self.item(item));
            }
            Item::Impl(i) => self.implementation(i),
            _ => {}
        }
    }

    fn implementation(&mut self, i: &syn::ItemImpl) {
        if !matches!(&*i.self_ty, syn::Type::Path(p) if last(&p.path).is_some_and(|name| self.public.contains(&name)))
        {
            return;
        }
        if let Some((path, _)) = &i.trait_ {
            self.visit_path(path);
            for item in &i.items {
                if let ImplItem::Type(t) = item {
                    self.visit_type(&t.ty);
                }
            }
            return;
        }
        for item in &i.items {
            match item {
                ImplItem::Fn(f) if is_public(&f.vis) => self.visit_signature(&f.sig),
                ImplItem::Const(c) if is_public(&c.vis) => self.visit_type(&c.ty),
                _ => {}
            }
        }
    }

    fn name(&mut self, root: &str) {
        let krate = self.imports.get(root).map_or(root, String::as_str);
        let private = self.private.iter().find(|name| name.replace('-', "_") == krate);
        self.found.extend(private.map(|name| (*name).to_owned()));
    }
}

impl<'ast> Visit<'ast> for Search<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if let Some(first) = path.segments.first() {
            self.name(&first.ident.to_string());
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {} // a derive or a span macro is not part of the interface

    fn visit_block(&mut self, _: &'ast syn::Block) {} // nor is a default body
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .any(|a| a.path().is_ident("cfg") && a.parse_args::<syn::Path>().is_ok_and(|p| p.is_ident("test")))
}

fn last(path: &syn::Path) -> Option<String> {
    path.segments.last().map(|segment| segment.ident.to_string())
}

fn public_types(items: &[Item]) -> Vec<String> {
    let named = items.iter().filter_map(|item| match item {
        Item::Struct(s) => Some((&s.vis, &s.ident)),
        Item::Enum(e) => Some((&e.vis, &e.ident)),
        _ => None,
    });
    named.filter(|(visibility, _)| is_public(visibility)).map(|(_, name)| name.to_string()).collect()
}

fn imports(items: &[Item]) -> BTreeMap<String, String> {
    let uses = items.iter().filter_map(|item| if let Item::Use(u) = item { Some(&u.tree) } else { None });
    uses.flat_map(roots).collect()
}

/// Every name that a `use` brings in, with the first segment of its path.
fn roots(tree: &UseTree) -> Vec<(String, String)> {
    fn walk(tree: &UseTree, root: Option<&str>, names: &mut Vec<(String, String)>) {
        let mut add = |name: &syn::Ident, ident: &syn::Ident| {
            let root = root.map_or_else(|| ident.to_string(), str::to_owned);
            names.push((name.to_string(), root));
        };
        match tree {
            UseTree::Name(n) => add(&n.ident, &n.ident),
            UseTree::Rename(r) => add(&r.rename, &r.ident),
            UseTree::Path(p) => walk(&p.tree, Some(root.unwrap_or(&p.ident.to_string())), names),
            UseTree::Group(g) => g.items.iter().for_each(|tree| walk(tree, root, names)),
            UseTree::Glob(_) => names.extend(root.map(|root| (format!("{root}::*"), root.to_owned()))),
        }
    }
    let mut names = Vec::new();
    walk(tree, None, &mut names);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_others_can_see_counts() {
        let cases = [
            ("pub fn f(x: tokio::sync::Mutex<()>) {}", true),
            ("use tokio::sync::Mutex;\npub struct S { pub m: Mutex<()> }", true),
            ("use tokio::sync::Mutex as M;\npub enum E { A(Vec<M<()>>) }", true),
            ("pub trait T: tokio::X { fn f(&self) -> u8; }", true),
            ("pub trait T { fn f(&self) -> Option<tokio::X>; }", true),
            ("pub struct S;\nimpl tokio::X for S {}", true),
            ("pub struct S;\nimpl S { pub fn f(&self) -> tokio::X { todo() } }", true),
            ("pub struct S;\nimpl Deref for S { type Target = tokio::X; }", true),
            ("pub use tokio;", true),
            ("pub use tokio::sync::{self, Mutex};", true),
            ("pub type A = tokio::X;", true),
            ("use tokio::sync::Mutex;\npub struct S { m: Mutex<()> }", false),
            ("pub(crate) fn f(x: tokio::X) {}", false),
            ("pub fn f() { tokio::spawn(g()) }", false),
            ("pub trait T { fn f(&self) { tokio::g() } }", false),
            ("struct S;\nimpl tokio::X for S {}", false),
            ("pub struct S;\nimpl S { fn f(&self) -> tokio::X { g() } }", false),
            ("#[cfg(test)]\nmod tests { pub fn f(x: tokio::X) {} }", false),
            ("mod tokio_like {}\npub fn f(x: crate::tokio::X) {}", false),
            ("fn", true),
        ];
        for (text, found) in cases {
            let file = File { path: "lib.rs".to_owned(), text: text.to_owned() };
            let findings = judge(&[&file], &["tokio"]);
            assert_eq!(findings.len(), usize::from(found), "{text}: {findings:?}");
        }
    }
}
