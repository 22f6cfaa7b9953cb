//! The file form of a request: TOML or JSON, versioned, for the command line and for queues.

use std::fmt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use super::{
    Anchor, Corner, Decimal, Delivery, Document, DocumentUse, Identity, LegalClass, Mark, MediaType,
    NativePosition, Order, Origin, PagePosition, Placement, ProviderOptions, Reference, Role, SignRequest,
    Signer, Spot, Unit,
};
use crate::facts::Size;
use crate::{Error, Personal, ProviderKind, Result};

/// The version that is written; every version is readable for ever.
pub const REQUEST_FILE_VERSION: u32 = 1;

/// A request without the documents' bytes, as read from TOML or JSON. `Debug` shows only how much is in it.
///
/// ```
/// use esign_core::RequestFile;
/// let file: RequestFile = toml::from_str(r#"
///     version = 1
///     delivery = "provider-email"
///
///     [[documents]]
///     path = "lease.pdf"
///
///     [[signers]]
///     key = "tenant"
///     email = "tenant@example.com"
///     placements = [{ page = 1, x = 72, y = 144, unit = "points", origin = "bottom-left", corner = "bottom-left" }]
/// "#).unwrap();
/// let request = file.into_request(|_path| Ok(b"%PDF-1.7".to_vec().into()))?;
/// assert_eq!(request.documents[0].name(), "lease");
/// # Ok::<(), esign_core::Error>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestFile {
    #[serde(deserialize_with = "known_version")]
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<Reference>,
    delivery: Delivery,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<Personal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    return_url: Option<Url>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::duration::deserialize_some"
    )]
    expires_after: Option<SignedDuration>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    legal_classes: Vec<LegalClass>,
    documents: Vec<DocumentFile>,
    signers: Vec<SignerFile>,
    #[serde(default, skip_serializing_if = "is_default")]
    options: ProviderOptions,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentFile {
    path: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<MediaType>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignerFile {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Personal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<Personal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<Personal>,
    #[serde(default, skip_serializing_if = "Role::is_signer")]
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    documents: Vec<DocumentUse>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    placements: Vec<PlacementFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<Personal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PlacementFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<Unit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    corner: Option<Corner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    anchor: Option<Anchor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    native: Option<NativeFile>,
    #[serde(skip_serializing_if = "Mark::is_signature")]
    mark: Mark,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NativeFile {
    kind: ProviderKind,
    page: u32,
    x: Decimal,
    y: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    width: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    height: Option<Decimal>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Refuses a file from the future by its version, before its fields are looked at.
fn known_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        REQUEST_FILE_VERSION => Ok(REQUEST_FILE_VERSION),
        newer => Err(serde::de::Error::custom(format!(
            "the file is of version {newer}; this version of esign reads version {REQUEST_FILE_VERSION}"
        ))),
    }
}

impl RequestFile {
    /// The file form of a request, for storing it: every document under the SHA-256 of its bytes, as 64 hexadecimal digits in
    /// place of a path. Keep the bytes under that name; [`RequestFile::into_request`] gives back the same request. It
    /// holds personal data.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) at a coordinate that is no finite number, which no file
    /// form can hold.
    pub fn of(request: &SignRequest) -> Result<Self> {
        // Named one by one, so that a field added to the request cannot be forgotten here.
        let SignRequest {
            reference,
            documents,
            signers,
            order,
            delivery,
            message,
            language,
            return_url,
            expires_after,
            legal_classes,
            options,
        } = request;
        let signers = signers.iter().enumerate();
        let signers =
            signers.map(|(i, signer)| SignerFile::of(signer).map_err(|e| e.within(&format!("signers[{i}]"))));
        Ok(Self {
            version: REQUEST_FILE_VERSION,
            reference: Some(reference.clone()),
            delivery: *delivery,
            order: *order,
            message: message.as_deref().map(Personal::new),
            language: language.clone(),
            return_url: return_url.clone(),
            expires_after: *expires_after,
            legal_classes: legal_classes.clone(),
            documents: documents.iter().map(DocumentFile::of).collect(),
            signers: signers.collect::<Result<_>>()?,
            options: options.clone(),
        })
    }

    /// Where each document is, in order: what [`RequestFile::into_request`] will ask for.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.documents.iter().map(|document| document.path.as_path())
    }

    /// Turns the file into a request, reading each document through `read`. A missing reference becomes a random one;
    /// a missing document name becomes the file's name without its extension.
    ///
    /// # Errors
    /// What `read` says, or the path of the field that does not make sense.
    pub fn into_request(self, mut read: impl FnMut(&Path) -> Result<Bytes>) -> Result<SignRequest> {
        let several = self.documents.len() > 1;
        let documents = self.documents.into_iter().enumerate().map(|(i, file)| {
            let content = read(&file.path).map_err(|e| e.within(&format!("documents[{i}].path")))?;
            document(file, content, several.then_some(i))
        });
        let documents = documents.collect::<Result<Vec<_>>>()?;
        let signers = self.signers.into_iter().enumerate();
        let signers = signers.map(|(i, file)| signer(file).map_err(|e| e.within(&format!("signers[{i}]"))));
        Ok(SignRequest {
            reference: self.reference.map_or_else(Reference::random, Ok)?,
            documents,
            signers: signers.collect::<Result<Vec<_>>>()?,
            order: self.order,
            delivery: self.delivery,
            message: self.message.map(|m| m.expose().to_owned()),
            language: self.language,
            return_url: self.return_url,
            expires_after: self.expires_after,
            legal_classes: self.legal_classes,
            options: self.options,
        })
    }
}

impl fmt::Debug for RequestFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (documents, signers) = (self.documents.len(), self.signers.len());
        write!(f, "RequestFile({}, {documents} documents, {signers} signers)", self.delivery)
    }
}

impl DocumentFile {
    fn of(document: &Document) -> Self {
        Self {
            path: document.sha256().to_string().into(),
            key: Some(document.key().to_owned()),
            name: Some(document.name().to_owned()),
            media_type: Some(document.media_type().clone()),
        }
    }
}

impl SignerFile {
    fn of(signer: &Signer) -> Result<Self> {
        let Signer {
            key,
            name,
            email,
            phone,
            role,
            identity,
            group,
            documents,
            placements,
            message,
            language,
        } = signer;
        let placements = placements.iter().enumerate();
        let placements = placements
            .map(|(i, place)| PlacementFile::of(place).map_err(|e| e.within(&format!("placements[{i}]"))));
        Ok(Self {
            key: key.clone(),
            name: name.clone(),
            email: email.clone(),
            phone: phone.clone(),
            role: *role,
            identity: identity.clone(),
            group: *group,
            documents: documents.clone(),
            placements: placements.collect::<Result<_>>()?,
            message: message.as_deref().map(Personal::new),
            language: language.clone(),
        })
    }
}

impl PlacementFile {
    fn of(placement: &Placement) -> Result<Self> {
        let Placement { document, spot, mark } = placement;
        let file = Self { document: document.clone(), mark: *mark, ..Self::default() };
        Ok(match spot {
            Spot::Page(PagePosition { page, x, y, unit, origin, corner, size }) => Self {
                page: Some(*page),
                x: Some(finite("x", *x)?),
                y: Some(finite("y", *y)?),
                unit: Some(*unit),
                origin: Some(*origin),
                corner: Some(*corner),
                size: size.map(finite_size).transpose()?,
                ..file
            },
            Spot::Anchor(anchor) => {
                finite("anchor.dx", anchor.dx)?;
                finite("anchor.dy", anchor.dy)?;
                anchor.size.map(finite_size).transpose().map_err(|e| e.within("anchor"))?;
                Self { anchor: Some(anchor.clone()), ..file }
            }
            Spot::Field(field) => Self { field: Some(field.clone()), ..file },
            Spot::Native(NativePosition { kind, page, x, y, width, height }) => {
                let native = NativeFile {
                    kind: kind.clone(),
                    page: *page,
                    x: x.clone(),
                    y: y.clone(),
                    width: width.clone(),
                    height: height.clone(),
                };
                Self { native: Some(native), ..file }
            }
        })
    }
}

fn finite(field: &str, number: f64) -> Result<f64> {
    if number.is_finite() { Ok(number) } else { Err(Error::invalid(field, "this is no finite number")) }
}

fn finite_size(size: Size) -> Result<Size> {
    Ok(Size { width: finite("size.width", size.width)?, height: finite("size.height", size.height)? })
}

fn document(file: DocumentFile, content: Bytes, index: Option<usize>) -> Result<Document> {
    let stem = || file.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = file.name.clone().or_else(stem);
    let name =
        name.ok_or_else(|| Error::invalid("documents.name", "needed where the path has no file name"))?;
    let media_type =
        file.media_type.unwrap_or_else(|| match file.path.extension().and_then(|e| e.to_str()) {
            Some("txt") => MediaType::TEXT,
            _ => MediaType::PDF,
        });
    let document = Document::new(name, media_type, content);
    Ok(match (file.key, index) {
        (Some(key), _) => document.with_key(key),
        (None, Some(index)) => document.with_key(format!("document-{}", index + 1)),
        (None, None) => document,
    })
}

fn signer(file: SignerFile) -> Result<Signer> {
    let placements = file.placements.into_iter().enumerate();
    let placements =
        placements.map(|(i, file)| placement(file).map_err(|e| e.within(&format!("placements[{i}]"))));
    Ok(Signer {
        placements: placements.collect::<Result<Vec<_>>>()?,
        name: file.name,
        email: file.email,
        phone: file.phone,
        role: file.role,
        identity: file.identity,
        group: file.group,
        documents: file.documents,
        message: file.message.map(|m| m.expose().to_owned()),
        language: file.language,
        ..Signer::new(file.key)
    })
}

fn placement(file: PlacementFile) -> Result<Placement> {
    let document = file.document.clone();
    let ways = [file.page.is_some(), file.anchor.is_some(), file.field.is_some(), file.native.is_some()];
    if ways.iter().filter(|&&way| way).count() != 1 {
        return Err(Error::invalid("", "say exactly one of page, anchor, field and native").field("page"));
    }
    let spot = match (file.anchor, file.field, file.native) {
        (Some(anchor), _, _) => Spot::Anchor(anchor),
        (_, Some(field), _) => Spot::Field(field),
        (_, _, Some(n)) => Spot::Native(NativePosition {
            kind: n.kind,
            page: n.page,
            x: n.x,
            y: n.y,
            width: n.width,
            height: n.height,
        }),
        (None, None, None) => Spot::Page(PagePosition {
            page: required(file.page, "page")?,
            x: required(file.x, "x")?,
            y: required(file.y, "y")?,
            unit: required(file.unit, "unit")?,
            origin: required(file.origin, "origin")?,
            corner: required(file.corner, "corner")?,
            size: file.size,
        }),
    };
    Ok(Placement { document, spot, mark: file.mark })
}

fn required<T>(value: Option<T>, name: &str) -> Result<T> {
    value.ok_or_else(|| {
        Error::invalid(
            name,
            "a place on a page needs page, x, y, unit, origin and corner; none has a default",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<SignRequest> {
        toml::from_str::<RequestFile>(toml).unwrap().into_request(|_| Ok(Bytes::from_static(b"%PDF")))
    }

    const HEAD: &str = "version = 1\ndelivery = \"shareable-link\"\n[[documents]]\npath = \"a/b.pdf\"\n[[signers]]\nkey = \"a\"\n";

    #[test]
    fn each_way_to_place_is_read() {
        let places = r#"placements = [
            { page = 2, x = 0.5, y = 0.25, unit = "fractions", origin = "top-left", corner = "top-left", size = { width = 200, height = 50 } },
            { anchor = { text = "Sign here", occurrence = { nth = 2 }, dx = 4 } },
            { field = "form.signature" },
            { native = { kind = "signify", page = 1, x = "0.10", y = "0" } },
        ]"#;
        let request = read(&format!("{HEAD}{places}")).unwrap();
        let spots: Vec<_> = request.signers[0].placements.iter().map(|p| &p.spot).collect();
        assert!(matches!(spots[0], Spot::Page(p) if p.page == 2 && p.size.is_some()));
        assert!(matches!(spots[1], Spot::Anchor(a) if a.occurrence == super::super::Occurrence::Nth(2)));
        assert!(matches!(spots[2], Spot::Field(f) if f == "form.signature"));
        assert!(matches!(spots[3], Spot::Native(n) if n.x.as_str() == "0.10"));
        assert_eq!(request.documents[0].name(), "b");
    }

    #[test]
    fn what_is_missing_is_named_by_path() {
        let cases = [
            (
                "placements = [{ page = 1, x = 1, y = 1, unit = \"points\", origin = \"top-left\" }]",
                "signers[0].placements[0].corner",
            ),
            ("placements = [{ page = 1, field = \"x\" }]", "signers[0].placements[0].page"),
            ("placements = [{}]", "signers[0].placements[0].page"),
        ];
        for (places, path) in cases {
            assert_eq!(read(&format!("{HEAD}{places}")).unwrap_err().field_path(), Some(path), "{places}");
        }
        let newer = HEAD.replace("version = 1", "version = 2");
        assert!(toml::from_str::<RequestFile>(&newer).unwrap_err().to_string().contains("version 2"));
        assert!(toml::from_str::<RequestFile>(&format!("{HEAD}colour = 1")).is_err());
    }

    #[test]
    fn native_numbers_need_quotes() {
        let text = format!(
            "{HEAD}placements = [{{ native = {{ kind = \"signify\", page = 1, x = 0.1, y = \"0\" }} }}]"
        );
        let error = toml::from_str::<RequestFile>(&text).unwrap_err().to_string();
        assert!(error.contains("in quotes"), "{error}");
    }
}
