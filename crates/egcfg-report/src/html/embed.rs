//! Text inside a page that a program or a model wrote. Markup gets it escaped; data gets it as gzip in base64, whose letters can
//! end no element, and whose size is a fraction.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

/// Text for an element or a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // No character of HTML, and a reader of the source should see it.
            c if c.is_control() && c != '\n' && c != '\t' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// A part of an address's fragment, as `encodeURIComponent` writes it.
pub(crate) fn fragment(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(byte as char);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A value as gzip in base64.
pub(crate) fn pack(value: &impl Serialize) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail, and our types serialise.
    let json = serde_json::to_vec(value).unwrap_or_default();
    let _ = encoder.write_all(&json);
    STANDARD.encode(encoder.finish().unwrap_or_default())
}

/// The data blocks of a page; the first is the index.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    blocks: Vec<String>,
}

impl Blocks {
    /// Adds a block and gives its number; numbers begin at 1, since the index is 0.
    pub(crate) fn add(&mut self, packed: String) -> usize {
        self.blocks.push(packed);
        self.blocks.len()
    }

    /// All blocks as elements, the index first.
    pub(crate) fn render(&self, index: &impl Serialize) -> String {
        let index = pack(index);
        let all = std::iter::once(&index).chain(&self.blocks).enumerate();
        all.map(|(id, block)| {
            format!("<script type=\"application/octet-stream\" id=\"b{id}\">{block}</script>\n")
        })
        .collect::<Vec<String>>()
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn no_text_leaves_its_place(text in ".{0,60}") {
            let safe = escape(&text);
            prop_assert!(!safe.contains(['<', '>', '"', '\'']));
            let packed = pack(&text);
            prop_assert!(packed.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b)));
            let bytes = STANDARD.decode(&packed).unwrap();
            let back: String = serde_json::from_reader(flate2::read::GzDecoder::new(bytes.as_slice())).unwrap();
            prop_assert_eq!(back, text);
        }
    }

    #[test]
    fn fragments_are_written_as_the_page_reads_them() {
        assert_eq!(fragment("HumanEval/0 <ü>"), "HumanEval%2F0%20%3C%C3%BC%3E");
    }
}
