//! What comes in by itself.

use esign_core::{Event, InboundCall};
use esign_signicat::Notice;

use crate::support::{ORDER, world};

#[tokio::test]
async fn a_notification_names_the_request_and_is_answered_200() {
    let world = world(&[]).await;
    let handle = world.submitted().await;
    let call = InboundCall::get("/hook")
        .with_query("esign_reference", "lease-12")
        .with_query("requestId", ORDER)
        .with_query("taskId", "task-1")
        .with_query("message", "COMPLETED");
    let received = world.client.receive("signicat", &call).await.unwrap();
    assert_eq!(received.reply.status, 200);
    match received.events.unwrap().as_slice() {
        [Event::Hint { key, .. }] => assert_eq!(*key, Some(handle.key())),
        other => panic!("{other:?}"),
    }
    let notice = Notice::of(&call);
    assert_eq!(notice.reference.as_deref(), Some("lease-12"));
    assert_eq!((notice.order_id.as_deref(), notice.task_id.as_deref()), (Some(ORDER), Some("task-1")));
    assert!(
        world.received("GET", &format!("/sign/orders/{ORDER}")).await.is_empty(),
        "nothing is believed or asked"
    );
}
