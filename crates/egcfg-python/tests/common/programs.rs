//! Programs to ask about: written by a small grammar, then damaged.

use std::io::Read as _;
use std::path::Path;

/// A small generator of random numbers (SplitMix64), so that runs repeat.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    pub fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.roll(choices.len())]
    }
}

/// Statements and expressions that are close to some rule, on either side of it.
pub const CURIOSITIES: &[&str] = &include!("curiosities.in");

const NAMES: &[&str] = &["a", "b", "c", "xs", "n", "f", "self", "match", "case", "type", "_", "print", "é"];
const BINARY: &[&str] = &[
    "+", "-", "*", "/", "//", "%", "**", "@", "<<", "|", "&", "^", "and", "or", "==", "<", "in", "not in",
    "is", "is not",
];
const LITERALS: &[&str] = &[
    "0",
    "1",
    "10_000",
    "0x1F",
    "1.5",
    "1e3",
    "2j",
    "'s'",
    "\"d\"",
    "b'x'",
    "r'\\d'",
    "f'{a}'",
    "f'{a!r:>{n}}'",
    "f'{a=}'",
    "None",
    "True",
    "...",
    "''' t\n  u'''",
    "'a' 'b'",
    "0o17",
    "rb'\\x'",
    "f\"{xs['k']}\"",
    "'\\n'",
];

/// A random program of a few statements; most are valid.
pub fn program(dice: &mut Dice) -> String {
    let mut text = String::new();
    if dice.roll(12) == 0 {
        text.push_str("from __future__ import annotations\n");
    }
    for _ in 0..=dice.roll(4) {
        statement(dice, 0, 3, &mut text);
    }
    text
}

fn line(indent: usize, code: &str, text: &mut String) {
    text.push_str(&"    ".repeat(indent));
    text.push_str(code);
    text.push('\n');
}

fn block(dice: &mut Dice, indent: usize, fuel: usize, text: &mut String) {
    if dice.roll(8) == 0 {
        line(indent, "\"\"\"Says what.\n    It does.\"\"\"", text);
    }
    if dice.roll(6) == 0 {
        line(indent, "# a comment", text);
    }
    for _ in 0..=dice.roll(3) {
        statement(dice, indent, fuel, text);
    }
}

fn statement(dice: &mut Dice, indent: usize, fuel: usize, text: &mut String) {
    let simple = fuel == 0 || dice.roll(5) < 2;
    if simple {
        let code = simple_statement(dice);
        return line(indent, &code, text);
    }
    let (name, value) = (dice.pick(NAMES), expression(dice, 2));
    let fuel = fuel - 1;
    let head = match dice.roll(15) {
        0 | 1 => format!("for {} in {value}:", target(dice)),
        2 => format!("while {value}:"),
        3 => format!("with {value} as {name}:"),
        4..=6 => format!("def {name}({}):", parameters(dice)),
        7 => format!("async def {name}({}):", parameters(dice)),
        8 => format!("class {name}({name}):"),
        9 => format!("async for {name} in {value}:"),
        10 => {
            line(indent, "try:", text);
            block(dice, indent + 1, fuel, text);
            let star = if dice.roll(4) == 0 { "*" } else { "" };
            line(indent, &format!("except{star} {name} as e:"), text);
            block(dice, indent + 1, fuel, text);
            if dice.roll(2) == 0 {
                line(indent, "else:", text);
                block(dice, indent + 1, fuel, text);
            }
            "finally:".to_owned()
        }
        11 => {
            line(indent, &format!("match {value}:"), text);
            for _ in 0..=dice.roll(2) {
                line(indent + 1, &format!("case {}:", pattern(dice, 2)), text);
                block(dice, indent + 2, fuel, text);
            }
            return;
        }
        _ => {
            line(indent, &format!("if {value}:"), text);
            block(dice, indent + 1, fuel, text);
            if dice.roll(2) == 0 {
                line(indent, &format!("elif {}:", expression(dice, 1)), text);
                block(dice, indent + 1, fuel, text);
            }
            "else:".to_owned()
        }
    };
    line(indent, &head, text);
    block(dice, indent + 1, fuel, text);
}

fn simple_statement(dice: &mut Dice) -> String {
    let (name, value) = (dice.pick(NAMES), expression(dice, 2));
    match dice.roll(22) {
        0..=4 => format!("{} = {value}", target(dice)),
        5 => format!("{name} {}= {value}", dice.pick(&["+", "-", "*", "//", "@", "**"])),
        6 | 7 => format!("return {value}"),
        8 => "break".to_owned(),
        9 => "continue".to_owned(),
        10 => format!("global {name}"),
        11 => format!("nonlocal {name}"),
        12 => format!("{name}: {value} = {}", expression(dice, 1)),
        13 => format!("del {}", target(dice)),
        14 => format!("assert {value}, {}", expression(dice, 1)),
        15 => format!("raise {value}"),
        16 => format!("import {name}.b as {name}, os"),
        17 => format!("from .m import {name} as {name}"),
        18 => format!("{value}; pass"),
        19 => format!("yield {value}"),
        20 => dice.pick(CURIOSITIES).to_owned(),
        _ => value,
    }
}

fn target(dice: &mut Dice) -> String {
    let name = dice.pick(NAMES);
    match dice.roll(8) {
        0 => format!("{name}.x"),
        1 => format!("{name}[{}]", expression(dice, 1)),
        2 => format!("{name}, *b"),
        3 => format!("({name}, [b, c])"),
        4 => expression(dice, 1),
        _ => name.to_owned(),
    }
}

fn parameters(dice: &mut Dice) -> String {
    let default = expression(dice, 1);
    let choices = [
        "a, b".to_owned(),
        String::new(),
        "self".to_owned(),
        format!("a, b={default}"),
        "*a, **b".to_owned(),
        "a, /, b, *, c".to_owned(),
        format!("n: {default} = 1, *, c={default}"),
        format!("a={default}, b"),
        "a, a".to_owned(),
        "xs, *, n".to_owned(),
    ];
    choices[dice.roll(choices.len())].clone()
}

fn pattern(dice: &mut Dice, fuel: usize) -> String {
    if fuel == 0 {
        return dice.pick(&["a", "_", "1", "'s'", "None", "-2", "a.b", "1+2j", "b"]).to_owned();
    }
    let inner = pattern(dice, fuel - 1);
    let other = pattern(dice, fuel - 1);
    match dice.roll(9) {
        0 => format!("[{inner}, *_, {other}]"),
        1 => format!("{{'k': {inner}, **rest}}"),
        2 => format!("C({inner}, x={other})"),
        3 => format!("({inner} | {other})"),
        4 => format!("({inner}) as n"),
        5 => format!("{inner}, {other}"),
        6 => format!("{inner} if {}", expression(dice, 1)),
        _ => inner,
    }
}

fn expression(dice: &mut Dice, fuel: usize) -> String {
    if fuel == 0 {
        return if dice.roll(2) == 0 { dice.pick(NAMES).to_owned() } else { dice.pick(LITERALS).to_owned() };
    }
    let (left, right) = (expression(dice, fuel - 1), expression(dice, fuel - 1));
    let name = dice.pick(NAMES);
    match dice.roll(28) {
        0..=4 => format!("{left} {} {right}", dice.pick(BINARY)),
        5 => format!("{}{left}", dice.pick(&["-", "not ", "~", "+"])),
        6 => format!("({left})"),
        7 => format!("[{left}, {right}]"),
        8 => format!("({left}, *{name})"),
        9 => format!("{{{left}: {right}, **{name}}}"),
        10 => format!("{{{left}, {right}}}"),
        11 | 12 => format!("{name}({left}, k={right})"),
        13 => format!("{name}(*{name}, {left})"),
        14 => format!("{name}[{left}:{right}]"),
        15 => format!("{name}.attr"),
        16 => format!("[{left} for {name} in {right} if {name}]"),
        17 => format!("{{{left}: {name} for {name} in {right}}}"),
        18 => format!("sum({left} for {name} in {right})"),
        19 => format!("(lambda {name}, b=1: {left})"),
        20 => format!("{left} if {right} else {name}"),
        21 => format!("({name} := {left})"),
        22 => format!("await {name}"),
        23 => format!("(yield {left})"),
        24 => format!("[{left} async for {name} in {right}]"),
        25 => format!("(\n    {left},\n\n    {right}  # why\n)"),
        26 => format!("{name} \\\n    + {left}"),
        _ => left,
    }
}

/// Words and marks that damage puts in.
const PIECES: &[&str] = &[
    " ", "\n", "    ", "\t", ":", ",", "(", ")", "[", "]", "{", "}", "=", "==", ":=", "*", "**", ".", "'",
    "\"", "\"\"\"", "\\", "#", ";", "if ", " else ", "for ", " in ", "lambda ", "await ", "yield ", "async ",
    "return ", "not ", "f'", "{", "@", "->", "0", "1_", "0x", "1e", "$", "?", "!", "\u{a0}", "é", "pass",
    "print ", "except:", "match ", "case ", "type ", "\x0c", "\r",
];

/// A program with one to three random edits.
pub fn damaged(dice: &mut Dice, program: &str) -> String {
    let mut text = program.to_owned();
    for _ in 0..=dice.roll(3) {
        let bounds: Vec<usize> = boundaries(&text);
        let (mut from, mut to) = (bounds[dice.roll(bounds.len())], bounds[dice.roll(bounds.len())]);
        if from > to {
            std::mem::swap(&mut from, &mut to);
        }
        match dice.roll(6) {
            0 => text.truncate(to),
            1 if to - from < 40 => text.replace_range(from..to, ""),
            2 => text.insert_str(from, dice.pick(PIECES)),
            3 => {
                let near = bounds.iter().copied().find(|bound| *bound > from).unwrap_or(from);
                text.replace_range(from..near, "");
            }
            4 => {
                let near = bounds.iter().copied().find(|bound| *bound > from).unwrap_or(from);
                let again = text[from..near].to_owned();
                text.insert_str(to, &again);
            }
            _ => {
                let near = bounds.iter().copied().find(|bound| *bound > from).unwrap_or(from);
                text.replace_range(from..near, dice.pick(PIECES));
            }
        }
    }
    text
}

/// Offsets between words, marks and runs of white space.
pub fn boundaries(text: &str) -> Vec<usize> {
    let class = |c: char| {
        if c.is_alphanumeric() || c == '_' {
            0
        } else if c == ' ' {
            1
        } else {
            2
        }
    };
    let mut bounds = vec![0];
    let mut before = None;
    for (index, c) in text.char_indices() {
        if before.is_some_and(|before| before != class(c) || class(c) == 2) {
            bounds.push(index);
        }
        before = Some(class(c));
    }
    bounds.push(text.len());
    bounds
}

/// The solutions of MBPP, where the data are present beside the repository.
pub fn mbpp() -> Vec<serde_json::Value> {
    records("mbpp.jsonl.gz")
}

/// The records of a data file beside the repository; none, with a note, where it is absent.
pub fn records(name: &str) -> Vec<serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    let Ok(file) = std::fs::File::open(&path) else {
        println!("note: no {name} beside the repository, its records are left out");
        return Vec::new();
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
