//! Holding what is written against the grammar, token by token (ISO 32000-1, 7.3).

use std::collections::HashSet;

use super::codes;
use super::lexer::{Lexer, Token, hex_digit, is_space};
use super::object::{DEEPEST, Id, Name, Object, Values};

/// Where and how something leaves the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// An array or dictionary that is open.
enum Frame<'a> {
    Array,
    Dict { keys: Keys<'a>, key: Option<Name<'a>> },
}

/// The keys that a dictionary has so far.
enum Keys<'a> {
    Few(Vec<Name<'a>>),
    Many(HashSet<Vec<u8>>),
}

impl<'a> Keys<'a> {
    /// False if it was there.
    fn insert(&mut self, key: Name<'a>) -> bool {
        const FEW: usize = 24;
        match self {
            Self::Few(keys) if keys.len() < FEW => {
                let new = !keys.contains(&key);
                keys.push(key);
                new
            }
            Self::Few(keys) => {
                let mut many: HashSet<_> = keys.iter().map(|key| key.value().into_owned()).collect();
                let new = many.insert(key.value().into_owned());
                *self = Self::Many(many);
                new
            }
            Self::Many(keys) => keys.insert(key.value().into_owned()),
        }
    }
}

/// Reads one value. Calls `found` for every reference, with the nearest key above it.
pub(crate) fn value<'a>(lexer: &mut Lexer<'a>, found: &mut impl FnMut(&[u8], Id)) -> Result<(), Fault> {
    let mut open: Vec<Frame<'a>> = Vec::new();
    loop {
        let fault = |code, what, lexer: &Lexer<'_>| Err(Fault { code, at: lexer.pos(), what });
        let before = *lexer;
        let token = lexer.next();
        match (token, open.last_mut()) {
            (Token::Name(raw), Some(Frame::Dict { keys, key: key @ None })) => {
                let name = Name::new(raw);
                if !keys.insert(name) {
                    return fault(codes::DICT_TWICE, "a dictionary has a key twice", &before);
                }
                *key = Some(name);
                continue;
            }
            (Token::DictClose, Some(Frame::Dict { key: None, .. }))
            | (Token::ArrayClose, Some(Frame::Array)) => {
                open.pop();
            }
            (_, Some(Frame::Dict { key: None, .. })) => {
                return fault(codes::OBJECT_FORM, "a dictionary has something that is no key", &before);
            }
            (Token::DictOpen | Token::ArrayOpen, _) => {
                if open.len() == DEEPEST {
                    return fault(codes::OBJECT_DEEP, "an object is nested too deep", &before);
                }
                open.push(match token {
                    Token::DictOpen => Frame::Dict { keys: Keys::Few(Vec::new()), key: None },
                    _ => Frame::Array,
                });
                continue;
            }
            (Token::Name(_) | Token::Literal(_), _) => {}
            (Token::Hex(raw), _) => {
                if !raw.iter().all(|byte| hex_digit(*byte).is_some() || is_space(*byte)) {
                    return fault(codes::OBJECT_FORM, "a hexadecimal string has other characters", &before);
                }
            }
            (Token::Word(_), above) => {
                let mut values = Values::new(before, (0, 0));
                let object = values.next();
                *lexer = values.lexer();
                match object {
                    None => {
                        return fault(codes::OBJECT_FORM, "an object has a word that means nothing", &before);
                    }
                    Some(Object::Reference(id)) => match above {
                        Some(Frame::Dict { key: Some(key), .. }) => found(&key.value(), id),
                        _ => found(nearest(&open).map(Name::value).as_deref().unwrap_or_default(), id),
                    },
                    Some(_) => {}
                }
            }
            (Token::DictClose | Token::ArrayClose | Token::Broken | Token::End, _) => {
                return fault(codes::OBJECT_FORM, "an object is not built as it should be", &before);
            }
        }
        match open.last_mut() {
            None => return Ok(()),
            Some(Frame::Dict { key, .. }) => *key = None,
            Some(Frame::Array) => {}
        }
    }
}

/// The key of the dictionary that an array, or arrays in arrays, stand in.
fn nearest<'a>(open: &[Frame<'a>]) -> Option<Name<'a>> {
    open.iter().rev().find_map(|frame| match frame {
        Frame::Dict { key, .. } => *key,
        Frame::Array => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(Vec<u8>, Id)>, Fault> {
        let mut found = Vec::new();
        let mut lexer = Lexer::new(bytes, 0);
        value(&mut lexer, &mut |key, id| found.push((key.to_vec(), id))).map(|()| found)
    }

    #[test]
    fn references_come_with_the_key_above_them() {
        let found = read(b"<</A 1 0 R/B[2 0 R[3 1 R]<</C 4 0 R>>]/D(5 0 R)/E 6>>").unwrap();
        let names: Vec<_> = found.iter().map(|(key, id)| (&**key, id.0)).collect();
        assert_eq!(names, [(&b"A"[..], 1), (b"B", 2), (b"B", 3), (b"C", 4)]);
    }

    #[test]
    fn what_viewers_may_read_differently_is_a_fault() {
        for (object, code) in [
            (&b"<</A 1/B/C/A 2>>"[..], codes::DICT_TWICE),
            (b"<</A 1/#41 2>>", codes::DICT_TWICE),
            (b"<</V[<</X 1/X 2>>]>>", codes::DICT_TWICE),
            (b"<</A>>", codes::OBJECT_FORM),
            (b"<</A 1 2>>", codes::OBJECT_FORM),
            (b"[1 2>>", codes::OBJECT_FORM),
            (b"<</A 1", codes::OBJECT_FORM),
            (b"[--1]", codes::OBJECT_FORM),
            (b"<4x>", codes::OBJECT_FORM),
            (b"(x", codes::OBJECT_FORM),
        ] {
            assert_eq!(read(object).unwrap_err().code, code, "{}", String::from_utf8_lossy(object));
        }
        let deep = [b"[".repeat(DEEPEST + 1), b"]".repeat(DEEPEST + 1)].concat();
        assert_eq!(read(&deep).unwrap_err().code, codes::OBJECT_DEEP);
        let wide: Vec<u8> = (0..50).flat_map(|n| format!("/K{n} {n}").into_bytes()).collect();
        assert!(read(&[b"<<", &wide[..], b">>"].concat()).is_ok());
        assert_eq!(read(&[b"<<", &wide[..], b"/K7 1>>"].concat()).unwrap_err().code, codes::DICT_TWICE);
    }
}
