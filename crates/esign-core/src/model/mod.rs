//! What the caller wants: documents, signers, placements, order, delivery, wishes.

mod document;
mod options;
mod placement;
mod request;
mod request_file;
mod signer;

pub use document::{Document, MediaType, Sha256Hash};
pub use options::{ProviderOption, ProviderOptions};
pub use placement::{
    Anchor, Corner, Decimal, Direction, Mark, NativePosition, Occurrence, Origin, PagePosition, Placement,
    Spot, Unit,
};
pub use request::{Delivery, LegalClass, Order, Reference, SignRequest};
pub use request_file::{REQUEST_FILE_VERSION, RequestFile};
pub use signer::{DocumentUse, Identity, Role, Signer, Use};
