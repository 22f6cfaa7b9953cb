//! Secrets from the environment and from files.

use std::path::Path;

use async_trait::async_trait;
use esign_core::secrecy::SecretString;
use esign_core::{Error, ErrorKind, Result, SecretRef, SecretSource};

/// The largest secret file that is read: keys and tokens are a few kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// Reads `{ env = "NAME" }` and `{ file = "/path" }`; a final line break is not part of the secret.
///
/// A file that everybody on the machine may read is used with a warning (`tracing`). For `{ external = "name" }` write a
/// [`SecretSource`] of your own that asks this one for the rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvAndFileSecrets;

#[async_trait]
impl SecretSource for EnvAndFileSecrets {
    async fn secret(&self, reference: &SecretRef) -> Result<SecretString> {
        match reference {
            SecretRef::Env(name) => match std::env::var(name) {
                Ok(value) => Ok(without_line_end(value)),
                Err(std::env::VarError::NotPresent) => Err(error(reference, "is not set")),
                Err(std::env::VarError::NotUnicode(_)) => Err(error(reference, "is not UTF-8 text")),
            },
            SecretRef::File(path) => read(reference, path).await,
            SecretRef::External(_) => Err(error(
                reference,
                "is the application's own, but this application gives none: use { env = \"…\" } or { file = \"…\" }",
            )),
        }
    }
}

async fn read(reference: &SecretRef, path: &Path) -> Result<SecretString> {
    let cannot = |e: std::io::Error| error(reference, &format!("cannot be read: {e}"));
    let metadata = tokio::fs::metadata(path).await.map_err(cannot)?;
    if metadata.len() > MAX_BYTES {
        return Err(error(reference, "is larger than 1 MiB: that is no key and no token"));
    }
    if readable_by_all(&metadata) {
        tracing::warn!(file = %esign_core::redact::printable(&path.to_string_lossy()), "everybody on this machine may read this secret: run chmod 600");
    }
    // Not as a string at once: that error would have the bytes in its Debug.
    let bytes = tokio::fs::read(path).await.map_err(cannot)?;
    let text = String::from_utf8(bytes).map_err(|_| error(reference, "is not UTF-8 text"))?;
    Ok(without_line_end(text))
}

#[cfg(unix)]
fn readable_by_all(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn readable_by_all(_: &std::fs::Metadata) -> bool {
    false
}

/// Nor is a byte order mark, which some editors write, part of a secret.
fn without_line_end(mut text: String) -> SecretString {
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    SecretString::from(text)
}

fn error(reference: &SecretRef, what: &str) -> Error {
    Error::new(ErrorKind::Secret, format!("{reference} {what}"))
}

#[cfg(test)]
mod tests {
    use esign_core::secrecy::ExposeSecret;

    use super::*;

    #[tokio::test]
    async fn a_file_is_read_without_its_final_line_break() {
        let folder = tempfile::tempdir().unwrap();
        for (content, secret) in [
            ("key", "key"),
            ("key\n", "key"),
            ("key\r\n", "key"),
            ("\u{feff}key\n", "key"),
            ("two\nlines\n\n", "two\nlines\n"),
        ] {
            let path = folder.path().join("secret");
            std::fs::write(&path, content).unwrap();
            let read = EnvAndFileSecrets.secret(&SecretRef::File(path)).await.unwrap();
            assert_eq!(read.expose_secret(), secret, "{content:?}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_named_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (binary, huge) = (folder.path().join("binary"), folder.path().join("huge"));
        std::fs::write(&binary, b"marker\xff").unwrap();
        std::fs::write(&huge, vec![b'x'; 2 << 20]).unwrap();
        for (reference, words) in [
            (SecretRef::Env("ESIGN_TEST_UNSET".into()), "ESIGN_TEST_UNSET is not set"),
            (SecretRef::File(folder.path().join("none")), "cannot be read"),
            (SecretRef::File(binary), "is not UTF-8 text"),
            (SecretRef::File(huge), "larger than 1 MiB"),
            (SecretRef::External("vault".into()), "external secret vault is the application's own"),
        ] {
            let error = EnvAndFileSecrets.secret(&reference).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Secret);
            let text = format!("{error} {error:?}");
            assert!(text.contains(words) && !text.contains("marker"), "{text}");
        }
    }

    #[tokio::test]
    async fn the_environment_is_read() {
        // Cargo sets this one for tests; changing the environment would need unsafe code.
        let value = EnvAndFileSecrets.secret(&SecretRef::Env("CARGO_PKG_NAME".into())).await.unwrap();
        assert_eq!(value.expose_secret(), "esign");
    }
}
