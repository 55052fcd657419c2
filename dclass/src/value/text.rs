//! Text → packed values, as text databases hold them.

use super::TextError;
use super::pack::{Meaning, Packer};
use crate::diagnostic::Log;
use crate::lexer::{Kind, Mode, Token, lex};
use crate::limits::SOURCE_BYTES_MAX;
use crate::parser;
use crate::schema::Field;
use crate::source::Source;

impl Field {
    /// Packs a value that is written as DC text, such as [`format`](Field::format) writes: numbers
    /// are packed numbers, not scaled by divisors. Empty text is an empty value. A molecular value stands in
    /// `{ }`, or in `( )` as earlier versions wrote it.
    ///
    /// # Errors
    /// If the text is no value, or not one that [`validate`](Field::validate) accepts.
    pub fn parse(&self, text: impl AsRef<[u8]>) -> Result<Vec<u8>, TextError> {
        let whole = |message: String| TextError { message, offset: 0 };
        if text.as_ref().len() > SOURCE_BYTES_MAX {
            return Err(whole("the text is too long".to_owned()));
        }
        let source = Source::new("", text.as_ref());
        let text = crate::source::Text::new(&source);
        let mut log = Log::default();
        let mode = Mode { bare_exponents: true, lossy: text.lossy };
        let lexed = lex(&text.text, 0, mode, &mut log);
        let value = parser::lone_value(&text.text, &lexed.tokens, &mut log);
        if let Some((message, offset)) = log.first_error() {
            return Err(TextError { message, offset });
        }
        let Some(value) = value else {
            return Ok(Vec::new());
        };
        // Whoever means infinity writes `inf`.
        let written = |token: &Token| &text.text[token.start as usize..token.end as usize];
        let is_too_large = |token: &&Token| {
            token.kind == Kind::Real && written(token).parse().is_ok_and(f64::is_infinite)
        };
        if let Some(token) = lexed.tokens.iter().find(is_too_large) {
            let message = "the number is larger than a float64 can be".to_owned();
            return Err(TextError { message, offset: token.start as usize });
        }
        let mut packer = Packer::new(Meaning::Packed);
        packer.field(self, &value).map_err(|misfit| TextError {
            message: misfit.message,
            offset: misfit.span.start as usize,
        })?;
        match self.validate_all(&packer.out) {
            Ok(()) => Ok(packer.out),
            Err(error) => Err(whole(error.without_offset())),
        }
    }
}
