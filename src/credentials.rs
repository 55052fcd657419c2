//! What proves who somebody is: passwords and tokens, of which only hashes are kept.
//!
//! People have passwords, which are hashed by Argon2: that is slow, so that whoever has read a configuration cannot find them by
//! trying. Scripts have tokens, which are as random as the system can make them, so that a fast hash is enough.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rand_chacha::rand_core::{OsRng, TryRngCore};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How many bytes are random in whatever nobody may guess.
const SECRET_BYTES: usize = 32;
/// How a token begins, so that people and programs that search for secrets know one when they see it.
const TOKEN_PREFIX: &str = "donet_";
/// The longest password, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// The most memory that a hash may ask for, in KiB: many times of what anybody recommends.
const MEMORY_KIB_MAX: u32 = 1 << 20;
/// The most passes over it that a hash may ask for.
const PASSES_MAX: u32 = 64;

/// Memory in which passwords are hashed, one after the other. It grows to what the costliest of them needs.
#[derive(Default)]
pub struct Memory(Vec<Block>);

/// The hash of a password, as `donet console password` prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordProof(PasswordHash);

/// Why a text is no hash of a password.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoHash {
    /// It is something else: a password, say.
    #[error("no Argon2 hash, which begins with `$argon2id$`")]
    Other,
    /// It begins as one, and goes on in another way.
    #[error("an Argon2 hash that is not whole: {0}")]
    Broken(String),
    /// To check it would take very long, or very much memory.
    #[error(
        "an Argon2 hash that costs more than {MEMORY_KIB_MAX} KiB (m) or {PASSES_MAX} passes (t)"
    )]
    Costly,
}

impl FromStr for PasswordProof {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        if !text.starts_with("$argon2") {
            return Err(NoHash::Other);
        }
        let broken = |error: &dyn fmt::Display| NoHash::Broken(error.to_string());
        let hash = PasswordHash::new(text).map_err(|error| broken(&error))?;
        if !["argon2id", "argon2i", "argon2d"].contains(&hash.algorithm.as_str()) {
            return Err(NoHash::Other);
        }
        let params = Params::try_from(&hash).map_err(|error| broken(&error))?;
        if params.m_cost() > MEMORY_KIB_MAX || params.t_cost() > PASSES_MAX {
            return Err(NoHash::Costly);
        }
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err(broken(&"there is no salt, or no hash"));
        }
        Ok(PasswordProof(hash))
    }
}

impl fmt::Display for PasswordProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Nobody needs to see it.
impl fmt::Debug for PasswordProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordProof")
    }
}

impl PasswordProof {
    /// Hashes a password. Takes some 20 ms, and 19 MiB of memory.
    ///
    /// # Panics
    /// If the system has no random numbers.
    pub fn of(password: &str) -> Self {
        Self::of_in(password, &mut Memory::default())
    }

    /// As [`PasswordProof::of`], in memory that is used again.
    ///
    /// # Panics
    /// If the system has no random numbers.
    pub fn of_in(password: &str, Memory(blocks): &mut Memory) -> Self {
        let (argon2, salt) = (Argon2::default(), random::<16>());
        let mut made = [0; Params::DEFAULT_OUTPUT_LEN];
        blocks.resize(argon2.params().block_count(), Block::default());
        let hashed = argon2.hash_password_into_with_memory(
            password.as_bytes(),
            &salt,
            &mut made,
            &mut blocks[..],
        );
        hashed.expect("its own parameters are right, and so is such a salt");
        let (m, t, p) =
            (argon2.params().m_cost(), argon2.params().t_cost(), argon2.params().p_cost());
        let [salt, made] = [&salt[..], &made].map(|bytes| STANDARD_NO_PAD.encode(bytes));
        let text = format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${made}");
        text.parse().expect("this is how such a hash is written")
    }

    /// Whether it is that of this password. Takes as long as making one.
    pub fn is_of(&self, password: &str) -> bool {
        self.is_of_in(password, &mut Memory::default())
    }

    /// As [`PasswordProof::is_of`], in memory that is used again.
    pub fn is_of_in(&self, password: &str, memory: &mut Memory) -> bool {
        let made = self.hashed(password, memory).zip(self.0.hash.as_ref());
        made.is_some_and(|(made, known)| made[..].ct_eq(known.as_ref()).into())
    }

    /// The hash of a password in the way that this one was made.
    fn hashed(&self, password: &str, Memory(blocks): &mut Memory) -> Option<Vec<u8>> {
        let PasswordHash { algorithm, version, salt, hash, .. } = &self.0;
        let params = Params::try_from(&self.0).ok()?;
        let algorithm: Algorithm = algorithm.as_str().parse().ok()?;
        let version = version.map(Version::try_from).transpose().ok()?.unwrap_or_default();
        blocks.resize(params.block_count(), Block::default());
        let mut made = vec![0; hash.as_ref()?.len()];
        let argon2 = Argon2::new(algorithm, version, params);
        let (password, salt) = (password.as_bytes(), salt.as_ref()?.as_ref());
        argon2.hash_password_into_with_memory(password, salt, &mut made, &mut blocks[..]).ok()?;
        Some(made)
    }
}

/// The hash of a token, as `donet console token` prints it: SHA-256, in hexadecimal digits.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub struct TokenProof([u8; 32]);

impl FromStr for TokenProof {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(());
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(drop)?;
            *byte = u8::from_str_radix(digits, 16).map_err(drop)?;
        }
        Ok(TokenProof(bytes))
    }
}

impl fmt::Display for TokenProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// Nobody needs to see it.
impl fmt::Debug for TokenProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenProof")
    }
}

impl TokenProof {
    /// That of a token.
    pub fn of(token: &str) -> Self {
        TokenProof(Sha256::digest(token.as_bytes()).into())
    }

    /// Whether they are the same, in a time that tells nothing.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// A token that nobody has had before.
///
/// # Panics
/// If the system has no random numbers.
pub fn new_token() -> String {
    format!("{TOKEN_PREFIX}{}", secret())
}

/// A text that nobody can guess: 256 bits in hexadecimal digits.
///
/// # Panics
/// If the system has no random numbers.
pub fn secret() -> String {
    hex(&random::<SECRET_BYTES>())
}

/// Whether two texts are the same, in a time that tells no more than their lengths.
pub fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).expect("the system has random numbers");
    bytes
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let proof = PasswordProof::of("correct horse");
        let text = proof.to_string();
        assert!(text.starts_with("$argon2id$v=19$"), "{text}");
        assert!(!format!("{proof:?}").contains('$'));
        let read: PasswordProof = text.parse().expect("a hash");
        assert_eq!(read, proof);
        assert!(read.is_of("correct horse"));
        for other in ["", "correct horse ", "Correct horse"] {
            assert!(!read.is_of(other), "{other:?}");
        }
        assert_ne!(PasswordProof::of("correct horse").to_string(), text, "it is salted");
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let reason = |text: &str| text.parse::<PasswordProof>().map(drop).expect_err(text);
        for text in ["", "secret", "$2b$12$abcdefghijklmnopqrstuv", "$5$salt$hash"] {
            assert_eq!(reason(text), NoHash::Other, "{text}");
        }
        let whole = PasswordProof::of("a").to_string();
        for text in ["$argon2id", "$argon2id$v=19$m=19456,t=2,p=1", &whole[..whole.len() / 2]] {
            assert!(matches!(reason(text), NoHash::Broken(_)), "{text}");
        }
        for costs in ["m=4294967295,t=2", "m=19456,t=4294967295", "m=1048577,t=2", "m=19456,t=65"] {
            assert_eq!(reason(&whole.replace("m=19456,t=2", costs)), NoHash::Costly, "{costs}");
        }
    }

    #[test]
    fn a_token_is_known_by_its_hash() {
        let (token, other) = (new_token(), new_token());
        assert_ne!(token, other);
        assert_eq!(token.len(), TOKEN_PREFIX.len() + 2 * SECRET_BYTES);
        let proof = TokenProof::of(&token);
        let read: TokenProof = proof.to_string().parse().expect("a hash");
        assert!(read.is(&proof) && !read.is(&TokenProof::of(&other)));
        for text in
            ["", "0", &token, &proof.to_string()[1..], &format!("{proof}0"), &"ä".repeat(32)]
        {
            assert!(text.parse::<TokenProof>().is_err(), "{text}");
        }
        assert_eq!(
            TokenProof::of("abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
