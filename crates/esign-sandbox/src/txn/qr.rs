//! The QR code.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qrcode::QrCode;
use qrcode::render::svg;

/// A picture of `text` as a `data:` URL, which the documented content security policy allows. `None` for what no QR code
/// can hold (2,953 bytes).
pub(super) fn data_url(text: &str) -> Option<String> {
    let picture = QrCode::new(text).ok()?.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    Some(format!("data:image/svg+xml;base64,{}", STANDARD.encode(picture)))
}
