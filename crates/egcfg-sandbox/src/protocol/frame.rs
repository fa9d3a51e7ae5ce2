//! Frames: what passes between the supervisor and a child. A frame is a length, a kind and a list of byte fields,
//! each with its own length (little-endian u32). Everything read here may come from an enemy: lengths are checked
//! before anything is kept, and whatever is not exactly a frame is an error, never a panic.

/// One message to or from a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// What kind of message it is.
    pub(crate) kind: u8,
    /// Its fields; which ones there are depends on the kind.
    pub(crate) fields: Vec<Vec<u8>>,
}

/// The bytes are no frame, or one over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// Longer than allowed.
    #[error("a message of {0} bytes is over the limit")]
    TooLong(usize),
    /// Lengths that contradict each other.
    #[error("a message that is not well-formed")]
    Malformed,
}

/// No message has more fields. Empty ones take four bytes on the way and six times that here.
const FIELDS: usize = 16;

impl Frame {
    /// The bytes of a frame.
    pub(crate) fn encode(kind: u8, fields: &[&[u8]]) -> Vec<u8> {
        let size = 1 + fields.iter().map(|field| 4 + field.len()).sum::<usize>();
        let mut data = Vec::with_capacity(4 + size);
        data.extend_from_slice(&(size as u32).to_le_bytes());
        data.push(kind);
        for field in fields {
            data.extend_from_slice(&(field.len() as u32).to_le_bytes());
            data.extend_from_slice(field);
        }
        data
    }

    /// Takes the first whole frame off `buffer`; `None` when more bytes are needed.
    pub(crate) fn take(buffer: &mut Vec<u8>, limit: usize) -> Result<Option<Self>, FrameError> {
        let Some(size) = length(buffer) else { return Ok(None) };
        if size > limit {
            return Err(FrameError::TooLong(size));
        }
        if buffer.len() < 4 + size {
            return Ok(None);
        }
        let frame = Self::parse(&buffer[4..4 + size]);
        buffer.drain(..4 + size);
        frame.map(Some)
    }

    fn parse(body: &[u8]) -> Result<Self, FrameError> {
        let (&kind, mut rest) = body.split_first().ok_or(FrameError::Malformed)?;
        let mut fields = Vec::new();
        while !rest.is_empty() {
            let size = length(rest).ok_or(FrameError::Malformed)?;
            let field = rest.get(4..4usize.saturating_add(size)).ok_or(FrameError::Malformed)?;
            if fields.len() == FIELDS {
                return Err(FrameError::Malformed);
            }
            fields.push(field.to_vec());
            rest = &rest[4 + size..];
        }
        Ok(Self { kind, fields })
    }

    /// A field's bytes; empty where there is no such field.
    pub(crate) fn field(&self, index: usize) -> &[u8] {
        self.fields.get(index).map_or(&[], Vec::as_slice)
    }

    /// A field as text, with replacement characters where it is none.
    pub(crate) fn text(&self, index: usize) -> String {
        String::from_utf8_lossy(self.field(index)).into_owned()
    }
}

fn length(data: &[u8]) -> Option<usize> {
    let bytes = data.get(..4)?;
    Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(kind: u8, fields in prop::collection::vec(any::<Vec<u8>>(), 0..=FIELDS), cut in 0usize..64) {
            let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
            let data = Frame::encode(kind, &fields);
            let mut buffer = data[..data.len().saturating_sub(cut)].to_vec();
            let short = buffer.len() < data.len();
            let frame = Frame::take(&mut buffer, 1 << 20).unwrap();
            prop_assert_eq!(frame.is_none(), short);
            if let Some(frame) = frame {
                prop_assert_eq!(frame.kind, kind);
                prop_assert_eq!(frame.fields.iter().map(Vec::as_slice).collect::<Vec<_>>(), fields);
                prop_assert!(buffer.is_empty());
            }
        }

        #[test]
        fn what_has_more_fields_than_any_message_is_none(count in FIELDS + 1..4 * FIELDS) {
            let mut buffer = Frame::encode(b'V', &vec![&b""[..]; count]);
            prop_assert_eq!(Frame::take(&mut buffer, 1 << 20), Err(FrameError::Malformed));
        }

        #[test]
        fn no_bytes_make_it_panic(data: Vec<u8>) {
            let mut buffer = data.clone();
            while let Ok(Some(_)) = Frame::take(&mut buffer, 1 << 10) {}
            let mut framed = (data.len() as u32).to_le_bytes().to_vec();
            framed.extend(&data);
            if let Ok(Some(frame)) = Frame::take(&mut framed, 1 << 10) {
                prop_assert!(frame.fields.iter().map(|field| field.len() + 4).sum::<usize>() < data.len() + 1);
            }
        }
    }
}
