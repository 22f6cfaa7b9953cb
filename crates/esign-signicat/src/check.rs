//! What capability data cannot say, checked before any network call.

use std::collections::HashSet;

use esign_core::{Delivery, Document, Finding, Order, Resolved, SignRequest};

use crate::config::{CreatedMail, SignicatConfig};
use crate::convert::{Layout, days_to_live, mail, methods, signing_order};
use crate::options::SignicatOptions;
use crate::order::NotificationType;
use crate::rules::faults;

/// Everything that is wrong, or worth knowing, about a request that passed all other checks.
pub(crate) fn check(resolved: &Resolved<'_>, config: &SignicatConfig) -> Vec<Finding> {
    let request = resolved.request;
    let options = match request.options.get::<SignicatOptions>() {
        Ok(options) => options.unwrap_or_default(),
        Err(error) => {
            let field = error.field_path().unwrap_or("options").to_owned();
            return vec![Finding::invalid("options", field, error.message())];
        }
    };
    let mut check = Check { request, config, options: &options, findings: Vec::new() };
    check.keys();
    check.signers();
    check.texts();
    check.url_notifications();
    check.return_address();
    if check.findings.is_empty() {
        check.whole_order();
        check.worth_knowing(resolved);
    }
    check.findings
}

struct Check<'a> {
    request: &'a SignRequest,
    config: &'a SignicatConfig,
    options: &'a SignicatOptions,
    findings: Vec<Finding>,
}

impl Check<'_> {
    /// Options for somebody or something that is not in the request would be dropped.
    fn keys(&mut self) {
        let signers: HashSet<_> = self.request.signers.iter().map(|signer| signer.key.as_str()).collect();
        let documents: HashSet<_> = self.request.documents.iter().map(Document::key).collect();
        let order = &self.options.order;
        let strangers = order.signers.keys().filter(|key| !signers.contains(key.as_str()));
        let unknown = order.documents.keys().filter(|key| !documents.contains(key.as_str()));
        for (what, key) in strangers.map(|key| ("signers", key)).chain(unknown.map(|key| ("documents", key)))
        {
            let message = "the request has nothing with this key";
            self.findings.push(Finding::invalid(
                "options",
                format!("options.signicat.{what}.{key}"),
                message,
            ));
        }
    }

    fn signers(&mut self) {
        for (i, signer) in self.request.signers.iter().enumerate() {
            let own = self.options.for_signer(&signer.key);
            let at = format!("signers[{i}]");
            let methods = methods(self.config, &own);
            if methods.is_empty() {
                let message =
                    "no signature method: Signicat configures them per customer, so none can be assumed";
                let line = "methods = [{ name = \"nbid-sign\", type = \"SIGNED_STATEMENT\" }]";
                self.findings.push(Finding::unsupported("signature_method", &at, message).allowed_by(line));
            }
            self.legal_classes(&at, &methods);
            if let Err(error) = days_to_live(self.request, self.config, &own) {
                self.findings.push(Finding::unsupported("expires_after", "expires_after", error.message()));
            }
            if self.request.expires_after.is_some() && own.days_to_live.is_some() {
                let message = "the request says for how long signing is possible; leave out one of the two";
                self.findings.push(Finding::invalid("options", "options.signicat.daysToLive", message));
            }
            let artifact = own.authentication.as_ref().is_some_and(|log_in| log_in.artifact == Some(true));
            if artifact && self.request.delivery != Delivery::InSessionRedirect {
                let message = "an artifact lives about 30 seconds: only in-session-redirect can use it";
                self.findings.push(Finding::invalid(
                    "options",
                    "options.signicat.authentication.artifact",
                    message,
                ));
            }
        }
    }

    /// Methods of the request's own must be among the configured ones to have a class.
    fn legal_classes(&mut self, at: &str, methods: &[crate::SignatureMethod]) {
        let wanted = &self.request.legal_classes;
        if wanted.is_empty() {
            return;
        }
        let class_of = |method: &crate::SignatureMethod| {
            let known = self.config.methods.iter().find(|setting| setting.method() == *method);
            known.and_then(|setting| setting.legal_class.as_ref())
        };
        if methods.iter().any(|method| class_of(method).is_none_or(|class| !wanted.contains(class))) {
            let message = "the legal class of one of the signature methods is not known, or not accepted";
            self.findings.push(
                Finding::unsupported("legal_class", format!("{at}.legal_classes"), message)
                    .allowed_by("legal_class in the method's entry in methods"),
            );
        }
    }

    fn texts(&mut self) {
        if !self.options.order.template {
            let messages = self
                .request
                .signers
                .iter()
                .enumerate()
                .map(|(i, signer)| (format!("signers[{i}].message"), signer.message.as_deref()));
            let all =
                std::iter::once(("message".to_owned(), self.request.message.as_deref())).chain(messages);
            for (field, _) in all.filter(|(_, text)| text.is_some_and(|text| text.contains("${"))) {
                let message = "${ begins a placeholder, which Signicat would replace: leave it out, or declare the messages \
                               templates with options.signicat.template = true";
                self.findings.push(Finding::invalid("message", field, message));
            }
        }
        if self.request.delivery != Delivery::ProviderEmail {
            return;
        }
        for (i, signer) in self.request.signers.iter().enumerate() {
            let own = self.options.for_signer(&signer.key);
            if mail(self.request, signer, self.config, &own).is_none() {
                let message = "the invitation needs a header and a message; Signicat has none of its own";
                let line = "email = { header = \"…\", message = \"… ${taskUrl}\" }";
                let finding = Finding::unsupported("email", format!("signers[{i}].message"), message);
                self.findings.push(finding.allowed_by(line));
            }
        }
    }

    fn url_notifications(&mut self) {
        if self.config.url_notifications_enabled {
            return;
        }
        let order = &self.options.order;
        let of_signers = order.signers.values().flat_map(|own| &own.notifications);
        let mut all = self.options.task.notifications.iter().chain(of_signers);
        let mut others = order.order_notifications.iter().chain(&order.packaging.notifications);
        let is_url = |notification: &crate::Notification| notification.kind == NotificationType::Url;
        if all.any(is_url) || others.any(is_url) {
            let message = "Signicat calls addresses only for customers who have asked it to";
            self.findings.push(
                Finding::unsupported("url_notifications", "options.signicat.notifications", message)
                    .allowed_by("url_notifications_enabled = true"),
            );
        }
    }

    fn return_address(&mut self) {
        let address = self.request.return_url.as_ref().map(url::Url::as_str).unwrap_or_default();
        if address.contains("${") {
            let message = "${ begins a placeholder: use options.signicat.onTaskComplete and its like for such addresses";
            self.findings.push(Finding::invalid("return_url", "return_url", message));
        }
    }

    /// The order as it would be sent, by the rules that Signicat would go by.
    fn whole_order(&mut self) {
        let layout = Layout::of(self.request, self.config, self.options);
        let references = vec!["session".to_owned(); self.request.documents.len()];
        match signing_order(self.request, &layout, self.config, self.options, &references) {
            Ok(order) => self.findings.extend(faults(&order).into_iter().map(|fault| {
                Finding::invalid(
                    "order",
                    fault.path.clone(),
                    format!("in the order for Signicat: {}", fault.message),
                )
            })),
            Err(error) => {
                let field = error.field_path().unwrap_or("options.signicat").to_owned();
                self.findings.push(Finding::invalid("order", field, error.message()));
            }
        }
    }

    fn worth_knowing(&mut self, resolved: &Resolved<'_>) {
        let several = self.request.signers.len() > 1;
        let queued = several && matches!(self.request.order, Some(Order::Sequential | Order::Groups));
        if queued && self.request.delivery == Delivery::ProviderEmail {
            let at_once = "signers who have to wait are invited at once, and can sign when it is their turn";
            let finding = match self.config.created_mail {
                CreatedMail::Waits => None,
                CreatedMail::AtOnce => Some(Finding::note("created_mail", "order", at_once)),
                CreatedMail::Unknown => {
                    let message = "whether signers who have to wait are invited at once is not documented; once you know, say \
                                   so with created_mail";
                    Some(Finding::warning("created_mail", "order", message))
                }
            };
            self.findings.extend(finding);
        }
        for (i, facts) in resolved.facts.iter().enumerate() {
            if facts.is_some_and(|facts| facts.signatures.iter().any(|field| field.signature.is_some())) {
                let message =
                    "the document is signed already; whether Signicat takes such documents is not documented";
                self.findings.push(Finding::warning(
                    "pdf.signed",
                    format!("documents[{i}].content"),
                    message,
                ));
            }
        }
    }
}
