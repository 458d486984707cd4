//! SipHash-1-3 with 128 bits, by [its specification](https://www.aumasson.jp/siphash/siphash.pdf) and its authors'
//! [reference](https://github.com/veorq/SipHash), in two halves: the second half is another three rounds, and whoever
//! is told enough by the first need not wait for it. The tests hold it against the crate `siphasher`, which
//! gives both at once.

/// A key that has been taken in: what messages are hashed with.
#[derive(Clone, Copy)]
pub(crate) struct SipHash(State);

/// A hash, of which the high half is worked out when it is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Hash {
    low: u64,
    state: State,
}

#[derive(Clone, Copy)]
struct State {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl SipHash {
    pub(crate) const fn new(k0: u64, k1: u64) -> Self {
        Self(State {
            v0: k0 ^ 0x736f_6d65_7073_6575,
            // and what the variant of 128 bits begins with
            v1: k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            v2: k0 ^ 0x6c79_6765_6e65_7261,
            v3: k1 ^ 0x7465_6462_7974_6573,
        })
    }

    // Always inlined, so that its state stays in registers until it is known whether the other half is
    // needed.
    #[inline(always)]
    pub(crate) fn hash(&self, message: &[u8]) -> Hash {
        Self::hash_from(self.0, 0, message)
    }

    /// The hash of eight bytes, the lowest first, and the message behind them.
    pub(crate) fn hash_behind(&self, first: u64, message: &[u8]) -> Hash {
        let mut state = self.0;
        state.take_in(first);
        Self::hash_from(state, size_of::<u64>(), message)
    }

    #[inline(always)]
    fn hash_from(mut state: State, taken_in: usize, message: &[u8]) -> Hash {
        let (words, rest) = message.as_chunks();
        for word in words {
            state.take_in(u64::from_le_bytes(*word));
        }
        // the last word ends with the low byte of the length
        let last = match message.last_chunk() {
            // what is left over is at the end of the last eight bytes
            Some(bytes) => {
                let over = 64 - 8 * rest.len() as u32;
                u64::from_le_bytes(*bytes).checked_shr(over).unwrap_or(0)
            }
            None => rest.iter().rev().fold(0, |last, byte| last << 8 | u64::from(*byte)),
        };
        let len = (taken_in + message.len()) as u64;
        state.take_in(last | len << 56);
        state.v2 ^= 0xee;
        Hash { low: state.finish(), state }
    }
}

impl Hash {
    #[inline]
    pub(crate) const fn low(&self) -> u64 {
        self.low
    }

    /// All 128 bits.
    #[inline(never)]
    pub(crate) fn whole(&self) -> u128 {
        let mut state = self.state;
        state.v1 ^= 0xdd;
        u128::from(state.finish()) << 64 | u128::from(self.low)
    }
}

impl State {
    #[inline(always)]
    fn take_in(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.v0 ^= word;
    }

    #[inline(always)]
    fn finish(&mut self) -> u64 {
        self.round();
        self.round();
        self.round();
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }

    #[inline(always)]
    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use siphasher::sip128::SipHasher13;

    use super::*;

    fn check(k0: u64, k1: u64, message: &[u8]) {
        let expected = SipHasher13::new_with_keys(k0, k1).hash(message).as_u128();
        let key = SipHash::new(k0, k1);
        let mut hashes = vec![key.hash(message)];
        if let Some((first, rest)) = message.split_first_chunk() {
            hashes.push(key.hash_behind(u64::from_le_bytes(*first), rest));
        }
        for hash in hashes {
            assert_eq!(hash.whole(), expected, "{k0:x} {k1:x} {message:x?}");
            assert_eq!(hash.low(), expected as u64);
        }
    }

    #[test]
    fn it_is_the_function_that_others_have() {
        // as good as random (an xorshift)
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let (mut bytes, mut keys) = ([0; 600], [(0, 0); 16]);
        bytes.fill_with(|| next() as u8);
        keys.fill_with(|| (next(), next()));
        for (k0, k1) in keys {
            for len in 0..bytes.len() {
                check(k0, k1, &bytes[..len]);
                check(k0, k1, &bytes[bytes.len() - len..]);
            }
        }
    }
}
