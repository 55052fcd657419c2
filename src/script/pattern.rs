//! Lua's patterns, with every step counted: a short pattern can look at a text again and again.

/// What went wrong with a match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// The pattern is none.
    Pattern(&'static str),
    /// There are no steps left.
    Steps,
}

type Matched<T> = Result<T, Failure>;

/// What a pattern's parentheses have caught.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Capture {
    /// From here, and not closed yet.
    Open(usize),
    /// A part of the text.
    Part(usize, usize),
    /// `()`: a place.
    Place(usize),
}

/// Captures of a pattern.
const CAPTURES_MAX: usize = 32;
/// Choices within choices.
const DEPTH_MAX: usize = 200;

/// A pattern on its way over a text.
#[derive(Debug)]
pub(super) struct Matcher<'t> {
    text: &'t [u8],
    pattern: &'t [u8],
    pub captures: Vec<Capture>,
    /// Steps that are left.
    pub steps: u64,
    depth: usize,
}

impl<'t> Matcher<'t> {
    /// A pattern without its anchor.
    pub fn new(text: &'t [u8], pattern: &'t [u8], steps: u64) -> Self {
        Matcher { text, pattern, captures: Vec::new(), steps, depth: 0 }
    }

    /// The end of the match that begins here.
    pub fn at(&mut self, start: usize) -> Matched<Option<usize>> {
        self.captures.clear();
        self.depth = 0;
        self.go(start, 0)
    }

    /// The first match that begins here or later: from where to where.
    pub fn search(
        &mut self,
        mut start: usize,
        is_anchored: bool,
    ) -> Matched<Option<(usize, usize)>> {
        loop {
            if let Some(end) = self.at(start)? {
                return Ok(Some((start, end)));
            }
            if is_anchored || start >= self.text.len() {
                return Ok(None);
            }
            start += 1;
        }
    }

    fn step(&mut self, steps: usize) -> Matched<()> {
        self.steps = self.steps.checked_sub(steps as u64).ok_or(Failure::Steps)?;
        Ok(())
    }

    /// As [`Matcher::go`], for a choice that may turn out to be wrong.
    fn try_go(&mut self, at: usize, item: usize) -> Matched<Option<usize>> {
        if self.depth == DEPTH_MAX {
            return Err(Failure::Pattern("pattern too complex"));
        }
        self.depth += 1;
        let end = self.go(at, item);
        self.depth -= 1;
        end
    }

    /// Matches the pattern from one of its items on: the end in the text.
    fn go(&mut self, mut at: usize, mut item: usize) -> Matched<Option<usize>> {
        loop {
            self.step(1)?;
            let rest = &self.pattern[item..];
            match rest {
                [] => return Ok(Some(at)),
                [b'(', b')', ..] => return self.open(at, item + 2, Capture::Place(at)),
                [b'(', ..] => return self.open(at, item + 1, Capture::Open(at)),
                [b')', ..] => return self.close(at, item + 1),
                [b'$'] => return Ok((at == self.text.len()).then_some(at)),
                [b'%', b'b', ..] => match self.balanced(at, item + 2)? {
                    Some(end) => (at, item) = (end, item + 4),
                    None => return Ok(None),
                },
                [b'%', b'f', ..] => {
                    let set = item + 2;
                    if self.pattern.get(set) != Some(&b'[') {
                        return Err(Failure::Pattern("missing '[' after '%f' in pattern"));
                    }
                    let end = self.class_end(set)?;
                    let before = at.checked_sub(1).map_or(0, |before| self.text[before]);
                    let here = self.text.get(at).copied().unwrap_or(0);
                    if self.in_set(before, set, end)? || !self.in_set(here, set, end)? {
                        return Ok(None);
                    }
                    item = end;
                }
                [b'%', digit @ b'0'..=b'9', ..] => match self.again(at, *digit)? {
                    Some(end) => (at, item) = (end, item + 2),
                    None => return Ok(None),
                },
                _ => {
                    let end = self.class_end(item)?;
                    match self.pattern.get(end) {
                        Some(b'?') => {
                            if self.single(at, item, end)?
                                && let Some(done) = self.try_go(at + 1, end + 1)?
                            {
                                return Ok(Some(done));
                            }
                            item = end + 1;
                        }
                        Some(b'*') => return self.most(at, 0, item, end),
                        Some(b'+') => return self.most(at, 1, item, end),
                        Some(b'-') => return self.fewest(at, item, end),
                        _ if self.single(at, item, end)? => (at, item) = (at + 1, end),
                        _ => return Ok(None),
                    }
                }
            }
        }
    }

    fn open(&mut self, at: usize, item: usize, capture: Capture) -> Matched<Option<usize>> {
        if self.captures.len() == CAPTURES_MAX {
            return Err(Failure::Pattern("too many captures"));
        }
        self.captures.push(capture);
        let number = self.captures.len();
        let end = self.try_go(at, item)?;
        if end.is_none() {
            self.captures.truncate(number - 1);
        }
        Ok(end)
    }

    fn close(&mut self, at: usize, item: usize) -> Matched<Option<usize>> {
        let is_open = |capture: &Capture| matches!(capture, Capture::Open(_));
        let Some(number) = self.captures.iter().rposition(is_open) else {
            return Err(Failure::Pattern("invalid pattern capture"));
        };
        let open = self.captures[number];
        if let Capture::Open(start) = open {
            self.captures[number] = Capture::Part(start, at);
        }
        let end = self.try_go(at, item)?;
        if end.is_none() {
            self.captures[number] = open;
        }
        Ok(end)
    }

    /// As often as there are matches, then less often.
    fn most(&mut self, at: usize, least: usize, item: usize, end: usize) -> Matched<Option<usize>> {
        let mut count = 0;
        while self.single(at + count, item, end)? {
            count += 1;
        }
        while count >= least {
            if let Some(done) = self.try_go(at + count, end + 1)? {
                return Ok(Some(done));
            }
            let Some(less) = count.checked_sub(1) else { break };
            count = less;
        }
        Ok(None)
    }

    /// Not at all, then more often.
    fn fewest(&mut self, mut at: usize, item: usize, end: usize) -> Matched<Option<usize>> {
        loop {
            if let Some(done) = self.try_go(at, end + 1)? {
                return Ok(Some(done));
            }
            if !self.single(at, item, end)? {
                return Ok(None);
            }
            at += 1;
        }
    }

    /// `%bxy`: from an x to its y.
    fn balanced(&mut self, at: usize, item: usize) -> Matched<Option<usize>> {
        let Some(&[open, close]) = self.pattern.get(item..item + 2) else {
            return Err(Failure::Pattern("malformed pattern (missing arguments to '%b')"));
        };
        if self.text.get(at) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1usize;
        for next in at + 1..self.text.len() {
            self.step(1)?;
            match self.text[next] {
                byte if byte == close => depth -= 1,
                byte if byte == open => depth += 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(Some(next + 1));
            }
        }
        Ok(None)
    }

    /// `%1`: what a capture has caught, once more.
    fn again(&mut self, at: usize, digit: u8) -> Matched<Option<usize>> {
        let number = usize::from(digit - b'0').checked_sub(1);
        let capture = number.and_then(|number| self.captures.get(number).copied());
        let (start, end) = match capture {
            Some(Capture::Part(start, end)) => (start, end),
            // No text is a place.
            Some(Capture::Place(_)) => return Ok(None),
            _ => return Err(Failure::Pattern("invalid capture index in pattern")),
        };
        self.step(end - start)?;
        let is_there = self.text[at..].starts_with(&self.text[start..end]);
        Ok(is_there.then_some(at + end - start))
    }

    /// Where the class of single characters ends that begins here.
    fn class_end(&mut self, item: usize) -> Matched<usize> {
        match self.pattern.get(item) {
            Some(b'%') if item + 1 == self.pattern.len() => {
                Err(Failure::Pattern("malformed pattern (ends with '%')"))
            }
            Some(b'%') => Ok(item + 2),
            Some(b'[') => {
                let mut next = item + 1;
                if self.pattern.get(next) == Some(&b'^') {
                    next += 1;
                }
                // The first one is no end.
                loop {
                    match self.pattern.get(next) {
                        None => return Err(Failure::Pattern("malformed pattern (missing ']')")),
                        Some(b'%') => next += 2,
                        Some(_) => next += 1,
                    }
                    if self.pattern.get(next) == Some(&b']') {
                        self.step(next - item)?;
                        return Ok(next + 1);
                    }
                }
            }
            _ => Ok(item + 1),
        }
    }

    /// Whether the character here is of the class.
    fn single(&mut self, at: usize, item: usize, end: usize) -> Matched<bool> {
        self.step(1)?;
        let Some(&byte) = self.text.get(at) else { return Ok(false) };
        Ok(match self.pattern[item] {
            b'.' => true,
            b'%' => is_of(byte, self.pattern[item + 1]),
            b'[' => return self.in_set(byte, item, end),
            exact => exact == byte,
        })
    }

    /// Whether a character is in `[…]`.
    fn in_set(&mut self, byte: u8, item: usize, end: usize) -> Matched<bool> {
        self.step(end - item)?;
        let mut set = &self.pattern[item + 1..end - 1];
        let is_other = set.first() == Some(&b'^');
        if is_other {
            set = &set[1..];
        }
        let mut is_in = false;
        while let [first, rest @ ..] = set {
            set = match (first, rest) {
                (b'%', [class, rest @ ..]) => {
                    is_in |= is_of(byte, *class);
                    rest
                }
                (low, [b'-', high, rest @ ..]) => {
                    is_in |= (*low..=*high).contains(&byte);
                    rest
                }
                (exact, rest) => {
                    is_in |= *exact == byte;
                    rest
                }
            };
        }
        Ok(is_in != is_other)
    }
}

/// Whether a character is of a class such as `%a`; of any other letter, whether it is that.
fn is_of(byte: u8, class: u8) -> bool {
    let is_in = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'g' => byte.is_ascii_graphic(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        // Rust leaves out the vertical tab.
        b's' => byte.is_ascii_whitespace() || byte == 0x0b,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        _ => return class == byte,
    };
    is_in != class.is_ascii_uppercase()
}
