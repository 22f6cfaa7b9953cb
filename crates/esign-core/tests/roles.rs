//! People who do not sign, marks that are no signatures, links that come later, and reminders.

use esign_core::memory::{KIND, MemoryFault, MemoryService};
use esign_core::{
    Capabilities, Client, Corner, Delivery, Document, ErrorKind, Intent, Mark, NativePosition, Operation,
    Order, Origin, OriginProof, Placement, Reference, RequestFile, Role, SignRequest, Signer, Spot, State,
    Step, Submission,
};

const INTENT: &str = include_str!("golden/intent-1-roles.json");
const REQUEST: &str = include_str!("golden/request-1-roles.toml");

fn place(y: f64) -> Placement {
    Placement::points(1, 72.0, y, Origin::BottomLeft, Corner::BottomLeft)
}

/// Somebody of each role; the tenant's mark of each kind.
fn request(delivery: Delivery) -> SignRequest {
    let marks = [Mark::Initials, Mark::Date, Mark::Name, Mark::Email];
    let person = |key: &str| Signer::new(key).email(format!("{key}@example.com"));
    let mut tenant = person("tenant").place(place(72.0));
    for (mark, y) in marks.into_iter().zip([150.0, 230.0, 310.0, 390.0]) {
        tenant = tenant.place(place(y).mark(mark));
    }
    SignRequest::new(
        Reference::new("lease-13").unwrap(),
        Document::pdf("Lease", &b"%PDF-1.7 lease"[..]),
        delivery,
    )
    .signer(tenant)
    .signer(person("agent").role(Role::Approver))
    .signer(person("bank").role(Role::Viewer))
    .signer(person("archive").role(Role::Copy))
    .order(Order::Sequential)
}

async fn sent(service: &MemoryService, request: SignRequest) -> (Client, Submission) {
    let client = service.client().await.unwrap();
    let submission = client.submit(client.prepare(request).await.unwrap()).await.unwrap();
    (client, submission)
}

#[tokio::test]
async fn an_intent_names_roles_and_marks_and_is_read_back() {
    let service = MemoryService::new();
    service.change_capabilities(|caps| caps.origin_proof = OriginProof::OriginalKept);
    let prepared = service.client().await.unwrap().prepare(request(Delivery::ProviderEmail)).await.unwrap();
    let written = prepared.intent().to_json();
    let software = concat!("\"esign ", env!("CARGO_PKG_VERSION"), "\"");
    assert_eq!(written.replace(software, "\"esign 0.1.0\""), INTENT.trim_end());
    let read = Intent::from_json(INTENT).unwrap();
    assert_eq!(read.to_json(), INTENT.trim_end());
    assert!(read.is_rewritten());
    let roles: Vec<_> = read.signers().iter().map(|signer| signer.role).collect();
    assert_eq!(roles, [Role::Signer, Role::Approver, Role::Viewer, Role::Copy]);
    let marks: Vec<_> = read.placements().iter().map(|placed| placed.mark).collect();
    assert_eq!(marks, [Mark::Signature, Mark::Initials, Mark::Date, Mark::Name, Mark::Email]);
}

#[test]
fn a_request_file_names_roles_marks_and_sizes_of_native_boxes() {
    let file: RequestFile = toml::from_str(REQUEST).unwrap();
    assert_eq!(toml::to_string(&file).unwrap().trim_end(), REQUEST.trim_end());
    let read = file.into_request(|_| Ok(b"%PDF-1.7".to_vec().into())).unwrap();
    assert_eq!(read.signers[1].role, Role::Copy);
    assert_eq!(read.signers[0].placements[1].mark, Mark::Date);
    let Spot::Native(native) = &read.signers[0].placements[0].spot else { panic!() };
    assert_eq!(native.width.as_ref().unwrap().as_str(), "25.20");
}

/// What a provider does not claim is refused by name, before anything is sent.
#[tokio::test]
async fn what_is_not_claimed_is_refused_at_its_field() {
    type Forget = fn(&mut Capabilities);
    let cases: [(Forget, &str, &str); 4] = [
        (|caps| caps.roles.retain(|role| *role != Role::Copy), "signers[3].role", "no copies"),
        (
            |caps| caps.roles.retain(|role| *role != Role::Approver),
            "signers[1].role",
            "everybody who takes part signs",
        ),
        (
            |caps| caps.marks.retain(|mark| *mark != Mark::Date),
            "signers[0].placements[2].mark",
            "date of signing",
        ),
        (|caps| caps.marks.clear(), "signers[0].placements[1].mark", "initials"),
    ];
    for (forget, field, words) in cases {
        let service = MemoryService::new();
        service.change_capabilities(forget);
        let error =
            service.client().await.unwrap().prepare(request(Delivery::ProviderEmail)).await.unwrap_err();
        assert_eq!((error.kind(), error.field_path()), (ErrorKind::Unsupported, Some(field)), "{error}");
        assert!(error.message().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_request_that_contradicts_itself_is_refused_whatever_is_claimed() {
    let client = MemoryService::new().client().await.unwrap();
    let mut nobody_signs = request(Delivery::ProviderEmail);
    nobody_signs.signers.remove(0);
    let mut placed = request(Delivery::ProviderEmail);
    placed.signers[1].placements.push(place(72.0));
    let sized = NativePosition::new(KIND, 1, "1".parse().unwrap(), "1".parse().unwrap());
    let whole = sized.clone().with_size("2".parse().unwrap(), "2".parse().unwrap());
    let mut half = sized;
    half.width = whole.width.clone();
    let native = |native: NativePosition| {
        let mut request = request(Delivery::ProviderEmail);
        request.signers[0].placements[0].spot = Spot::Native(native);
        request
    };
    for (request, field, words) in [
        (nobody_signs, "signers", "nobody signs"),
        (placed, "signers[1].role", "only signers have places"),
        (native(half), "signers[0].placements[0]", "a width and a height, or neither"),
        (native(whole), "signers[0].placements[0]", "name no size"),
    ] {
        let error = client.prepare(request).await.unwrap_err();
        assert_eq!(error.field_path(), Some(field), "{error}");
        assert!(error.message().contains(words), "{error}");
    }
}

/// Only signatures count for the places that a signer needs, and a request does not wait for copies.
#[tokio::test]
async fn marks_are_no_signatures_and_nobody_waits_for_a_copy() {
    let service = MemoryService::new();
    service.change_capabilities(|caps| caps.placements.per_signer = esign_core::Range::of(1, 1));
    let client = service.client().await.unwrap();
    let mut unsigned = request(Delivery::ProviderEmail);
    unsigned.signers[0].placements.remove(0);
    let error = client.prepare(unsigned).await.unwrap_err();
    assert_eq!(error.field_path(), Some("signers[0].placements"), "{error}");

    let (client, sent) = sent(&service, request(Delivery::ProviderEmail)).await;
    for key in ["tenant", "agent", "bank"] {
        assert!(service.sign(&sent.handle, key), "{key}");
    }
    assert_eq!(client.status(&sent.handle).await.unwrap().state(), State::Completed);
    // A single signer and a copy need no order.
    let mut alone = request(Delivery::ProviderEmail);
    alone.signers.drain(1..3);
    alone.order = None;
    client.prepare(alone).await.unwrap();
}

#[tokio::test]
async fn the_link_of_a_later_signer_comes_with_the_status() {
    let service = MemoryService::new();
    let (client, sent) = sent(&service, request(Delivery::ShareableLink)).await;
    assert_eq!(sent.next_steps[1].step, Step::WaitForOthers);
    assert!(service.sign(&sent.handle, "tenant"));
    let steps = client.status(&sent.handle).await.unwrap().next_steps;
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].signer, "agent");
    assert!(matches!(&steps[0].step, Step::OpenLink { .. }));
    assert!(!format!("{:?}", steps[0]).contains("signer=agent"), "a link is a secret");
}

#[tokio::test]
async fn those_whose_turn_it_is_are_reminded_once_per_call() {
    let service = MemoryService::new();
    let (client, sent) = sent(&service, request(Delivery::ProviderEmail)).await;
    let handle = &sent.handle;
    assert_eq!(client.remind(handle).await.unwrap(), ["tenant"]);
    service.sign(handle, "tenant");
    assert_eq!(client.remind(handle).await.unwrap(), ["agent"]);
    assert_eq!(service.reminded(handle), ["tenant", "agent"]);

    service.fail_next(Operation::Remind, MemoryFault::LoseAnswer);
    let lost = client.remind(handle).await.unwrap_err();
    assert!(lost.is_outcome_unknown() && lost.operation() == Some(Operation::Remind), "{lost}");
    service.end(handle, State::Cancelled);
    let ended = client.remind(handle).await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Conflict, "{ended}");
    assert_eq!(service.calls(Operation::Remind), 3);
}
