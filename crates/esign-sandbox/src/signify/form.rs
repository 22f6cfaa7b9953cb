//! The multipart body of a create.

use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use bytes::Bytes;

use super::validate::Form;

/// Reads the parts in any order. Parts with other names are ignored; the file needs neither name nor content type.
///
/// # Errors
/// One sentence about what is wrong with the body.
pub(crate) async fn read(request: Request) -> Result<Form, String> {
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|_| {
        "the request must be of type multipart/form-data, with the boundary in Content-Type".to_owned()
    })?;
    let mut form = Form::default();
    while let Some(field) = multipart.next_field().await.map_err(|error| broken(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        let text = match name.as_str() {
            "documentName" => &mut form.document_name,
            "recipients" => &mut form.recipients,
            "totalSignaturesByLink" => &mut form.total_signatures_by_link,
            "documentMode" => &mut form.document_mode,
            "redirectUrl" => &mut form.redirect_url,
            "file" => {
                put(&mut form.file, field.bytes().await.map_err(|error| broken(&error))?, &name)?;
                continue;
            }
            _ => continue,
        };
        put(text, utf8(&field.bytes().await.map_err(|error| broken(&error))?, &name)?, &name)?;
    }
    Ok(form)
}

fn broken(error: &MultipartError) -> String {
    format!("the multipart body is broken: {}", error.body_text())
}

/// UTF-8 whatever charset the part claims: nothing else is possible in JSON, nor allowed in a name.
fn utf8(bytes: &Bytes, name: &str) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| format!("{name} is not UTF-8"))
}

fn put<T>(place: &mut Option<T>, value: T, name: &str) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{name} must be given once")),
    }
}
