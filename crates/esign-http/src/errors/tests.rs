//! The table of operations and faults (design section 4), every cell.

use esign_core::Operation as Op;

use super::*;

const READS: [Op; 5] = [Op::Status, Op::Download, Op::Lookup, Op::Token, Op::Keys];
const CREATES: [Op; 2] = [Op::Submit, Op::Transaction];
const ENDS: [Op; 2] = [Op::Cancel, Op::Erase];
const AFTER: Option<Duration> = Some(Duration::from_secs(7));

fn call(operation: Op) -> Circumstances {
    Circumstances { operation, effect: Effect::of(operation), earlier_unanswered: false }
}

fn status(call: Circumstances, status: u16) -> (ErrorKind, Retry) {
    let error = from_status(call, StatusCode::from_u16(status).unwrap(), AFTER, Words::default());
    assert_eq!(error.http_status(), Some(status));
    assert_eq!(error.operation(), Some(call.operation));
    (error.kind(), error.retry())
}

#[test]
fn statuses() {
    use ErrorKind as Kind;
    let safe = Retry::Safe { after: AFTER };
    let unknown = Retry::OutcomeUnknown;
    // status, kind, and the retry of: creates, reads, ends
    let table = [
        (400, Kind::InvalidRequest, Retry::Never, Retry::Never, Retry::Never),
        (401, Kind::Unauthenticated, Retry::Never, Retry::Never, Retry::Never),
        (402, Kind::Provider, unknown, Retry::Never, safe),
        (403, Kind::Forbidden, Retry::Never, Retry::Never, Retry::Never),
        (404, Kind::NotFound, Retry::Never, Retry::Never, Retry::Never),
        (405, Kind::InvalidRequest, Retry::Never, Retry::Never, Retry::Never),
        (408, Kind::Provider, unknown, safe, safe),
        (409, Kind::Conflict, Retry::Never, Retry::Never, Retry::Never),
        (410, Kind::NotFound, Retry::Never, Retry::Never, Retry::Never),
        (413, Kind::TooLarge, Retry::Never, Retry::Never, Retry::Never),
        (415, Kind::InvalidRequest, Retry::Never, Retry::Never, Retry::Never),
        (422, Kind::InvalidRequest, Retry::Never, Retry::Never, Retry::Never),
        (429, Kind::RateLimited, safe, safe, safe),
        (500, Kind::Provider, unknown, safe, safe),
        (502, Kind::Provider, unknown, safe, safe),
        (503, Kind::Provider, unknown, safe, safe),
        (504, Kind::Provider, unknown, safe, safe),
        (599, Kind::Provider, unknown, safe, safe),
        (302, Kind::UnexpectedAnswer, unknown, Retry::Never, Retry::Never),
        (700, Kind::UnexpectedAnswer, unknown, Retry::Never, Retry::Never),
    ];
    for (code, kind, creates, reads, ends) in table {
        for (operations, retry) in [(&CREATES[..], creates), (&READS[..], reads), (&ENDS[..], ends)] {
            for &operation in operations {
                assert_eq!(status(call(operation), code), (kind, retry), "{operation} {code}");
            }
        }
    }
}

#[test]
fn a_second_try_to_cancel_that_is_refused_says_nothing_of_the_first() {
    for operation in ENDS {
        let second = Circumstances { earlier_unanswered: true, ..call(operation) };
        for code in [400, 401, 403, 409, 413, 415, 422] {
            assert_eq!(status(second, code).1, Retry::OutcomeUnknown, "{operation} {code}");
        }
        // Gone: what the first try wanted.
        for code in [404, 410] {
            assert_eq!(status(second, code), (ErrorKind::NotFound, Retry::Never), "{operation} {code}");
        }
        assert_eq!(status(second, 503).1, Retry::Safe { after: AFTER });
    }
    for operation in READS {
        let second = Circumstances { earlier_unanswered: true, ..call(operation) };
        assert_eq!(status(second, 400).1, Retry::Never, "{operation}");
    }
}

#[test]
fn a_call_before_the_create_is_safe() {
    let upload = Circumstances { effect: Effect::Reads, ..call(Op::Submit) };
    assert_eq!(status(upload, 503), (ErrorKind::Provider, Retry::Safe { after: AFTER }));
    assert_eq!(upload.truncated(5, 3).retry(), Retry::SAFE);
}

#[test]
fn answers_that_came_but_cannot_be_used() {
    for (operations, unusable, truncated) in [
        (&CREATES[..], Retry::OutcomeUnknown, Retry::OutcomeUnknown),
        (&READS[..], Retry::Never, Retry::SAFE),
        (&ENDS[..], Retry::Never, Retry::SAFE),
    ] {
        for &operation in operations {
            assert_eq!(
                call(operation).unusable(ErrorKind::UnexpectedAnswer, "x").retry(),
                unusable,
                "{operation}"
            );
            let error = call(operation).truncated(5, 3);
            assert_eq!((error.kind(), error.retry()), (ErrorKind::Integrity, truncated), "{operation}");
        }
    }
}

#[test]
fn the_provider_s_words_are_kept_and_scrubbed() {
    let words = Words {
        code: Some("E1".into()),
        message: Some("no such user ann@example.com, see https://x.example/a?token=marker".into()),
        request_id: Some("r-1".into()),
        trace_id: Some("t-1".into()),
    };
    let error = from_status(call(Op::Submit), StatusCode::BAD_REQUEST, None, words);
    assert_eq!((error.provider_code(), error.request_id()), (Some("E1"), Some("r-1")));
    assert_eq!(error.trace_id(), Some("t-1"));
    let text = format!("{error} {error:?}");
    assert!(text.contains("no such user <email>"), "{text}");
    assert!(!text.contains("ann@") && !text.contains("marker"), "{text}");
}

#[test]
fn foreign_errors_are_scrubbed() {
    let foreign = std::io::Error::other("at https://x.example/a?key=marker");
    let error =
        from_transport(call(Op::Status), "https://x.example", reqwest_middleware::Error::middleware(foreign));
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Internal, Retry::SAFE));
    assert!(!format!("{error:?} {error}").contains("marker"), "{error}");
}
