//! What a staging service can tell about what the guide leaves open (spec 9). Each trial makes a document behind a link,
//! which nobody is told of, and deletes it.

use esign_core::{Operation, Result, Settled, Trial};

use crate::SignifyClient;
use crate::types::{Created, NewDocument, Position, RequiredSignature};

const NAME: &str = "esign trial";

pub(super) async fn settle(client: &SignifyClient, trial: &Trial) -> Result<Vec<Settled>> {
    // Without this one nothing else can be tried.
    let plain = create(client, trial, NAME, 0.25).await?;
    let mut settled = vec![document_url(client, &plain).await];
    settled.push(delete(client, &plain).await);
    settled.push(coordinate_one(client, trial).await);
    settled.push(reference_in_name(client, trial).await);
    settled.push(origin(client, trial).await);
    Ok(settled)
}

async fn create(client: &SignifyClient, trial: &Trial, name: &str, at: f64) -> Result<Created> {
    let document = NewDocument::new(name, trial.document.clone());
    // Fractions between 0 and 1 are positions.
    let places = Position::fraction(at).map(|at| RequiredSignature::new(1, at.clone(), at));
    client.create_link(&document, &places.into_iter().collect::<Vec<_>>()).await
}

async fn document_url(client: &SignifyClient, created: &Created) -> Settled {
    const QUESTION: &str = "whether documentUrl needs the API key";
    let found = client.find(&created.id, Operation::Probe).await;
    let link = match found.map(|details| details.and_then(|details| details.link)) {
        Ok(Some(link)) => link,
        Ok(None) => return Settled::new(QUESTION, "still open: Signify gave no documentUrl"),
        Err(error) => return Settled::new(QUESTION, format!("still open: {error}")),
    };
    match client.status_without_key(&link.url).await {
        Ok(200) => Settled::new(QUESTION, "it works without").setting("document_url_bearer = \"never\""),
        Ok(401 | 403) => Settled::new(QUESTION, "it does").setting("document_url_bearer = \"always\""),
        Ok(status) => Settled::new(QUESTION, format!("still open: without the key the answer is {status}")),
        Err(error) => Settled::new(QUESTION, format!("still open: {error}")),
    }
}

async fn delete(client: &SignifyClient, created: &Created) -> Settled {
    const QUESTION: &str = "whether a draft can be deleted, and is not found afterwards";
    match (client.delete(&created.id).await, client.find(&created.id, Operation::Probe).await) {
        (Ok(_), Ok(None)) => Settled::new(QUESTION, "it can, and is not"),
        (Ok(_), Ok(Some(_))) => {
            Settled::new(QUESTION, "deleted, and still there: cancel does not work as documented")
        }
        (Err(error), _) | (_, Err(error)) => Settled::new(QUESTION, format!("still open: {error}")),
    }
}

async fn coordinate_one(client: &SignifyClient, trial: &Trial) -> Settled {
    const QUESTION: &str = "whether a coordinate of exactly 1 is accepted";
    match create(client, trial, NAME, 1.0).await {
        Ok(created) => {
            let settled = Settled::new(QUESTION, "it is").setting("allow_coordinate_one = true");
            taken_back(client, &created, settled).await
        }
        Err(error) if error.http_status() == Some(400) => {
            Settled::new(QUESTION, "it is refused").setting("allow_coordinate_one = false")
        }
        Err(error) => Settled::new(QUESTION, format!("still open: {error}")),
    }
}

async fn reference_in_name(client: &SignifyClient, trial: &Trial) -> Settled {
    const QUESTION: &str = "whether the list has new documents under the name that was sent";
    const WITH_REFERENCE: &str = "esign trial (reference-1)";
    let created = match create(client, trial, WITH_REFERENCE, 0.25).await {
        Ok(created) => created,
        Err(error) => return Settled::new(QUESTION, format!("still open: {error}")),
    };
    let settled = match client.listing(Operation::Probe).await {
        Ok((list, _)) if list.iter().any(|entry| entry.id == created.id && entry.name == WITH_REFERENCE) => {
            Settled::new(QUESTION, "it has: a lost submission can be found without doubt")
                .setting("reference_in_name = \"suffix\"")
        }
        Ok(_) => Settled::new(QUESTION, "it has not: lost submissions cannot be found"),
        Err(error) => Settled::new(QUESTION, format!("still open: {error}")),
    };
    taken_back(client, &created, settled).await
}

/// Only eyes can tell: Signify shows on its page where the box is.
async fn origin(client: &SignifyClient, trial: &Trial) -> Settled {
    const QUESTION: &str = "what positionX and positionY are measured from";
    if !trial.look {
        return Settled::new(QUESTION, "still open: it takes a look at a document that is left open");
    }
    match create(client, trial, NAME, 0.1).await {
        Ok(created) => {
            let found = format!(
                "open the link: is the box near the top, write placement_origin = \"top-left\"; near the bottom, \
                 \"bottom-left\". Then delete document {}",
                created.id
            );
            match created.links.into_iter().next() {
                Some(link) => Settled::new(QUESTION, found).link(link.url),
                None => Settled::new(QUESTION, found),
            }
        }
        Err(error) => Settled::new(QUESTION, format!("still open: {error}")),
    }
}

/// A document that could not be deleted is named, so that somebody can.
async fn taken_back(client: &SignifyClient, created: &Created, mut settled: Settled) -> Settled {
    if let Err(error) = client.delete(&created.id).await {
        settled.found += &format!(" (document {} is left over: {error})", created.id);
    }
    settled
}
