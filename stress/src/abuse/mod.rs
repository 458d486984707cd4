//! Hostile input: what it costs to refuse a request, next to what it costs to receive the same bytes.
//!
//! Each input is two cases: `abuse/receive/NAME`, the server's processor time for those bytes with hyper
//! and a service that does nothing, and `abuse/refuse/NAME`, what the layer adds. What is refused by its
//! signature is called `abuse/verify/NAME`, and its cost is that of the signature.

mod inputs;

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use portcullis::{JwtLayer, Rejection, RejectionKind};

use crate::case::Case;
use crate::fixture::{self, Body, Payroll};
use crate::receive::Server;
use crate::runner::Outcome;

/// What refusing may cost at most before a signature is looked at, in what receiving costs.
const LIMIT: f64 = 10.0;

/// A request that is refused.
pub(crate) struct Hostile {
    /// `refuse/NAME` or `verify/NAME`.
    pub(crate) name: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) layer: JwtLayer<Payroll>,
    pub(crate) expected: RejectionKind,
}

/// The cases of every input.
pub(crate) fn cases() -> Vec<Case> {
    let server = Server::start();
    inputs::all().into_iter().flat_map(|hostile| pair(&server, hostile)).collect()
}

fn pair(server: &Server, hostile: Hostile) -> [Case; 2] {
    let Hostile { name, headers, layer, expected } = hostile;
    let (_, short) = name.split_once('/').unwrap_or(("", &name));
    let receive = format!("abuse/receive/{short}");

    let mut bytes = b"GET /payments HTTP/1.1\r\nhost: localhost\r\n".to_vec();
    let mut map = HeaderMap::new();
    for (name, value) in &headers {
        bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        let name = HeaderName::from_static(name);
        map.append(name, HeaderValue::from_str(value).expect("a value that HTTP allows"));
    }
    bytes.extend(b"\r\n");
    let prepare = move || {
        let mut request = Request::new(Body::new());
        request.headers_mut().clone_from(&map);
        request
    };
    let ask = fixture::ask(&layer);
    let answer = ask(prepare());
    let found = answer.extensions().get::<Rejection>().map(Rejection::kind);
    assert_eq!(found, Some(expected), "{name}: {:?}", answer.extensions().get::<Rejection>());

    let mut connection = server.connect();
    [
        Case::timed(&receive, move |times| connection.spend(&bytes, times)),
        Case::new(format!("abuse/{name}"), prepare, ask).against(receive),
    ]
}

/// Says which inputs are above the limit.
pub(crate) fn report(outcomes: &[Outcome]) {
    let refused: Vec<_> =
        outcomes.iter().filter(|outcome| outcome.name.starts_with("abuse/refuse/")).collect();
    let above: Vec<_> =
        refused.iter().filter(|outcome| outcome.ratio.is_some_and(|ratio| ratio > LIMIT)).collect();
    for outcome in &above {
        println!("above {LIMIT} times what receiving costs: {}", outcome.name);
    }
    let worst =
        refused.iter().max_by(|a, b| a.ratio.unwrap_or(0.0).total_cmp(&b.ratio.unwrap_or(0.0)));
    if let Some(worst) = worst {
        println!(
            "before a signature is looked at, refusing costs at most {:.2} times what receiving does ({})",
            worst.ratio.unwrap_or(0.0),
            worst.name
        );
    }
}
