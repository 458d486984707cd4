//! The suites that every store and every feed must pass, each with a server of its own.

use std::cell::RefCell;
use std::time::Duration;

use portcullis_core::Verdict;
use portcullis_testing::suite::{
    self, Setup, collapse, cutoffs, denials, feed, generations, limits, listings,
};

use super::{Add, Kind, PATIENCE, Server, eventually, on_tokio, runtime, verdict};
use crate::{Outcome, Port, Proxy};

pub(super) fn add<K: Kind>(add: Add<'_>) {
    add("suite::cutoffs", || each::<K>(async |url| cutoffs::all(make::<K>(url)).await));
    add("suite::denials", || each::<K>(async |url| denials::all(make::<K>(url)).await));
    add("suite::limits", || each::<K>(async |url| limits::all(make::<K>(url)).await));
    add("suite::collapse", || each::<K>(async |url| collapse::all(make::<K>(url)).await));
    add("suite::generations", || each::<K>(async |url| generations::all(make::<K>(url)).await));
    add("suite::listings", || each::<K>(async |url| listings::all(make::<K>(url)).await));
    add("suite::feed", || each::<K>(async |url| feed::all(make::<K>(url)).await));
    add("suite::no_check_passes_after_an_acknowledged_revocation", concurrency::<K>);
    add("suite::an_outage_is_no_answer", outages::<K>);
}

fn make<K: Kind>(url: &str) -> impl AsyncFn(Setup) -> K::Store {
    async move |setup| K::empty(url, setup, PATIENCE).await
}

fn each<K: Kind>(test: impl AsyncFnOnce(&str)) -> Outcome {
    let server = K::Server::start(K::SETTINGS)?;
    on_tokio(test(&K::Server::url_at(server.port())))
}

fn concurrency<K: Kind>() -> Outcome {
    let server = K::Server::start(K::SETTINGS)?;
    let (url, runtime) = (K::Server::url_at(server.port()), runtime());
    let make = make::<K>(&url);
    runtime.block_on(suite::concurrency(make, |future| runtime.handle().block_on(future)));
    Ok(())
}

/// A frozen server, connections that nobody knows to be dead, and an address where nothing listens.
fn outages<K: Kind>() -> Outcome {
    // each question of an outage takes as long, and a busy server has to answer the others within it
    const LIMIT: Duration = Duration::from_secs(1);

    let server = K::Server::start(K::SETTINGS)?;
    let proxy = Proxy::start(server.port())?;
    let url = K::Server::url_at(proxy.port());
    let made = RefCell::new(None);
    let make = async |setup| {
        let store = K::empty(&url, setup, LIMIT).await;
        made.replace(Some(store.clone()));
        store
    };
    // it is mended when the store has noticed
    let noticed = async || {
        let store: Option<K::Store> = made.borrow().clone();
        let store = store.expect("a store was made before it was broken");
        let answers = async || !matches!(verdict(&store, "1").await, Verdict::Unavailable(_));
        eventually("it answers again", answers).await;
    };
    let nowhere = Port::keep()?;
    on_tokio(async {
        let freeze = async || server.freeze().expect("a signal can be sent");
        let thaw = async || {
            server.thaw().expect("a signal can be sent");
            noticed().await;
        };
        suite::outage(make, freeze, thaw).await;
        let resume = async || {
            proxy.resume();
            noticed().await;
        };
        suite::outage(make, async || proxy.stall(), resume).await;
        let cut = async || {
            proxy.point_to(nowhere.number());
            proxy.cut();
        };
        let join = async || {
            proxy.point_to(server.port());
            noticed().await;
        };
        suite::outage(make, cut, join).await;
    })
}
