//! The page's part: a snippet of HTML that loads Singpass's script and starts signing (spec 2.2, 3.1, 3.2, 4.2).

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esign_core::{Error, Personal, Result};
use sha2::{Digest, Sha256};
use url::Url;

/// The snippet's own script: the same for every page.
const SCRIPT: &str = include_str!("script.js");
/// Where everything of Singpass's is loaded from (spec 2.2).
const SINGPASS: &str = "https://*.singpass.gov.sg";

/// The part of a page on which a person approves a transaction. `Debug` shows no text.
///
/// ```
/// # fn main() -> esign_core::Result<()> {
/// let script = "https://static.staging.sign.singpass.gov.sg/static/ndi_txn_sign.js".parse().unwrap();
/// let page = esign_txn::Page::new(script, "my-client", "https://shop.example/approved", "/transactions/7/supply")?
///     .text("Transfer SGD 10.00 to account ****5678");
/// let html = format!("<!doctype html><title>Approve</title><main>{}</main>", page.html());
/// let header = ("content-security-policy", page.content_security_policy());
/// # let _ = (html, header); Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Page {
    script_url: Url,
    client_id: String,
    redirect_uri: String,
    supplier: String,
    element_id: String,
    text: Option<Personal>,
    download_link: bool,
    app_launch_url: Option<Url>,
}

impl Page {
    /// A page that loads Singpass's script from `script_url` and gets what it needs for each session by a POST to `supplier`, a
    /// path on its own origin: answer it with [`Supplied::to_json`](crate::Supplied::to_json).
    ///
    /// `client_id` and `redirect_uri` are those registered with Singpass, letter for letter.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](esign_core::ErrorKind::InvalidRequest) if `script_url` is not http or https, or
    /// `supplier` is not a path.
    pub fn new(
        script_url: Url,
        client_id: impl Into<String>,
        redirect_uri: impl Into<String>,
        supplier: impl Into<String>,
    ) -> Result<Self> {
        if !matches!(script_url.scheme(), "http" | "https") {
            return Err(Error::invalid("script_url", "begins with https://"));
        }
        let supplier = supplier.into();
        // With a backslash browsers read it as another host too.
        if !supplier.starts_with('/') || supplier.starts_with("//") || supplier.contains('\\') {
            let message =
                "is a path on the page's own origin, such as /supply: the person's session must come with it";
            return Err(Error::invalid("supplier", message));
        }
        Ok(Self {
            script_url,
            client_id: client_id.into(),
            redirect_uri: redirect_uri.into(),
            supplier,
            element_id: "singpass-transaction".to_owned(),
            text: None,
            download_link: false,
            app_launch_url: None,
        })
    }

    /// The id of the element that Singpass draws on. Default `singpass-transaction`; several snippets on one page need different
    /// ones.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](esign_core::ErrorKind::InvalidRequest) unless it is a letter, and then letters, digits,
    /// `-` and `_`.
    pub fn element_id(mut self, id: impl Into<String>) -> Result<Self> {
        self.element_id = id.into();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if !self.element_id.starts_with(|c: char| c.is_ascii_alphabetic())
            || !self.element_id.bytes().all(allowed)
        {
            return Err(Error::invalid("element_id", "a letter, and then letters, digits, '-' and '_'"));
        }
        Ok(self)
    }

    /// Shows the transaction's text above the QR code too.
    #[must_use]
    pub fn text(mut self, text: impl Into<Personal>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Draws a link below the QR code that leads to the Singpass app (`renderDownloadLink`). What is drawn is then 298 x 416
    /// instead of 298 x 367 pixels.
    #[must_use]
    pub fn download_link(mut self) -> Self {
        self.download_link = true;
        self
    }

    /// Lets the Singpass app lead back to this app, by its registered App Link (`appLaunchUrl`). For pages inside a mobile app
    /// only, and not for a website, also not in a mobile browser: whoever uses it must be able to show the page without it too.
    #[must_use]
    pub fn app_launch_url(mut self, url: Url) -> Self {
        self.app_launch_url = Some(url);
        self
    }

    /// The snippet, to be put into the body of a page that the server sends. Every value in it is escaped.
    ///
    /// It says what happens in a line below the QR code and dispatches it as an event, `esign-txn`, that bubbles and whose
    /// `detail` is `{result}` (`SUCCESSFUL`, `FAILED`, `NO_OP`; `SUPPLIER_FAILED`, `NO_SCRIPT` and `SCRIPT_FAILED` are ours) or
    /// `{errorId, message}`, as Singpass gave them to `onError`.
    #[must_use]
    pub fn html(&self) -> String {
        let mut html = String::from("<section class=\"esign-txn\"");
        let mut attribute = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = write!(html, " {name}=\"{}\"", escape(value));
        };
        attribute("data-client-id", &self.client_id);
        attribute("data-redirect-uri", &self.redirect_uri);
        attribute("data-supplier", &self.supplier);
        attribute("data-element", &self.element_id);
        if self.download_link {
            attribute("data-download-link", "");
        }
        if let Some(url) = &self.app_launch_url {
            attribute("data-app-launch-url", url.as_str());
        }
        html.push_str(">\n");
        if let Some(text) = &self.text {
            let _ = writeln!(html, "<p>{}</p>", escape(text.expose()));
        }
        let _ = write!(
            html,
            "<div id=\"{}\"></div>\n<p role=\"status\"></p>\n<button type=\"button\" disabled>Cancel</button>\n\
             <script src=\"{}\"></script>\n<script>{SCRIPT}</script>\n</section>\n",
            escape(&self.element_id),
            escape(self.script_url.as_str()),
        );
        html
    }

    /// The value of the page's `Content-Security-Policy` header: what Singpass documents, this snippet's script by its hash,
    /// and the page's own origin but for scripts. Add what the rest of the page needs.
    #[must_use]
    pub fn content_security_policy(&self) -> String {
        let own = self.script_url.origin().ascii_serialization();
        let is_singpass = self.script_url.scheme() == "https"
            && self.script_url.host_str().is_some_and(|host| host.ends_with(".singpass.gov.sg"));
        // A simulator's script loads what it needs from the simulator.
        let from = if is_singpass { SINGPASS.to_owned() } else { format!("{SINGPASS} {own}") };
        let hash = STANDARD.encode(Sha256::digest(SCRIPT));
        format!(
            "default-src 'self'; script-src {from} 'sha256-{hash}'; connect-src 'self' {from}; style-src 'self' {from}; \
             img-src 'self' {from} data:; font-src 'self' https://fonts.gstatic.com; object-src 'none'; base-uri 'none'; \
             frame-ancestors 'none'"
        )
    }
}

/// For text and for attributes in double quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STAGING: &str = "https://static.staging.sign.singpass.gov.sg/static/ndi_txn_sign.js";

    fn page() -> Page {
        Page::new(STAGING.parse().unwrap(), "client-1", "https://rp.example/back", "/supply").unwrap()
    }

    /// Without the script, which is a file of its own.
    fn frame(page: &Page) -> String {
        page.html().replace(SCRIPT, "…")
    }

    #[test]
    fn the_least_snippet_and_the_fullest() {
        insta::assert_snapshot!(frame(&page()), @r#"
        <section class="esign-txn" data-client-id="client-1" data-redirect-uri="https://rp.example/back" data-supplier="/supply" data-element="singpass-transaction">
        <div id="singpass-transaction"></div>
        <p role="status"></p>
        <button type="button" disabled>Cancel</button>
        <script src="https://static.staging.sign.singpass.gov.sg/static/ndi_txn_sign.js"></script>
        <script>…</script>
        </section>
        "#);
        let full = page().element_id("qr").unwrap().text("Pay <10> & \"more\"").download_link();
        let full = full.app_launch_url("https://app.example/link?a=1&b=2".parse().unwrap());
        insta::assert_snapshot!(frame(&full), @r#"
        <section class="esign-txn" data-client-id="client-1" data-redirect-uri="https://rp.example/back" data-supplier="/supply" data-element="qr" data-download-link="" data-app-launch-url="https://app.example/link?a=1&amp;b=2">
        <p>Pay &lt;10&gt; &amp; &quot;more&quot;</p>
        <div id="qr"></div>
        <p role="status"></p>
        <button type="button" disabled>Cancel</button>
        <script src="https://static.staging.sign.singpass.gov.sg/static/ndi_txn_sign.js"></script>
        <script>…</script>
        </section>
        "#);
    }

    #[test]
    fn the_policy_is_the_documented_one_with_the_hash_of_the_very_script() {
        let html = page().html();
        let (_, rest) = html.split_once("<script>").unwrap();
        let (script, _) = rest.split_once("</script>").unwrap();
        assert_eq!(script, SCRIPT);
        let hash = format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)));
        let policy = page().content_security_policy();
        insta::assert_snapshot!(policy.replace(&hash, "HASH"), @"default-src 'self'; script-src https://*.singpass.gov.sg HASH; connect-src 'self' https://*.singpass.gov.sg; style-src 'self' https://*.singpass.gov.sg; img-src 'self' https://*.singpass.gov.sg data:; font-src 'self' https://fonts.gstatic.com; object-src 'none'; base-uri 'none'; frame-ancestors 'none'");

        let local =
            Page::new("http://127.0.0.1:8080/ndi_txn_sign.js?a=1".parse().unwrap(), "c", "r", "/s").unwrap();
        let policy = local.content_security_policy();
        assert!(
            policy.contains("script-src https://*.singpass.gov.sg http://127.0.0.1:8080 'sha256-"),
            "{policy}"
        );
        for near in ["https://evil-singpass.gov.sg/x.js", "https://x.singpass.gov.sg.example/x.js"] {
            let page = Page::new(near.parse().unwrap(), "c", "r", "/s").unwrap();
            assert!(page.content_security_policy().contains("https://*.singpass.gov.sg https://"), "{near}");
        }
    }

    #[test]
    fn what_is_no_path_or_no_id_is_refused() {
        for supplier in
            ["", "supply", "//evil.example/supply", "/\\evil.example", "https://rp.example/s", "javascript:x"]
        {
            assert!(Page::new(STAGING.parse().unwrap(), "c", "r", supplier).is_err(), "{supplier}");
        }
        for id in ["", "1a", "a b", "a\"", "ä", "-a"] {
            assert!(page().element_id(id).is_err(), "{id}");
        }
        assert!(Page::new("data:text/javascript,x".parse().unwrap(), "c", "r", "/s").is_err());
        assert!(!format!("{:?}", page().text("marker")).contains("marker"));
    }

    #[test]
    fn the_script_explains_every_documented_word() {
        for word in [
            "SUCCESSFUL",
            "FAILED",
            "NO_OP",
            "invalid_request",
            "status_subscription_fail",
            "sign_session_expired",
            "service_unavailable",
            "txn_signing_fail",
            "txn_signing_cancelled",
        ] {
            assert!(SCRIPT.contains(&format!("    {word}: \"")), "{word}");
        }
        assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("</"));
    }

    proptest! {
        /// Whatever stands in a value, the tags and attributes are those of the frame.
        #[test]
        fn no_value_becomes_markup(value in "[<>\"'&/a-z =\\u{2028}😀\n]{0,60}") {
            let page = Page::new(STAGING.parse().unwrap(), &value, &value, format!("/s{value}")).unwrap().text(value.clone());
            let html = frame(&page);
            prop_assert_eq!(html.matches('<').count(), 14);
            prop_assert_eq!(html.matches('"').count(), 18);
            let shown = html.split_once("<p>").unwrap().1.split_once("</p>").unwrap().0;
            let back = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
            prop_assert_eq!(back, value);
        }
    }
}
