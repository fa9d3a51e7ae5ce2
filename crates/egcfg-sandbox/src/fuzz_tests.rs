//! The bodies of the fuzz targets under a stable compiler: on the kept seeds, on seeds that were damaged in the ways that
//! find faults in parsers (bytes changed, lengths blown up, pieces cut out, doubled, nested), and on arbitrary bytes. And the
//! check of values held against the real decoder: what it lets pass, the judging process must be able to read.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use crate::fuzz_bodies::{frames, traces, values};
use crate::protocol::value;

type Body = fn(&[u8]);

const TARGETS: [(&str, Body); 3] = [("frames", frames), ("values", values), ("traces", traces)];

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// One way to damage a message.
#[derive(Debug, Clone)]
enum Damage {
    Byte(usize, u8),
    /// A length or count, as everywhere little-endian, of any size.
    Number(usize, u32),
    Cut(usize),
    Without(usize, usize),
    Doubled(usize, usize),
    /// A piece many times over: deep nesting, many records.
    Repeated(usize, usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<usize>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        (at(), prop_oneof![any::<u32>(), 0..300u32, Just(u32::MAX), Just(i32::MAX as u32)])
            .prop_map(|(at, number)| Damage::Number(at, number)),
        at().prop_map(Damage::Cut),
        (at(), 1..40usize).prop_map(|(at, size)| Damage::Without(at, size)),
        (at(), 1..40usize).prop_map(|(at, size)| Damage::Doubled(at, size)),
        (at(), 1..12usize, 1..600usize).prop_map(|(at, size, times)| Damage::Repeated(at, size, times)),
    ]
}

fn damaged(mut data: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        if data.is_empty() {
            break;
        }
        let size = data.len();
        match *damage {
            Damage::Byte(at, byte) => data[at % size] = byte,
            Damage::Number(at, number) => {
                let at = at % size;
                let end = size.min(at + 4);
                data[at..end].copy_from_slice(&number.to_le_bytes()[..end - at]);
            }
            Damage::Cut(at) => data.truncate(at % size),
            Damage::Without(at, length) => {
                let at = at % size;
                data.drain(at..size.min(at + length));
            }
            Damage::Doubled(at, length) => {
                let at = at % size;
                let piece = data[at..size.min(at + length)].to_vec();
                data.splice(at..at, piece);
            }
            Damage::Repeated(at, length, times) => {
                let at = at % size;
                let piece = data[at..size.min(at + length)].repeat(times);
                data.splice(at..at, piece);
            }
        }
    }
    data
}

#[test]
fn the_seeds_are_what_honest_children_send() {
    for (target, body) in TARGETS {
        let seeds = seeds(target);
        assert!(seeds.len() >= 2, "{target}");
        for seed in &seeds {
            body(seed);
        }
    }
    for seed in seeds("values") {
        let known: &[u8] = if seed[0] == 0 { b"" } else { b"ld" };
        value::check(&seed[1..], known).unwrap();
    }
    for seed in seeds("traces") {
        let trace = crate::trace::decode::decode(&seed, "3.11.7").unwrap();
        assert!(trace.cut.is_none() && trace.steps.len() > 8);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(match ProptestConfig::default().cases { 256 => 1500, asked => asked }))]

    #[test]
    fn damaged_seeds_break_nothing(
        seed: prop::sample::Index,
        damages in prop::collection::vec(damage(), 1..6),
    ) {
        for (target, body) in TARGETS {
            let seeds = seeds(target);
            body(&damaged(seed.get(&seeds).clone(), &damages));
        }
    }

    #[test]
    fn arbitrary_bytes_break_nothing(data: Vec<u8>) {
        for (_, body) in TARGETS {
            body(&data);
        }
    }
}

#[test]
fn depth_costs_no_stack_and_lengths_no_memory() {
    for unit in [&b"t\x01\0\0\0"[..], b"z\x01\0\0\0", b"S", b"kv\x01\0\0\0"] {
        let data = [&b"\0\0\0\0\0\0\0\0\0"[..], &unit.repeat(1_000_000)].concat();
        values(&data);
    }
    for size in [u32::MAX, u32::MAX - 4, 1 << 31] {
        let size = size.to_le_bytes();
        frames(&[&b"\x0f"[..], &size, b"G"].concat());
        // A frame of the right length whose field says that it is longer.
        frames(&[&b"\x0f\x05\0\0\0G"[..], &size].concat());
        for at in 0..3 {
            let mut data = vec![0; 13];
            data[1 + 4 * at..5 + 4 * at].copy_from_slice(&size);
            values(&data);
        }
    }
    let header = &b"[\"T\",1,\"settrace\",\"3\",\"f\"]\n"[..];
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        traces(&[header, open.repeat(1_000_000).as_bytes()].concat());
        let nested = format!("{}1{}\n", open.repeat(100_000), close.repeat(100_000));
        traces(&[header, nested.as_bytes()].concat());
    }
}

/// Reads messages (length, known kinds, bytes) and answers with one letter each: `v`alue, `m`alformed, or anything
/// else that a decoder must never do. The first so many are seeds, which it must write as it read them.
const PEER: &str = r#"
import os, sys, types
for name in ("comparing", "opaque", "codec"):
    codec = sys.modules["_egcfg_" + name] = types.ModuleType(name)
    exec(compile(open(os.path.join(sys.argv[1], name + ".py")).read(), name, "exec"), codec.__dict__)
read, write = sys.stdin.buffer.read, sys.stdout.write
KINDS = {byte: cls for cls, byte in codec.KINDS.items()}
seen = []
while True:
    head = read(4)
    if not head:
        break
    data = read(int.from_bytes(head, "little"))
    count = data[0] >> 6
    names = b"ldsaCOGq"
    known = [KINDS[names[((data[0] & 63) + at) % 8:][:1]]() for at in range(count)]
    try:
        value = codec.Decoder(data[1:], known, lambda *a: None).message()
    except codec.Malformed:
        write("m")
        continue
    except BaseException as error:
        write("<%s: %s>" % (type(error).__name__, error))
        continue
    try:
        # What was read is written as it came, where nothing known has changed and no stand-in is in it.
        again = codec.Encoder(handles=[]).message(value)[0] if not count else data[1:]
        seed = len(seen) < int(sys.argv[2])
        seen.append(again == data[1:])
        write("v" if not seed or seen[-1] or b"p" in data or b"o" in data else "<not the same: %r %r>" % (data, again))
    except BaseException as error:
        write("<%s: %s>" % (type(error).__name__, error))
"#;

/// What the check lets pass goes to the judging process. Whatever its decoder does with it is a value or `Malformed`.
#[test]
fn what_the_check_lets_pass_the_decoder_reads() {
    const KINDS: &[u8] = b"ldsaCOGq";
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = (any::<prop::sample::Index>(), prop::collection::vec(damage(), 1..4));
    let all = seeds("values");
    let mut messages: Vec<Vec<u8>> = all.clone();
    let mut tries = 0;
    while messages.len() < 3000 && tries < 60_000 {
        tries += 1;
        let (seed, damages) = strategy.new_tree(&mut runner).unwrap().current();
        let data = damaged(seed.get(&all).clone(), &damages);
        let Some((&first, message)) = data.split_first() else { continue };
        let known: Vec<u8> =
            (0..usize::from(first >> 6)).map(|at| KINDS[(usize::from(first & 63) + at) % 8]).collect();
        if value::check(message, &known).is_ok() {
            messages.push(data);
        }
    }
    assert!(messages.len() > 500, "{} of {tries} pass", messages.len());
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/python");
    let mut peer = Command::new("python3")
        .args(["-S", "-E", "-c", PEER])
        .arg(driver)
        .arg(all.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = peer.stdin.take().unwrap();
    let writer = std::thread::spawn({
        let messages = messages.clone();
        move || {
            for message in messages {
                stdin.write_all(&(message.len() as u32).to_le_bytes()).unwrap();
                stdin.write_all(&message).unwrap();
            }
        }
    });
    let output = peer.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    assert!(answers.chars().all(|answer| matches!(answer, 'v' | 'm')), "{answers}");
    assert_eq!(answers.len(), messages.len());
    assert!(answers.starts_with(&"v".repeat(all.len())), "the seeds are values: {answers}");
}
