//! Into how many shards a table is cut, and in which of them a key is.

use super::super::hash::Tag;

/// Shards of a table. A millionth record makes one shard of 4,000 grow, not the whole.
pub(super) const SHARDS: usize = 256;

/// The number of a shard: there are as many as a byte has values.
pub(super) type Shard = u8;

/// The shard of a key that has this tag: its top byte. The rest of the tag is for the filters, and the other bits
/// of a key are for the place in the table.
#[inline]
pub(super) const fn shard_of(tag: Tag) -> Shard {
    (tag >> (Tag::BITS - Shard::BITS)) as Shard
}

/// One of these for each shard.
pub(super) fn by_shard<T>(make: impl FnMut() -> T) -> Box<[T; SHARDS]> {
    let all: Vec<T> = std::iter::repeat_with(make).take(SHARDS).collect();
    let all = all.into_boxed_slice().try_into();
    all.unwrap_or_else(|_| unreachable!("as many were made"))
}

#[cfg(test)]
mod tests {
    use super::super::super::hash::tag;
    use super::*;
    use crate::Target;

    #[test]
    fn what_many_issuers_name_alike_is_in_all_shards() {
        let shard = |issuer: u32| shard_of(tag(&Target::subject(&issuer.to_string(), "1")));
        let shards: std::collections::HashSet<_> = (0..10_000).map(shard).collect();
        assert_eq!(shards.len(), SHARDS);
    }
}
