//! With what a client comes back to its session.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use subtle::ConstantTimeEq as _;

use super::SessionIndex;

/// How many bytes say which session it is, which is no secret.
const PLACE_BYTES: usize = size_of::<SessionIndex>();
const TOKEN_BYTES: usize = 32;

/// A secret by which a client proves to be the one that had a session: the place of that, and 224 random bits.
///
/// Nobody can learn it by trying: a session is found by the place, and what is secret is compared as a whole, which takes as long
/// whatever is right of it. It is never shown.
#[derive(Clone)]
pub struct Token([u8; TOKEN_BYTES]);

impl Token {
    /// Its bytes, for the client that it is for.
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether somebody has said just this.
    pub fn is(&self, said: &[u8]) -> bool {
        self.0.ct_eq(said).into()
    }

    /// Of which session somebody says to have the token.
    pub fn place(said: &[u8]) -> Option<SessionIndex> {
        let (place, _) = said.split_first_chunk::<PLACE_BYTES>()?;
        Some(SessionIndex::from_le_bytes(*place))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// How many sessions there are that clients can come back to. Whoever lets connections in looks at it, too.
#[derive(Default, Debug)]
pub struct Resumable(AtomicUsize);

impl Resumable {
    /// How many.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// One of them, as long as it is one.
#[derive(Debug)]
pub struct Counted(Arc<Resumable>);

impl Counted {
    /// One more.
    pub fn new(all: &Arc<Resumable>) -> Self {
        all.0.fetch_add(1, Ordering::Relaxed);
        Counted(all.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes tokens that nobody can guess, whoever knows all that it has made before: from a seed that comes from outside, as all
/// chance does.
pub struct Tokens(ChaCha20Rng);

impl Tokens {
    /// With a seed that nobody knows.
    pub fn new(seed: [u8; 32]) -> Self {
        Tokens(ChaCha20Rng::from_seed(seed))
    }

    /// A token for a session.
    pub fn make(&mut self, session: SessionIndex) -> Token {
        let mut bytes = [0; TOKEN_BYTES];
        let (place, secret) = bytes.split_at_mut(PLACE_BYTES);
        place.copy_from_slice(&session.to_le_bytes());
        self.0.fill_bytes(secret);
        Token(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_and_no_other_and_is_never_shown() {
        let mut tokens = Tokens::new([7; 32]);
        let (one, other) = (tokens.make(258), tokens.make(258));
        assert_eq!(Token::place(one.bytes()), Some(258));
        assert!(one.is(one.bytes()) && !one.is(other.bytes()));
        for length in 0..TOKEN_BYTES {
            assert!(!one.is(&one.bytes()[..length]));
        }
        for bit in 0..TOKEN_BYTES * 8 {
            let mut forged = one.0;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(!one.is(&forged));
        }
        assert_eq!(format!("{one:?}"), "…");
        assert_eq!((Token::place(b""), Token::place(b"abc")), (None, None));
    }

    #[test]
    fn all_chance_comes_from_outside() {
        let first = |seed| Tokens::new(seed).make(1);
        assert!(first([1; 32]).is(first([1; 32]).bytes()));
        assert!(!first([1; 32]).is(first([2; 32]).bytes()));
    }
}
