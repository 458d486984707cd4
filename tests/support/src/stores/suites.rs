//! The suites that every store and every feed must pass, each with a server of its own.

use std::time::Duration;

use portcullis_testing::suite::{
    self, Setup, collapse, cutoffs, denials, feed, generations, limits, listings,
};

use super::{Add, Kind, PATIENCE, Server, on_tokio, runtime};
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
    let make = async |setup| K::empty(&url, setup, LIMIT).await;
    let nowhere = Port::keep()?;
    on_tokio(async {
        let freeze = async || server.freeze().expect("a signal can be sent");
        let thaw = async || server.thaw().expect("a signal can be sent");
        suite::outage(make, freeze, thaw).await;
        suite::outage(make, async || proxy.stall(), async || proxy.resume()).await;
        let cut = async || {
            proxy.point_to(nowhere.number());
            proxy.cut();
        };
        suite::outage(make, cut, async || proxy.point_to(server.port())).await;
    })
}
