//! What a template may use up. The interpreter counts instructions, which bounds neither memory nor time: thirty doublings
//! of a string are a gigabyte. So every step that reads or makes something large pays for it beforehand, in bytes, out of
//! one purse per rendering; all that is alive at any time has been paid for. Prices are upper bounds within a small factor.

use std::sync::Mutex;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

/// Bytes that one rendering may make and read.
const PURSE: u64 = 64 << 20;
/// Entries of a list that is made whole.
const LONGEST: usize = 100_000;
/// Nesting of lists and maps.
const DEEPEST: usize = 32;
/// Bytes of a value besides its text.
const ENTRY: u64 = 24;

/// The purse of one rendering.
#[derive(Debug)]
pub(super) struct Budget(Mutex<u64>);

/// How the size of what a step makes follows from what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Price {
    /// It looks at its operands from outside.
    Look,
    /// It makes about as much as it takes.
    Sum,
    /// It may make as many copies of one operand as another one is long, or as its number says.
    Product,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self(Mutex::new(PURSE))
    }

    /// Pays for a step and returns its operands, with lists that exist only as a recipe made whole.
    pub(super) fn pay(&self, step: &str, operands: Vec<Value>) -> Result<Vec<Value>, Error> {
        let mut purse = self.0.lock().map_err(|_| refused("the purse is lost"))?;
        let mut whole = Vec::with_capacity(operands.len());
        for operand in operands {
            whole.push(made_whole(operand, &mut purse)?);
        }
        let price = price(step);
        let mut cost: u64 = 1;
        for operand in &whole {
            let own = match price {
                Price::Look => operand.as_str().map_or(1, |text| text.len() as u64),
                _ => weight(operand, *purse, 0)?,
            };
            cost = match price {
                Price::Product => cost.saturating_mul(own.saturating_add(times(step, operand))),
                _ => cost.saturating_add(own),
            };
        }
        take(&mut purse, cost)?;
        Ok(whole)
    }
}

/// Steps by name: operators as in a template, filters and methods by theirs.
fn price(step: &str) -> Price {
    match step {
        "length" | "count" | "first" | "last" | "default" | "d" | "[]" | "[:]" | "get" | "is" | "int"
        | "float" | "bool" | "abs" | "round" => Price::Look,
        "+" | "~" | "==" | "in" | "emit" | "dict" | "namespace" | "trim" | "strip" | "lstrip" | "rstrip"
        | "upper" | "lower" | "title" | "capitalize" | "string" | "list" | "reverse" | "sort" | "unique"
        | "select" | "reject" | "selectattr" | "rejectattr" | "items" | "keys" | "values" | "dictsort"
        | "groupby" | "safe" | "escape" | "e" | "min" | "max" | "sum" | "split" | "splitlines" | "lines"
        | "startswith" | "endswith" | "find" | "rfind" | "attr" => Price::Sum,
        _ => Price::Product,
    }
}

/// How often an operand may have another one copied: as often as it says, by name (`indent=9`) or in figures (`%9d`) too.
fn times(step: &str, operand: &Value) -> u64 {
    if operand.is_kwargs() {
        let names = operand.try_iter().into_iter().flatten();
        let numbers = names.filter_map(|name| Some(times(step, &operand.get_item(&name).ok()?)));
        return numbers.fold(0, u64::saturating_add);
    }
    if let Some(number) = operand.as_i64() {
        return number.unsigned_abs();
    }
    let Some(text) = operand.as_str().filter(|_| step == "format") else { return 0 };
    let figures = text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    figures.map(|run| run.parse().unwrap_or(u64::MAX)).fold(0, u64::saturating_add)
}

/// A list that is a recipe (a chain of lists, a range) as a list; so that its length is known and was paid for.
fn made_whole(value: Value, purse: &mut u64) -> Result<Value, Error> {
    if value.kind() == ValueKind::Iterable {
        let items: Vec<Value> = value.try_iter()?.take(LONGEST + 1).collect();
        take(purse, items.len() as u64 * ENTRY)?;
        if items.len() > LONGEST {
            return Err(refused(format!("makes a list of more than {LONGEST} entries")));
        }
        return Ok(Value::from(items));
    }
    if value.len().is_some_and(|length| value.as_str().is_none() && length > LONGEST) {
        return Err(refused(format!("makes a list of more than {LONGEST} entries")));
    }
    Ok(value)
}

/// Size of a value with all that it holds; gives up beyond `most`.
fn weight(value: &Value, most: u64, depth: usize) -> Result<u64, Error> {
    if let Some(bytes) = value.as_bytes() {
        return Ok(ENTRY + bytes.len() as u64);
    }
    if let Some(text) = value.as_str() {
        return Ok(ENTRY + text.len() as u64);
    }
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return Ok(ENTRY);
    }
    if depth == DEEPEST {
        return Err(refused(format!("nests lists deeper than {DEEPEST}")));
    }
    let mut sum = ENTRY;
    for item in value.try_iter()? {
        if value.kind() == ValueKind::Map {
            sum += weight(&value.get_item(&item)?, most.saturating_sub(sum), depth + 1)?;
        }
        sum += weight(&item, most.saturating_sub(sum), depth + 1)?;
        if sum > most {
            return Err(spent());
        }
    }
    Ok(sum)
}

fn take(purse: &mut u64, cost: u64) -> Result<(), Error> {
    *purse = purse.checked_sub(cost).ok_or_else(spent)?;
    Ok(())
}

fn spent() -> Error {
    refused(format!("makes more than {PURSE} bytes"))
}

fn refused(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::OutOfFuel, reason.into())
}
