//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Parser, Subcommand};
use esign::KeyAlgorithm;
use esign::jiff::{SignedDuration, Timestamp};
use esign::pdf::verify::ExpectedSigner;

const AFTER: &str = "Exit status: 0 good; 1 not good (cannot, declined, invalid, not ready); 2 the command line, \
configuration or a file cannot be used; 3 nothing was sent: it was refused before; 4 the provider or the network failed; \
5 it may have had an effect: run `esign resolve`, after a cancel `esign status`; 6 it was sent, but a link is missing or a \
file could not be written where it belongs.

Start with `esign demo`: it needs no account and no network.";

/// Electronic signatures over any provider, from the command line.
#[derive(Debug, Parser)]
#[command(name = "esign", version, after_help = AFTER, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// Configuration file [default: $ESIGN_CONFIG, else esign.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON objects, one a line, with "version": 1
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show what happens inside, on standard error
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign a PDF through every provider, against an embedded sandbox
    Demo(Demo),
    /// Compare what the providers can do
    Providers(Providers),
    /// Check configuration, keys, credentials and clock
    Check(Check),
    /// Try at a staging service what no documentation says, and print the settings to write
    Probe(Probe),
    /// Say which configured provider could do a request, and why the others cannot
    Plan(Plan),
    /// Draw a request's pages with the boxes as a provider will place them
    Preview(Preview),
    /// Put a box on a page in your browser, and copy what the place is called
    Place(Place),
    /// Send PDFs for signature
    Send(Send),
    /// Find out what became of a request whose answer was lost
    Resolve(Resolve),
    /// Show how far a request has come
    Status(OneHandle),
    /// Wait until a request has ended
    Watch(Watch),
    /// Fetch the signed PDF, and check that it is the one that was sent
    Download(Download),
    /// Let the provider remind the signers whose turn it is
    Remind(OneHandle),
    /// Call a request back
    Cancel(OneHandle),
    /// Verify the signatures of a PDF
    Verify(Verify),
    /// Keep what proves a signing in one archive, or check such an archive, offline
    Evidence(Evidence),
    /// Show what a PDF is, as far as signing is concerned
    Inspect(Inspect),
    /// Show root certificates with their fingerprints, before they are trusted
    Roots(Roots),
    /// Make a signing key
    Keygen(Keygen),
    /// Print the public keys of an instance, as they are to be published
    Jwks(Jwks),
    /// Print a transaction as it is signed for Singpass (`txnInfo`), to look at it
    TxnInfo(TxnInfo),
    /// Run simulators of the providers on this machine
    Sandbox(Sandbox),
    /// Print a completion script for a shell
    Completions(Completions),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// PDF to sign [default: a sample agreement]
    pub(crate) file: Option<PathBuf>,
    /// Only this provider kind; may be repeated
    #[arg(long, value_name = "KIND")]
    pub(crate) provider: Vec<String>,
    /// Where the signed PDFs go
    #[arg(long, value_name = "DIR", default_value = "esign-demo")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Probe {
    /// The instance; never one of production
    pub(crate) instance: String,
    /// Also leave one request open, and print its signing link for you to look at
    #[arg(long)]
    pub(crate) look: bool,
    /// Also send more at once than the rate limit allows: others with these credentials may be refused for some seconds
    #[arg(long)]
    pub(crate) burst: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Providers {
    /// Only these kinds, or with --configured only these instances
    pub(crate) only: Vec<String>,
    /// Print instead what nobody could check about them, one a line
    #[arg(long, conflicts_with_all = ["markdown", "json"])]
    pub(crate) unverified: bool,
    /// Show the configured instances instead of every kind
    #[arg(long)]
    pub(crate) configured: bool,
    /// Print a Markdown table
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Only this instance
    pub(crate) instance: Option<String>,
}

/// A request, by file or by options.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("source").required(true).multiple(true).args(["files", "request"]))]
pub(crate) struct Request {
    /// PDFs to sign; with --request they take the place of the documents named there
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Request file, TOML or JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["delivery", "signer", "at", "at_text", "at_field", "order", "name", "message", "reference"])]
    pub(crate) request: Option<PathBuf>,
    /// How signers get to the page: provider-email, shareable-link, in-session-redirect
    #[arg(long, value_name = "WAY", required_unless_present = "request")]
    pub(crate) delivery: Option<String>,
    /// A signer: a name of your own, and an e-mail address if needed; may be repeated
    #[arg(long, value_name = "KEY[=EMAIL]", required_unless_present = "request")]
    pub(crate) signer: Vec<String>,
    /// Where to sign, e.g. 1,72,144,points,bottom-left,bottom-left; with several signers KEY:1,72,…
    #[arg(long, value_name = "[KEY:]PAGE,X,Y,UNIT,ORIGIN,CORNER", allow_hyphen_values = true)]
    pub(crate) at: Vec<String>,
    /// Sign where this text begins, which must be there once; with several signers KEY:TEXT
    #[arg(long, value_name = "[KEY:]TEXT")]
    pub(crate) at_text: Vec<String>,
    /// Sign at this form field, by its full name; with several signers KEY:NAME
    #[arg(long, value_name = "[KEY:]NAME")]
    pub(crate) at_field: Vec<String>,
    /// Order of several signers: parallel, sequential
    #[arg(long)]
    pub(crate) order: Option<String>,
    /// Document name that signers see [default: the file's name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Message to the signers
    #[arg(long)]
    pub(crate) message: Option<String>,
    /// Your own reference [default: a random one]
    #[arg(long)]
    pub(crate) reference: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) request: Request,
    /// Only this instance
    #[arg(long, value_name = "INSTANCE")]
    pub(crate) on: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Preview {
    /// PDFs that take the place of the documents named in the request
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Request file, TOML or JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) request: PathBuf,
    /// Instance of the configuration, or a provider kind if there is no configuration
    #[arg(long, value_name = "INSTANCE|KIND")]
    pub(crate) provider: String,
    /// Picture to write, PNG; an older one is replaced
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Which document, if there are several [default: the first]
    #[arg(long, value_name = "KEY")]
    pub(crate) document: Option<String>,
    /// Pixels per inch of the page
    #[arg(long, default_value_t = 96, value_parser = clap::value_parser!(u32).range(10..=600))]
    pub(crate) dpi: u32,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// PDF
    pub(crate) file: PathBuf,
    /// Port on this machine; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Send {
    #[command(flatten)]
    pub(crate) request: Request,
    /// Send through this instance [default: the active one]
    #[arg(long, value_name = "INSTANCE")]
    pub(crate) on: Option<String>,
    /// Write NAME.handle, NAME.record.json, … [default: the first document's name, here]
    #[arg(long, value_name = "NAME")]
    pub(crate) save: Option<PathBuf>,
    /// Print the signing links; without it they go to NAME.links
    #[arg(long)]
    pub(crate) print_links: bool,
    /// Go on with NAME.chain, where several signers sign one after the other: the same command, with this
    #[arg(long)]
    pub(crate) resume: bool,
    /// Send again what may have been sent, with the same command and this: if it was, two requests exist
    #[arg(long)]
    pub(crate) send_again: bool,
    /// While a page is open here, look this often whether it is signed, if the provider does not say otherwise
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) every: Option<SignedDuration>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Resolve {
    /// NAME.intent.json, as `esign send` wrote it
    pub(crate) intent: PathBuf,
    /// Take this one of several candidates, by its key
    #[arg(long, value_name = "KEY")]
    pub(crate) take: Option<String>,
    /// The address that the provider called, or that a signer's browser came back to: it may name the request
    #[arg(long, value_name = "URL")]
    pub(crate) call: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OneHandle {
    /// NAME.handle, as `esign send` wrote it; - for standard input
    #[arg(value_name = "HANDLE")]
    pub(crate) handle: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Watch {
    /// NAME.handle, as `esign send` wrote it; - for standard input
    #[arg(value_name = "HANDLE")]
    pub(crate) handle: PathBuf,
    /// Give up after this time, e.g. 10m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) at_most: Option<SignedDuration>,
    /// Look this often, if the provider does not say otherwise
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) every: Option<SignedDuration>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Download {
    /// NAME.handle, as `esign send` wrote it; - for standard input
    #[arg(value_name = "HANDLE")]
    pub(crate) handle: PathBuf,
    /// What to fetch: signed, partial, evidence, original, signed:DOCUMENT
    #[arg(default_value = "signed")]
    pub(crate) artifact: String,
    /// Where to write it [default: NAME.signed.pdf]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write over an existing file
    #[arg(long)]
    pub(crate) force: bool,
    /// Submission record to check it against [default: NAME.record.json]
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// Ask the certificate authorities about revocation where the file does not settle it; nothing else is sent to anybody
    #[arg(long)]
    pub(crate) fetch_revocation: bool,
}

/// Whom to believe, and whom to expect.
#[derive(Debug, clap::Args)]
pub(crate) struct Trust {
    /// Trusted root certificates, PEM; may be repeated. Without any, nobody is trusted [default: those of the
    /// configuration]
    #[arg(long, value_name = "PEM")]
    pub(crate) root: Vec<PathBuf>,
    /// Further roots, for timestamp authorities only; may be repeated [default: those of the configuration]
    #[arg(long, value_name = "PEM")]
    pub(crate) timestamp_root: Vec<PathBuf>,
    /// Take nobody's word: timestamps count only under a root, and revocation must be settled
    #[arg(long)]
    pub(crate) strict: bool,
    /// Somebody who must have signed, and the last four characters of the national id; may be repeated
    #[arg(long, value_name = "NAME[:567A]", value_parser = expected_signer)]
    pub(crate) expect_signer: Vec<ExpectedSigner>,
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    esign::duration::parse(text).map_err(|error| error.message().to_owned())
}

fn expected_signer(text: &str) -> Result<ExpectedSigner, String> {
    ExpectedSigner::parse(text).map_err(str::to_owned)
}

#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// Signed PDF
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// Ask the certificate authorities about revocation where the file does not settle it; nothing else is sent to anybody
    #[arg(long)]
    pub(crate) fetch_revocation: bool,
    /// Verify for this time, e.g. 2027-01-31T00:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
    /// Submission record: the PDF must also be the one that was sent
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Which document of the record it is, if there are several
    #[arg(long, value_name = "KEY", requires = "record")]
    pub(crate) document: Option<String>,
    /// Also write the file as it was when the last person signed it, without what was added later; OUT must be new
    #[arg(long, value_name = "OUT")]
    pub(crate) extract_signed: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("what").required(true).args(["name", "check"]))]
pub(crate) struct Evidence {
    /// Any of the request's files: NAME.record.json and NAME.signed.pdf are packed into NAME.evidence.zip
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<PathBuf>,
    /// Check this archive
    #[arg(long, value_name = "ZIP", conflicts_with_all = ["signed", "original", "provider_evidence", "callback", "record", "out"])]
    pub(crate) check: Option<PathBuf>,
    /// Signed PDF, of a document if there are several; may be repeated [default: NAME.signed.pdf]
    #[arg(long, value_name = "[KEY=]FILE")]
    pub(crate) signed: Vec<String>,
    /// A document as it was sent; may be repeated
    #[arg(long, value_name = "[KEY=]FILE")]
    pub(crate) original: Vec<String>,
    /// The provider's evidence, as `esign download … evidence` fetched it; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) provider_evidence: Vec<PathBuf>,
    /// A callback's body, with FILE.receipt.json beside it as `CallbackEvidence::receipt` makes it; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) callback: Vec<PathBuf>,
    /// With --check: the provider's published keys (JWKS), from its own site, to compare those of callbacks with
    #[arg(long, value_name = "JWKS")]
    pub(crate) callback_keys: Option<PathBuf>,
    /// Submission record [default: NAME.record.json]
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Where to write the archive; the file must be new [default: NAME.evidence.zip]
    #[arg(long, value_name = "ZIP")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// Verify for this time, e.g. 2027-01-31T00:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// PDF
    pub(crate) file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Roots {
    /// Certificates, PEM or DER, or signed PDFs, of which the certificates are shown that they bring along above signers and
    /// timestamp authorities [default: those of the configuration]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Only those whose SHA-256 begins with this, hexadecimal
    #[arg(long, value_name = "HEX", value_parser = fingerprint)]
    pub(crate) sha256: Option<String>,
    /// Save what is shown as PEM; the file must be new
    #[arg(long, value_name = "PEM")]
    pub(crate) save: Option<PathBuf>,
}

/// Lower-case digits; colons, as certificate viewers write them, are passed over.
fn fingerprint(text: &str) -> Result<String, String> {
    let digits = text.replace(':', "").to_ascii_lowercase();
    let well = digits.len() >= 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    well.then_some(digits).ok_or_else(|| "give at least 8 hexadecimal digits".to_owned())
}

#[derive(Debug, clap::Args)]
pub(crate) struct Keygen {
    /// ES256 (P-256) or ES384 (P-384)
    #[arg(long, value_name = "NAME", default_value = "ES256", value_parser = algorithm)]
    pub(crate) algorithm: KeyAlgorithm,
    /// What to call the key [default: its RFC 7638 thumbprint]
    #[arg(long, value_name = "ID")]
    pub(crate) key_id: Option<String>,
    /// Where the private key goes, as PKCS#8 PEM for you alone; the file must be new
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

fn algorithm(name: &str) -> Result<KeyAlgorithm, String> {
    [KeyAlgorithm::Es256, KeyAlgorithm::Es384]
        .into_iter()
        .find(|known| known.as_str() == name)
        .ok_or_else(|| "there are ES256 and ES384".to_owned())
}

#[derive(Debug, clap::Args)]
pub(crate) struct Jwks {
    /// Of this instance [default: the active one]
    pub(crate) instance: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TxnInfo {
    /// By this instance of kind singpass-txn [default: the active one]
    pub(crate) instance: Option<String>,
    /// Id of the transaction (`txn_id`), yours and unique: 1 to 64 letters, digits, `-`, `_` or `.`
    #[arg(long)]
    pub(crate) id: String,
    /// What the person reads and approves
    #[arg(long)]
    pub(crate) text: String,
    /// Singpass user id of the person who must approve: a UUID
    #[arg(long, value_name = "UUID")]
    pub(crate) subject: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Sandbox {
    /// Where to listen; port 0 takes any free one. Whoever reaches it can sign as anybody
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// API token that the simulated Documenso accepts; may be repeated
    #[arg(long, value_name = "TOKEN")]
    pub(crate) documenso_token: Vec<String>,
    /// API key that the simulated Signify accepts; may be repeated
    #[arg(long, value_name = "KEY", default_value = "sandbox_key")]
    pub(crate) signify_key: Vec<String>,
    /// Client that the simulated Signicat knows, by its id and secret; may be repeated
    #[arg(long, value_name = "ID:SECRET")]
    pub(crate) signicat_client: Vec<String>,
    /// Client that the simulated Sign with Singpass knows, by its id
    #[arg(long, value_name = "ID", requires = "singpass_jwks")]
    pub(crate) singpass_client: Option<String>,
    /// The client's public keys: an address, or a file with a JWK or a JWK set
    #[arg(long, value_name = "URL|FILE", requires = "singpass_client")]
    pub(crate) singpass_jwks: Option<String>,
    /// Where the client wants browsers back [default: the sandbox's own page]
    #[arg(long, value_name = "URL", requires = "singpass_client")]
    pub(crate) singpass_redirect: Option<String>,
    /// Where the client wants webhooks [default: the sandbox, which drops them]
    #[arg(long, value_name = "URL", requires = "singpass_client")]
    pub(crate) singpass_webhook: Option<String>,
    /// Client that the simulated transaction signing knows, by its id
    #[arg(long, value_name = "ID", requires_all = ["txn_jwks", "txn_redirect"])]
    pub(crate) txn_client: Option<String>,
    /// The client's public keys: an address, or a file with a JWK or a JWK set
    #[arg(long, value_name = "URL|FILE", requires = "txn_client")]
    pub(crate) txn_jwks: Option<String>,
    /// Where the client wants browsers back: what its page gives must be the same, letter for letter
    #[arg(long, value_name = "URL", requires = "txn_client")]
    pub(crate) txn_redirect: Option<String>,
    /// Origin of the client's pages; may be repeated [default: that of --txn-redirect]
    #[arg(long, value_name = "ORIGIN", requires = "txn_client")]
    pub(crate) txn_origin: Vec<String>,
    /// Address that clients use, where it differs (containers, proxies)
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Let signers be sent back to a program on this machine, which the real services refuse
    #[arg(long)]
    pub(crate) allow_loopback_redirect: bool,
    /// Write a configuration for it; the file must be new
    #[arg(long, value_name = "FILE")]
    pub(crate) write_config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// bash, elvish, fish, powershell, zsh
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_request_needs_a_file_a_way_and_a_signer_or_a_request_file() {
        let parses = |line: &str| Args::try_parse_from(line.split(' ')).is_ok();
        assert!(parses("esign plan --request r.toml"));
        assert!(parses("esign plan a.pdf --request r.toml"));
        assert!(parses("esign send a.pdf --delivery shareable-link --signer tenant"));
        assert!(!parses("esign plan"));
        assert!(!parses("esign plan a.pdf --signer tenant"), "nobody guesses how signers are reached");
        assert!(!parses("esign plan a.pdf --delivery shareable-link"));
        assert!(!parses("esign plan --request r.toml --message hello"));
    }
}
