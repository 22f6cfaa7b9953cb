//! What can be downloaded of an order, and from where (spec 3.6).

use esign_core::{Artifact, ArtifactId, Error, ErrorKind, MediaType, Operation, Result};
use esign_http::whole_pdf;

use crate::convert::Layout;
use crate::error::gone;
use crate::wire::{PackagingStatus, TaskStatus};
use crate::{Download, SignicatClient};

/// The media type of an LTV-SDO in Signicat's storage.
const LTV_SDO: &str = "application/x-ltv-sdo";

/// Where an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The file of this packaging task.
    Packaged(usize),
    /// The same in the archive.
    Archived(usize),
    /// The evidence of this task over this document.
    Evidence(usize, usize),
    /// The document of this task after form filling.
    Generated(usize, usize),
    /// The document as it was supplied.
    Original(usize, usize),
    /// What the signer of this task brought.
    Uploaded(usize, usize),
}

/// What can be had once these tasks and these packaging tasks have completed.
pub(super) fn listed(layout: &Layout, completed: &[bool], packaged: &[bool]) -> Vec<ArtifactId> {
    let is = |of: &[bool], index: usize| of.get(index).copied().unwrap_or_default();
    let there = |place: &Place| match *place {
        // Where the archive's ids are told is not documented: it is fetched if asked for by name.
        Place::Archived(_) => false,
        Place::Packaged(package) => is(packaged, package),
        Place::Evidence(task, _) | Place::Generated(task, _) | Place::Uploaded(task, _) => {
            is(completed, task)
        }
        Place::Original(..) => true,
    };
    places(layout).into_iter().filter(|(_, place)| there(place)).map(|(id, _)| id).collect()
}

/// Every artifact that there can ever be.
fn places(layout: &Layout) -> Vec<(ArtifactId, Place)> {
    let mut places = Vec::new();
    for (i, document) in layout.packages.iter().enumerate() {
        let of = |id: ArtifactId| match document {
            Some(key) if layout.packages.len() > 1 => id.of_document(key),
            _ => id,
        };
        places.push((of(ArtifactId::SIGNED), Place::Packaged(i)));
        if layout.archive {
            places.push((of(ArtifactId::ARCHIVED), Place::Archived(i)));
        }
    }
    let pairs = || {
        let tasks = layout.tasks.iter().enumerate();
        tasks.flat_map(|(t, task)| {
            task.documents.iter().enumerate().map(move |(d, document)| (t, task, d, document))
        })
    };
    let single = pairs().filter(|(.., document)| document.signs).count() == 1;
    let mut numbers = std::collections::HashSet::new();
    let first: Vec<_> = pairs().filter(|(.., document)| numbers.insert(document.number)).collect();
    for &(t, _, d, document) in &first {
        let original = ArtifactId::ORIGINAL;
        let id = if first.len() > 1 { original.of_document(&document.key) } else { original };
        places.push((id, Place::Original(t, d)));
    }
    for (t, task, d, document) in pairs() {
        let of = |id: ArtifactId| {
            if single { id } else { id.of_document(&format!("{}/{}", document.key, task.signer)) }
        };
        if document.signs {
            places.push((of(ArtifactId::EVIDENCE), Place::Evidence(t, d)));
        }
        if document.form {
            places.push((of(ArtifactId::parse("generated")), Place::Generated(t, d)));
        }
    }
    for (t, task) in layout.tasks.iter().enumerate() {
        for u in 0..task.uploads {
            let id = ArtifactId::parse("uploaded").of_document(&format!("{}/{}", task.signer, u + 1));
            places.push((id, Place::Uploaded(t, u)));
        }
    }
    places
}

/// Fetches an artifact, whole.
pub(super) async fn fetch(
    client: &SignicatClient,
    order: &str,
    layout: &Layout,
    what: &ArtifactId,
) -> Result<Artifact> {
    let place = places(layout).into_iter().find(|(id, _)| id == what).map(|(_, place)| place);
    let place = place.ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            format!("this request never has an artifact {what}; its status lists those it has"),
        )
    })?;
    let document = |task: usize, document: usize| {
        let number = layout.tasks[task].documents[document].number;
        (Layout::task_id(task), Layout::document_id(number))
    };
    let (download, assumed) = match place {
        Place::Packaged(package) => {
            ready(client, order, &Layout::package_id(package)).await?;
            let download = client.packaging_result(order, &Layout::package_id(package)).await;
            let download = download.map_err(no_longer_there)?;
            if layout.pades {
                let content = whole_pdf(download.content)?;
                return Ok(Artifact::new(what.clone(), MediaType::PDF, content));
            }
            (download, MediaType::new("application/octet-stream"))
        }
        Place::Archived(package) => {
            (archived(client, order, &Layout::package_id(package)).await?, MediaType::PDF)
        }
        Place::Evidence(t, d) => {
            let (task, document) = document(t, d);
            signed(client, order, &task).await?;
            (
                client.signed_document(order, &task, &document).await.map_err(no_longer_there)?,
                MediaType::new(LTV_SDO),
            )
        }
        Place::Generated(t, d) => {
            let (task, document) = document(t, d);
            signed(client, order, &task).await?;
            (
                client.generated_document(order, &task, &document).await.map_err(no_longer_there)?,
                MediaType::PDF,
            )
        }
        Place::Original(t, d) => {
            let (task, document) = document(t, d);
            (
                client.original_document(order, &task, &document).await.map_err(no_longer_there)?,
                MediaType::PDF,
            )
        }
        Place::Uploaded(t, u) => {
            let task = Layout::task_id(t);
            signed(client, order, &task).await?;
            let upload = Layout::upload_id(u);
            (client.original_document(order, &task, &upload).await.map_err(no_longer_there)?, MediaType::PDF)
        }
    };
    let media_type = download.media_type.unwrap_or(assumed);
    Ok(Artifact::new(what.clone(), media_type, download.content))
}

/// Packaging begins by itself when the last signer is done, and takes its time.
async fn ready(client: &SignicatClient, order: &str, package: &str) -> Result<()> {
    let found = client.find_package(order, package, Operation::Download).await?.ok_or_else(gone)?;
    let (kind, why) = match found.status {
        PackagingStatus::Completed => return Ok(()),
        PackagingStatus::Created => {
            (ErrorKind::NotReady, "not all have signed, or the file is still being made")
        }
        PackagingStatus::Failed => (
            ErrorKind::NotFound,
            "Signicat could not package the document; the signers' evidence may be there",
        ),
        PackagingStatus::Unknown(_) => (ErrorKind::NotReady, "the packaging's status is not known here"),
    };
    Err(Error::new(kind, why).with_code(found.status.as_str()))
}

async fn signed(client: &SignicatClient, order: &str, task: &str) -> Result<()> {
    let found = client.find_task(order, task, Operation::Download).await?.ok_or_else(gone)?;
    if found.status == TaskStatus::Completed {
        return Ok(());
    }
    let error = Error::new(ErrorKind::NotReady, "this signer has not signed");
    Err(error.with_code(found.status.as_str()))
}

async fn archived(client: &SignicatClient, order: &str, package: &str) -> Result<Download> {
    let found = client.find_package(order, package, Operation::Download).await?.ok_or_else(gone)?;
    let Some(id) = found.archive_id() else {
        let message = "Signicat did not tell the id in the archive, and where it does is not documented; the evidence and the \
                       packaged file can be fetched as long as the order is kept";
        return Err(Error::new(ErrorKind::NotReady, message).with_code(found.status.as_str()));
    };
    client.get_archived_document(&id).await.map_err(no_longer_there)
}

/// It was there when its status was read, or will not come back.
fn no_longer_there(error: Error) -> Error {
    if error.kind() == ErrorKind::NotFound { error.with_kind(ErrorKind::Gone) } else { error }
}
