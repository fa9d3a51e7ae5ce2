//! What must hold for any bytes that a child may send: each function is the body of a fuzz target, and the sandbox's own
//! tests call it with mutated seeds as well. Besides that nothing panics, each checks what its parser promises.

use crate::protocol::frame::{Frame, FrameError};
use crate::protocol::value;
use crate::trace::decode;

/// Frames off a stream that comes in pieces. The first byte says how large a frame may be and how large the pieces are.
pub(crate) fn frames(data: &[u8]) {
    let Some((&first, stream)) = data.split_first() else { return };
    let limit = 1usize << (first & 15);
    let piece = 1 + usize::from(first >> 4) * 7;
    let (mut buffer, mut taken) = (Vec::new(), 0);
    for chunk in stream.chunks(piece) {
        buffer.extend_from_slice(chunk);
        loop {
            let before = buffer.len();
            match Frame::take(&mut buffer, limit) {
                Ok(Some(frame)) => {
                    let fields: Vec<&[u8]> = frame.fields.iter().map(Vec::as_slice).collect();
                    let bytes = Frame::encode(frame.kind, &fields);
                    assert_eq!(bytes.len(), before - buffer.len(), "it takes exactly itself off the stream");
                    assert!(bytes.len() <= limit + 4, "no frame is over the limit");
                    assert_eq!(bytes, stream[taken..taken + bytes.len()], "it is what was written");
                    taken += bytes.len();
                    assert_eq!(frame.field(usize::MAX), b"");
                    let _ = frame.text(0);
                }
                Ok(None) => {
                    // What waits for more is never more than one frame and a piece.
                    assert!(buffer.len() < limit + 4 + piece);
                    break;
                }
                Err(FrameError::TooLong(size)) => return assert!(size > limit),
                Err(FrameError::Malformed) => return,
            }
        }
    }
}

/// A message of values. The first byte says which containers the sender knows already.
pub(crate) fn values(data: &[u8]) {
    const KINDS: &[u8] = b"ldsaCOGq";
    let Some((&first, message)) = data.split_first() else { return };
    let count = usize::from(first >> 6);
    let known: Vec<u8> = (0..count).map(|at| KINDS[(usize::from(first & 63) + at) % KINDS.len()]).collect();
    let Ok(kinds) = value::check(message, &known) else { return };
    assert!(kinds.starts_with(&known));
    assert!(kinds.len() <= known.len() + message.len(), "no more containers than bytes");
    assert!(kinds.iter().all(|kind| KINDS.contains(kind)));
    assert_eq!(value::check(message, &known).as_ref(), Ok(&kinds), "twice the same");
    let longer = [message, b"N"].concat();
    assert!(value::check(&longer, &known).is_err(), "nothing may follow");
    for cut in [message.len() / 2, message.len() - 1] {
        assert!(value::check(&message[..cut], &known).is_err(), "a message that is cut short is none");
    }
}

/// A trace.
pub(crate) fn traces(data: &[u8]) {
    let Some(trace) = decode::decode(data, "3.11.7") else { return };
    let size: usize = trace
        .steps
        .iter()
        .map(|step| {
            let locals =
                step.locals.iter().map(|local| local.name.len() + local.value.len() + local.type_name.len());
            step.source.len() + step.function.len() + locals.sum::<usize>()
        })
        .sum();
    assert!(size <= 64 << 20, "a bounded trace");
    // What a process wrote before it was ended is what there is, not something else.
    for cut in [data.len() / 2, data.len().saturating_sub(1)] {
        if let Some(part) = decode::decode(&data[..cut], "3.11.7") {
            assert!(part.steps.len() <= trace.steps.len());
            assert_eq!(part.steps[..], trace.steps[..part.steps.len()]);
        }
    }
    let text = serde_json::to_string(&trace).expect("a trace can be stored");
    assert_eq!(serde_json::from_str::<egcfg_task::Trace>(&text).expect("and read"), trace);
}
