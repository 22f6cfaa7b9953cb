//! PDF tokens over raw bytes (ISO 32000-1, 7.2 and 7.3): as much as the byte scanner needs, iterative, never failing.

/// A position in a slice, moving forward only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexer<'a> {
    bytes: &'a [u8],
    pos: usize,
}

/// One token. Strings are skipped over, their content is of no interest here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// `<<`
    DictOpen,
    /// `>>`
    DictClose,
    /// `[`
    ArrayOpen,
    /// `]`
    ArrayClose,
    /// A name without its slash, `#xx` decoded.
    Name(Vec<u8>),
    /// A literal or hexadecimal string.
    String,
    /// Anything else up to the next delimiter: a number or a keyword.
    Word(&'a [u8]),
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
    std::str::from_utf8(word.strip_prefix(b"+").unwrap_or(word)).ok()?.parse().ok()
}

/// White space of ISO 32000-1, table 1.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | 9 | 10 | 12 | 13 | 32)
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
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

    /// The next token; comments and white space are skipped.
    pub(crate) fn next(&mut self) -> Token<'a> {
        self.skip_space();
        let Some(&byte) = self.bytes.get(self.pos) else { return Token::End };
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
            b'/' => Token::Name(self.name()),
            b'(' => self.literal_string(),
            b'<' => {
                while self.advance().is_some_and(|b| b != b'>') {}
                Token::String
            }
            _ => {
                let start = self.pos - 1;
                if !is_delimiter(byte) {
                    self.take_regular();
                }
                Token::Word(self.bytes.get(start..self.pos).unwrap_or_default())
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn advance(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.pos += 1;
        Some(byte)
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                while self.peek().is_some_and(|b| b != b'\n' && b != b'\r') {
                    self.pos += 1;
                }
            } else if !is_space(byte) {
                break;
            } else {
                self.pos += 1;
            }
        }
    }

    fn take_regular(&mut self) -> &'a [u8] {
        let start = self.pos;
        while self.peek().is_some_and(|b| !is_space(b) && !is_delimiter(b)) {
            self.pos += 1;
        }
        self.bytes.get(start..self.pos).unwrap_or_default()
    }

    fn name(&mut self) -> Vec<u8> {
        let raw = self.take_regular();
        let mut name = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let [byte, tail @ ..] = rest {
            rest = tail;
            if let (b'#', [high, low, after @ ..]) = (byte, tail)
                && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
            {
                name.push(high << 4 | low);
                rest = after;
            } else {
                name.push(*byte);
            }
        }
        name
    }

    fn literal_string(&mut self) -> Token<'a> {
        let mut open = 1usize;
        while open > 0 {
            match self.advance() {
                Some(b'\\') => {
                    self.advance();
                }
                Some(b'(') => open += 1,
                Some(b')') => open -= 1,
                Some(_) => {}
                None => break,
            }
        }
        Token::String
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
                Token::Name(b"AB".to_vec()),
                Token::String,
                Token::Name(b"P".to_vec()),
                Token::ArrayOpen,
                Token::Word(b"+12"),
                Token::String,
                Token::ArrayClose,
                Token::DictClose,
                Token::Word(b"z"),
            ]
        );
    }

    #[test]
    fn unfinished_input_ends() {
        for input in [&b"(((\\"[..], b"<a", b"/#4", b"<", b"%", b">", b")"] {
            let mut lexer = Lexer::new(input, 0);
            let mut steps = 0;
            while lexer.next() != Token::End {
                steps += 1;
                assert!(steps < 10);
            }
        }
    }
}
