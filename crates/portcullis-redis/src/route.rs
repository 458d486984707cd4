//! Which server to connect to: the one that was named, the one that a cluster has sent us to, or another of the cluster.

use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::Value;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Shared by all connections of a store.
pub(crate) struct Route(Mutex<State>);

struct State {
    /// The one that was named, and then the others of its cluster as far as they are known.
    nodes: Vec<Node>,
    /// Which of them to ask where nobody has sent us anywhere.
    at: usize,
    /// Where a cluster has sent us: to the server that has the keys.
    moved: Option<Node>,
}

impl Route {
    pub(crate) fn new(named: Node) -> Self {
        Self(Mutex::new(State { nodes: vec![named], at: 0, moved: None }))
    }

    /// Where to connect to now.
    pub(crate) fn next(&self) -> Node {
        let state = self.lock();
        state.moved.clone().unwrap_or_else(|| state.nodes[state.at].clone())
    }

    /// True if there is another to ask where one does not answer.
    pub(crate) fn has_others(&self) -> bool {
        self.lock().nodes.len() > 1
    }

    /// This one has the keys.
    pub(crate) fn send_to(&self, node: Node) {
        self.lock().moved = Some(node);
    }

    /// These are all servers of the cluster. The one that was named stays the first: its name may lead elsewhere later.
    pub(crate) fn learn(&self, others: Vec<Node>) {
        let mut state = self.lock();
        let now = state.nodes[state.at].clone();
        state.nodes.truncate(1);
        for node in others {
            if !state.nodes.contains(&node) {
                state.nodes.push(node);
            }
        }
        state.at = state.nodes.iter().position(|node| *node == now).unwrap_or(0);
    }

    /// This one does not answer: the next attempt is at another, if one is known.
    pub(crate) fn avoid(&self, node: &Node) {
        let mut state = self.lock();
        state.moved.take_if(|moved| moved == node);
        if state.nodes[state.at] == *node {
            state.at = (state.at + 1) % state.nodes.len();
        }
    }

    /// Nothing that could panic in between leaves it half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    /// `host:port`, as a redirection has it, told by a server on this host.
    pub(crate) fn parse(text: &str, told_on: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        Some(Self { host: known(host, told_on), port: port.parse().ok()? })
    }
}

/// A server that does not know its own host leaves it empty, or says `?`: it is the one that we have asked.
fn known(host: &str, told_on: &str) -> String {
    if matches!(host, "" | "?") { told_on } else { host }.to_owned()
}

/// The servers in an answer to `CLUSTER SLOTS`: `[[first, last, [host, port, …], …], …]`.
pub(crate) fn nodes(answer: &Value, told_on: &str) -> Vec<Node> {
    let ranges = answer.as_sequence().unwrap_or_default();
    let servers =
        ranges.iter().filter_map(Value::as_sequence).flat_map(|range| range.iter().skip(2));
    let node = |server: &Value| {
        let [host, port, ..] = server.as_sequence()? else { return None };
        let host = Option::<String>::from_redis(host)?.unwrap_or_default();
        // read as the short number that it is, one that is too long would be cut
        let port = u16::try_from(i64::from_redis(port)?).ok()?;
        Some(Node { host: known(&host, told_on), port })
    };
    servers.filter_map(node).collect()
}

/// Whatever can't be read is left out.
trait FromRedis: Sized {
    fn from_redis(value: &Value) -> Option<Self>;
}

impl<T: redis::FromRedisValue> FromRedis for T {
    fn from_redis(value: &Value) -> Option<Self> {
        redis::from_redis_value(value.clone()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(port: u16) -> Node {
        Node { host: "h".to_owned(), port }
    }

    #[test]
    fn goes_where_it_is_sent_and_elsewhere_when_that_fails() {
        let route = Route::new(node(1));
        assert!(!route.has_others());
        route.avoid(&node(1));
        assert_eq!(route.next(), node(1), "there is no other");
        route.learn(vec![node(2), node(1), node(3), node(2)]);
        assert!(route.has_others());
        route.send_to(node(2));
        assert_eq!(route.next(), node(2));
        route.avoid(&node(3));
        assert_eq!(route.next(), node(2), "another has failed");
        route.avoid(&node(2));
        assert_eq!(route.next(), node(1));
        route.avoid(&node(1));
        assert_eq!(route.next(), node(2));
        // who is asked now stays so while the others come and go
        route.learn(vec![node(4), node(2)]);
        assert_eq!(route.next(), node(2));
        route.avoid(&node(2));
        assert_eq!(route.next(), node(1), "the one that was named is never forgotten");
        route.avoid(&node(1));
        assert_eq!(route.next(), node(4));
        route.learn(Vec::new());
        assert_eq!(route.next(), node(1));
    }

    #[test]
    fn a_server_that_is_the_owner_and_was_named_is_avoided_as_both() {
        let route = Route::new(node(1));
        route.learn(vec![node(2)]);
        route.send_to(node(1));
        route.avoid(&node(1));
        assert_eq!(route.next(), node(2));
    }

    #[test]
    fn reads_where_servers_are() {
        let parsed = |text| Node::parse(text, "here").map(|node| (node.host, node.port));
        assert_eq!(parsed("10.0.0.1:7000"), Some(("10.0.0.1".to_owned(), 7000)));
        assert_eq!(parsed("::1:7000"), Some(("::1".to_owned(), 7000)));
        for unknown in [":7000", "?:7000"] {
            assert_eq!(parsed(unknown), Some(("here".to_owned(), 7000)));
        }
        for none in ["", "here", "here:", "here:x", "here:70000"] {
            assert_eq!(parsed(none), None, "{none}");
        }
        let text = |text: &str| Value::BulkString(text.into());
        let server = |host, port| Value::Array(vec![host, Value::Int(port), text("id")]);
        let range = |servers: Vec<Value>| {
            Value::Array([vec![Value::Int(0), Value::Int(9)], servers].concat())
        };
        let answer = Value::Array(vec![
            range(vec![server(text("a"), 1), server(Value::Nil, 2)]),
            range(vec![server(text(""), 3), server(text("b"), 70_000), Value::Nil]),
            Value::Nil,
        ]);
        let found: Vec<_> =
            nodes(&answer, "here").into_iter().map(|node| (node.host, node.port)).collect();
        let expected = [("a", 1), ("here", 2), ("here", 3)];
        assert_eq!(found, expected.map(|(host, port)| (host.to_owned(), port)));
        assert!(nodes(&Value::Nil, "here").is_empty());
    }
}
