//! A walk over one line of JSON that checks every byte and decodes nothing.

use crate::json::MAX_FIELDS;

/// A place in a line without control characters.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) levels: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn at_object(&self) -> bool {
        self.text.get(self.at) == Some(&b'{')
    }

    pub(super) fn space(&mut self) {
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }

    pub(super) fn take(&mut self, byte: u8) -> Option<()> {
        (self.text.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    /// Reads the object that begins here, at this level; `field` reads each value, given its key with its quotes.
    pub(super) fn object(
        &mut self,
        level: usize,
        mut field: impl FnMut(&mut Self, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if level > self.levels {
            return None;
        }
        self.space();
        if self.take(b'}').is_some() {
            return Some(());
        }
        for _ in 0..MAX_FIELDS {
            let key = self.key()?;
            if key.contains(&b'\\') {
                return None;
            }
            field(self, key)?;
            self.space();
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
            self.space();
        }
        None
    }

    /// Reads a key and what leads to its value.
    pub(super) fn key(&mut self) -> Option<&'a [u8]> {
        let key = self.string()?;
        self.space();
        self.take(b':')?;
        self.space();
        Some(key)
    }

    /// Reads the value that begins here, whose parent stands at level `above`.
    pub(super) fn value(&mut self, above: usize) -> Option<&'a [u8]> {
        let start = self.at;
        // One bit for each level that is open: set for an object.
        let (mut open, mut depth) = (0_u64, 0_usize);
        loop {
            match self.text.get(self.at)? {
                b'"' => drop(self.string()?),
                bracket @ (b'{' | b'[') => {
                    self.at += 1;
                    self.space();
                    let object = *bracket == b'{';
                    let end = if object { b'}' } else { b']' };
                    if above + depth + 1 > self.levels {
                        return None;
                    }
                    if self.take(end).is_none() {
                        open = open << 1 | u64::from(object);
                        depth += 1;
                        if object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                b'n' => self.literal(b"null")?,
                _ => self.number()?,
            }
            // A value has ended, and with it maybe others around it.
            loop {
                if depth == 0 {
                    return Some(&self.text[start..self.at]);
                }
                self.space();
                let object = open & 1 == 1;
                if self.take(b',').is_some() {
                    self.space();
                    if object {
                        self.key()?;
                    }
                    break;
                }
                self.take(if object { b'}' } else { b']' })?;
                open >>= 1;
                depth -= 1;
            }
        }
    }

    /// Reads the string that begins here; gives it with its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        self.take(b'"')?;
        loop {
            self.at = self.next_special()?;
            if self.text[self.at] == b'"' {
                self.at += 1;
                return Some(&self.text[start..self.at]);
            }
            match self.text.get(self.at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
                b'u' => {
                    let digits = self.text.get(self.at + 2..self.at + 6)?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    self.at += 6;
                }
                _ => return None,
            }
        }
    }

    /// Where the next quote or backslash stands.
    fn next_special(&self) -> Option<usize> {
        let rest = self.text.get(self.at..)?;
        // Keys and names are short, and starting the fast search costs more than looking.
        let near = &rest[..rest.len().min(16)];
        if let Some(found) = near.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
            return Some(self.at + found);
        }
        let far = memchr::memchr2(b'"', b'\\', &rest[near.len()..])?;
        Some(self.at + near.len() + far)
    }

    fn literal(&mut self, word: &[u8]) -> Option<()> {
        self.text[self.at..]
            .starts_with(word)
            .then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if self.take(b'e').or_else(|| self.take(b'E')).is_some() {
            let _ = self.take(b'+').or_else(|| self.take(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }
}
