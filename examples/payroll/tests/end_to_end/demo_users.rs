//! The demo users, and those who take their place where others can reach the service.

use crate::server::{ALICE, BOB, Setup};

const BEYOND: &str = "0.0.0.0:0";
const CAROL: (&str, &str) = ("carol", "carol's own password");

#[tokio::test]
async fn there_are_none_beyond_loopback() {
    let server = Setup::new().listen(BEYOND).start();
    server.client().sign_in(BOB.0, BOB.1).await.expect_problem(401);
    server.client().sign_in(ALICE.0, ALICE.1).await.expect_problem(401);
    assert!(!server.banner.contains(ALICE.1), "{}", server.banner);
    // what the banner says instead is done as it says, but for the build
    let line =
        server.banner.lines().find_map(|line| line.trim().strip_prefix("cargo run -p payroll --"));
    let line = line.unwrap_or_else(|| panic!("{}", server.banner)).replace("NAME", CAROL.0);
    let folder = server.database().parent().unwrap().to_owned();
    std::fs::write(folder.join("password.txt"), format!("{}\n", CAROL.1)).unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.arg("-c").arg(format!("{} {line}", env!("CARGO_BIN_EXE_payroll"))).current_dir(folder);
    assert!(shell.status().unwrap().success(), "{line}");
    server.sign_in(CAROL).await.pay(1).await.expect(201);
}

#[tokio::test]
async fn those_of_a_first_visit_are_refused_beyond_loopback() {
    for rules in [&["cutoff"][..], &["denylist"], &["allowlist"]] {
        let server = Setup::new().rules(rules).start();
        let bob = server.sign_in(BOB).await;
        let server = server.stop().listen(BEYOND).start();
        server.client().sign_in(BOB.0, BOB.1).await.expect_problem(401);
        server.client().sign_in(ALICE.0, ALICE.1).await.expect_problem(401);
        // and so are the tokens that they were given
        server.bearer(&bob).get("/me").await.expect_problem(401);
        assert!(!server.banner.contains(ALICE.1), "{}", server.banner);
        // back home they are as they were
        let server = server.stop().listen("127.0.0.1:0").start();
        server.bearer(&bob).get("/me").await.expect(200);
        server.sign_in(ALICE).await;
    }
}

#[tokio::test]
async fn users_are_added_by_a_command() {
    let setup = Setup::new().listen(BEYOND);
    let added = setup.add_user(&["carol", "--role", "admin"], "carol's own password\n");
    assert!(added.status.success(), "{added:?}");
    let server = setup.start();
    let carol = server.sign_in(CAROL).await;
    carol.pay(1).await.expect(201);
    // while it runs, too
    let added = setup.add_user(&["dave", "--role", "reader"], "dave's own password\r\nmore\n");
    assert!(added.status.success(), "{added:?}");
    let dave = server.sign_in(("dave", "dave's own password")).await;
    dave.pay(1).await.expect(403);
    dave.get("/workers").await.expect(200);
}

#[tokio::test]
async fn with_users_of_ones_own_there_are_no_demo_users() {
    let setup = Setup::new();
    setup.add_user(&["carol", "--role", "admin"], "carol's own password\n");
    let server = setup.start();
    server.client().sign_in(ALICE.0, ALICE.1).await.expect_problem(401);
    server.sign_in(CAROL).await.pay(1).await.expect(201);
    assert!(!server.banner.contains(ALICE.1), "{}", server.banner);
}

#[test]
fn users_that_cannot_be_added() {
    let setup = Setup::new();
    let good = "a good password\n";
    for (args, stdin) in [
        (&["carol", "--role", "admin"][..], ""),
        (&["carol", "--role", "admin"], "short\n"),
        (&["carol", "--role", "admin"], "alice-may-pay\n"),
        (&["carol", "--role", "owner"], good),
        (&["carol"], good),
        (&["Carol", "--role", "admin"], good),
        (&["a/b", "--role", "admin"], good),
        (&["..", "--role", "admin"], good),
        (&["", "--role", "admin"], good),
    ] {
        let output = setup.add_user(args, stdin);
        assert!(!output.status.success(), "{args:?} {stdin:?}");
        assert!(!output.stderr.is_empty());
    }
    assert!(setup.add_user(&["carol", "--role", "reader"], good).status.success());
    let again = setup.add_user(&["carol", "--role", "admin"], "another password\n");
    assert!(!again.status.success(), "{again:?}");
}
