//! One line in the log for each rejection, whoever refused, and never a token in it.

use portcullis::{RequireLayer, Verdict};
use tower::Layer;

use crate::revocation::{Fixed, Slow};
use crate::support::{Admin, Other, Payroll, ask, bearer, bob, get, layer, send, who_service};

/// The lines that are logged while this runs.
fn logged(run: impl Future<Output = ()>) -> Vec<String> {
    let ((), lines) = portcullis_testing::logged(|| {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run);
    });
    for line in &lines {
        assert!(!line.contains(&bob()) && !line.chars().any(char::is_control), "{line:?}");
    }
    lines
}

#[test]
fn a_rejection_is_one_line() {
    let lines = logged(async {
        ask(&layer(), get(&[])).await;
        ask(&layer(), bearer("a.b.c")).await;
        ask(&layer(), bearer(&bob())).await;
    });
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines[0].starts_with("DEBUG portcullis: a credential is required: expected"),
        "{}",
        lines[0]
    );
    assert!(lines[0].ends_with(r#"kind="missing-credential" status=401"#), "{}", lines[0]);
    assert!(lines[1].starts_with("INFO portcullis: the token is malformed"), "{}", lines[1]);
}

#[test]
fn an_outage_is_a_warning_with_its_cause() {
    let lines = logged(async {
        ask(&layer().with_revocation(Fixed::out()), bearer(&bob())).await;
    });
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("WARN portcullis: revocations cannot be checked"), "{}", lines[0]);
    assert!(lines[0].contains("the store behind the denylist could not be asked"), "{}", lines[0]);
    // a newline of the store's is no newline of the log's
    assert!(lines[0].contains(r"connection\\nrefused"), "{}", lines[0]);
}

#[test]
fn a_guard_without_its_layer_names_it() {
    let lines = logged(async {
        let service = RequireLayer::<Admin, Payroll>::new().layer(who_service());
        send(service, get(&[])).await;
    });
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("ERROR portcullis: the service is not set up"), "{}", lines[0]);
    assert!(lines[0].contains("JwtLayer") && lines[0].contains("support::Payroll"), "{}", lines[0]);
}

#[test]
fn a_layer_for_other_claims_is_named_beside_them_once() {
    let lines = logged(async {
        let service = layer().layer(RequireLayer::<(), Other>::signed_in().layer(who_service()));
        send(layer().layer(service), bearer(&bob())).await;
    });
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("ERROR"), "{}", lines[0]);
    assert!(
        lines[0].contains("support::Payroll") && lines[0].contains("support::Other"),
        "{}",
        lines[0]
    );
}

#[test]
fn a_guards_refusal_is_logged_once_by_the_layer() {
    let lines = logged(async {
        let service = layer().layer(RequireLayer::<Admin, Payroll>::new().layer(who_service()));
        send(service, bearer(&bob())).await;
    });
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("INFO") && lines[0].contains("role `admin`"), "{}", lines[0]);
}

#[test]
fn a_request_that_was_dropped_while_it_waited_is_no_rejection() {
    let lines = logged(async {
        let (slow, answer) = Slow::new();
        let service = layer().with_revocation(slow).layer(who_service());
        let mut future = Box::pin(send(service, bearer(&bob())));
        assert!(crate::support::is_pending(&mut future).await);
        drop(future);
        assert!(answer.send(Verdict::Allowed).is_err());
    });
    assert_eq!(lines, Vec::<String>::new());
}
