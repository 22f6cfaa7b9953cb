//! An application's own test with a mocked provider: `cargo test --features mock`.

use std::sync::Arc;

use esign_core::memory::MemoryService;
use esign_core::{
    Client, Config, Delivery, Document, Documents, Error, ErrorKind, Handle, MockDocuments, MockProvider,
    Reference, Registry, Retry, SignRequest, Signer, Standing, State, StatusReport, Submission,
};

#[tokio::test]
async fn a_mocked_provider_works_behind_a_real_client() {
    let mut documents = MockDocuments::new();
    documents.expect_check().returning(|_| Vec::new());
    documents.expect_submit().once().returning(|prepared| {
        let handle = Handle::new(prepared.intent(), "mock-1", prepared.intent().prepared_at());
        Ok(Submission::new(prepared.intent(), handle))
    });
    documents
        .expect_submit()
        .returning(|_| Err(Error::new(ErrorKind::Timeout, "no answer").with_retry(Retry::OutcomeUnknown)));
    documents.expect_status().returning(|_| Ok(StatusReport::new(Standing::stated(State::Declined))));
    let documents: Arc<dyn Documents> = Arc::new(documents);

    let mut provider = MockProvider::new();
    provider.expect_kind().return_const(esign_core::memory::KIND);
    provider.expect_capabilities().returning(|| MemoryService::new().capabilities());
    provider.expect_documents().returning(move || Some(Arc::clone(&documents)));
    provider.expect_lookup().returning(|| None);

    let config = Config { active: Some("mock".into()), ..Config::default() };
    let client = Client::builder(Registry::new())
        .config(config)
        .provider("mock", Arc::new(provider))
        .build()
        .await
        .unwrap();
    let request = || {
        let document = Document::pdf("Lease", &b"%PDF-1.7"[..]);
        SignRequest::new(Reference::random().unwrap(), document, Delivery::ShareableLink)
            .signer(Signer::new("a"))
    };
    let submission = client.submit(client.prepare(request()).await.unwrap()).await.unwrap();
    assert_eq!(submission.handle.request().id(), "mock-1");
    assert_eq!(client.status(&submission.handle).await.unwrap().state(), State::Declined);
    let lost = client.submit(client.prepare(request()).await.unwrap()).await.unwrap_err();
    assert!(lost.is_outcome_unknown());
}
