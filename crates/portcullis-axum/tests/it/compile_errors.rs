//! What the compiler says when a guard is used wrongly. To renew the expected messages after a change:
//! `TRYBUILD=overwrite cargo test -p portcullis-axum --all-features --test it compile_errors`.

#[test]
fn compile_errors_explain_themselves() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/claims_*.rs");
    cases.compile_fail("tests/ui/requirement_*.rs");
    cases.compile_fail("tests/ui/role_*.rs");
    cases.compile_fail("tests/ui/verified_*.rs");
    // the compiler lists the rules that there are, and a feature adds one; the test command has it on
    if cfg!(feature = "tokio") {
        cases.compile_fail("tests/ui/revocation_*.rs");
    }
}
