//! The program around: its options, its folder, its certificates.

use std::path::Path;

use crate::client::Client;
use crate::process::{Place, all};

#[test]
fn what_it_does_not_know_is_an_error() {
    for args in [
        &["--listen"][..],
        &["--orders", "0.0.0.0:0"],
        &["billing"],
        &["billing", "/nowhere"],
        &["orders", "/nowhere", "--listen", "127.0.0.1:0"],
        &["google", "/nowhere", "--listen", "127.0.0.1:0"],
        &["--refresh-every", "0"],
        // keys that are out before they can be refreshed
        &[
            "--orders=127.0.0.1:0",
            "--billing=127.0.0.1:0",
            "--google=127.0.0.1:0",
            "--trust-for=300",
        ],
    ] {
        let output = Place::program().args(args).output().unwrap();
        assert!(!output.status.success(), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn the_authority_is_the_only_one_that_is_trusted_and_another_is_made_each_time() {
    let (here, there) = (Place::new(), Place::new());
    let google = here.start("google", &["--listen", "127.0.0.1:0"]);
    let url = format!("{}/service_accounts/v1/metadata/jwk/nobody", google.url());
    assert_eq!(here.client().get(&url, "").status, 404);
    assert!(there.client().send("GET", &url, "", "").is_err());
    // the name is checked, not only who signed
    let other = url.replace("localhost", "elsewhere.example");
    assert!(here.client().send("GET", &other, "", "").is_err());
}

#[test]
fn nothing_is_overwritten_and_no_private_key_of_the_authority_stays() {
    let place = Place::new();
    let names = |folder: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let folder = place.certificates();
    let expected = [
        "billing.key",
        "billing.pem",
        "ca.pem",
        "google.key",
        "google.pem",
        "orders.key",
        "orders.pem",
    ];
    assert_eq!(names(&folder), expected);
    #[cfg(unix)]
    for name in expected.iter().filter(|name| name.ends_with(".key")) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = folder.join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
    let again = Place::program().arg("certificates").arg(&folder).output().unwrap();
    assert!(!again.status.success());
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_and_its_folder_goes_with_it() {
    let services = all(&[]);
    let authority = Path::new(services.token("CA")).to_owned();
    let client = Client::trusting(&authority);
    client.get(&format!("{}/keys", services.url()), "").expect(200);
    services.stop();
    assert!(!authority.parent().unwrap().exists());
}
