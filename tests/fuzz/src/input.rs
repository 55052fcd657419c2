//! Reading a fuzzer's bytes as operations.

/// The bytes that have not been used yet. Whatever they are they mean something, so that a mutation
/// of an input is another input and not an error.
pub struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Input { bytes }
    }

    /// The next byte; `None` ends the run.
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    /// One of `choices`, which must not be empty.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        Some(choices[usize::from(self.byte()?) % choices.len()])
    }

    /// A byte that says how many follow, and as many of these as there are.
    pub fn piece(&mut self) -> &'a [u8] {
        let length = self.byte().map_or(0, usize::from);
        let (piece, rest) = self.bytes.split_at(length.min(self.bytes.len()));
        self.bytes = rest;
        piece
    }
}
