//! Running a chain, one step at a time.

use bytes::Bytes;

use super::Client;
use crate::chain::{Fingerprint, Leg, Progress};
use crate::plan::leg;
use crate::{
    ArtifactId, ChainRecord, ChainStep, Document, Error, ErrorKind, Order, Prepared, Reference, Resolution,
    Result, ResultState, SignRequest, Submission, Verdict,
};

impl Client {
    /// Begins a chain on an instance whose plan says [`Verdict::WorksAsChain`]: every leg is checked now, and nothing
    /// is sent. Store the record, then call [`Client::step`].
    ///
    /// # Errors
    /// What any leg would be refused for; [`ErrorKind::Unsupported`] if the instance takes the request as it is (then
    /// send it as one).
    pub async fn begin_chain(&self, instance: &str, request: &SignRequest) -> Result<ChainRecord> {
        let plan = self.plan_on(instance, request).await?;
        if let Some(refused) = plan.to_error() {
            return Err(refused);
        }
        let [document] = request.documents.as_slice() else {
            return Err(Error::new(ErrorKind::Unsupported, "a chain signs one document").field("documents"));
        };
        if plan.verdict != Verdict::WorksAsChain {
            let message = "this instance takes the request as one; prepare and submit it";
            return Err(Error::new(ErrorKind::Unsupported, message).with_instance(instance));
        }
        // Fails now rather than at the second leg.
        leg_reference(&request.reference, request.signers.len())?;
        let legs = in_order(request)
            .into_iter()
            .map(|i| Leg { signer: request.signers[i].key.clone(), progress: Progress::Waiting });
        Ok(ChainRecord {
            instance: plan.instance,
            reference: request.reference.clone(),
            original: Fingerprint::of(document.content()),
            legs: legs.collect(),
        })
    }

    /// Does the next thing in a chain, and only one: prepares a leg, sends it, looks how far it is, or fetches its
    /// result. Store the record after every step.
    ///
    /// `request` is the one that the chain began with; `document` is the PDF as it stood last: the original, or the
    /// document of the last [`ChainStep::Signed`].
    ///
    /// # Errors
    /// [`ErrorKind::BadHandle`] if `request` or `document` is not the right one; else what the provider says. After an
    /// error the record is as true as before, and stepping again is right.
    pub async fn step(
        &self,
        chain: &mut ChainRecord,
        request: &SignRequest,
        document: &Bytes,
    ) -> Result<ChainStep> {
        if request.reference != chain.reference {
            return Err(Error::new(
                ErrorKind::BadHandle,
                "this is not the request that the chain began with",
            ));
        }
        let unfinished = chain.legs.iter().position(|leg| !matches!(leg.progress, Progress::Signed { .. }));
        let Some(index) = unfinished else { return Ok(ChainStep::Finished) };
        let signer = chain.legs[index].signer.clone();
        match chain.legs[index].progress.clone() {
            Progress::Waiting => {
                let prepared = self.prepare_leg(chain, request, document, index).await?;
                let intent = Box::new(prepared.intent().clone());
                chain.legs[index].progress = Progress::Prepared { intent, here: true };
                Ok(ChainStep::Prepared { signer })
            }
            Progress::Prepared { here: true, .. } => {
                let prepared = self.prepare_leg(chain, request, document, index).await?;
                self.send_leg(chain, index, prepared).await
            }
            Progress::Prepared { intent, here: false } => match self.resolve(&intent).await? {
                Resolution::Found(submission) => Ok(sent(chain, index, *submission)),
                Resolution::NotFound => {
                    chain.legs[index].progress = Progress::Prepared { intent, here: true };
                    Ok(ChainStep::Prepared { signer })
                }
                Resolution::Candidates(found) => {
                    let why = format!("{} requests may be this leg, and nothing tells for sure", found.len());
                    Ok(ChainStep::OutcomeUnknown { signer, why })
                }
                Resolution::Unknown { why } => Ok(ChainStep::OutcomeUnknown { signer, why }),
            },
            Progress::Sent { handle, record } => {
                let report = self.status(&handle).await?;
                let handle = report.new_handle.clone().map_or(handle, Box::new);
                chain.legs[index].progress =
                    Progress::Sent { handle: handle.clone(), record: record.clone() };
                let standing = report.standing;
                match report.result {
                    ResultState::Gone => {
                        chain.legs[index].progress = Progress::Ended { state: standing.state };
                        Ok(ChainStep::Lost { signer })
                    }
                    ResultState::Ready { .. } => {
                        let signed = self.download(&handle, &ArtifactId::SIGNED).await?;
                        let result = Fingerprint::of(&signed.content);
                        chain.legs[index].progress = Progress::Signed { record, result };
                        Ok(ChainStep::Signed {
                            signer,
                            document: signed,
                            last: index + 1 == chain.legs.len(),
                        })
                    }
                    ResultState::NotReady | ResultState::Partial
                        if standing.is_final() && !is_completed(&report) =>
                    {
                        chain.legs[index].progress = Progress::Ended { state: standing.state };
                        Ok(ChainStep::Ended { signer, state: standing.state })
                    }
                    ResultState::NotReady | ResultState::Partial => {
                        Ok(ChainStep::Waiting { signer, report: Box::new(report) })
                    }
                }
            }
            // Signed, and the document gone: still so when asked again, also after a restart.
            Progress::Ended { state: crate::State::Completed } => Ok(ChainStep::Lost { signer }),
            Progress::Ended { state } => Ok(ChainStep::Ended { signer, state }),
            Progress::Signed { .. } => Ok(ChainStep::Finished),
        }
    }

    async fn prepare_leg(
        &self,
        chain: &ChainRecord,
        request: &SignRequest,
        document: &Bytes,
        index: usize,
    ) -> Result<Prepared> {
        if Fingerprint::of(document) != chain.expected() {
            let message = "this is not the document as it stood last: pass the original, or the document of the last \
                           signed leg";
            return Err(Error::new(ErrorKind::BadHandle, message));
        }
        let signer = &chain.legs[index].signer;
        let Some(at) = request.signers.iter().position(|s| s.key == *signer) else {
            return Err(Error::new(ErrorKind::BadHandle, format!("the request has no signer {signer:?}")));
        };
        let mut leg = leg(request, at);
        leg.reference = leg_reference(&request.reference, index + 1)?;
        let original = &request.documents[0];
        leg.documents = vec![
            Document::new(original.name(), original.media_type().clone(), document.clone())
                .with_key(original.key()),
        ];
        self.prepare_on(&chain.instance, leg).await
    }

    async fn send_leg(&self, chain: &mut ChainRecord, index: usize, prepared: Prepared) -> Result<ChainStep> {
        // From here on nobody but the provider knows, until an answer is there.
        let intent = Box::new(prepared.intent().clone());
        chain.legs[index].progress = Progress::Prepared { intent: intent.clone(), here: false };
        match self.submit(prepared).await {
            Ok(submission) => Ok(sent(chain, index, submission)),
            Err(error) => {
                if !error.is_outcome_unknown() {
                    chain.legs[index].progress = Progress::Prepared { intent, here: true };
                }
                Err(error)
            }
        }
    }
}

fn sent(chain: &mut ChainRecord, index: usize, submission: Submission) -> ChainStep {
    let leg = &mut chain.legs[index];
    let (handle, record) = (Box::new(submission.handle.clone()), Box::new(submission.record.clone()));
    leg.progress = Progress::Sent { handle, record };
    ChainStep::Sent { signer: leg.signer.clone(), submission: Box::new(submission) }
}

fn is_completed(report: &crate::StatusReport) -> bool {
    report.state() == crate::State::Completed
}

/// Signers in the order of the chain: as listed, or by group.
fn in_order(request: &SignRequest) -> Vec<usize> {
    let mut order: Vec<usize> = (0..request.signers.len()).collect();
    if request.order == Some(Order::Groups) {
        order.sort_by_key(|&i| request.signers[i].group);
    }
    order
}

fn leg_reference(whole: &Reference, leg: usize) -> Result<Reference> {
    Reference::new(format!("{whole}.{leg}")).map_err(|_| {
        Error::invalid("reference", "a chain needs room for the leg's number: use at most 60 characters")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryFault, MemoryService};
    use crate::{Corner, Delivery, Operation, Origin, Placement, Range, Signer, Support};
    use secrecy::ExposeSecret;

    const PDF: &[u8] = b"%PDF-1.7";

    fn request() -> SignRequest {
        let at = |y| Placement::points(1, 72.0, y, Origin::BottomLeft, Corner::BottomLeft);
        SignRequest::new(
            Reference::new("r").unwrap(),
            Document::pdf("Lease", PDF),
            Delivery::InSessionRedirect,
        )
        .signer(Signer::new("a").place(at(72.0)))
        .signer(Signer::new("b").place(at(172.0)))
        .order(Order::Sequential)
    }

    async fn one_signer_service() -> (MemoryService, Client) {
        let service = MemoryService::new();
        service.change_capabilities(|caps| {
            caps.signers.count = Range::of(1, 1);
            caps.signers.chain = Support::Yes;
            caps.orders.clear();
            caps.placements.overlap = Support::No;
        });
        let client = service.client().await.unwrap();
        (service, client)
    }

    /// Stores and restores the record between any two steps, as after a crash.
    fn restart(chain: &ChainRecord) -> ChainRecord {
        ChainRecord::from_stored(chain.to_stored().expose_secret()).unwrap()
    }

    #[tokio::test]
    async fn a_chain_signs_one_after_the_other_and_survives_a_restart_at_every_point() {
        let (service, client) = one_signer_service().await;
        let mut chain = client.begin_chain("memory", &request()).await.unwrap();
        let mut document = Bytes::from_static(PDF);
        let mut told = Vec::new();
        loop {
            chain = restart(&chain);
            match client.step(&mut chain, &request(), &document).await.unwrap() {
                ChainStep::Prepared { signer } => told.push(format!("prepared {signer}")),
                ChainStep::Sent { signer, submission } => {
                    told.push(format!("sent {signer}"));
                    assert!(service.sign(&submission.handle, &signer));
                }
                ChainStep::Signed { signer, document: signed, last } => {
                    told.push(format!("signed {signer} {last}"));
                    assert!(signed.content.starts_with(&document));
                    document = signed.content;
                }
                ChainStep::Finished => break,
                other => panic!("{other:?}"),
            }
            // A restart between preparing and sending looks for what may have been sent, and finds nothing: the leg is
            // prepared again, which must be sent in the same process.
            if told.last().is_some_and(|t| t.starts_with("prepared"))
                && let ChainStep::Sent { signer, submission } =
                    client.step(&mut chain, &request(), &document).await.unwrap()
            {
                told.push(format!("sent {signer}"));
                assert!(service.sign(&submission.handle, &signer));
            }
        }
        assert_eq!(told, ["prepared a", "sent a", "signed a false", "prepared b", "sent b", "signed b true"]);
        assert_eq!(service.accepted(), 2);
        assert_eq!(chain.records().count(), 2);
    }

    #[tokio::test]
    async fn a_lost_answer_is_found_and_not_sent_twice() {
        let (service, client) = one_signer_service().await;
        let mut chain = client.begin_chain("memory", &request()).await.unwrap();
        let document = Bytes::from_static(PDF);
        client.step(&mut chain, &request(), &document).await.unwrap();
        service.fail_next(Operation::Submit, MemoryFault::LoseAnswer);
        assert!(client.step(&mut chain, &request(), &document).await.unwrap_err().is_outcome_unknown());
        let step = client.step(&mut chain, &request(), &document).await.unwrap();
        assert!(matches!(step, ChainStep::Sent { .. }), "{step:?}");
        assert_eq!(service.accepted(), 1);
    }

    #[tokio::test]
    async fn the_wrong_document_a_lost_result_and_a_refusal_are_told_apart() {
        let (service, client) = one_signer_service().await;
        let mut chain = client.begin_chain("memory", &request()).await.unwrap();
        let document = Bytes::from_static(PDF);
        let wrong = client.step(&mut chain, &request(), &Bytes::from_static(b"%PDF-x")).await.unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::BadHandle);

        client.step(&mut chain, &request(), &document).await.unwrap();
        let ChainStep::Sent { submission, .. } =
            client.step(&mut chain, &request(), &document).await.unwrap()
        else {
            panic!("not sent");
        };
        let mut declined = chain.clone();
        assert!(service.sign(&submission.handle, "a"));
        service.lose_result(&submission.handle);
        let step = client.step(&mut chain, &request(), &document).await.unwrap();
        assert!(matches!(step, ChainStep::Lost { .. }), "{step:?}");
        let again = client.step(&mut restart(&chain), &request(), &document).await.unwrap();
        assert!(
            matches!(again, ChainStep::Lost { .. }),
            "a restart does not turn it into an unsigned end: {again:?}"
        );

        service.end(&submission.handle, crate::State::Declined);
        let step = client.step(&mut declined, &request(), &document).await.unwrap();
        assert!(matches!(step, ChainStep::Ended { state: crate::State::Declined, .. }), "{step:?}");
    }

    #[tokio::test]
    async fn boxes_of_all_legs_are_checked_at_the_start() {
        let (_, client) = one_signer_service().await;
        let mut request = request();
        request.signers[1].placements = request.signers[0].placements.clone();
        let error = client.begin_chain("memory", &request).await.unwrap_err();
        assert_eq!(error.field_path(), Some("signers[1].placements[0]"), "{error}");
    }
}
