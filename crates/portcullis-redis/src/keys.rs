//! The names of the keys. All have the same hash tag, so that a cluster keeps them on one server.

/// The keys of a store.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// The epoch, the position of the last write, the nonce of the last entry in the log.
    pub(crate) meta: String,
    /// Denials of tokens, fingerprints and sessions.
    pub(crate) denials: String,
    /// All that is broader: cutoffs, generations, denials of subjects and the like.
    pub(crate) cutoffs: String,
    /// The allowlist.
    pub(crate) allowed: String,
    /// When each row may be dropped.
    pub(crate) expiry: String,
    /// How many denials each subject has.
    pub(crate) subjects: String,
    /// The stream that replicas follow.
    pub(crate) log: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        let key = |name: &str| format!("{{{prefix}}}:{name}");
        Self {
            meta: key("meta"),
            denials: key("denials"),
            cutoffs: key("cutoffs"),
            allowed: key("allowed"),
            expiry: key("expiry"),
            subjects: key("subjects"),
            log: key("log"),
        }
    }

    /// In the order in which the scripts take them.
    pub(crate) fn all(&self) -> [&str; 7] {
        [
            &self.meta,
            &self.denials,
            &self.cutoffs,
            &self.allowed,
            &self.expiry,
            &self.subjects,
            &self.log,
        ]
    }
}
