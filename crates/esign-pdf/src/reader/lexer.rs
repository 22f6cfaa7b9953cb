//! PDF tokens over raw bytes (ISO 32000-1, 7.2 and 7.3): without copies, without recursion, never failing.

/// A position in a slice, moving forward only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexer<'a> {
    bytes: &'a [u8],
    pos: usize,
}

/// One token, as written: names and strings are decoded by whoever needs their value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// `<<`
    DictOpen,
    /// `>>`
    DictClose,
    /// `[`
    ArrayOpen,
    /// `]`
    ArrayClose,
    /// A name without its slash, `#xx` not decoded.
    Name(&'a [u8]),
    /// What stands between the parentheses of a literal string.
    Literal(&'a [u8]),
    /// What stands between the angle brackets of a hexadecimal string.
    Hex(&'a [u8]),
    /// Anything else up to the next delimiter: a number or a keyword.
    Word(&'a [u8]),
    /// A string that does not end, or a delimiter that stands alone.
    Broken,
    /// The end of the bytes.
    End,
}

impl Token<'_> {
    /// The value of an unsigned integer.
    pub(crate) fn integer(&self) -> Option<u64> {
        match self {
            Token::Word(word) => parse_integer(word),
            _ => None,
        }
    }
}

/// An unsigned decimal integer, an optional `+` before it.
pub(crate) fn parse_integer(word: &[u8]) -> Option<u64> {
    let digits = word.strip_prefix(b"+").unwrap_or(word);
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    digits.iter().try_fold(0u64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

const SPACE: u8 = 1;
const DELIMITER: u8 = 2;

/// The class of each byte (ISO 32000-1, tables 1 and 2).
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let spaces = [0u8, 9, 10, 12, 13, 32];
    let delimiters = *b"()<>[]{}/%";
    let mut index = 0;
    while index < spaces.len() {
        class[spaces[index] as usize] = SPACE;
        index += 1;
    }
    index = 0;
    while index < delimiters.len() {
        class[delimiters[index] as usize] = DELIMITER;
        index += 1;
    }
    class
};

/// White space of ISO 32000-1, table 1.
pub(crate) fn is_space(byte: u8) -> bool {
    CLASS[usize::from(byte)] == SPACE
}

fn is_regular(byte: u8) -> bool {
    CLASS[usize::from(byte)] == 0
}

impl<'a> Lexer<'a> {
    /// Starts at `pos`; beyond the end it yields [`Token::End`] only.
    pub(crate) fn new(bytes: &'a [u8], pos: usize) -> Self {
        Self { bytes, pos: pos.min(bytes.len()) }
    }

    /// Where the next token is searched.
    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// Skips white space, not comments.
    pub(crate) fn skip_white(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.pos += 1;
        }
    }

    /// Skips white space and comments.
    pub(crate) fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                let line = &self.bytes[self.pos..];
                self.pos += memchr::memchr2(b'\n', b'\r', line).unwrap_or(line.len());
            } else if !is_space(byte) {
                break;
            } else {
                self.pos += 1;
            }
        }
    }

    /// The next token; comments and white space are skipped.
    pub(crate) fn next(&mut self) -> Token<'a> {
        self.skip_space();
        let Some(byte) = self.peek() else { return Token::End };
        let start = self.pos;
        self.pos += 1;
        match byte {
            b'<' if self.peek() == Some(b'<') => {
                self.pos += 1;
                Token::DictOpen
            }
            b'>' if self.peek() == Some(b'>') => {
                self.pos += 1;
                Token::DictClose
            }
            b'[' => Token::ArrayOpen,
            b']' => Token::ArrayClose,
            b'/' => {
                self.skip_regular();
                Token::Name(&self.bytes[start + 1..self.pos])
            }
            b'(' => self.literal(),
            b'<' => self.hex(),
            b')' | b'>' | b'{' | b'}' => Token::Broken,
            _ => {
                self.skip_regular();
                Token::Word(&self.bytes[start..self.pos])
            }
        }
    }

    /// The next byte.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    /// Takes these bytes if they come next.
    pub(crate) fn take(&mut self, expected: &[u8]) -> bool {
        let found = self.bytes[self.pos..].starts_with(expected);
        self.pos += if found { expected.len() } else { 0 };
        found
    }

    /// A lexer of the same bytes elsewhere.
    pub(crate) fn clone_at(&self, pos: usize) -> Self {
        Self::new(self.bytes, pos)
    }

    /// The bytes from `start` to here.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.pos).unwrap_or_default()
    }

    fn skip_regular(&mut self) {
        while self.peek().is_some_and(is_regular) {
            self.pos += 1;
        }
    }

    fn hex(&mut self) -> Token<'a> {
        let rest = &self.bytes[self.pos..];
        let Some(end) = memchr::memchr(b'>', rest) else {
            self.pos = self.bytes.len();
            return Token::Broken;
        };
        self.pos += end + 1;
        Token::Hex(&rest[..end])
    }

    fn literal(&mut self) -> Token<'a> {
        let start = self.pos;
        let mut open = 1usize;
        while let Some(at) = memchr::memchr3(b'(', b')', b'\\', &self.bytes[self.pos..]) {
            self.pos += at + 1;
            match self.bytes[self.pos - 1] {
                b'\\' => self.pos = (self.pos + 1).min(self.bytes.len()),
                b'(' => open += 1,
                _ => open -= 1,
            }
            if open == 0 {
                return Token::Literal(&self.bytes[start..self.pos - 1]);
            }
        }
        self.pos = self.bytes.len();
        Token::Broken
    }
}

/// The value of a hexadecimal digit.
pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_a_trailer() {
        let mut lexer = Lexer::new(b"<</A#42 (x\\)(y))%c\n/P[+12<ab>] >>z", 0);
        let mut tokens = Vec::new();
        loop {
            match lexer.next() {
                Token::End => break,
                token => tokens.push(token),
            }
        }
        assert_eq!(
            tokens,
            [
                Token::DictOpen,
                Token::Name(b"A#42"),
                Token::Literal(b"x\\)(y)"),
                Token::Name(b"P"),
                Token::ArrayOpen,
                Token::Word(b"+12"),
                Token::Hex(b"ab"),
                Token::ArrayClose,
                Token::DictClose,
                Token::Word(b"z"),
            ]
        );
    }

    #[test]
    fn unfinished_input_ends() {
        for input in [&b"(((\\"[..], b"<a", b"/#4", b"<", b"%", b">", b")", b"(\\"] {
            let mut lexer = Lexer::new(input, 0);
            let mut steps = 0;
            while lexer.next() != Token::End {
                steps += 1;
                assert!(steps < 10);
            }
        }
    }

    #[test]
    fn integers() {
        for (word, value) in [
            (&b"18446744073709551615"[..], Some(u64::MAX)),
            (b"+7", Some(7)),
            (b"18446744073709551616", None),
            (b"-1", None),
            (b"", None),
            (b"1.", None),
        ] {
            assert_eq!(parse_integer(word), value);
        }
    }
}
