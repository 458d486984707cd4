//! What the compiler says when a guard is used wrongly. To renew the expected messages after a change:
//! `TRYBUILD=overwrite cargo test -p portcullis-axum --test it compile_errors`.

#[test]
fn compile_errors_explain_themselves() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
