//! A template as instructions with a toll. minijinja's compiled form is rewritten: before each instruction whose result can
//! be larger than what stands there, its operands pass through a function that pays for them (see `budget`) and hands them
//! back. Operators cannot be replaced from outside, which is why this goes through the library's machinery; its version is
//! pinned, and what is rewritten is checked by the tests of this module's parent.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::machinery::{
    CodeGenerator, Instruction, Instructions, Token, Vm, WhitespaceConfig, make_string_output, parse,
    tokenize,
};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind};

use super::budget::Budget;
use super::date;

/// Instructions that a rendering may take; a conversation of a thousand messages takes a fraction.
const FUEL: u64 = 8_000_000;
/// Length of a template in bytes, of one of its expressions in tokens, and its `elif`s: all are compiled by recursion.
const LONGEST_SOURCE: usize = 256 << 10;
const LONGEST_EXPRESSION: usize = 1500;
const MOST_BRANCHES: usize = 200;
/// A name that no template can spell, and one that none may.
const PAY: &str = "egcfg pay";
const ONE: &str = "egcfg_one";

/// Renders a template with its values.
pub(super) fn run(source: &str, values: Value) -> Result<String, Error> {
    if source.len() > LONGEST_SOURCE {
        return Err(refused(format!("is longer than {LONGEST_SOURCE} bytes")));
    }
    let whitespace =
        WhitespaceConfig { keep_trailing_newline: false, lstrip_blocks: true, trim_blocks: true };
    let source = unfolded(source, whitespace)?;
    let tree = parse(&source, "chat template", SyntaxConfig, whitespace)?;
    let mut generator = CodeGenerator::new("chat template", &source);
    generator.compile_stmt(&tree);
    let (main, blocks) = generator.finish();
    let main = tolled(&main)?;
    let blocks = blocks
        .iter()
        .map(|(name, block)| Ok((*name, tolled(block)?)))
        .collect::<Result<BTreeMap<_, _>, Error>>()?;
    let env = environment(&source);
    let mut text = String::new();
    Vm::new(&env).eval(&main, values, &blocks, &mut make_string_output(&mut text), AutoEscape::None)?;
    Ok(text)
}

fn environment(source: &str) -> Environment<'static> {
    let mut env = Environment::new();
    // It writes its arguments escaped and pays nothing: sixty rounds of it fill any memory.
    env.remove_global("debug");
    env.set_fuel(Some(FUEL));
    env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    env.add_function("raise_exception", |message: String| -> Result<String, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    env.add_global(ONE, 1);
    // A template that can do without today's date gets none: the prompts of an experiment must not change overnight.
    if !source.contains("strftime_now is defined") {
        env.add_function("strftime_now", |format: String| date::today(&format).map_err(refused));
    }
    let budget = Arc::new(Budget::new());
    env.add_function(PAY, move |mut operands: Rest<Value>| -> Result<Value, Error> {
        let step = operands.pop().unwrap_or_default();
        let mut paid = budget.pay(step.as_str().unwrap_or_default(), std::mem::take(&mut operands.0))?;
        // Unpacking puts the first of them on top.
        paid.reverse();
        Ok(Value::from(paid))
    });
    env
}

/// The source with a factor that is no constant in every product: the compiler would compute products of constants itself,
/// strings included, before anything can be paid. Also refuses what would take too much of the stack to compile.
fn unfolded(source: &str, whitespace: WhitespaceConfig) -> Result<String, Error> {
    let (mut text, mut copied, mut length) = (String::with_capacity(source.len()), 0, 0);
    let mut branches = 0;
    for token in tokenize(source, false, SyntaxConfig, whitespace) {
        let (token, span) = token?;
        length += 1;
        match token {
            Token::TemplateData(_) | Token::VariableStart | Token::BlockStart => length = 0,
            Token::Mul => {
                let end = (span.end_offset as usize).max(copied);
                text.push_str(source.get(copied..end).unwrap_or_default());
                text.push_str(ONE);
                text.push('*');
                copied = end;
            }
            Token::Ident("elif") => branches += 1,
            Token::Ident(ONE) => return Err(refused("uses a name that is taken")),
            _ if branches > MOST_BRANCHES => return Err(refused("has too many branches")),
            _ if length > LONGEST_EXPRESSION => return Err(refused("has an expression that is too long")),
            _ => {}
        }
    }
    text.push_str(source.get(copied..).unwrap_or_default());
    Ok(text)
}

/// What an instruction's step is called and how many operands it has, where it has to pay.
fn step<'s>(instruction: &Instruction<'s>) -> Result<Option<(&'s str, u16)>, Error> {
    let unpacked = || refused("passes a list as arguments, which is not supported");
    Ok(Some(match instruction {
        Instruction::Add => ("+", 2),
        Instruction::StringConcat => ("~", 2),
        Instruction::Mul => ("*", 2),
        Instruction::Eq
        | Instruction::Ne
        | Instruction::Gt
        | Instruction::Gte
        | Instruction::Lt
        | Instruction::Lte
        | Instruction::CompareAndPreserve(_) => ("==", 2),
        Instruction::In => ("in", 2),
        Instruction::GetItem => ("[]", 2),
        Instruction::Slice => ("[:]", 4),
        Instruction::Emit => ("emit", 1),
        Instruction::ApplyFilter(name, count, _)
        | Instruction::CallMethod(name, count)
        | Instruction::CallFunction(name @ ("dict" | "namespace"), count) => {
            (name, count.ok_or_else(unpacked)?)
        }
        Instruction::PerformTest("in" | "eq" | "equalto" | "==" | "ne" | "!=", Some(count), _) => {
            ("in", *count)
        }
        Instruction::CallFunction(_, None)
        | Instruction::CallObject(None)
        | Instruction::PerformTest(_, None, _)
        | Instruction::BuildList(None)
        | Instruction::UnpackLists(_)
        | Instruction::MergeKwargs(_) => return Err(unpacked()),
        _ => return Ok(None),
    }))
}

/// The same instructions with a toll before each that has to pay.
fn tolled<'s>(source: &Instructions<'s>) -> Result<Instructions<'s>, Error> {
    // Where each instruction will stand, its toll included.
    let (mut starts, mut at) = (Vec::new(), 0);
    while let Some(instruction) = source.get(starts.len() as u32) {
        starts.push(at);
        at += match instruction {
            Instruction::EmitRaw(_) => 2 + TOLL,
            other => 1 + if step(other)?.is_some() { TOLL } else { 0 },
        };
    }
    let moved = |target: &u32| starts.get(*target as usize).copied().unwrap_or(at);
    let mut tolled = Instructions::new(source.name(), source.source());
    for index in 0..starts.len() as u32 {
        let Some(instruction) = source.get(index) else { break };
        let line = source.get_line(index).unwrap_or_default() as u16;
        if let Instruction::EmitRaw(text) = instruction {
            tolled.add_with_line(Instruction::LoadConst(Value::from(*text)), line);
            toll(&mut tolled, line, "emit", 1);
            tolled.add_with_line(Instruction::Emit, line);
            continue;
        }
        if let Some((name, count)) = step(instruction)? {
            toll(&mut tolled, line, name, count);
        }
        let instruction = match instruction {
            Instruction::Iterate(target) => Instruction::Iterate(moved(target)),
            Instruction::Jump(target) => Instruction::Jump(moved(target)),
            Instruction::JumpIfFalse(target) => Instruction::JumpIfFalse(moved(target)),
            Instruction::JumpIfFalseOrPop(target) => Instruction::JumpIfFalseOrPop(moved(target)),
            Instruction::JumpIfTrueOrPop(target) => Instruction::JumpIfTrueOrPop(moved(target)),
            Instruction::BuildMacro(name, target, flags) => {
                Instruction::BuildMacro(name, moved(target), *flags)
            }
            other => other.clone(),
        };
        tolled.add_with_line(instruction, line);
    }
    Ok(tolled)
}

/// Length of a toll.
const TOLL: u32 = 3;

/// Takes the operands from the stack, has them paid for, and puts them back.
fn toll(tolled: &mut Instructions<'_>, line: u16, name: &str, count: u16) {
    tolled.add_with_line(Instruction::LoadConst(Value::from(name)), line);
    tolled.add_with_line(Instruction::CallFunction(PAY, Some(count + 1)), line);
    tolled.add_with_line(Instruction::UnpackList(count as usize), line);
}

fn refused(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::OutOfFuel, reason.into())
}
